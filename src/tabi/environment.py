"""The environment that something was made in: every installed distribution at its version."""

from __future__ import annotations

import hashlib
import re
from importlib.metadata import distributions


def environment_lock() -> str:
    """One `name==version` a line, sorted, names in the canonical form; the same for the same set of packages."""
    pins = {f"{re.sub(r'[-_.]+', '-', item.metadata['Name']).lower()}=={item.version}" for item in distributions()}
    return "".join(f"{pin}\n" for pin in sorted(pins))


def environment_digest() -> str:
    """The sha256 of `environment_lock`, 64 hex digits."""
    return hashlib.sha256(environment_lock().encode()).hexdigest()
