"""Law: the training snapshot's own rows, split in any way, give the reference's own counts."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabi.contract import (
    CategoricalColumn,
    CategoricalReference,
    Contract,
    NumericColumn,
    NumericReference,
    Target,
    TextColumn,
)
from tabi.contract import Tensors as Rows
from tabi.data import canonical_frame, infer_contract, tensors_of
from tabi.project import ColumnConfig, ProjectConfig
from tabi.project.config import Kind
from tabi.serving.telemetry import bins as bins_module
from tabi.serving.telemetry.bins import FLUSH_ROWS, BinCounter
from tabi.serving.telemetry.cells import Cells, WorkerCells, read_workers

numbers = st.none() | st.floats() | st.integers(-3, 3)
texts = st.none() | st.sampled_from(["", "a", "b", "other", "missing", "rest", "é"]) | st.text(max_size=2)
tables = st.integers(2, 40).flatmap(
    lambda rows: st.tuples(
        st.lists(numbers, min_size=rows, max_size=rows), st.lists(texts, min_size=rows, max_size=rows)
    )
)
cuts = st.lists(st.integers(0, 40), max_size=6)


def learnt(number: list[Any], text: list[Any]) -> tuple[Contract, Rows]:
    """The contract that Tabi infers from rows, and the rows as the model sees them."""
    left = ["no", *["yes"] * (len(number) - 1)]
    frame = pd.DataFrame({"number": pd.Series(number, dtype=object), "text": pd.Series(text, dtype=object)})
    columns = {"number": ColumnConfig(kind=Kind.numeric), "text": ColumnConfig(kind=Kind.categorical)}
    config = ProjectConfig(name="p", source="csv:a.csv", target="left", columns=columns)
    contract = infer_contract(frame.assign(left=left), config)
    return contract, tensors_of(canonical_frame(frame, contract), contract)


def counted(folder: Path, contract: Contract, batches: Sequence[Rows], scores: float = 0.5) -> WorkerCells:
    cells = Cells(folder, 0)
    counter = BinCounter(contract, cells, "m", "v")
    for batch in batches:
        counter.add(batch, np.full(len(batch.numeric), scores))
    counter.flush()
    cells.close()
    return read_workers(folder)[0]


def of_column(found: WorkerCells, column: str, name: str = "tabi_feature_bins_total") -> dict[str, int]:
    key = (name, (("column", column), ("model", "m"), ("version", "v")))
    return dict(zip(found.values[key], found.arrays[key].tolist(), strict=True))


def split(rows: Rows, at: list[int]) -> list[Rows]:
    bounds = [0, *sorted(min(cut, len(rows.numeric)) for cut in at), len(rows.numeric)]
    return [Rows(rows.numeric[a:b], rows.categorical[a:b]) for a, b in pairwise(bounds)]


@settings(max_examples=60)
@given(tables, cuts)
def test_the_snapshots_rows_give_the_references_counts(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[list[Any], list[Any]], at: list[int]
) -> None:
    contract, rows = learnt(*table)
    number, text = contract.columns
    assert isinstance(number, NumericColumn)
    assert isinstance(text, CategoricalColumn)
    assert number.reference is not None
    assert text.reference is not None
    found = counted(tmp_path_factory.mktemp("cells"), contract, split(rows, at))
    assert list(of_column(found, "number").values()) == [*number.reference.counts, number.reference.missing]
    reference = {f"is {name}": count for name, count in zip(text.categories, text.reference.counts, strict=True)}
    reference |= {"other": text.reference.other, "missing": text.reference.missing}
    assert of_column(found, "text") == reference
    ratios = of_column(found, "text", "tabi_feature_reference_ratio")
    assert ratios == {name: round(count / len(rows.numeric) * 1e9) for name, count in reference.items()}


@settings(max_examples=60)
@given(tables, tables, cuts)
def test_any_split_of_any_rows_gives_the_same_counts(
    tmp_path_factory: pytest.TempPathFactory,
    table: tuple[list[Any], list[Any]],
    other: tuple[list[Any], list[Any]],
    at: list[int],
) -> None:
    contract, _ = learnt(*table)
    _, rows = learnt(*other)
    whole = counted(tmp_path_factory.mktemp("cells"), contract, [rows])
    parts = counted(tmp_path_factory.mktemp("cells"), contract, split(rows, at))
    for column in ("number", "text"):
        assert of_column(whole, column) == of_column(parts, column)
        assert sum(of_column(whole, column).values()) == len(rows.numeric)


EDGES = Contract(
    "p",
    (
        NumericColumn("x", reference=NumericReference((1.0, 2.5), (4, 5, 1), 0)),
        NumericColumn("u"),
        CategoricalColumn("t", ("a",)),
    ),
    Target("y", ("no", "yes")),
)


def row(*values: float) -> Rows:
    return Rows(np.array([[value, 0.0] for value in values]), np.full((len(values), 1), "a", dtype=np.object_))


def test_an_edge_belongs_to_the_bin_below_it_and_missing_to_its_own(tmp_path: Path) -> None:
    found = counted(tmp_path, EDGES, [row(-1e300, 1.0, np.nextafter(1.0, 2), 2.5, 2.6, np.nan)])
    assert of_column(found, "x") == {"le 1.0": 2, "le 2.5": 2, "le +Inf": 1, "missing": 1}
    ratios = of_column(found, "x", "tabi_feature_reference_ratio")
    assert list(ratios.values()) == [400_000_000, 500_000_000, 100_000_000, 0]


def test_a_column_without_a_reference_is_passed_over(tmp_path: Path) -> None:
    found = counted(tmp_path, EDGES, [row(1.0)])
    assert {dict(labels).get("column") for _, labels in found.arrays} == {None, "x"}


@pytest.mark.parametrize(
    ("score", "bin_"),
    [(0.0, "le 0.1"), (0.1, "le 0.1"), (0.3, "le 0.3"), (0.31, "le 0.4"), (1.0, "le +Inf"), (np.nan, "missing")],
)
def test_scores_are_counted_in_ten_bins(tmp_path: Path, score: float, bin_: str) -> None:
    found = counted(tmp_path, EDGES, [row(1.0, 2.0)], score)
    key = ("tabi_score_bins_total", (("model", "m"), ("version", "v")))
    counts = dict(zip(found.values[key], found.arrays[key].tolist(), strict=True))
    assert len(counts) == 11
    assert {name: count for name, count in counts.items() if count} == {bin_: 2}


def test_of_very_many_categories_the_rarer_ones_share_a_bin(tmp_path: Path) -> None:
    names = tuple(f"c{i:03}" for i in range(150))
    reference = CategoricalReference(tuple(range(1, 151)), 3, 4)
    contract = Contract("p", (CategoricalColumn("c", names, reference=reference),), Target("y", ("no", "yes")))
    texts = [[name] for name, count in zip(names, reference.counts, strict=True) for _ in range(count)]
    texts += [["unheard of"]] * 3 + [[""]] * 4
    rows = Rows(np.empty((len(texts), 0)), np.array(texts, dtype=np.object_))
    found = of_column(counted(tmp_path, contract, [rows]), "c")
    assert len(found) == 103
    assert found == {f"is c{i:03}": i + 1 for i in range(50, 150)} | {
        "rest": sum(range(1, 51)),
        "other": 3,
        "missing": 4,
    }


def test_rows_are_counted_by_themselves_once_they_are_many(tmp_path: Path) -> None:
    cells = Cells(tmp_path, 0)
    counter = BinCounter(EDGES, cells, "m", "v")
    for _ in range(FLUSH_ROWS - 1):
        counter.add(row(1.0), np.array([0.5]))
    assert sum(of_column(read_workers(tmp_path)[0], "x").values()) == 0
    counter.add(row(1.0), np.array([0.5]))
    assert sum(of_column(read_workers(tmp_path)[0], "x").values()) == FLUSH_ROWS
    cells.close()


@pytest.fixture
def many_switches() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_may_add_at_once(tmp_path: Path, many_switches: None) -> None:
    cells = Cells(tmp_path, 0)
    counter = BinCounter(EDGES, cells, "m", "v")
    batch, scores = row(*[1.0, 2.0] * 150), np.full(300, 0.5)

    def add() -> None:
        for _ in range(200):
            counter.add(batch, scores)

    threads = [Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counter.flush()
    cells.close()
    found = of_column(read_workers(tmp_path)[0], "x")
    assert found == {"le 1.0": 180_000, "le 2.5": 180_000, "le +Inf": 0, "missing": 0}


def test_threads_may_flush_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(deque[Any]):
        def popleft(self) -> Any:
            # the others go on meanwhile
            time.sleep(0.001)
            return super().popleft()

    monkeypatch.setattr(bins_module, "deque", Slow)
    cells = Cells(tmp_path, 0)
    counter = BinCounter(EDGES, cells, "m", "v")
    for _ in range(20):
        counter.add(row(1.0), np.array([0.5]))
    threads = [Thread(target=counter.flush) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cells.close()
    assert of_column(read_workers(tmp_path)[0], "x")["le 1.0"] == 20


def test_a_worker_that_is_started_again_goes_on_counting(tmp_path: Path) -> None:
    for expected in (2, 4):
        found = counted(tmp_path, EDGES, [row(1.0, 1.0)])
        assert of_column(found, "x")["le 1.0"] == expected


TEXTS = Contract(
    "p",
    (
        TextColumn("free"),
        CategoricalColumn("t", ("a",), reference=CategoricalReference((3,), 0, 0)),
        TextColumn("text", reference=NumericReference((2.0, 4.0), (5, 3, 2), 10)),
    ),
    Target("y", (), "regression", NumericReference((0.0, 1.5), (1, 2, 1), 0)),
)


def texts_of(*values: str) -> Rows:
    """Rows of TEXTS, whose strings are the category and then the texts in the contract's order."""
    return Rows(np.empty((len(values), 0)), np.array([["a", "free", value] for value in values], dtype=np.object_))


