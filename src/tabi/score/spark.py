"""Scoring a Spark DataFrame where its rows are: each executor answers its own rows, with the bits of the server.

    from tabi.score.spark import score

    scored = score(frame, "store/models/adult/snapshots/…")

Needs the extra `spark` where the driver runs, and `tabi[arrow]` in the Python of the executors.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabi.bundle import Bundle
from tabi.contract import Contract
from tabi.errors import ConfigError, DataError, RequestError
from tabi.score.plan import VERSION, WARNINGS, reasons_type
from tabi.tables import TableReader

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from tabi.score.scorer import Scorer

# why a row has no answer
PROBLEMS = "problems"

# of this process, by bundle and keys: a task after the first finds its scorer here
_scorers: dict[tuple[str, tuple[str, ...]], Scorer] = {}


def score(frame: DataFrame, bundle: Path | str, keys: Sequence[str] = ()) -> DataFrame:
    """The answers to the rows of `frame`, which hold the model's columns, by the bundle in a folder.

    The result has the columns `keys` (those that are not the model's, where none are named), the answer's own (`label`,
    `probability`, …), `version`, `warnings` and `problems`. A row that has no answer keeps its keys, has nulls for an
    answer, and tells in `problems` the column and the rule that stand in its way. The order of rows is Spark's.

    `BundleError` if the bundle is not whole, `DataError` for columns that cannot be read or are named twice,
    `ConfigError` for a frame of Spark Connect.
    """
    _refuse_connect(frame)
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

    opened = Bundle.open(Path(bundle))
    given = to_arrow_schema(frame.schema)
    chosen = _keys(given, opened.contract(), keys)
    schema = _schema(given, opened, chosen)
    # every file: an executor verifies the bundle as a server does
    content = {path.relative_to(opened.folder).as_posix(): path.read_bytes() for path in _files(opened.folder)}
    shared = frame.sparkSession.sparkContext.broadcast(content)
    identity = opened.id

    def answer(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        scorer = _scorer(identity, shared.value, chosen, schema)
        for batch in batches:
            yield from _answered(scorer, batch, chosen, schema).to_batches()

    return frame.mapInArrow(answer, from_arrow_schema(schema))


def _refuse_connect(frame: DataFrame) -> None:
    """A client of Spark Connect can send the executors no files of its own, so it cannot hand them the bundle."""
    if any(base.__module__.startswith("pyspark.sql.connect.") for base in type(frame).__mro__):
        raise ConfigError(
            "the frame is of a session of Spark Connect, which has no broadcasts: run where the session is made by "
            "SparkSession.builder.master(…), or score the files with `tabi score`"
        )


def _keys(given: pa.Schema, contract: Contract, keys: Sequence[str]) -> tuple[str, ...]:
    known = {column.name for column in contract.columns}
    try:
        TableReader(contract).check(given)
    except RequestError as error:
        raise DataError(f"the frame cannot be read: {error}") from error
    for name in keys:
        if name not in given.names:
            raise DataError(f"the frame has no column {name!r}: choose other keys")
    return tuple(dict.fromkeys(keys)) or tuple(name for name in given.names if name not in known)


def _schema(given: pa.Schema, bundle: Bundle, keys: tuple[str, ...]) -> pa.Schema:
    import pyarrow as pa

    from tabi.serving.answers import answers_of
    from tabi.serving.arrow import fields_of

    answers = [field.with_nullable(True) for field in fields_of(answers_of(bundle, bundle.contract()))]
    own = [
        *answers,
        pa.field(VERSION, pa.string(), nullable=False),
        pa.field(WARNINGS, reasons_type(), nullable=False),
        pa.field(PROBLEMS, reasons_type(), nullable=False),
    ]
    taken = {field.name for field in own}
    for name in keys:
        if name in taken:
            raise DataError(f"the result has a column {name!r} of its own: rename it in the frame, or choose keys")
    return pa.schema([*(given.field(name) for name in keys), *own])


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _scorer(identity: str, content: dict[str, bytes], keys: tuple[str, ...], schema: pa.Schema) -> Scorer:
    """The scorer of this process for a bundle that came with the task."""
    from tabi.score.scorer import Scorer

    if (identity, keys) not in _scorers:
        import pyarrow as pa

        with tempfile.TemporaryDirectory(prefix="tabi-spark-") as scratch:
            for name, data in content.items():
                path = Path(scratch, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            answered = pa.schema([field for field in schema if field.name != PROBLEMS])
            _scorers[identity, keys] = Scorer(Bundle.open(Path(scratch)), answered, keys)
    return _scorers[identity, keys]


def _answered(scorer: Scorer, batch: pa.RecordBatch, keys: tuple[str, ...], schema: pa.Schema) -> pa.Table:
    """The rows that have an answer, and behind them those that have none."""
    import numpy as np
    import pyarrow as pa

    from tabi.score.blocks import Block

    found = scorer.score(Block("", np.arange(batch.num_rows), batch, [], [], 0))
    nothing: pa.Array = pa.array([[]] * found.table.num_rows, reasons_type())
    answered = found.table.append_column(schema.field(PROBLEMS), nothing)
    if not found.rejected:
        return answered
    rows = pa.array([row.row for row in found.rejected])
    told = [[{"column": why.column, "rule": why.rule} for why in row.reasons] for row in found.rejected]
    known: dict[str, Any] = {
        **{key: batch.column(key).take(rows) for key in keys},
        VERSION: pa.repeat(scorer.version, len(rows)),
        WARNINGS: pa.array([[]] * len(rows), reasons_type()),
        PROBLEMS: pa.array(told, reasons_type()),
    }
    columns = [known[f.name] if f.name in known else pa.nulls(len(rows), f.type) for f in schema]
    return pa.concat_tables([answered, pa.table(columns, schema)])
