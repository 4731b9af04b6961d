"""The last step of a pipeline as the numbers of its score. What has no exact explanation is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn import linear_model as models
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.isotonic import IsotonicRegression
from sklearn.svm import LinearSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from tabi.errors import ExplanationError
from tabi.explain import Linear, Link, Trees
from tabi.explain.arrays import pack
from tabi.training.explanation.forest import Forest
from tabi.training.stages import Floats

# the means of the training rows' encoded columns: costly, and only linear models need them
Means = Callable[[], Floats]

HIST = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
BOOSTING = (GradientBoostingClassifier, GradientBoostingRegressor)
FOREST_CLASSIFIERS = (RandomForestClassifier, ExtraTreesClassifier, DecisionTreeClassifier, ExtraTreeClassifier)
FOREST_REGRESSORS = (RandomForestRegressor, ExtraTreesRegressor, DecisionTreeRegressor, ExtraTreeRegressor)
LINEAR_CLASSIFIERS = (models.LogisticRegression, models.LogisticRegressionCV, models.SGDClassifier)
LINEAR_REGRESSORS = (
    models.ARDRegression,
    models.BayesianRidge,
    models.ElasticNet,
    models.ElasticNetCV,
    models.HuberRegressor,
    models.Lasso,
    models.LassoCV,
    models.LinearRegression,
    models.QuantileRegressor,
    models.Ridge,
    models.RidgeCV,
    models.SGDRegressor,
    LinearSVR,
)
LOG_LINEAR = (models.PoissonRegressor, models.GammaRegressor)

_ADVICE = "choose a tree preset or logistic, or set explain: false"
_REFUSED = {
    "MLPClassifier": "a neural network has no exact explanation",
    "MLPRegressor": "a neural network has no exact explanation",
    "StackingClassifier": "a stack has no exact explanation: its last estimator reads probabilities of others",
    "StackingRegressor": "a stack has no exact explanation: its last estimator reads values of others",
    "VotingClassifier": "a vote has no exact explanation: it is a mean of probabilities that are not sums of trees",
    "VotingRegressor": "a vote has no exact explanation here",
}


class Score(NamedTuple):
    """A score as an explanation holds it: `offsets` and `factor` times what the model sums up."""

    link: Link
    scores: int
    offsets: tuple[float, ...]
    model: Trees | Linear
    factor: float = 1.0


def score_of(estimator: Any, path: str, width: int, means: Means) -> Score:
    """The score of a fitted estimator that takes `width` columns; `ExplanationError` if there is no exact one."""
    kind = type(estimator)
    if kind in HIST:
        return _hist(estimator, width)
    if kind in BOOSTING:
        return _boosting(estimator, path, width)
    if kind in FOREST_CLASSIFIERS or kind in FOREST_REGRESSORS:
        return _forest(estimator, path)
    if kind in (*LINEAR_CLASSIFIERS, *LINEAR_REGRESSORS, *LOG_LINEAR):
        return _linear(estimator, path, means)
    if kind is CalibratedClassifierCV:
        return _calibrated(estimator, path, width, means)
    reason = _REFUSED.get(kind.__name__, "this class has no exact explanation here")
    raise _refused(path, estimator, f"{reason}; {_ADVICE}")


def _hist(estimator: Any, width: int) -> Score:
    offsets = tuple(estimator._baseline_prediction.ravel().astype(float).tolist())
    columns, forest = np.arange(width), Forest(narrow=False)
    mask = estimator.is_categorical_
    if mask is not None and mask.any():
        # its trees see the categorical columns first, and these as ranks among the values that it knows
        columns = np.concatenate([np.flatnonzero(mask), np.flatnonzero(~mask)])
        known = estimator._preprocessor.named_transformers_["encoder"].categories_
        numbers = [np.asarray(values, dtype=np.float64) for values in known]
        forest.categories = {
            int(column): tuple(values[~np.isnan(values)].tolist())
            for column, values in zip(np.flatnonzero(mask), numbers, strict=True)
        }
    for iteration in estimator._predictors:
        for target, predictor in enumerate(iteration):
            forest.add_hist(predictor, columns, 1.0, target)
    link: Link = "identity"
    if isinstance(estimator, HistGradientBoostingClassifier):
        link = "logit" if len(offsets) == 1 else "softmax"
    elif estimator.loss in ("poisson", "gamma"):
        link = "log"
    return Score(link, len(offsets), offsets, forest.document())


def _boosting(estimator: Any, path: str, width: int) -> Score:
    if type(estimator.init_) not in (DummyClassifier, DummyRegressor) and not isinstance(estimator.init_, str):
        raise _refused(path, estimator, f"init={type(estimator.init_).__name__} has no exact explanation: leave it out")
    start = estimator._raw_predict_init(np.zeros((1, width), dtype=np.float32)).ravel().astype(np.float64)
    # the exponential loss gives half of the log-odds
    factor = 2.0 if estimator.loss == "exponential" else 1.0
    forest = Forest()
    for stage in estimator.estimators_:
        for target, member in enumerate(stage):
            forest.add(member.tree_, factor * estimator.learning_rate * member.tree_.value[:, 0, :], target)
    link: Link = "identity"
    if isinstance(estimator, GradientBoostingClassifier):
        link = "logit" if len(start) == 1 else "softmax"
    return Score(link, len(start), tuple((factor * start).tolist()), forest.document())


def _forest(estimator: Any, path: str) -> Score:
    if estimator.n_outputs_ != 1:
        raise _refused(path, estimator, "it has more than one target; train one model a target")
    trees = [member.tree_ for member in getattr(estimator, "estimators_", [estimator])]
    values = [tree.value[:, 0, :] / len(trees) for tree in trees]
    if type(estimator) in FOREST_CLASSIFIERS:
        values = [value / tree.value[:, 0, :].sum(axis=1)[:, None] for value, tree in zip(values, trees, strict=True)]
        if len(estimator.classes_) == 2:
            values = [value[:, 1:] for value in values]
    forest = Forest(width=values[0].shape[1])
    for tree, value in zip(trees, values, strict=True):
        forest.add(tree, value)
    # a forest's answer is itself a sum over its trees, so probabilities are explained, not log-odds
    return Score("identity", forest.width, (0.0,) * forest.width, forest.document())


def _linear(estimator: Any, path: str, means: Means) -> Score:
    coefficients = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64))
    scores = len(coefficients)
    offsets = np.broadcast_to(np.asarray(estimator.intercept_, dtype=np.float64), (scores,))
    link: Link = "log" if type(estimator) in LOG_LINEAR else "identity"
    if type(estimator) in LINEAR_CLASSIFIERS:
        link = "logit" if scores == 1 else "softmax"
        if isinstance(estimator, models.SGDClassifier) and (estimator.loss != "log_loss" or scores > 1):
            raise _refused(path, estimator, f"only loss='log_loss' of two classes has an exact explanation; {_ADVICE}")
    elif scores > 1:
        raise _refused(path, estimator, "it has more than one target; train one model a target")
    model = Linear(pack(coefficients, "float64"), pack(means(), "float64"))
    return Score(link, scores, tuple(float(value) for value in offsets), model)


def _calibrated(estimator: CalibratedClassifierCV, path: str, width: int, means: Means) -> Score:
    """A sigmoid over one score of two classes is linear in its log-odds; anything else is not."""
    members = estimator.calibrated_classifiers_
    if len(members) > 1 or len(estimator.classes_) > 2:
        raise _refused(
            path, estimator, f"only one calibrated estimator of two classes has an exact explanation; {_ADVICE}"
        )
    calibrator = members[0].calibrators[0]
    if isinstance(calibrator, IsotonicRegression):
        raise _refused(path, estimator, f"isotonic steps have no exact explanation; use method: sigmoid, or {_ADVICE}")
    inner = score_of(members[0].estimator, path, width, means)
    if inner.link != "logit" and hasattr(members[0].estimator, "decision_function"):
        raise _refused(path, estimator, f"the calibrated decision is not the explained score; {_ADVICE}")
    slope, shift = -float(calibrator.a_), -float(calibrator.b_)
    return Score("logit", 1, (slope * inner.offsets[0] + shift,), inner.model, slope)


def _refused(path: str, estimator: Any, reason: str) -> ExplanationError:
    return ExplanationError(f"step {path!r}: {type(estimator).__name__}: {reason}")
