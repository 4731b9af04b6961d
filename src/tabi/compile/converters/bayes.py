"""Naive Bayes: log probabilities that add up over the columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB

from tabi.compile.converters.trees import note_thresholds
from tabi.compile.graph import Graph, Lanes, Scores
from tabi.compile.operators import affine, as_double, as_index, from_joint
from tabi.compile.registry import converts, numbers_only


@converts(GaussianNB)
def _gaussian(estimator: GaussianNB, graph: Graph, lanes: Lanes, path: str) -> Scores:
    """Classes stay apart until the end, as in scikit-learn: numbers far from all means round alike."""
    values = graph.pack(numbers_only(estimator, lanes, path))
    wide = graph.add("Unsqueeze", [values, graph.constant([1], np.int64)])
    distance = graph.add("Sub", [wide, graph.constant(estimator.theta_[None])])
    squares = graph.add("Div", [graph.add("Mul", [distance, distance]), graph.constant(estimator.var_[None])])
    total = graph.add("MatMul", [squares, graph.constant(np.ones((len(lanes), 1)))])
    total = graph.add("Squeeze", [total, graph.constant([2], np.int64)])
    halved = graph.add("Mul", [total, graph.constant(-0.5)])
    fixed = np.log(estimator.class_prior_) - 0.5 * np.log(2.0 * np.pi * estimator.var_).sum(axis=1)
    return _scores(graph, graph.add("Add", [halved, graph.constant(fixed[None, :])]), estimator)


@converts(MultinomialNB)
def _multinomial(estimator: MultinomialNB, graph: Graph, lanes: Lanes, path: str) -> Scores:
    values = graph.pack(numbers_only(estimator, lanes, path))
    joint = affine(graph, values, estimator.feature_log_prob_.T, estimator.class_log_prior_)
    return _scores(graph, joint, estimator)


@converts(ComplementNB)
def _complement(estimator: ComplementNB, graph: Graph, lanes: Lanes, path: str) -> Scores:
    values = graph.pack(numbers_only(estimator, lanes, path))
    joint, classes = affine(graph, values, estimator.feature_log_prob_.T), len(estimator.classes_)
    scores = _scores(graph, joint, estimator)
    if classes != 2 or scores.probability is None:
        return scores
    # where the joint of the second class overflows upwards, scikit-learn gives NaN
    upwards = graph.add("Relu", [joint])
    overflow = graph.add("Sub", [upwards, upwards])
    second = graph.add("Gather", [overflow, graph.constant([1], np.int64)], axis=1)
    return Scores(graph.add("Add", [scores.probability, second]))


@converts(BernoulliNB)
def _bernoulli(estimator: BernoulliNB, graph: Graph, lanes: Lanes, path: str) -> Scores:
    values = graph.pack(numbers_only(estimator, lanes, path))
    if estimator.binarize is not None:
        for i in range(len(lanes)):
            note_thresholds(graph, lanes, i, [float(estimator.binarize)])
        values = as_double(graph, graph.add("Greater", [values, graph.constant(float(estimator.binarize))]))
    negative = np.log(1 - np.exp(estimator.feature_log_prob_))
    fixed = estimator.class_log_prior_ + negative.sum(axis=1)
    return _scores(graph, affine(graph, values, (estimator.feature_log_prob_ - negative).T, fixed), estimator)


@converts(CategoricalNB)
def _categorical(estimator: CategoricalNB, graph: Graph, lanes: Lanes, path: str) -> Scores:
    """One table of log probabilities for all columns. A code that the fit did not see has none: NaN."""
    counts = np.array([table.shape[1] for table in estimator.feature_log_prob_])
    starts = np.concatenate([[0], np.cumsum(counts + 1)[:-1]])
    unknown = np.full((1, len(estimator.classes_)), np.nan)
    table = np.concatenate([part for log in estimator.feature_log_prob_ for part in (log.T, unknown)])
    codes = as_index(graph, graph.pack(numbers_only(estimator, lanes, path)))
    known = graph.add(
        "And",
        [
            graph.add("GreaterOrEqual", [codes, graph.constant(0, np.int64)]),
            graph.add("Less", [codes, graph.constant(counts[None, :], np.int64)]),
        ],
    )
    places = graph.add("Where", [known, codes, graph.constant(counts[None, :], np.int64)])
    places = graph.add("Add", [places, graph.constant(starts[None, :], np.int64)])
    found = graph.add("Transpose", [graph.add("Gather", [graph.constant(table), places], axis=0)], perm=[0, 2, 1])
    total = graph.add("MatMul", [found, graph.constant(np.ones((len(lanes), 1)))])
    total = graph.add("Squeeze", [total, graph.constant([2], np.int64)])
    return _scores(graph, graph.add("Add", [total, graph.constant(estimator.class_log_prior_[None, :])]), estimator)


def _scores(graph: Graph, joint: str, estimator: Any) -> Scores:
    return from_joint(graph, joint, len(estimator.classes_))
