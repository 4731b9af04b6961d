"""One column of a contract, and how its values were distributed in the training snapshot."""

from __future__ import annotations

from typing import Literal

import msgspec

Logged = Literal["full", "hashed", "none"]
"""What the prediction log keeps of a column's values. Unset means `full`, and stands in no document: a reader of before
there was a choice takes such a contract, and refuses one that it would not keep to.
"""

LOGGED: tuple[Logged, ...] = ("full", "hashed", "none")
"""From the most that is kept to the least."""


class NumericReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a numeric column's values fell into bins.

    `edges`: k ascending finite inner edges. `counts`: k + 1 rows per bin, where bin i holds
    edges[i-1] < x <= edges[i], the first and last being open-ended. `missing`: rows without a value.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int


class CategoricalReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many rows held each of the column's `categories` (same order), another one, or none."""

    counts: tuple[int, ...]
    other: int
    missing: int


class NumericColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="numeric"):
    """A float64 column; missing is NaN. `minimum` and `maximum` are allowed values themselves."""

    name: str
    nullable: bool = True
    minimum: float | None = None
    maximum: float | None = None
    reference: NumericReference | None = None
    logged: Logged | msgspec.UnsetType = msgspec.UNSET


class CategoricalColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="categorical"):
    """A column of strings; missing is absent. `closed`: a category that is not listed is a fault of the data."""

    name: str
    categories: tuple[str, ...]
    nullable: bool = True
    closed: bool = False
    reference: CategoricalReference | None = None
    logged: Logged | msgspec.UnsetType = msgspec.UNSET


class TextColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="text"):
    """A column of free text; missing is absent. `reference`: the lengths of its texts in characters."""

    name: str
    nullable: bool = True
    reference: NumericReference | None = None
    logged: Logged | msgspec.UnsetType = msgspec.UNSET


Column = NumericColumn | CategoricalColumn | TextColumn


def logged_of(column: Column) -> Logged:
    """What the prediction log keeps of a column."""
    return "full" if column.logged is msgspec.UNSET else column.logged
