"""What a run was made with: the installed distributions, and the commit of the workspace."""

from __future__ import annotations

import hashlib
import re
import subprocess
from importlib.metadata import distributions
from pathlib import Path
from typing import NamedTuple


def environment_lock() -> str:
    """`name==version` of every installed distribution, one a line, sorted, names normalised."""
    found = {(re.sub(r"[-_.]+", "-", d.metadata["Name"]).lower(), d.version) for d in distributions()}
    return "".join(f"{name}=={version}\n" for name, version in sorted(found))


def lock_digest(lock: str) -> str:
    """sha256 of an environment lock, in hexadecimal."""
    return hashlib.sha256(lock.encode()).hexdigest()


class Commit(NamedTuple):
    """The commit that is checked out, and whether files differ from it. `sha` is empty outside a repository."""

    sha: str
    dirty: bool


def commit_of(folder: Path) -> Commit:
    """The commit of the repository that `folder` lies in."""
    sha = _git(folder, "rev-parse", "HEAD")
    return Commit(sha, bool(sha and _git(folder, "status", "--porcelain")))


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
