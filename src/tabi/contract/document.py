"""The contract as a whole and its only persisted form, JSON (`schema.json`, `GET /schema`)."""

from __future__ import annotations

from functools import cached_property
from typing import Self

import msgspec

from tabi.contract.columns import CategoricalColumn, Column, NumericColumn
from tabi.errors import BundleError

FORMAT = 1


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is predicted. `classes`: the two labels as text, the positive one last."""

    name: str
    classes: tuple[str, str]

    @property
    def positive(self) -> str:
        """The label whose probability the model gives."""
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
        """The categorical columns, in the order of the graph's `categorical` input."""
        return tuple(c for c in self.columns if isinstance(c, CategoricalColumn))

    def to_json(self) -> bytes:
        """Indented UTF-8 JSON. Law: `Contract.from_json(c.to_json()) == c`."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read what `to_json` wrote; `BundleError` if it is anything else."""
        try:
            contract = msgspec.json.decode(data, type=cls)
        except msgspec.MsgspecError as error:
            raise BundleError(f"schema.json is not a contract: {error}") from error
        if contract.format != FORMAT:
            raise BundleError(f"schema.json has format {contract.format}, this Tabi reads {FORMAT}: update Tabi")
        return contract
