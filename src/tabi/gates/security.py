"""Serving needs no pickle, and no package of the runtime is known to be bad.

The files are looked at, and the bundle is loaded by the server's own code in a process that reports every file that it
opens and everything that is unpickled. Packages are looked up by `pip-audit`, where it is installed and a network
allows: it sends their names and versions to a public service.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tabi.bundle import layout, write_bundle
from tabi.gates.audit import audited
from tabi.gates.candidate import Candidate
from tabi.gates.verdict import Level, Verdict, worst

GATE = "security"
# what a server may read of a bundle
SERVED = (*sorted(layout.REQUIRED), layout.THRESHOLD, layout.EXPLANATION)
# how pickles begin, and archives that could hold one
PICKLES = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x93NUMPY")
SECONDS = 60


def security_gate(candidate: Candidate) -> Verdict:
    """Fail where serving would open a pickle, or where `pip-audit` knows a fault of a package."""
    with tempfile.TemporaryDirectory(prefix="tabi-security-") as scratch:
        folder = _served(candidate, Path(scratch) / "bundle")
        strange = [path for path in SERVED if (folder / path).is_file() and problem_of(folder / path)]
        seen = {} if strange else load_watched(folder)
    unwanted = [f"{path} may hold a pickle" for path in strange] or _unwanted(seen)
    levels: list[Level] = ["fail" if unwanted else "pass"]
    told = [f"serving opens what it should not: {', '.join(unwanted)}"]
    if not unwanted:
        told = [f"served from {len(seen['opened'])} files of JSON and ONNX, nothing unpickled"]
    audit = audited(on=candidate.gates.security.audit)
    levels.append("fail" if audit.faults else "pass")
    told.append(audit.text)
    figures = {"packages": float(audit.packages), "known_faults": float(len(audit.faults))}
    content = {"strange_files": strange, **seen, "audit": audit.text, "known_faults": audit.faults}
    return Verdict(GATE, worst(levels), figures, "; ".join(told), candidate.report(GATE, content))


def problem_of(path: Path) -> bool:
    """Whether a file of a bundle is no plain JSON or ONNX by its first bytes."""
    with path.open("rb") as file:
        head = file.read(8)
    if path.suffix == ".json":
        return head.lstrip()[:1] not in (b"{", b"[")
    return head.startswith((*PICKLES, *ARCHIVES))


def load_watched(folder: Path) -> dict[str, list[str]]:
    """What the server's own code opens, unpickles and imports while it loads a bundle and answers a row."""
    script = Path(__file__).with_name("opened.py")
    root = Path(__file__).parents[2]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, str(script), str(folder)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env=environ,
    )
    if done.returncode != 0:
        return {"failed": ["the bundle cannot be loaded by the server"]}
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _unwanted(seen: dict[str, list[str]]) -> list[str]:
    files = [path for path in seen.get("opened", []) if path not in {*SERVED, "manifest.json"}]
    return [*seen.get("failed", []), *seen.get("pickled", []), *seen.get("imported", []), *files]


def _served(candidate: Candidate, folder: Path) -> Path:
    """A bundle for this look alone: the files that are there already, and verdicts that are still open."""
    folder.mkdir()
    for path in SERVED:
        source = candidate.folder / path
        if source.is_file():
            shutil.copyfile(source, folder / path)
    (folder / layout.GATES).write_bytes(b"[]\n")
    run = candidate.run
    write_bundle(
        folder,
        name=run.project,
        created="",
        git_commit=run.git_commit,
        run=run.run_id,
        snapshot=run.snapshot_digest,
        environment=run.environment_digest,
        runtime={},
    )
    return folder