def test_a_text_is_counted_by_its_length_in_characters(tmp_path: Path) -> None:
    found = counted(tmp_path, TEXTS, [texts_of("", "a", "旅行", "旅行者"), texts_of("🧳🧳🧳🧳", "abcde", "")])
    assert of_column(found, "text") == {"le 2.0": 2, "le 4.0": 2, "le +Inf": 1, "missing": 2}
    ratios = of_column(found, "text", "tabi_feature_reference_ratio")
    assert list(ratios.values()) == [250_000_000, 150_000_000, 100_000_000, 500_000_000]
    assert of_column(found, "t") == {"is a": 7, "other": 0, "missing": 0}
    # a column without a reference is passed over
    assert all(("column", "free") not in labels for _, labels in found.arrays)


def test_texts_are_not_kept_until_they_are_counted(tmp_path: Path) -> None:
    text = "".join(["x"] * 1000)
    rows = texts_of(text)
    counter = BinCounter(TEXTS, Cells(tmp_path, 0), "m", "v")
    counter.add(rows, np.array([1.0]))
    del rows
    # the name `text`, and the argument of the call
    assert sys.getrefcount(text) == 2


def test_numbers_are_counted_in_the_bins_of_the_targets_reference(tmp_path: Path) -> None:
    cells = Cells(tmp_path, 0)
    counter = BinCounter(TEXTS, cells, "m", "v")
    counter.add(texts_of("a", "a", "a", "a"), np.array([-3.0, 0.0, 1.5, 1e300]))
    counter.flush()
    cells.close()
    found = read_workers(tmp_path)[0]
    labels = (("model", "m"), ("version", "v"))
    names = ["le 0.0", "le 1.5", "le +Inf", "missing"]
    for name, counts in (
        ("tabi_score_bins_total", [2, 1, 1, 0]),
        ("tabi_score_reference_ratio", [250_000_000, 500_000_000, 250_000_000, 0]),
    ):
        assert (list(found.values[name, labels]), found.arrays[name, labels].tolist()) == (names, counts)


def test_numbers_without_a_reference_are_only_counted(tmp_path: Path) -> None:
    contract = Contract("p", TEXTS.columns, Target("y", (), "regression"))
    found = counted(tmp_path, contract, [texts_of("a", "b")], 7.0)
    labels = (("model", "m"), ("version", "v"))
    assert list(found.values["tabi_score_bins_total", labels]) == ["le +Inf", "missing"]
    assert found.arrays["tabi_score_bins_total", labels].tolist() == [2, 0]
    assert ("tabi_score_reference_ratio", labels) not in found.arrays
