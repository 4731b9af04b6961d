"""Writing an export into a folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tabi.errors import ConfigError


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files; each is there whole or not at all.

    `ConfigError` if the folder holds anything else: an export goes over an earlier one, not over others' files.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = {path.name for path in folder.iterdir()}
        # what an export that was killed left behind
        parts = {name for name in found if any(name.startswith(f".{ours}.") for ours in files)}
        strangers = sorted(found - parts - files.keys())
        if strangers:
            raise ConfigError(f"{folder} holds {strangers[0]}, which is no export's: name a new or empty folder")
        for name in parts:
            (folder / name).unlink(missing_ok=True)
        for name, content in files.items():
            _write(folder / name, content)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written ({error.strerror}): name another folder") from error


def _write(path: Path, content: bytes) -> None:
    # the process id keeps two exports into one folder apart
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
