"""A block -> output rows and rejected rows. Rows are judged and answered as the server judges and answers them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from tabi.bundle import Bundle
from tabi.contract import Fault, Scalar
from tabi.errors import RequestError
from tabi.score.blocks import Block, Reason, Rejected, RowNumbers
from tabi.score.evaluator import Evaluator
from tabi.score.ndjson_reader import read_line
from tabi.score.plan import FILE, ROW, VERSION, WARNINGS
from tabi.serving.answers import Floats
from tabi.serving.arrow import arrays_of
from tabi.serving.model import Model
from tabi.tables import Columns, Faults, TableReader

if TYPE_CHECKING:
    import pyarrow as pa

Mask = npt.NDArray[np.bool_]


class Scored(NamedTuple):
    """Output rows, rows without an answer in order, and the number of warnings."""

    table: pa.Table
    rejected: list[Rejected]
    warnings: int


class _Read(NamedTuple):
    """Rows that could be read: their places, values and faults, keys by name, and the faults that are refused."""

    rows: RowNumbers
    columns: Columns
    faults: Faults
    keys: dict[str, pa.Array]
    refused: Sequence[Fault]


class Scorer:
    """Scores blocks with one bundle. `schema`: the columns of the output; `keys`: those that pass through.

    Threads may share it.
    """

    def __init__(self, bundle: Bundle, schema: pa.Schema, keys: Sequence[str]) -> None:
        self._model, self._schema, self._keys = (model := Model(bundle, few=False)), schema, tuple(keys)
        self._evaluator = Evaluator(model.session, bundle.graph_bytes())
        self._tables = TableReader(model.contract)
        known = {column.name for column in model.contract.columns}
        # a key that is not the model's is no part of the row: it is not an unknown column
        self._aside = [key for key in self._keys if key not in known]

    @property
    def version(self) -> str:
        """The bundle that answers."""
        return self._model.version

    def score(self, block: Block) -> Scored:
        """The block's rows in order."""
        rejected = list(block.rejected)
        read = self._read_lines(block, rejected) if block.table is None else self._read_table(block.table, block.rows)
        answers = self._model.answers
        outputs = self._evaluator.predict(read.columns) if len(read.rows) else answers.nothing
        refused = [*read.refused, *answers.unanswered(outputs)]
        good = np.ones(len(outputs), bool)
        reasons: dict[int, list[Reason]] = {}
        for fault in refused:
            good[fault.row] = False
            reasons.setdefault(fault.row, []).append(Reason(fault.column, fault.rule))
        rejected += [Rejected(block.file, int(read.rows[row]), why) for row, why in reasons.items()]
        rejected.sort(key=lambda row: row.row)
        warnings = _warnings(read.faults, good)
        return Scored(self._table(block.file, read, outputs, good, warnings), rejected, len(warnings.values))

    def _read_table(self, table: pa.RecordBatch, rows: RowNumbers) -> _Read:
        keys = {key: table.column(key) for key in self._keys}
        columns, faults = self._tables.read_columns(table.drop_columns(self._aside) if self._aside else table)
        return _Read(rows, columns, faults, keys, list(faults) if self._model.contract.strict else ())

    def _read_lines(self, block: Block, rejected: list[Rejected]) -> _Read:
        import pyarrow as pa

        rows, places = [], []
        for place, line in zip(block.rows.tolist(), block.lines, strict=True):
            try:
                rows.append(read_line(line))
                places.append(place)
            except RequestError as error:
                why = [Reason("" if path == "$" else path, rule) for path, rule in error.problems]
                rejected.append(Rejected(block.file, place, why))
        keys = {key: pa.array([_text(row.get(key)) for row in rows], pa.string()) for key in self._keys}
        for row in rows:
            for key in self._aside:
                row.pop(key, None)
        tensors, faults, refused = self._model.read(rows)
        return _Read(np.array(places, np.int64), Columns.of(tensors), Faults.of_list(len(rows), faults), keys, refused)

    def _table(self, file: str, read: _Read, outputs: Floats, good: Mask, warnings: _Warnings) -> pa.Table:
        import pyarrow as pa

        model, count, mask = self._model, int(good.sum()), pa.array(good)
        columns: dict[str, Any] = {
            FILE: pa.repeat(file, count),
            ROW: pa.array(read.rows[good]),
            **{key: column.filter(mask) for key, column in read.keys.items()},
            **arrays_of(model.answers, outputs[good]),
            VERSION: pa.repeat(model.version, count),
            WARNINGS: warnings.array(),
        }
        return pa.table([columns[field.name].cast(field.type) for field in self._schema], schema=self._schema)


class _Warnings(NamedTuple):
    """Lists of warnings. `offsets`: where the list of each kept row begins among `values`, and the end of the last."""

    offsets: npt.NDArray[np.int32]
    values: npt.NDArray[np.int32]
    columns: list[str]
    rules: list[str]

    def array(self) -> pa.ListArray:
        import pyarrow as pa

        values = pa.array(self.values)
        names = [pa.array(of, pa.string()).take(values) for of in (self.columns, self.rules)]
        fields = [pa.field(name, pa.string(), nullable=False) for name in ("column", "rule")]
        items = pa.StructArray.from_arrays(names, fields=fields)
        kind = pa.list_(pa.field("element", items.type, nullable=False))
        return pa.ListArray.from_arrays(pa.array(self.offsets), items, type=kind)


def _warnings(faults: Faults, good: Mask) -> _Warnings:
    """The faults of the rows that are kept."""
    count, rows, kinds = len(good), faults.rows, faults.kinds_of_rows
    columns, rules = [kind.column for kind in faults.kinds], [str(kind.rule) for kind in faults.kinds]
    if faults.unknown:
        more = np.arange(len(columns), len(columns) + len(faults.unknown), dtype=np.int32)
        rows = np.concatenate([rows, np.repeat(np.arange(count), len(more))])
        kinds = np.concatenate([kinds, np.tile(more, count)])
        order = np.argsort(rows, kind="stable")
        rows, kinds = rows[order], kinds[order]
        columns += faults.unknown
        rules += ["unknown_column"] * len(more)
    kept = good[rows]
    counts = np.bincount(rows[kept], minlength=count)[good]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return _Warnings(offsets, kinds[kept].astype(np.int32), columns, rules)


def _text(value: Scalar) -> str | None:
    """A key of a JSON row as it passes through: a text as it is, anything else as JSON writes it."""
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
