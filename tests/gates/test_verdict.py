"""What becomes of verdicts."""

from __future__ import annotations

import json

import msgspec
import pytest

from tabi.errors import GateError
from tabi.gates import Override, Verdict, require, to_json
from tabi.gates.verdict import level_above, level_below, worst

LOW = Verdict("metrics", "fail", {"auc": 0.1}, "auc 0.1 is low")


def test_every_failed_gate_is_named_and_the_others_are_let_through() -> None:
    others = [Verdict(word, word, {}, "shown") for word in ("pass", "warn", "skipped", "off", "overridden")]
    require(others, "shop")
    with pytest.raises(GateError, match=r"no bundle of 'shop': gate metrics: auc 0.1 is low; gate size: large"):
        require([LOW, *others, Verdict("size", "fail", {}, "large")], "shop")


def test_verdicts_are_written_with_their_figures_and_read_back() -> None:
    verdicts = [LOW, Verdict("size", "overridden", {}, "large", "reports/size.json", Override("ada", "once"))]
    written = to_json(verdicts)
    assert msgspec.json.decode(written, type=list[Verdict]) == verdicts
    assert json.loads(written)[0] == {
        "gate": "metrics",
        "verdict": "fail",
        "figures": {"auc": 0.1},
        "reason": "auc 0.1 is low",
    }


@pytest.mark.parametrize(
    ("value", "bound", "level"),
    [
        (1, None, "pass"),
        (2, None, "warn"),
        (2, 2, "pass"),
        (2.1, 2, "fail"),
        (0.9, 0.5, "fail"),
        (float("nan"), 9, "fail"),
    ],
)
def test_a_bound_of_the_project_stops_and_the_usual_one_warns(value: float, bound: float | None, level: str) -> None:
    assert level_above(value, bound, usual=1) == level
    assert level_below(-value, None if bound is None else -bound, usual=-1) == level


def test_the_worst_level_counts() -> None:
    assert worst([]) == "pass"
    assert worst(["warn", "pass"]) == "warn"
    assert worst(["warn", "fail", "pass"]) == "fail"
