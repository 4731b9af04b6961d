"""The files of a source: one file, or all of a folder; and their digests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from tabi.data.origin import Parent
from tabi.errors import SourceError


def files_of(path: Path, suffix: str) -> list[Path]:
    """The file itself, or the files of a folder and the folders in it that end in `suffix`, in order of their paths.

    What starts with `.` or `_` is left out: writers of such folders keep their own notes there.
    """
    if not path.exists():
        raise SourceError(f"there is no file {path}: mend `source` in the project's config.yaml")
    if not path.is_dir():
        return [path]
    inside = [file.relative_to(path) for file in path.rglob(f"*{suffix}") if file.is_file()]
    found = chosen([name.as_posix() for name in inside])
    if not found:
        raise SourceError(f"the folder {path} holds no {suffix} file: mend `source` in the project's config.yaml")
    return [path / name for name in found]


def chosen(names: Sequence[str]) -> list[str]:
    """The files of a folder that are rows, sorted.

    `SourceError` for a folder such as `year=2020`, whose name is a column's value that would be lost.
    """
    found = sorted(name for name in names if not any(part[:1] in {".", "_"} for part in name.split("/")))
    for part in (part for name in found for part in name.split("/")[:-1] if "=" in part):
        raise SourceError(
            f"a folder named {part.partition('=')[0]}=… holds a column's value, which is not read: "
            "write the column into the files"
        )
    return found


def file_parents(files: Sequence[Path], root: Path) -> list[Parent]:
    """A parent for each file, named by its path below `root` where it lies there."""
    return [Parent(kind="file", name=_name(file, root), digest=f"sha256:{_digest(file, 'sha256')}") for file in files]


def md5_of(file: Path) -> str:
    """The MD5 of a file's bytes, by which DVC names it."""
    return _digest(file, "md5")


def _name(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


def _digest(file: Path, kind: str) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, kind).hexdigest()
