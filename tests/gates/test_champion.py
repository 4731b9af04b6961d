"""A candidate against the champion, on the rows that neither has learnt from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabi.gates import Candidate
from tabi.gates.champion import champion_gate
from tabi.training.plan import cut_table
from tests.gates.conftest import BINARY, LEAST, Make, loans, released, with_gates

WEAK = BINARY.replace("max_iter: 10", "max_iter: 1, max_depth: 1")


def test_the_first_release_has_nothing_to_beat(candidate: Candidate) -> None:
    found = champion_gate(candidate)
    assert (found.verdict, found.reason) == ("skipped", "there is no champion yet: this is the first release")


def test_a_better_candidate_passes_and_a_worse_one_fails_on_the_same_test_rows(make: Make) -> None:
    weak = released(make(loans(), WEAK, run_id="weak"))
    strong = make(loans(), run_id="strong", champion=weak)
    found = champion_gate(strong)
    assert found.verdict == "pass"
    assert found.figures["own_rows_low"] > 0
    assert found.report is not None
    content = json.loads((strong.folder / found.report).read_bytes())
    (only,) = content["comparisons"]
    assert (only["where"], only["rows"], only["left_out"]) == ("the same test rows", 120, 0)
    assert only["candidate"] == pytest.approx(strong.run.metrics["auc"])
    champion = released(strong)
    worse = make(loans(), WEAK, run_id="worse", champion=champion)
    found = champion_gate(worse)
    assert found.verdict == "fail"
    assert found.figures["own_rows_high"] < 0
    assert "train again, or state gates.champion.tolerance" in found.reason
    assert champion_gate(with_gates(worse, "gates: {champion: {tolerance: 0.5}}\n")).verdict == "pass"


def test_on_new_rows_both_test_sets_are_asked_and_what_was_learnt_from_is_left_out(make: Make) -> None:
    old = make(loans(), WEAK, run_id="old")
    champion = released(old)
    rows = pd.concat([loans(), loans(400, seed=9)])
    found = champion_gate(new := make(rows, run_id="new", champion=champion))
    assert found.report is not None
    content = json.loads((new.folder / found.report).read_bytes())
    own, theirs = content["comparisons"]
    assert (own["where"], theirs["where"]) == ("its own test rows", "the champion's test rows")
    assert own["rows"] + own["left_out"] == 200
    assert theirs["rows"] + theirs["left_out"] == 120
    # the old rows come first in both snapshots
    before, now = cut_table(old.table, old.run.config.split), new.cut
    assert own["left_out"] == len(np.intersect1d(now.test, before.train)) > 0
    assert theirs["left_out"] == len(np.intersect1d(before.test, now.train)) > 0
    assert found.verdict == "pass"
    assert not content["not_compared"]


def test_too_few_rows_that_neither_has_seen_are_said(make: Make) -> None:
    champion = released(make(loans(), run_id="old"))
    found = champion_gate(make(loans(), BINARY + "split: {seed: 1, test_size: 0.05}\n", "new", champion))
    assert found.verdict == "warn"
    assert "that neither has learnt from, fewer than 30" in found.reason


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (LEAST.replace("paid", "sex"), "it predicts 'paid' (binary), this one 'sex' (binary)"),
        (BINARY.replace('"yes"', '"no"'), "its target has other classes"),
    ],
)
def test_a_champion_of_another_question_is_not_compared_with(make: Make, text: str, told: str) -> None:
    champion = released(make(loans(), run_id="old"))
    found = champion_gate(make(loans(), text, "new", champion))
    assert found.verdict == "warn"
    assert told in found.reason


def test_a_champion_with_other_columns_is_asked_where_the_rows_have_them(make: Make) -> None:
    champion = released(make(loans().assign(old=1.0), run_id="old"))
    found = champion_gate(make(loans(seed=1), run_id="new", champion=champion))
    assert found.verdict == "warn"
    assert "its own test rows lack 'old', which one of the two reads" in found.reason
    assert "on the champion's test rows (120)" in found.reason


def test_a_champion_that_nobody_knows_the_rows_of_is_said(make: Make, tmp_path: Path) -> None:
    old = make(loans(), run_id="old")
    untracked = released(old, tracked=False)
    found = champion_gate(make(loans(seed=1), run_id="new", champion=untracked))
    assert found.verdict == "warn"
    assert "its run is not tracked here" in found.reason
    (tmp_path / "store" / "data" / "loans" / f"{old.run.snapshot_digest}.json").unlink()
    found = champion_gate(make(loans(seed=1), run_id="newer", champion=replace(untracked, config=old.run.config)))
    assert found.verdict == "warn"
    assert "is not here, so nobody knows which rows it learnt from" in found.reason


def test_the_same_run_is_not_worse_than_itself(make: Make) -> None:
    champion = released(make(loans(), run_id="old"))
    again = make(loans(seed=1), run_id="again", champion=champion)
    found = champion_gate(replace(again, run=replace(again.run, run_id="old")))
    assert found.verdict == "pass"
    assert "is of this very run" in found.reason


def test_a_champion_that_cannot_be_opened_is_said(candidate: Candidate) -> None:
    found = champion_gate(replace(candidate, fault="model.onnx is missing"))
    assert (found.verdict, found.reason) == ("warn", "the champion cannot be compared with: model.onnx is missing")


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_other_tasks_are_compared_by_their_own_score(make: Make, task: str) -> None:
    frame = loans()
    number = frame["income"] - frame["debt"]
    frame["paid"] = number if task == "regression" else np.digitize(number, [-1, 1])
    text = f"{LEAST}task: {task}\nparams: {{max_iter: 20}}\n"
    champion = released(make(frame, text, "strong"))
    found = champion_gate(make(frame, text.replace("20", "1, max_leaf_nodes: 2"), "weak", champion))
    assert found.verdict == "fail"
    assert found.figures["own_rows_difference"] < 0
