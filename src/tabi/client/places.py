"""Places of a part of a batch -> places of the whole: the server counts rows from the part's first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

from msgspec.structs import replace

from tabi.client.replies import AnyBatchReply, Place, Problem

R = TypeVar("R")

_row = re.compile(r"rows\[(\d{1,12})\]").match


def moved(said: R, first_row: int) -> R:
    """What the server said of a part that begins at `first_row`; what has no places stays as it is."""
    if not first_row:
        return said
    if isinstance(said, AnyBatchReply):
        return replace(said, warnings=_moved(said.warnings, first_row))
    if isinstance(said, Problem) and said.errors:
        errors = _moved(said.errors, first_row)
        # the first place stands in the text too
        return replace(said, errors=errors, detail=said.detail.replace(said.errors[0].path, errors[0].path, 1))
    return said


def _moved(places: Iterable[Place], first_row: int) -> tuple[Place, ...]:
    return tuple(Place(_path(place.path, first_row), place.rule, place.message) for place in places)


def _path(path: str, first_row: int) -> str:
    found = _row(path)
    return f"rows[{int(found[1]) + first_row}]{path[found.end() :]}" if found else path
