"""The commands `git` and `dvc`, run for a source under version control and for a tracked snapshot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tabi.data.origin import without_secrets
from tabi.errors import SourceError

# neither asks anything of anybody
QUIET = {"GIT_TERMINAL_PROMPT": "0", "DVC_NO_ANALYTICS": "1"}


def find_dvc() -> str | None:
    """The `dvc` that is installed beside this Python, or the first on the PATH."""
    return shutil.which("dvc", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}")


def run(command: list[str], folder: Path, doing: str) -> str:
    """What the command prints. `SourceError` says what failed, with the command's own last words."""
    try:
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, **QUIET}, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise SourceError(f"{doing}: {Path(command[0]).name} cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith(("ERROR:", "fatal:"))]
        told = (errors or lines or [f"exit code {done.returncode}"])[0]
        raise SourceError(f"{doing}: {Path(command[0]).name} says: {without_secrets(told)[:300]}")
    return done.stdout
