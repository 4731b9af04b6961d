"""The contract as a whole and its only persisted form, JSON (`schema.json`, `GET /schema`)."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, Self

import msgspec

from tabi.contract.columns import CategoricalColumn, Column, NumericColumn, NumericReference, TextColumn
from tabi.errors import BundleError

# format 1 knew two classes and no text
FORMAT = 2

Task = Literal["binary", "multiclass", "regression"]


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is predicted.

    `classes`: the labels as text; of a binary task the positive one last, of a regression none. `reference`: how the
    target's numbers were distributed, of a regression alone.
    """

    name: str
    classes: tuple[str, ...] = ()
    task: Task = "binary"
    reference: NumericReference | None = None

    @property
    def positive(self) -> str:
        """The label of a binary task whose probability the model gives."""
        return self.classes[1]


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """The columns that a row has, in their order, and the target.

    `strict`: a request that breaks the contract is refused instead of coerced with a warning.
    """

    name: str
    columns: tuple[Column, ...]
    target: Target
    strict: bool = False
    format: int = FORMAT

    @cached_property
    def numeric(self) -> tuple[NumericColumn, ...]:
        """The numeric columns, in the order of the graph's `numeric` input."""
        return tuple(c for c in self.columns if isinstance(c, NumericColumn))

    @cached_property
    def categorical(self) -> tuple[CategoricalColumn, ...]:
        """The categorical columns, which come first in the graph's `categorical` input."""
        return tuple(c for c in self.columns if isinstance(c, CategoricalColumn))

    @cached_property
    def text(self) -> tuple[TextColumn, ...]:
        """The columns of free text."""
        return tuple(c for c in self.columns if isinstance(c, TextColumn))

    @cached_property
    def strings(self) -> tuple[CategoricalColumn | TextColumn, ...]:
        """The columns of the graph's `categorical` input in its order: the categorical ones, then the texts."""
        return (*self.categorical, *self.text)

    def to_json(self) -> bytes:
        """Indented UTF-8 JSON. Law: `Contract.from_json(c.to_json()) == c`."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read what `to_json` wrote; `BundleError` if it is anything else."""
        try:
            contract = msgspec.json.decode(data, type=cls)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise BundleError(f"schema.json is not a contract: {error}") from error
        if not 1 <= contract.format <= FORMAT:
            raise BundleError(f"schema.json has format {contract.format}, this Tabi reads {FORMAT}: update Tabi")
        if not _has_classes(contract.target):
            raise BundleError(
                f"schema.json is not a contract: {len(contract.target.classes)} classes do not fit its task"
            )
        return contract


def _has_classes(target: Target) -> bool:
    """Whether the target has as many classes as its task asks for."""
    count = len(target.classes)
    return count == 0 if target.task == "regression" else count == 2 if target.task == "binary" else count > 2
