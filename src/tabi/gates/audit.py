"""Known faults of the packages that serving needs, by `pip-audit` where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

SECONDS = 20


class Audit(NamedTuple):
    """How many packages were looked up, the faults found as `name version id`, and what to say of it."""

    packages: int
    faults: list[str]
    text: str


def audited(*, on: bool = True) -> Audit:
    """The audit of the runtime's packages; nothing but a word where it cannot be made."""
    if not on:
        return Audit(0, [], "packages not audited: gates.security.audit is off")
    tool = _tool()
    if tool is None:
        return Audit(0, [], "packages not audited: pip-audit is not installed")
    pins = runtime_pins()
    with tempfile.TemporaryDirectory(prefix="tabi-audit-") as scratch:
        lock = Path(scratch) / "runtime.txt"
        lock.write_text("".join(f"{name}=={version}\n" for name, version in sorted(pins.items())), encoding="utf-8")
        command = [tool, "--requirement", str(lock), "--no-deps", "--disable-pip", "--format", "json"]
        command += ["--progress-spinner", "off", "--timeout", "5"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
            found = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, json.JSONDecodeError, OSError):
            return Audit(0, [], "packages not audited: pip-audit had no answer, is there a network?")
    return judged(found)


def judged(found: dict[str, list[dict[str, object]]]) -> Audit:
    """What `pip-audit --format json` says."""
    packages = [each for each in found["dependencies"] if "version" in each]
    faults = [
        f"{each['name']} {each['version']} {fault['id']}"
        for each in packages
        for fault in each.get("vulns", [])  # type: ignore[attr-defined]
    ]
    if not faults:
        return Audit(len(packages), [], f"{len(packages)} packages of the runtime have no known fault")
    return Audit(len(packages), faults, f"known faults: {', '.join(faults[:5])}: raise those versions")


def runtime_pins() -> dict[str, str]:
    """The packages that `tabi` alone needs, with the versions that are installed."""
    found: dict[str, str] = {}
    asked = ["tabi"]
    while asked:
        name = asked.pop()
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue
        for line in package.requires or []:
            requirement = Requirement(line)
            if requirement.name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
                continue
            try:
                found[requirement.name] = distribution(requirement.name).version
            except PackageNotFoundError:
                continue
            asked.append(requirement.name)
    return found


def _tool() -> str | None:
    beside = shutil.which("pip-audit", path=str(Path(sys.executable).parent))
    return beside or shutil.which("pip-audit")
