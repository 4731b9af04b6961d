"""Debian's packages, for the bare machine of CI; nobody else's machine is changed."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import lru_cache

INSTALL_LIMIT_S = 600


def install_in_ci(*packages: str) -> None:
    """Install packages, in CI and where that can be done. Whether what was wanted is there now, the caller looks."""
    if os.environ.get("CI") and shutil.which("apt-get") and os.geteuid() == 0:
        _update()
        _apt("install", "--yes", "--no-install-recommends", *packages)


@lru_cache(1)
def _update() -> None:
    _apt("update")


def _apt(*arguments: str) -> None:
    subprocess.run(["apt-get", *arguments], capture_output=True, timeout=INSTALL_LIMIT_S, check=False)
