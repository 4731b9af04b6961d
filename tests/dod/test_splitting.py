"""The conditions of experiments, from the records that `tabi experiment` writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabi.dod import CONDITIONS, Judged
from tabi.dod.evaluate import judge
from tabi.dod.facts import Facts
from tabi.evidence import Record, Verdict, append
from tabi.workspace import Workspace

NAME = "shop"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.find(tmp_path, {})


def told(workspace: Workspace, kind: str, verdict: Verdict, experiment: str = "experiment-1", **figures: str) -> None:
    record = Record(kind=kind, subject=NAME, verdict=verdict, inputs={"experiment": experiment}, figures=figures)
    append(workspace.evidence, record)


def one(workspace: Workspace, key: str) -> Judged:
    return judge(Facts(workspace, NAME), CONDITIONS[key])


def test_history_is_kept_when_an_experiment_that_began_has_ended(workspace: Workspace) -> None:
    assert one(workspace, "experiment_history_kept").status == "missing"
    told(workspace, "experiment", "begun")
    found = one(workspace, "experiment_history_kept")
    assert (found.status, found.command) == ("missing", "tabi experiment stop shop --back --reason …")
    assert found.text == "experiment-1 has begun, and its end is not kept yet"
    told(workspace, "experiment", "pass", decision="new", reason="it sells more")
    found = one(workspace, "experiment_history_kept")
    assert (found.status, found.text) == ("done", "experiment-1: new, it sells more")
    # the next one counts from its start
    told(workspace, "experiment", "begun", "experiment-2")
    assert one(workspace, "experiment_history_kept").status == "missing"


def test_an_end_whose_start_nobody_kept_is_no_history(workspace: Workspace) -> None:
    told(workspace, "experiment", "begun", "experiment-1")
    told(workspace, "experiment", "pass", "experiment-2")
    assert one(workspace, "experiment_history_kept").status == "failing"


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("split_exact", "experiment-split"),
        ("significance_computed", "experiment-result"),
        ("business_metric_measurable", "experiment-metric"),
    ],
)
def test_what_a_status_computed_is_done_until_a_later_one_fails(workspace: Workspace, key: str, kind: str) -> None:
    assert one(workspace, key).status == "missing"
    told(workspace, kind, "pass")
    assert one(workspace, key).status == "done"
    told(workspace, kind, "fail", reason="units are not split 1/1")
    found = one(workspace, key)
    assert found.status == "failing"
    assert "units are not split 1/1" in found.text
