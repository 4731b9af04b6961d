"""JSON schemas of rows, made from a contract."""

from __future__ import annotations

from typing import Any

from tabi.contract import CategoricalColumn, Column, Contract, TextColumn

Json = dict[str, Any]

_SCALAR = ["number", "string", "boolean", "null"]


def columns_of(contract: Contract | None) -> Json:
    """The schema of rows by column."""
    lists = {"type": "array", "items": {"type": _SCALAR}}
    properties = {} if contract is None else {c.name: lists for c in contract.columns}
    return {"type": "object", "properties": properties, "additionalProperties": lists}


def row_of(contract: Contract | None) -> Json:
    """The schema of a row; of any columns where nothing is loaded yet."""
    row: Json = {
        "title": "Row",
        "type": "object",
        "description": "Columns by name. A column that is left out, or null, is missing.",
        "additionalProperties": {"type": _SCALAR},
    }
    if contract is None:
        return row
    strict = contract.strict
    row["properties"] = {c.name: _column(c, null=c.nullable or not strict) for c in contract.columns}
    if strict:
        row["additionalProperties"] = False
        required = [c.name for c in contract.columns if not c.nullable]
        # the form of a schema has no place for an empty list
        row |= {"required": required} if required else {}
    return row


def _column(column: Column, *, null: bool) -> Json:
    """A number may come as text, a category or a text as a number: that is what the server takes."""
    kinds = _SCALAR if null else _SCALAR[:-1]
    if isinstance(column, TextColumn):
        return {"type": kinds, "description": "a text"}
    if isinstance(column, CategoricalColumn):
        return {"type": kinds, "description": "a category", "examples": list(column.categories[:3])}
    return {"type": kinds, "description": "a number"}
