"""Make .venv from the hash-pinned locks. Needs Python 3.11 or later and a package index, nothing else.

    python3 scripts/environment.py [--at-least] serve|train|dev

`serve` is what a server needs, `train` adds training, `dev` adds the tools. `--at-least` keeps a larger set.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".venv"
BIN = HOME / ("Scripts" if os.name == "nt" else "bin")
LOCKS = ROOT / "locks"
STAMP = HOME / "tabi-set"
SETS = ("serve", "train", "dev")
BUILD = LOCKS / "build.txt"


def main() -> None:
    """Make the set named on the command line, unless it is there."""
    arguments = sys.argv[1:]
    at_least = "--at-least" in arguments
    names = [a for a in arguments if not a.startswith("-")]
    if sys.version_info < (3, 11):  # noqa: UP036  here it is asked of a Python that nobody has checked yet
        sys.exit(f"Tabi needs Python 3.11 or later; this is {sys.version.split()[0]}: run make PYTHON=python3.11 …")
    if len(names) != 1 or names[0] not in SETS:
        sys.exit(f"usage: environment.py [--at-least] {'|'.join(SETS)}")
    wanted = names[0]
    good_enough = SETS[SETS.index(wanted) :] if at_least else (wanted,)
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") in {stamp(name) for name in good_enough}:
        return
    print(f"making .venv with the set {wanted!r} …", flush=True)
    make(wanted)
    STAMP.write_text(stamp(wanted), encoding="utf-8")


def stamp(name: str) -> str:
    """What a finished environment is known by: its set, and the files that it was made from."""
    digest = hashlib.sha256()
    for path in (LOCKS / f"{name}.txt", BUILD, ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return f"{name} {digest.hexdigest()}"


def make(name: str) -> None:
    """Create the environment, install exactly the lock, and the project itself in place."""
    STAMP.unlink(missing_ok=True)
    if not (BIN / "python").exists():
        venv.create(HOME, with_pip=True, symlinks=os.name != "nt")
    lock = str(LOCKS / f"{name}.txt")
    if not (BIN / "uv").exists():
        pip("install", "--require-hashes", "-r", str(BUILD))
    if not uv("sync", "--require-hashes", "--no-build-isolation", lock, str(BUILD)):
        # an index that only pip is configured for
        pip("install", "--require-hashes", "--no-build-isolation", "-r", lock)
    if not uv("install", "--offline", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)):
        sys.exit("the project itself could not be installed: see the lines above")


def pip(*arguments: str) -> None:
    """Run pip; end with its exit code where it fails."""
    command = [str(BIN / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    code = subprocess.run(command, check=False).returncode
    if code:
        sys.exit(code)


def uv(*arguments: str) -> bool:
    """Run uv's pip on the environment with the index that pip is configured for; say whether it went well."""
    environ = {**os.environ, "VIRTUAL_ENV": str(HOME)}
    index = configured_index()
    if index:
        environ.setdefault("UV_DEFAULT_INDEX", index)
    command = [str(BIN / "uv"), "--quiet", "pip", *arguments]
    return subprocess.run(command, env=environ, check=False).returncode == 0


def configured_index() -> str | None:
    """The index address of pip's own configuration, if it has one."""
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    return os.environ.get("PIP_INDEX_URL") or asked.stdout.strip() or None


if __name__ == "__main__":
    main()
