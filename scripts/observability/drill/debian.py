"""Prometheus and Alertmanager as Debian packages them. The Alertmanager needs its own files under /usr/share."""

from __future__ import annotations

import shutil

from tabi.errors import NotFoundError

PACKAGES = ("prometheus", "prometheus-alertmanager")
PROGRAMS = ("prometheus", "promtool", "prometheus-alertmanager", "amtool")


def programs() -> dict[str, str]:
    """Each program's path by its name in Debian; `NotFoundError` says what to install."""
    found = {name: path for name in PROGRAMS if (path := shutil.which(name)) is not None}
    missing = [name for name in PROGRAMS if name not in found]
    if missing:
        raise NotFoundError(f"there is no {', '.join(missing)}: apt-get install {' '.join(PACKAGES)}")
    return found
