"""The tiny models of the serving tests, and files of rows for them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

from tabi.score import Options, Summary, pool, score_files
from tests.serving.conftest import CITIES, SEXES, Harbour
from tests.serving.conftest import harbour as harbour  # noqa: PLC0414 - the same stores serve both rooms' tests
from tests.serving.conftest import tasks as tasks  # noqa: PLC0414

Row = dict[str, Any]


def some_rows(count: int) -> list[Row]:
    """Rows of voyage, some with missing values, each with a name of its own."""
    return [
        {
            "id": f"passenger {n}",
            "age": None if n % 11 == 0 else float(n % 90),
            "sex": None if n % 7 == 0 else SEXES[n % 2],
            "fare": n / 8,
            "city": CITIES[n % 3],
        }
        for n in range(count)
    ]


def write(path: Path, rows: Sequence[Row], **options: Any) -> Path:
    """Write rows as the file's name says."""
    table = pa.Table.from_pylist(list(rows))
    if path.suffix == ".parquet":
        pq.write_table(table, path, **options)
    elif path.suffix == ".csv":
        arrow_csv.write_csv(table, path)
    elif path.suffixes == [".csv", ".gz"]:
        sink = pa.BufferOutputStream()
        arrow_csv.write_csv(table, sink)
        path.write_bytes(gzip.compress(sink.getvalue().to_pybytes()))
    else:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


class Bench:
    """Scores files in a folder of its own with one process, unless told otherwise."""

    def __init__(self, harbour: Harbour, folder: Path) -> None:
        self.harbour, self.folder = harbour, folder
        self.output = folder / "scores.parquet"

    def run(self, given: Path, model: str = "voyage", **options: Any) -> Summary:
        options = {"jobs": 1, **options}
        return score_files(self.harbour.path(model), given, self.output, Options(**options))

    def rows(self, given: Path, model: str = "voyage", **options: Any) -> list[Row]:
        self.run(given, model, **options)
        found: list[Row] = pq.read_table(self.output).to_pylist()
        return found

    def rejected(self) -> list[Row]:
        path = self.folder / "scores.parquet.rejected.ndjson"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def left(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


@pytest.fixture
def bench(harbour: Harbour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    # the work of a test is never enough for processes of their own
    monkeypatch.setattr(pool, "START_AFTER_S", 0)
    monkeypatch.setattr(pool, "LEFT_S", 0)
    (tmp_path / "out").mkdir()
    return Bench(harbour, tmp_path / "out")


MakeFile = Callable[[str, bytes], Path]


@pytest.fixture
def file(tmp_path: Path) -> MakeFile:
    """A file with given bytes."""

    def make(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return make
