"""Layer 7: what `tabi monitor` saw of the bundle that answers now."""

from __future__ import annotations

import shutil
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from tabi.dod import CONDITIONS, Judged
from tabi.dod.evaluate import judge
from tabi.dod.facts import Facts
from tabi.evidence import Record, append
from tabi.monitoring.page import write_page
from tabi.monitoring.question import Asked
from tabi.monitoring.report import Report, monitor
from tabi.predictions import PredictionLine, PredictionLog, encode_lines
from tabi.predictions.feedback import FeedbackLine, FeedbackLog
from tabi.store import Store
from tabi.workspace import Workspace

NAME = "shop"
GOLDEN = Path(__file__).parents[1] / "golden" / "format-2"
THREE = ("drift_detected", "abnormal_input_detected", "models_compared_visually")


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    workspace = Workspace.find(tmp_path, {})
    store = Store(workspace.models)
    shutil.copytree(GOLDEN, tmp_path / "bundle" / NAME)
    store.set_latest(NAME, store.put_bundle(tmp_path / "bundle" / NAME), None)
    return workspace


def statuses(workspace: Workspace) -> dict[str, Judged]:
    facts = Facts(workspace, NAME)
    return {key: judge(facts, CONDITIONS[key]) for key in THREE}


def serve(workspace: Workspace, rows: int) -> None:
    """As a server would log rows, half of which are labelled."""
    pointer = Store(workspace.models).latest(NAME)
    assert pointer is not None
    random, begin = np.random.default_rng(1), time.time() - 3600
    lines = [
        PredictionLine(f"r{row}", 0, begin + row, NAME, pointer.id, [30.0, 2.0, "a", "b"], "yes", p, [], 1.0)
        for row, p in enumerate(random.random(rows).tolist())
    ]
    log = PredictionLog(workspace.predictions, 0)
    assert log.append(encode_lines(lines), rows)
    log.close()
    labels = [FeedbackLine(line.id, line.time, NAME, line.time, id=line.id, label="yes") for line in lines[::2]]
    FeedbackLog(workspace.predictions).append(labels)


def look(workspace: Workspace) -> Report:
    return monitor(workspace, Asked(NAME, timedelta(days=1)))


def test_nothing_is_done_before_rows_were_looked_at(home: Workspace) -> None:
    assert {each.status for each in statuses(home).values()} == {"missing"}
    write_page(home, look(home), home.root / "page.html")
    found = statuses(home)
    assert {each.status for each in found.values()} == {"missing"}
    assert found["drift_detected"].text == "no column was judged: there were too few rows"
    assert found["models_compared_visually"].text == "the page shows no model: no row was answered"


def test_rows_and_labels_and_a_page_prove_three_conditions(home: Workspace) -> None:
    serve(home, 400)
    write_page(home, look(home), home.root / "page.html")
    found = statuses(home)
    assert {key: each.status for key, each in found.items()} == dict.fromkeys(THREE, "done")
    assert "drifted" in found["drift_detected"].text
    assert found["models_compared_visually"].text == "1 versions on page.html"


def test_without_labels_the_concept_is_missing(home: Workspace) -> None:
    serve(home, 110)
    look(home)
    assert statuses(home)["drift_detected"].status == "missing"
    assert "the drift of the concept was not looked at" in statuses(home)["drift_detected"].text


def test_what_was_seen_of_another_bundle_is_stale(home: Workspace) -> None:
    serve(home, 400)
    look(home)
    append(home.evidence, Record(kind="drift", subject=NAME, verdict="pass", inputs={"bundle": "f" * 64}, figures={}))
    assert statuses(home)["drift_detected"].status == "stale"
