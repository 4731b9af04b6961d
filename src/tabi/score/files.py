"""Which files an input holds, and how each is to be read."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from tabi.errors import DataError, NotFoundError


class Form(StrEnum):
    """How rows are written in a file."""

    PARQUET = "parquet"
    CSV = "csv"
    NDJSON = "ndjson"


_FORMS = {
    ".parquet": Form.PARQUET,
    ".pq": Form.PARQUET,
    ".csv": Form.CSV,
    ".ndjson": Form.NDJSON,
    ".jsonl": Form.NDJSON,
}
SUFFIXES = "*.parquet, *.csv, *.ndjson or *.jsonl, the last three also with .gz"


class Source(NamedTuple):
    """A file of rows. `name`: its path below the input folder, or its own name. Size and time as they were found."""

    path: Path
    name: str
    form: Form
    gzip: bool
    size: int
    modified_ns: int


class Sources(NamedTuple):
    """The files of an input in order of their names."""

    files: list[Source]
    in_folder: bool


def sources_of(given: Path) -> Sources:
    """The file, or all files in the folder and below. Names that begin with `.` or `_` are passed over.

    `NotFoundError` if there is nothing; `DataError` names what is empty or no file of rows.
    """
    if given.is_dir():
        paths = sorted(path for path in given.rglob("*") if path.is_file() and not _is_hidden(path.relative_to(given)))
        if not paths:
            raise NotFoundError(f"the folder {given} holds no files: put {SUFFIXES} into it")
        return Sources([_source(path, path.relative_to(given).as_posix()) for path in paths], in_folder=True)
    if not given.is_file():
        raise NotFoundError(f"there is no file or folder {given}: name {SUFFIXES}")
    return Sources([_source(given, given.name)], in_folder=False)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _source(path: Path, name: str) -> Source:
    bare = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    form = _FORMS.get(bare.suffix.lower())
    gzip = bare is not path
    if form is None or (gzip and form is Form.PARQUET):
        raise DataError(f"{path} is no file of rows by its name: {SUFFIXES} are read")
    state = path.stat()
    if not state.st_size:
        raise DataError(f"{path} is empty: remove it, or write it again")
    return Source(path, name, form, gzip, state.st_size, state.st_mtime_ns)
