"""The segments of the prediction log as tables of DuckDB, within a bound of memory: what does not fit lies on the disk.

What no reader understands, such as the piece of a line that a kill left, is passed over and counted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tabi.errors import StoreError
from tabi.monitoring.joined import Joins, join
from tabi.predictions.feedback import FOLDER
from tabi.predictions.read import segments_of

if TYPE_CHECKING:
    import duckdb

MEMORY = "512MB"
THREADS = 2
# a segment may go or be compressed between the listing and the reading
TRIES = 5

PREDICTION = {
    "kind": "VARCHAR",
    "id": "VARCHAR",
    "row": "BIGINT",
    "time": "DOUBLE",
    "model": "VARCHAR",
    "version": "VARCHAR",
    "inputs": "JSON",
    "label": "VARCHAR",
    "probability": "DOUBLE",
    "probabilities": "DOUBLE[]",
    "value": "DOUBLE",
    "warnings": "VARCHAR[][]",
    "ms": "DOUBLE",
    "arm": "VARCHAR",
    "unit": "VARCHAR",
    "masked": "VARCHAR",
}


FEEDBACK = {
    "kind": "VARCHAR",
    "key": "VARCHAR",
    "time": "DOUBLE",
    "model": "VARCHAR",
    "at": "DOUBLE",
    "id": "VARCHAR",
    "row": "BIGINT",
    "unit": "VARCHAR",
    "label": "VARCHAR",
    "value": "DOUBLE",
}


class LogTables:
    """A database of one question; it goes with it.

    Table `predictions`: the lines of one model between two moments; `arm` and `unit` are '' where they have none.
    Table `joined`: the same with what became of each row; see `tabi.monitoring.joined`, which makes it when it is first
    asked for. `unreadable`: lines that were none.
    """

    def __init__(self, folder: Path, name: str, begin: datetime, end: datetime) -> None:
        self._folder = folder
        self._name = name
        self._begin = begin.timestamp()
        self._end = end.timestamp()
        self.unreadable = 0

    def __enter__(self) -> Self:
        import duckdb

        self._scratch = tempfile.TemporaryDirectory(prefix="tabi-monitor-")
        self._database: duckdb.DuckDBPyConnection = duckdb.connect(
            str(Path(self._scratch.name) / "log.duckdb"),
            config={"memory_limit": MEMORY, "threads": THREADS, "preserve_insertion_order": False},
        )
        self._read("lines", self._folder, PREDICTION)
        self.rows(
            "CREATE VIEW predictions AS SELECT * REPLACE (coalesce(arm, '') AS arm, coalesce(unit, '') AS unit) "
            "FROM lines"
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._database.close()
        self._scratch.cleanup()

    def rows(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows that a query finds; parameters stand in it as `$name`."""
        return self._database.execute(query, parameters or None).fetchall()

    def batches(self, query: str, size: int, **parameters: object) -> Iterator[list[tuple[Any, ...]]]:
        """The same, at most `size` at a time."""
        found = self._database.cursor().execute(query, parameters or None)
        while rows := found.fetchmany(size):
            yield rows

    def columns(self, query: str, **parameters: object) -> dict[str, Any]:
        """The same as an array of numpy for each column, masked where a value is missing."""
        return dict(self._database.execute(query, parameters or None).fetchnumpy())

    @cached_property
    def joins(self) -> Joins:
        """Makes the table `joined`, once; what was found out on the way."""
        self._read("feedback_lines", self._folder / FOLDER, FEEDBACK)
        return join(self)

    def _read(self, table: str, folder: Path, columns: dict[str, str]) -> None:
        """Make a table of the lines of a folder's segments that were written to since the beginning."""
        import duckdb

        named = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        shape = ", ".join(f"\"{name}\": '{kind}'" for name, kind in columns.items())
        names = ", ".join(f'"{name}"' for name in columns)
        self.rows(f"CREATE TABLE {table} ({named})")
        for left in reversed(range(TRIES)):
            files = [_quoted(path) for path in _since(segments_of(folder), self._begin)]
            if not files:
                return
            try:
                self.rows(
                    f"INSERT INTO {table} SELECT {names} FROM "  # noqa: S608  our own names
                    f"read_ndjson($files, columns={{{shape}}}, ignore_errors=true) "
                    "WHERE kind IS NULL OR (model = $model AND time BETWEEN $begin AND $end)",
                    files=files,
                    model=self._name,
                    begin=self._begin,
                    end=self._end,
                )
            except duckdb.IOException as error:
                if not left:
                    raise StoreError(f"{folder} cannot be read: make its segments readable") from error
            else:
                self.unreadable += self.rows(f"SELECT count(*) FROM {table} WHERE kind IS NULL")[0][0]  # noqa: S608
                self.rows(f"DELETE FROM {table} WHERE kind IS NULL")  # noqa: S608
                return


def _since(segments: Sequence[Path], begin: float) -> list[Path]:
    """Those that have lines of later than a moment."""
    found = []
    for path in segments:
        try:
            if path.stat().st_mtime >= begin:
                found.append(path)
        except FileNotFoundError:
            continue
    return found


def _quoted(path: Path) -> str:
    """The path as DuckDB takes it, for which some signs are a pattern."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))
