"""Arrow rows -> the graph's two tensors, column by column."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tabi.contract import MISSING_TEXT, CategoricalColumn, Contract, NumericColumn, Tensors, TextColumn
from tabi.errors import RequestError
from tabi.tables.columns import Columns, Texts, holds_scalars, numbers_of, texts_of
from tabi.tables.faults import CODES, Codes, Faults

if TYPE_CHECKING:
    import pyarrow as pa

Read = TypeVar("Read")


class TableReader:
    """Reads Arrow rows by one contract.

    Law: `TableReader(c).read(batch)` equals `RowReader(c).read(batch.to_pylist())`, decimals being floats.
    `RequestError` for what JSON could not have said: two columns of one name, a column of the contract that holds
    moments, bytes or nested values.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._names = frozenset(column.name for column in contract.columns)

    def read(self, batch: pa.RecordBatch) -> tuple[Tensors, Faults]:
        """Tensors of all rows, in order, and the faults in order of row."""
        columns, faults = self.read_columns(batch)
        return columns.tensors(), faults

    def read_columns(self, batch: pa.RecordBatch) -> tuple[Columns, Faults]:
        """The same, each distinct text told once."""
        found = self._columns(batch)
        count, contract = batch.num_rows, self._contract
        numeric = np.empty((count, len(contract.numeric)), np.float64)
        texts: list[Texts] = []
        codes: list[tuple[str, Codes]] = []
        for place, number in enumerate(contract.numeric):
            codes.append((number.name, _read_numbers(found.get(number.name), number, numeric[:, place])))
        for category in contract.strings:
            read, broken = _read_texts(found.get(category.name), category, count)
            texts.append(read)
            codes.append((category.name, broken))
        unknown = [name for name in batch.schema.names if name not in self._names]
        return Columns(numeric, texts), Faults.of_columns(count, codes, unknown)

    def check(self, schema: pa.Schema) -> None:
        """`RequestError` names the columns of this schema that cannot be read."""
        seen: set[str] = set()
        problems: list[tuple[str, str]] = []
        for field in schema:
            if field.name in seen:
                problems.append((field.name, "repeated_name"))
            seen.add(field.name)
            if field.name in self._names and not holds_scalars(field.type):
                problems.append((field.name, "not_a_scalar"))
        if problems:
            name, rule = problems[0]
            what = "stands twice" if rule == "repeated_name" else "holds neither numbers, texts nor booleans"
            raise RequestError(f"the column {name!r} {what}: rename or convert it", tuple(problems))

    def _columns(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        self.check(batch.schema)
        return {
            name: column for name, column in zip(batch.schema.names, batch.columns, strict=True) if name in self._names
        }


def read_batch(batch: pa.RecordBatch, contract: Contract) -> tuple[Tensors, Faults]:
    """`TableReader(contract).read(batch)` for those who read once."""
    return TableReader(contract).read(batch)


def _read_numbers(found: pa.Array | None, column: NumericColumn, into: np.ndarray) -> Codes:
    """Fill a column of the tensor; the codes of the rules that its values break."""
    if found is None:
        into[:] = np.nan
        return np.full(len(into), 0 if column.nullable else CODES["missing"], np.int8)
    values, codes = _named(column.name, numbers_of, found)
    into[:] = values
    # a value that broke a rule on the way is NaN by now, and its rule is the one that is told
    if not column.nullable:
        codes[np.isnan(values) & (codes == 0)] = CODES["missing"]
    if column.minimum is not None:
        codes[values < column.minimum] = CODES["below_minimum"]
    if column.maximum is not None:
        # below the minimum comes first, also where the bounds are the wrong way round
        codes[(values > column.maximum) & (codes == 0)] = CODES["above_maximum"]
    return codes


def _read_texts(found: pa.Array | None, column: CategoricalColumn | TextColumn, count: int) -> tuple[Texts, Codes]:
    """A column of texts, and the codes of the rules that they break."""
    if found is None:
        missing = Texts(np.array([MISSING_TEXT], np.object_), np.zeros(count, np.int64))
        return missing, np.full(count, 0 if column.nullable else CODES["missing"], np.int8)
    texts = _named(column.name, texts_of, found)
    known = None if isinstance(column, TextColumn) else frozenset(column.categories)
    codes = np.fromiter((_code_of(text, known, column) for text in texts.distinct), np.int8, len(texts.distinct))
    return texts, np.asarray(codes[texts.places])


def _named(name: str, read: Callable[[pa.Array], Read], found: pa.Array) -> Read:
    """What `read` makes of the column; a refusal names it."""
    try:
        return read(found)
    except RequestError as error:
        raise RequestError(f"{name!r}: {error}", ((name, "wrong_shape"),)) from error


def _code_of(text: str, known: frozenset[str] | None, column: CategoricalColumn | TextColumn) -> int:
    if text == MISSING_TEXT:
        return 0 if column.nullable else CODES["missing"]
    return 0 if known is None or text in known else CODES["unknown_category"]
