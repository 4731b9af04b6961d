"""`dataframe_split`, `dataframe_records`, `instances` or `inputs` -> a table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from tabi.contract import Contract, Scalar
from tabi.serving.messages import Row
from tabi.serving.model import MAX_ROWS
from tabi.serving.places import refusal
from tabi.serving.protocols.bodies import TEXT, UNREADABLE, Marks, refuse, unreadable
from tabi.serving.protocols.invocations.table import Table, by_columns, by_rows, named, unnamed

_Rows = list[list[Scalar] | Row]
_Columns = dict[str, list[Scalar] | Scalar]


class _Split(msgspec.Struct, forbid_unknown_fields=True):
    data: list[list[Scalar]]
    columns: list[str] | None = None
    index: list[Any] | None = None


class _Body(msgspec.Struct):
    """Other fields are let pass, as MLflow does."""

    dataframe_split: _Split | msgspec.UnsetType = msgspec.UNSET
    dataframe_records: list[Row] | msgspec.UnsetType = msgspec.UNSET
    instances: _Rows | _Columns | msgspec.UnsetType = msgspec.UNSET
    inputs: _Rows | _Columns | msgspec.UnsetType = msgspec.UNSET
    params: Any = None


class Asked(NamedTuple):
    """A table, and the parameters that came with it."""

    table: Table
    params: Any


FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_decode = msgspec.json.Decoder(_Body).decode
_text_or_nan = re.compile(TEXT + rb"|NaN", re.DOTALL)
# every row, and a handful of lists and objects around them
_openings = Marks(b"[{")
_AROUND = 100


def read(contract: Contract, data: bytes) -> Asked:
    """The table of a body that has one in exactly one of the formats; `RequestError` names the place."""
    if _openings.exceed(MAX_ROWS + _AROUND, data):
        refuse("$", "too_many_rows")
    body = _read(data)
    found = [name for name in FORMATS if getattr(body, name) is not msgspec.UNSET]
    if len(found) != 1:
        places = [(name, "not_alone") for name in found] or [("$", "missing_field")]
        raise refusal(f"the body has exactly one of {', '.join(FORMATS)}", places)
    return Asked(_table(contract, found[0], getattr(body, found[0])), body.params)


def _table(contract: Contract, where: str, content: Any) -> Table:
    if isinstance(content, _Split):
        if content.index is not None and len(content.index) != len(content.data):
            refuse(f"{where}.index", "wrong_size")
        if content.columns is None:
            return unnamed(contract, content.data, f"{where}.data")
        return named(contract, content.columns, content.data, f"{where}.data")
    if isinstance(content, dict):
        return _columns(contract, content, where)
    if content and all(isinstance(row, list) for row in content):
        return unnamed(contract, content, where)
    lists = [(f"{where}[{index}]", "not_an_object") for index, row in enumerate(content) if isinstance(row, list)]
    if lists:
        raise refusal("some rows have names and some have none", lists)
    return by_rows(contract, content, {name for row in content for name in row}, where)


def _columns(contract: Contract, content: Mapping[str, list[Scalar] | Scalar], where: str) -> Table:
    lists = {name: values for name, values in content.items() if isinstance(values, list)}
    if lists and len(lists) < len(content):
        places = [(f"{where}.{name}", "not_an_array") for name in content if name not in lists]
        raise refusal("some columns are lists and some are not", places)
    # single values are the only row
    single = {name: [value] for name, value in content.items() if not isinstance(value, list)}
    return by_columns(contract, lists or single, where)


def _read(data: bytes) -> _Body:
    try:
        return _decode(data)
    except UNREADABLE as error:
        # Python's json writes NaN for a missing value, and that is how rows of pandas are commonly sent
        if b"NaN" not in data or isinstance(error, msgspec.ValidationError):
            raise unreadable(error) from error
        return _read_without_nan(data, error)


def _read_without_nan(data: bytes, error: Exception) -> _Body:
    """Read a body with `null` for every NaN. `error` is what was wrong with it before."""
    try:
        return _decode(_with_null(data))
    except msgspec.ValidationError as second:
        raise unreadable(second) from second
    except UNREADABLE:
        raise unreadable(error) from error


def _with_null(data: bytes) -> bytes:
    """JSON with `null` for every NaN outside its texts."""
    made = bytearray()
    end = 0
    for found in _text_or_nan.finditer(data):
        if found[0] == b"NaN":
            made += data[end : found.start()]
            made += b"null"
            end = found.end()
    made += data[end:]
    return bytes(made)
