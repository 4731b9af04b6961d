"""What is read and what comes out, checked against the first rows of every file before any row is scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import TYPE_CHECKING, Any, NamedTuple

from tabi.contract import Contract
from tabi.errors import DataError, RequestError
from tabi.score.blocks import Block
from tabi.score.csv_reader import csv_blocks, header_of
from tabi.score.files import Form, Source, Sources
from tabi.score.ndjson_reader import first_names_of, ndjson_blocks
from tabi.score.parquet_reader import parquet_blocks, schema_of
from tabi.serving.answers import Answers
from tabi.tables import TableReader

if TYPE_CHECKING:
    import pyarrow as pa

# names of the output's own columns
FILE, ROW, VERSION, WARNINGS = "file", "row", "version", "warnings"


class Plan(NamedTuple):
    """The files, the columns that pass through, and the output's columns."""

    sources: Sources
    keys: tuple[str, ...]
    schema: pa.Schema
    wanted: frozenset[str]
    rows: dict[str, int]

    def blocks(self, source: Source, batch_rows: int) -> Iterator[Block]:
        """The rows of one of the files, in order."""
        if source.form is Form.PARQUET:
            return parquet_blocks(source, self.wanted, self.rows[source.name], batch_rows)
        if source.form is Form.CSV:
            return csv_blocks(source, header_of(source), batch_rows)
        return ndjson_blocks(source, batch_rows)


class _Seen(NamedTuple):
    """Columns of a file by name. In NDJSON they are those of the first row, and more may follow."""

    source: Source
    types: dict[str, pa.DataType]
    rows: int


def plan_of(sources: Sources, contract: Contract, answers: Answers[Any], keys: Sequence[str]) -> Plan:
    """The plan; `DataError` names the file and the column in the way. No `keys`: all that are not the model's."""
    from tabi.serving.arrow import fields_of

    seen = [_seen(source) for source in sources.files]
    first = seen[0]
    known = {column.name for column in contract.columns}
    for file in seen:
        _check_against_contract(file, contract, known)
    chosen = tuple(dict.fromkeys(keys)) or tuple(name for name in first.types if name not in known)
    for file in seen:
        _check_against_first(file, first, set(chosen) - known)
    own = fields_of(answers)
    taken = {FILE, ROW, VERSION, WARNINGS, *(field.name for field in own)}
    _check_keys(chosen, first, contract, taken, chosen_by_caller=bool(keys))
    schema = _schema({name: first.types[name] for name in chosen}, own, in_folder=sources.in_folder)
    return Plan(sources, chosen, schema, frozenset(known | set(chosen)), {f.source.name: f.rows for f in seen})


def _seen(source: Source) -> _Seen:
    import pyarrow as pa

    if source.form is Form.PARQUET:
        schema, rows = schema_of(source)
        return _Seen(source, dict(zip(schema.names, schema.types, strict=True)), rows)
    names = header_of(source) if source.form is Form.CSV else first_names_of(source)
    return _Seen(source, dict.fromkeys(names, pa.string()), 0)


def _check_against_contract(file: _Seen, contract: Contract, known: set[str]) -> None:
    import pyarrow as pa

    if not known & file.types.keys():
        example = " or ".join(repr(column.name) for column in contract.columns[:2])
        raise DataError(
            f"{file.source.path} has no column that the model knows, such as {example}: name its columns so"
        )
    try:
        TableReader(contract).check(pa.schema(list(file.types.items())))
    except RequestError as error:
        raise DataError(f"{file.source.path}: {error}") from error


def _check_against_first(file: _Seen, first: _Seen, passing: Set[str]) -> None:
    """All files of a folder have the same columns; what passes through also has the same type."""
    if Form.NDJSON in {file.source.form, first.source.form}:
        if file.source.form is not first.source.form:
            raise DataError(f"{file.source.path} and {first.source.path} are of two forms: score them one by one")
        return
    for name in (*first.types, *file.types):
        if name not in file.types or name not in first.types:
            has, lacks = (first, file) if name in first.types else (file, first)
            raise DataError(
                f"{lacks.source.path} lacks the column {name!r} that {has.source.path} has: score them apart"
            )
        if name in passing and file.types[name] != first.types[name]:
            raise DataError(
                f"the column {name!r} has another type in {file.source.path} than in {first.source.path}: "
                "score them apart, or choose other columns with --key"
            )


def _check_keys(
    keys: Sequence[str], first: _Seen, contract: Contract, taken: Set[str], *, chosen_by_caller: bool
) -> None:
    for name in keys:
        if name not in first.types:
            raise DataError(f"{first.source.path} has no column {name!r}: choose another --key")
        if name in taken:
            raise DataError(
                f"{first.source.path}: the output has a column {name!r} of its own: choose others with --key"
            )
    strangers = set(first.types) - set(keys) - {column.name for column in contract.columns}
    if contract.strict and chosen_by_caller and strangers:
        name = min(strangers)
        raise DataError(f"{first.source.path}: {name!r} is neither a --key nor known to the model, which is strict")


def _schema(keys: dict[str, pa.DataType], answers: list[pa.Field], *, in_folder: bool) -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            *([pa.field(FILE, pa.string(), nullable=False)] if in_folder else []),
            pa.field(ROW, pa.int64(), nullable=False),
            *(pa.field(name, plain_type(kind)) for name, kind in keys.items()),
            *answers,
            pa.field(VERSION, pa.string(), nullable=False),
            pa.field(WARNINGS, reasons_type(), nullable=False),
        ]
    )


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type in which a key comes out: of a dictionary that of its values."""
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def reasons_type() -> pa.DataType:
    """The type of a list of columns and the rules that they break."""
    import pyarrow as pa

    reason = pa.struct([pa.field("column", pa.string(), nullable=False), pa.field("rule", pa.string(), nullable=False)])
    return pa.list_(pa.field("element", reason, nullable=False))
