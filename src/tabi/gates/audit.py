"""Known faults of the packages that serving needs, by `pip-audit` where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


def judged(found: dict[str, list[dict[str, Any]]]) -> Audit:
    """What `pip-audit --format json` says. A package that it could not look up has no version there."""
    known = [each for each in found["dependencies"] if "version" in each]
    faults = [f"{each['name']} {each['version']} {fault['id']}" for each in known for fault in each.get("vulns", [])]
    unknown = len(found["dependencies"]) - len(known)
    if not known:
        return Audit(0, [], "packages not audited: pip-audit found none of them in its source")
    rest = f", {unknown} could not be looked up" if unknown else ""
    if not faults:
        return Audit(len(known), [], f"{len(known)} packages of the runtime have no known fault{rest}")
    return Audit(len(known), faults, f"known faults: {', '.join(faults[:5])}{rest}: raise those versions")


def runtime_pins() -> dict[str, str]:
    """The packages that `tabi` alone needs, with the versions that are installed."""
    found: dict[str, str] = {}
    asked = ["tabi"]
    while asked:
        for line in distribution(asked.pop()).requires or []:
            requirement = Requirement(line)
            name = canonicalize_name(requirement.name)
            if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
                continue
            try:
                found[name] = distribution(name).version
            except PackageNotFoundError:
                continue
            asked.append(name)
    return found


def _tool() -> str | None:
    beside = shutil.which("pip-audit", path=str(Path(sys.executable).parent))
    return beside or shutil.which("pip-audit")
