"""Leaks: no row later than one that is predicted, no group on both sides, in the test cut, the folds and every rung."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, TimeSeriesSplit

from tabi.contract import Contract, NumericColumn, Target
from tabi.data import Table
from tabi.errors import ConfigError, DataError
from tabi.project import CalibrationConfig, EvaluationConfig, SearchConfig, SplitConfig
from tabi.project.config import CalibrationMethod, Mode, SplitKind
from tabi.training.fitting import fit_table
from tabi.training.plan import Plan, cut_table, plan_of
from tabi.training.progress import Quiet
from tabi.training.rules import RULES
from tabi.training.split import cut
from tabi.training.tasks import TASKS
from tabi.training.threshold import choose_threshold

TARGETS = {
    "binary": Target("y", ("no", "yes")),
    "multiclass": Target("y", ("a", "b", "c"), task="multiclass"),
    "regression": Target("y", (), task="regression"),
}
TASK = pytest.mark.parametrize("task", list(TARGETS))
TIME, GROUP = SplitKind.time, SplitKind.group


def table(task: Any, by: Any, rows: int = 400, seed: int = 0) -> Table:
    """Rows whose target is drawn, so that every class is everywhere; `by` orders or groups them."""
    rng = np.random.default_rng(seed)
    y: Any = {
        "binary": rng.integers(0, 2, rows).astype(np.int8),
        "multiclass": rng.integers(0, 3, rows),
        "regression": rng.normal(size=rows),
    }[task]
    X = pd.DataFrame({"a": y + rng.normal(size=rows), "b": rng.normal(size=rows)})
    contract = Contract("t", (NumericColumn("a"), NumericColumn("b")), TARGETS[task])
    return Table(contract, X, y, None, by=pd.Series(by, name="when"))  # type: ignore[arg-type]


def split_of(kind: SplitKind, **values: Any) -> SplitConfig:
    return SplitConfig(kind=kind, column="when", **values)


def held_apart(kind: SplitKind, learnt: Any, predicted: Any) -> bool:
    """Whether the rule holds between the values of two sides."""
    return bool(max(learnt) < min(predicted)) if kind is TIME else not set(learnt) & set(predicted)


@TASK
@pytest.mark.parametrize("kind", [TIME, GROUP])
def test_test_rows_folds_and_folds_of_every_rung_are_cut_by_the_rule(kind: SplitKind, task: Any) -> None:
    values = np.random.default_rng(1).integers(0, 40, 400)
    rows = table(task, values)
    plan = plan_of(rows, split_of(kind))
    found = plan.cut(rows.y, split_of(kind))
    assert sorted([*found.train, *found.test]) == list(range(400))
    assert held_apart(kind, values[found.train], values[found.test])
    assert abs(len(found.test) - 80) < 20
    own, y, known = plan.take(found.train), rows.y[found.train], values[found.train]
    for sample in own.subsamples(y, [100, 200, len(y)], 0):
        for train, valid in own.take(sample).folds(y[sample], 4, 0):
            assert min(len(train), len(valid)) > 0
            assert held_apart(kind, known[sample][train], known[sample][valid])


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(list(TARGETS)), st.integers(60, 300), st.integers(12, 60), st.integers(2, 4), st.integers(0, 99))
def test_whatever_the_rows_nothing_leaks_or_the_cut_is_refused(
    task: Any, rows: int, values: int, folds: int, seed: int
) -> None:
    by = np.random.default_rng(seed).integers(0, values, rows)
    some = table(task, by, rows, seed)
    for kind in (TIME, GROUP):
        plan = plan_of(some, split_of(kind))
        try:
            found = plan.cut(some.y, split_of(kind, seed=seed))
            each = plan.take(found.train).folds(some.y[found.train], folds, seed)
        except DataError:
            continue
        assert held_apart(kind, by[found.train], by[found.test])
        assert all(held_apart(kind, by[found.train][t], by[found.train][v]) for t, v in each)


def test_folds_in_time_are_scikit_learn_s_own_over_rows_in_their_order() -> None:
    moments = np.random.default_rng(0).permutation(400)
    rows = table("regression", moments)
    order = np.argsort(moments)
    found = plan_of(rows, split_of(TIME)).folds(rows.y, 5, 0)
    for (train, valid), (first, later) in zip(found, TimeSeriesSplit(5).split(order), strict=True):
        assert train.tolist() == order[first].tolist()
        assert valid.tolist() == order[later].tolist()


@pytest.mark.parametrize(("task", "expected"), [("binary", StratifiedGroupKFold), ("regression", GroupKFold)])
def test_folds_of_groups_are_scikit_learn_s_own(task: Any, expected: Any) -> None:
    groups = np.random.default_rng(0).integers(0, 30, 400)
    rows = table(task, groups)
    splitter = expected(5, shuffle=True, random_state=3)
    found = plan_of(rows, split_of(GROUP)).folds(rows.y, 5, 3)
    for (train, _), (other, _) in zip(found, splitter.split(rows.X, rows.y, groups), strict=True):
        assert train.tolist() == other.tolist()


def test_rows_of_one_time_stay_on_one_side() -> None:
    days = np.repeat(np.arange(20), 20)
    rows = table("binary", days)
    plan = plan_of(rows, split_of(TIME))
    found = plan.cut(rows.y, split_of(TIME, test_size=0.23))
    assert set(days[found.test]) == {15, 16, 17, 18, 19}
    assert set(days[found.train]) == set(range(15))
    assert all(days[train].max() < days[valid].min() for train, valid in plan.folds(rows.y, 3, 0))


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.3, 0.5, 0.9])
def test_the_share_of_whole_groups_is_near_what_is_asked(share: float) -> None:
    groups = np.random.default_rng(0).integers(0, 100, 2000)
    found = cut_table(table("binary", groups, 2000), split_of(GROUP, test_size=share))
    assert abs(len(found.test) / 2000 - share) < 0.02


def test_dates_are_ordered_by_time_whatever_their_precision_and_zone() -> None:
    texts = ["2024-03-01T09:00:00+09:00", "2024-03-01T00:30:00Z", "2024-02-29", "2023-12-31"] * 100
    plan = plan_of(table("binary", texts), split_of(TIME))
    assert plan.by is not None
    assert plan.by[:4].tolist() == [2, 3, 1, 0]


@pytest.mark.parametrize(
    ("kind", "values", "says"),
    [
        (TIME, ["31/12/2024"] * 400, "holds texts that are no times"),
        (TIME, [np.nan, *range(399)], "1 rows have no value in split.column 'when'"),
        (TIME, ["2024-01-01", None, *["2024-01-02"] * 398], "1 rows have no value in split.column 'when'"),
        (TIME, [7] * 400, "one time only"),
        (GROUP, ["one"] * 400, "one group only"),
        (GROUP, [*["a", "b", "c"] * 133, "a"], "groups, .* too few for 5 folds"),
        (GROUP, [np.nan, *range(399)], "1 rows have no value"),
    ],
)
def test_a_column_that_cannot_order_or_group_rows_is_refused_with_advice(
    kind: SplitKind, values: list[Any], says: str
) -> None:
    rows = table("binary", values)
    with pytest.raises(DataError, match=says) as caught:  # noqa: PT012 - whichever of them comes first
        plan = plan_of(rows, split_of(kind))
        found = plan.cut(rows.y, split_of(kind))
        plan.take(found.train).folds(rows.y[found.train], 5, 0)
    assert "31/12" not in str(caught.value)


def test_a_split_without_a_column_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"needs split\.column"):
        plan_of(replace(table("binary", range(400)), by=None), SplitConfig(kind=TIME))


def test_a_side_that_lacks_a_class_is_named() -> None:
    rows = table("binary", range(400))
    rows.y[:] = np.arange(400) >= 360
    with pytest.raises(DataError, match=r"the test rows, cut by time.* leave 1 of 2 classes among the training rows"):
        cut_table(rows, split_of(TIME))
    rows.y[:] = np.arange(400) % 2 * (np.arange(400) > 200)
    with pytest.raises(DataError, match="fold 0 in time leave 1 of 2 classes"):
        plan_of(rows, split_of(TIME)).folds(rows.y, 5, 0)


def test_a_random_plan_is_the_cut_at_random() -> None:
    rows = table("binary", range(400))
    assert plan_of(rows, SplitConfig()) == Plan(TASKS["binary"])
    assert cut_table(rows, SplitConfig()).test.tolist() == cut(rows.y, SplitConfig()).test.tolist()


def search() -> SearchConfig:
    return SearchConfig(mode=Mode.full, jobs=1, folds=3, space={"max_iter": [5], "max_leaf_nodes": [4]})


@TASK
def test_rows_that_no_fold_in_time_held_out_have_no_prediction_and_choose_no_threshold(
    task: Any, config_of: Any
) -> None:
    moments = np.random.default_rng(0).permutation(400)
    rows, config = table(task, moments), config_of(split=split_of(TIME), search=search())
    fitted = fit_table(rows, config, Quiet())
    known = ~np.isnan(fitted.out_of_fold.reshape(320, -1)).any(axis=1)
    assert known.sum() == 240
    learnt = fitted.cut.train
    assert moments[learnt][~known].max() < moments[learnt][known].min()
    assert all(np.isfinite(list(fitted.metrics.values())))
    if task == "binary":
        assert fitted.threshold == choose_threshold(rows.y[learnt][known], fitted.out_of_fold[known], config.threshold)
    else:
        assert fitted.threshold is None


def test_what_only_tells_the_group_is_worth_nothing_where_groups_are_apart(config_of: Any) -> None:
    """Each group has a class and a code of its own: with rows of a group on both sides the score would be 1."""
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 60, 600)
    rows = table("binary", groups, 600)
    rows.y[:] = rng.integers(0, 2, 60)[groups]
    rows = replace(rows, X=pd.DataFrame({"a": rng.normal(size=60)[groups], "b": rng.normal(size=600)}))
    quick = SearchConfig(mode=Mode.full, jobs=1, folds=3, space={"max_iter": [100]})
    apart = fit_table(rows, config_of(split=split_of(GROUP), search=quick), Quiet())
    mixed = fit_table(rows, config_of(search=quick), Quiet())
    assert mixed.search.score > 0.9
    assert apart.search.score < 0.7


def test_probabilities_are_calibrated_by_whole_groups_and_not_in_time(config_of: Any) -> None:
    groups = np.random.default_rng(0).integers(0, 30, 400)
    calibration = CalibrationConfig(method=CalibrationMethod.sigmoid, folds=3)
    config = config_of(split=split_of(GROUP), search=search(), calibration=calibration)
    fitted = fit_table(table("binary", groups), config, Quiet())
    clf = fitted.pipeline.named_steps["clf"]
    assert isinstance(clf, CalibratedClassifierCV)
    own = groups[fitted.cut.train]
    assert all(not set(own[train]) & set(own[valid]) for train, valid in clf.cv.split())
    for kind, task, says in (
        (TIME, "binary", "split by time cannot be calibrated"),
        (SplitKind.random, "regression", "no probability to calibrate"),
    ):
        with pytest.raises(ConfigError, match=says):
            fit_table(table(task, range(400)), replace(config, split=split_of(kind)), Quiet())


def test_folds_in_time_are_not_repeated_and_those_of_groups_are(config_of: Any) -> None:
    config = config_of(split=split_of(TIME), search=search(), evaluation=EvaluationConfig(repeats=1, folds=3))
    with pytest.raises(ConfigError, match=r"evaluation\.repeats"):
        fit_table(table("regression", range(400)), config, Quiet())
    metrics = fit_table(
        table("regression", np.arange(400) % 40), replace(config, split=split_of(GROUP)), Quiet()
    ).metrics
    assert {"cv_r2_mean", "cv_r2_std", "cv_r2_se"} <= set(metrics)


def test_every_kind_of_split_has_its_rule() -> None:
    assert set(RULES) == set(SplitKind)
