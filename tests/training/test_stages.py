from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from tabi.training.cost import serving_cost, serving_costs
from tabi.training.stages import stage_parameter, stage_predictions
from tabi.training.tasks import BINARY

X = np.random.default_rng(0).normal(size=(120, 4))
Y = (X[:, 0] + np.random.default_rng(1).normal(size=120) > 0).astype(np.int8)
TREE, LINE = DecisionTreeClassifier(max_depth=3), LogisticRegression()
STAGED = [
    (HistGradientBoostingClassifier(max_iter=9, early_stopping=False, max_features=0.5, random_state=1), [2, 9]),
    (GradientBoostingClassifier(n_estimators=9, subsample=0.7, random_state=1), [2, 9]),
    (RandomForestClassifier(9, random_state=1), [2, 9]),
    (ExtraTreesClassifier(9, random_state=1), [2, 9]),
    (VotingClassifier([("a", TREE), ("b", LINE)], voting="soft"), [[1, 1], [2, 1], [1, 3]]),
]


@pytest.mark.parametrize(("clf", "values"), STAGED, ids=lambda value: type(value).__name__)
def test_what_is_read_off_one_fit_is_to_the_last_digit_what_a_fit_alone_gives(clf: Any, values: list[Any]) -> None:
    stage = stage_parameter(clf)
    assert stage is not None
    fitted = clone(clf).fit(X, Y)
    read = stage_predictions(BINARY, fitted, X, values)
    read_costs = serving_costs(fitted, stage, values)
    for value, probability, cost in zip(values, read, read_costs, strict=True):
        alone = clone(clf).set_params(**{stage: value}).fit(X, Y)
        assert np.array_equal(probability, alone.predict_proba(X)[:, 1])
        assert cost == pytest.approx(serving_cost(alone))


@pytest.mark.parametrize(
    "clf",
    [
        HistGradientBoostingClassifier(early_stopping=True),
        GradientBoostingClassifier(n_iter_no_change=3),
        RandomForestClassifier(warm_start=True),
        VotingClassifier([("a", LINE)], voting="hard"),
        LINE,
    ],
)
def test_an_estimator_whose_values_each_need_a_fit_has_no_stage(clf: Any) -> None:
    assert stage_parameter(clf) is None
