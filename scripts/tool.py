"""A tool in an environment of its own, from its lock: `python3 scripts/tool.py NAME` makes .tools/NAME.

The lock is `locks/tools/NAME.txt`: versions and hashes, and nothing that must be built.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "locks" / "tools"


def main() -> None:
    """Make the tool's environment, unless it is there."""
    names = sorted(path.stem for path in LOCKS.glob("*.txt"))
    if len(sys.argv) != 2 or sys.argv[1] not in names:
        sys.exit(f"usage: tool.py {'|'.join(names)}")
    name = sys.argv[1]
    lock, home = LOCKS / f"{name}.txt", ROOT / ".tools" / name
    stamp, digest = home / "lock-digest", hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return
    print(f"making .tools/{name} …", flush=True)
    venv.create(home, with_pip=True, clear=True, symlinks=os.name != "nt")
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    code = subprocess.run(
        [*command, "--require-hashes", "--only-binary", ":all:", "-r", str(lock)], check=False
    ).returncode
    if code:
        sys.exit(code)
    stamp.write_text(digest, encoding="utf-8")


if __name__ == "__main__":
    main()
