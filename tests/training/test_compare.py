import json
from dataclasses import replace
from typing import Any

import pytest

from tabi.errors import NotFoundError
from tabi.training.compare import Sides, compare_runs, table_of


@pytest.mark.system
def test_a_run_and_the_same_run_again_do_not_differ(trained: Any) -> None:
    sides = compare_runs(trained.workspace, trained.run.run_id, trained.again.run_id[:12])
    assert sides.runs == (trained.run.run_id, trained.again.run_id)
    assert sides.differences() == {}
    *_, last = table_of(sides)
    assert json.loads(last) == {"runs": list(sides.runs), "equal": True, "differences": {}}
    for part in ("parameters", "metrics", "data", "code", "environment"):
        one, other = sides.parts[part]
        assert one == other
        assert one
    assert sides.parts["metrics"][0].items() >= trained.run.metrics.items()
    assert "scikit-learn" in sides.parts["environment"][0]


def test_differences_come_first_and_what_is_absent_is_shown() -> None:
    parts: Any = {
        "parameters": ({"same": "1", "depth": "3"}, {"same": "1", "C": "0.5"}),
        "metrics": ({"auc": 0.9}, {"auc": 0.8}),
        "environment": ({"numpy": "2"}, {"numpy": "2"}),
    }
    lines = list(table_of(Sides(("a", "b"), parts)))
    assert lines[:6] == [
        "runs  a  b",
        "parameters: 2 differ",
        "  C      -  0.5",
        "  depth  3  -",
        "metrics: 1 differ",
        "  auc  0.9  0.8",
    ]
    assert lines[6:-1] == ["parameters: 1 equal", "  same  1", "environment: 1 equal"]
    assert json.loads(lines[-1])["differences"] == {
        "parameters": {"C": [None, "0.5"], "depth": ["3", None]},
        "metrics": {"auc": [0.9, 0.8]},
    }


@pytest.mark.system
def test_a_project_stands_for_its_latest_run_and_anything_else_is_not_found(trained: Any) -> None:
    sides = compare_runs(trained.workspace, "breast_cancer", trained.run.run_id)
    assert sides.runs == (trained.again.run_id, trained.run.run_id)
    for reference in ("nothing", trained.run.run_id[:3], ""):
        with pytest.raises(NotFoundError, match="there is no finished run"):
            compare_runs(trained.workspace, "breast_cancer", reference)


def test_a_beginning_that_several_runs_share_is_refused(trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tabi.training.compare.PREFIX", 0)
    with pytest.raises(NotFoundError, match=r"\d+ runs begin with ''"):
        compare_runs(replace(trained.workspace), "", "breast_cancer")
