"""Drift on real rows: adult replayed with a column that moved, and a whole `tabi monitor` over a released model."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.drift import NUMBER, RULES, WINDOWS, Replay, alarms, delay, false_alarms, moved, replaced, window_of
from tabi.bundle import Bundle, write_bundle
from tabi.contract.bins import all_bins
from tabi.data import load_table, tensors_of
from tabi.monitoring.evidently_report import write_evidently
from tabi.monitoring.multivariate import columns_of
from tabi.monitoring.question import Asked
from tabi.monitoring.report import monitor
from tabi.monitoring.spans import span_of
from tabi.monitoring.watched import Batch
from tabi.predictions import PredictionLine, PredictionLog, encode_lines
from tabi.project import load_config
from tabi.store import Store
from tabi.training.plan import cut_table
from tabi.workspace import Workspace

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("drift")
    shutil.copytree(ROOT / "projects", root / "projects")
    return Workspace.find(root, {"TABI_HOME": str(root)})


@pytest.fixture(scope="module")
def replay(workspace: Workspace, openml_cache: Path) -> Replay:
    """The test set of adult against the contract of all its rows."""
    config = load_config(workspace, "adult")
    table = load_table(replace(workspace, data_cache=openml_cache), config)
    tensors = tensors_of(table.X.iloc[cut_table(table, config.split).test], table.contract)
    count = len(tensors.numeric)
    rows = Batch(np.zeros(count), columns_of(tensors, table.contract), [None] * count, np.zeros(count))
    return Replay(rows, all_bins(table.contract), table.contract)


def test_of_200_clean_windows_at_most_one_in_a_hundred_alarms(replay: Replay) -> None:
    for size in (200, 1000):
        assert false_alarms(replay, size) <= WINDOWS * RULES.alpha


def test_a_shift_is_seen_the_sooner_the_larger_it_is(replay: Replay) -> None:
    spread = float(np.nanstd(np.asarray(replay.rows.columns[NUMBER])))
    found = {size: delay(replay, NUMBER, moved(size, spread), repeats=5, most=10)[0] for size in (0.0, 0.25, 1.0)}
    assert found[0.0] == []
    assert found[0.25] == found[1.0] == [1] * 5
    assert delay(replay, "workclass", replaced(0.2), repeats=5, most=10)[0] == [1] * 5


def test_only_what_moved_is_named(replay: Replay) -> None:
    columns = window_of(replay, 1000, np.random.default_rng(4), moved(0.5, 13.0))
    assert alarms(columns) == {NUMBER}


def _bundle(workspace: Workspace, name: str, scratch: Path) -> Bundle:
    """A bundle of a project's snapshot and contract; its graph, which `tabi monitor` never runs, is another's."""
    table = load_table(workspace, load_config(workspace, name))
    folder = scratch / name
    shutil.copytree(ROOT / "tests" / "golden" / "format-2", folder)
    before = Bundle.open(folder).manifest
    (folder / "schema.json").write_bytes(table.contract.to_json())
    write_bundle(
        folder,
        name=name,
        created=before.created,
        git_commit=before.git_commit,
        run=before.run,
        snapshot=table.snapshot.digest,
        environment=before.environment,
        runtime=before.runtime,
    )
    store = Store(workspace.models)
    store.set_latest(name, store.put_bundle(folder), None)
    return Bundle.open(store.resolve(name))


def _rows(workspace: Workspace, bundle: Bundle) -> list[PredictionLine]:
    """Rows nearly the snapshot's own, in which the first column is as it was but no longer goes with the others."""
    table = load_table(workspace, load_config(workspace, bundle.name), bundle.manifest.snapshot)
    random = np.random.default_rng(1)
    numbers = tensors_of(table.X, bundle.contract()).numeric
    numbers *= random.normal(1, 0.01, numbers.shape)
    numbers[:, 0] = random.permutation(numbers[:, 0])
    now = time.time() - 60
    return [
        PredictionLine(f"r{row}", 0, now, bundle.name, bundle.id, values, "1", 0.6, [], 1.0)
        for row, values in enumerate(numbers.tolist())
    ]


def test_monitor_compares_with_the_snapshot_that_the_bundle_was_made_of(workspace: Workspace, tmp_path: Path) -> None:
    bundle = _bundle(workspace, "breast_cancer", tmp_path)
    lines = _rows(workspace, bundle)
    log = PredictionLog(workspace.predictions, 0)
    assert log.append(encode_lines(lines), len(lines))
    log.close()
    asked = Asked(bundle.name, span_of("1h", "--since"))
    sections = monitor(workspace, asked).sections
    # each column by itself is as it was, as far as so few rows can tell
    assert sections["drift"].verdict == "not judged"
    assert {column["status"] for column in sections["drift"].figures["columns"]} == {"few rows"}
    together = sections["together"]
    assert together.figures["rows"] == together.figures["reference_rows"] == len(lines)
    assert together.verdict == "warn"
    first = bundle.contract().columns[0].name
    assert next(iter(together.figures["columns"])) == first
    page = tmp_path / "evidently.html"
    write_evidently(workspace, asked, page)
    text = page.read_text(encoding="utf-8")
    assert "<html" in text
    assert first in text
