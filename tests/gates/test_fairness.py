"""What the model does to groups, against fairlearn's own figures and the project's bounds."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference

from tabi.errors import ConfigError
from tabi.gates import Candidate
from tabi.gates.fairness import fairness_gate
from tabi.gates.groups import grouped
from tests.gates.conftest import LEAST, Make, loans, with_gates

SEX = "fairness: {sensitive: [sex], least_rows: 20, least_positives: 5"


def report_of(candidate: Candidate) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((candidate.folder / "reports" / "fairness.json").read_bytes())
    return found


def test_without_a_sensitive_column_there_is_nothing_to_judge(candidate: Candidate) -> None:
    found = fairness_gate(candidate)
    assert (found.verdict, found.reason) == ("skipped", "fairness.sensitive names no column")


def test_the_differences_are_fairlearn_s_own(candidate: Candidate) -> None:
    named = with_gates(candidate, SEX + "}\n")
    fairness_gate(named)
    y, decided = named.test.y, named.prediction >= 0.5
    sex = named.test.X["sex"]
    (column,) = report_of(named)["columns"]
    found = column["outcomes"][0]["differences"]
    parity = demographic_parity_difference(y, decided, sensitive_features=sex)
    assert found["demographic_parity"]["value"] == pytest.approx(parity)
    assert parity > 0.2
    assert found["demographic_parity"]["low"] < parity < found["demographic_parity"]["high"]
    odds = equalized_odds_difference(y, decided, sensitive_features=sex)
    assert found["equalized_odds"]["value"] == pytest.approx(odds)


def test_a_bound_stops_another_only_warns_and_none_is_said(candidate: Candidate) -> None:
    unbounded = fairness_gate(with_gates(candidate, SEX + "}\n"))
    assert unbounded.verdict == "warn"
    assert "no bound is stated" in unbounded.reason
    assert unbounded.figures["sex_demographic_parity"] > 0.2
    assert unbounded.report == "reports/fairness.html"
    warned = fairness_gate(with_gates(candidate, SEX + ", demographic_parity: {warn: 0.1, fail: 0.9}}\n"))
    assert warned.verdict == "warn"
    assert warned.reason.startswith("demographic parity by sex 0.")
    stopped = fairness_gate(with_gates(candidate, SEX + ", demographic_parity: {warn: 0.1, fail: 0.2}}\n"))
    assert stopped.verdict == "fail"
    passed = fairness_gate(with_gates(candidate, SEX + ", demographic_parity: {fail: 0.9}}\n"))
    assert passed.verdict == "pass"


def test_a_small_group_is_shown_and_not_judged(candidate: Candidate) -> None:
    named = with_gates(candidate, "fairness: {sensitive: [group], least_rows: 20, least_positives: 5}\n")
    found = fairness_gate(named)
    assert "not judged, fewer than 20 rows: group z" in found.reason
    groups = {each["group"]: each for each in report_of(named)["columns"][0]["outcomes"][0]["groups"]}
    assert groups["z"]["small"]
    assert groups["z"]["judged"] == []
    rates = {name: each["selection_rate"]["value"] for name, each in groups.items()}
    assert found.figures["group_demographic_parity"] == pytest.approx(abs(rates["x"] - rates["y"]))


def test_a_dropped_column_is_compared_though_the_model_does_not_see_it(make: Make) -> None:
    blind = make(loans(), f"drop: [sex]\n{SEX}}}\n")
    found = fairness_gate(blind)
    assert "sex" not in blind.table.X.columns
    (column,) = report_of(blind)["columns"]
    assert sum(each["rows"] for each in column["outcomes"][0]["groups"]) == len(blind.test.y)
    assert found.figures["sex_demographic_parity"] < 0.2


def test_one_group_alone_cannot_be_judged_and_a_bound_on_it_warns(make: Make) -> None:
    alone = make(loans().assign(sex="f"), SEX + ", demographic_parity: {fail: 0.1}}\n")
    found = fairness_gate(alone)
    assert found.verdict == "warn"
    assert "demographic parity by sex cannot be judged" in found.reason
    assert report_of(alone)["columns"][0]["outcomes"][0]["differences"]["auc"]["value"] is None


def test_a_group_of_one_class_has_no_rate_among_the_other(make: Make) -> None:
    frame = loans()
    never = make(frame.assign(paid=frame["paid"].where(frame["sex"] == "m", "no")), SEX + "}\n")
    found = fairness_gate(never)
    groups = {each["group"]: each for each in report_of(never)["columns"][0]["outcomes"][0]["groups"]}
    assert groups["f"]["tpr"] == groups["f"]["auc"] == {"value": None, "low": None, "high": None}
    assert groups["f"]["fpr"]["value"] is not None
    assert "sex_equalized_odds" not in found.figures


def test_every_class_of_several_is_an_outcome(make: Make) -> None:
    frame = loans()
    frame["paid"] = np.digitize(frame["income"] + (frame["sex"] == "m"), [-0.5, 1])
    text = f"{LEAST}task: multiclass\nparams: {{max_iter: 5}}\n{SEX}, demographic_parity: {{fail: 0.15}}}}\n"
    several = make(frame, text)
    found = fairness_gate(several)
    outcomes = report_of(several)["columns"][0]["outcomes"]
    assert [each["outcome"] for each in outcomes] == ["0", "1", "2"]
    for group in range(2):
        shares = [each["groups"][group]["selection_rate"]["value"] for each in outcomes]
        assert sum(shares) == pytest.approx(1)
    assert found.verdict == "fail"
    assert "demographic parity by sex, 0 0." in found.reason or "demographic parity by sex, 2 0." in found.reason


def test_of_numbers_the_means_are_compared_and_odds_do_not_apply(make: Make) -> None:
    frame = loans()
    frame["paid"] = 100 * (frame["income"] + (frame["sex"] == "m"))
    text = (
        f"{LEAST}params: {{max_iter: 20}}\n{SEX}, demographic_parity: {{fail: 0.5}}, equalized_odds: {{fail: 0.1}}}}\n"
    )
    numbers = make(frame, text)
    found = fairness_gate(numbers)
    outcome = report_of(numbers)["columns"][0]["outcomes"][0]
    means = [each["mean_prediction"]["value"] for each in outcome["groups"]]
    assert found.figures["sex_demographic_parity"] == pytest.approx(
        abs(means[0] - means[1]) / np.std(numbers.test.y), rel=1e-6
    )
    assert outcome["differences"]["equalized_odds"]["value"] is None
    assert found.verdict == "fail"


def test_the_page_is_one_file_with_plots_and_names_are_text(make: Make) -> None:
    frame = loans().assign(sex=lambda f: f["sex"].replace({"m": "<b>m</b>", "f": "女性"}))
    named = make(frame, SEX + "}\n")
    found = fairness_gate(named)
    assert found.report is not None
    first = (named.folder / found.report).read_text(encoding="utf-8")
    assert "&lt;b&gt;m&lt;/b&gt;" in first
    assert "<b>m" not in first
    assert "女性" in first
    assert len(re.findall(r'src="data:image/png;base64,', first)) == 1
    assert "http" not in first
    fairness_gate(named)
    assert (named.folder / found.report).read_text(encoding="utf-8") == first


@pytest.mark.parametrize("name", ["nothing", "paid"])
def test_a_column_that_cannot_be_compared_is_refused(candidate: Candidate, name: str) -> None:
    with pytest.raises(ConfigError, match=f"fairness.sensitive: '{name}' is no column of the rows beside the target"):
        fairness_gate(with_gates(candidate, f"fairness: {{sensitive: [{name}]}}\n"))


def test_numbers_are_cut_into_quarters_and_what_is_missing_is_a_group() -> None:
    numbers = pd.Series([*np.arange(100.0), np.nan])
    found = grouped("age", numbers)
    assert found.names == ("up to 24.75", "24.75 to 49.5", "49.5 to 74.25", "above 74.25", "missing")
    assert np.bincount(found.place).tolist() == [25, 25, 25, 25, 1]
    assert grouped("few", pd.Series([1.0, 2.0, 1.0])).names == ("1", "2")
    assert grouped("none", pd.Series([np.nan, np.nan])).names == ("missing",)


def test_a_column_of_names_is_no_column_of_groups() -> None:
    with pytest.raises(ConfigError, match="column 'name' has 101 groups, more than 100"):
        grouped("name", pd.Series([f"n{i}" for i in range(101)], dtype=object))
