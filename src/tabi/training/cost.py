"""What a candidate costs to serve: an estimate of the microseconds that its estimator takes for a row.

It is counted, not timed, so that it is the same on every machine: how many nodes of its trees an average training row
passes, and how many numbers a row is multiplied with. Preparing the columns is not in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

# nanoseconds of one node and of one multiplication in the served graph on a server's core
NODE_NS = 5.0
WEIGHT_NS = 0.5


def serving_costs(clf: BaseEstimator, stage: str | None, values: Sequence[Any]) -> list[float]:
    """Estimated µs a row of the fitted estimator at each value of its stage parameter; NaN if it is of another kind."""
    passed = _nodes_by_tree(clf)
    if stage in ("max_iter", "n_estimators") and passed is not None:
        total = np.cumsum(passed) * NODE_NS / 1000
        return [float(total[min(size, len(total)) - 1]) for size in values]
    return [serving_cost(clf)] * len(values)


def serving_cost(clf: Any) -> float:
    """Estimated µs a row of a fitted estimator, of its members where it has some; NaN for one of another kind."""
    passed = _nodes_by_tree(clf)
    if passed is not None:
        return float(sum(passed)) * NODE_NS / 1000
    if hasattr(clf, "coefs_"):  # layers of a network
        return float(sum(layer.size for layer in clf.coefs_)) * WEIGHT_NS / 1000
    if hasattr(clf, "coef_"):
        return float(np.size(clf.coef_)) * WEIGHT_NS / 1000
    if hasattr(clf, "regressor_"):  # of a target that is scaled
        return serving_cost(clf.regressor_)
    if hasattr(clf, "steps"):
        return serving_cost(clf.steps[-1][1])
    if hasattr(clf, "estimators_"):  # a stack's last estimator reads what its members say
        last = [clf.final_estimator_] if hasattr(clf, "final_estimator_") else []
        return float(sum(serving_cost(member) for member in [*clf.estimators_, *last]))
    return float("nan")


def _nodes_by_tree(clf: Any) -> list[float] | None:
    """Nodes that an average training row passes in each round of trees."""
    if hasattr(clf, "_predictors"):
        return [sum(_passed_in_bins(tree.nodes) for tree in trees) for trees in clf._predictors]
    if hasattr(clf, "tree_"):
        return [_passed(clf.tree_)]
    members = getattr(clf, "estimators_", None)
    if members is None:
        return None
    # boosting keeps an array of rounds x trees, a forest a list
    rounds = [list(trees) for trees in members] if isinstance(members, np.ndarray) else [[tree] for tree in members]
    if not all(hasattr(tree, "tree_") for trees in rounds for tree in trees):
        return None
    return [sum(_passed(tree.tree_) for tree in trees) for trees in rounds]


def _passed(tree: Any) -> float:
    split = tree.children_left != -1
    return float(tree.weighted_n_node_samples[split].sum() / tree.weighted_n_node_samples[0])


def _passed_in_bins(nodes: Any) -> float:
    return float(nodes["count"][nodes["is_leaf"] == 0].sum() / nodes["count"][0])
