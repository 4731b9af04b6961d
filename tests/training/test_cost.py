import math

import numpy as np
import pytest
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from tabi.training.cost import NODE_NS, WEIGHT_NS, serving_cost, serving_costs

X = np.random.default_rng(0).normal(size=(120, 4))
Y = (X[:, 0] + np.random.default_rng(1).normal(size=120) > 0).astype(np.int8)


def test_a_tree_costs_the_nodes_that_an_average_row_passes() -> None:
    tree = DecisionTreeClassifier(max_depth=5, random_state=0).fit(X, Y)
    passed = tree.decision_path(X).sum(axis=1).mean() - 1  # the leaf compares nothing
    assert serving_cost(tree) == pytest.approx(passed * NODE_NS / 1000)


def test_a_line_and_a_network_cost_their_weights() -> None:
    assert serving_cost(LogisticRegression().fit(X, Y)) == pytest.approx(4 * WEIGHT_NS / 1000)
    network = MLPClassifier((8,), early_stopping=True, max_iter=300, random_state=0).fit(X, Y)
    assert serving_cost(network) == pytest.approx((4 * 8 + 8) * WEIGHT_NS / 1000)


def test_an_ensemble_costs_its_members_and_what_joins_them() -> None:
    members = [("a", DecisionTreeClassifier(max_depth=2)), ("b", Pipeline([("clf", LogisticRegression())]))]
    vote = VotingClassifier(members, voting="soft").fit(X, Y)
    assert serving_cost(vote) == pytest.approx(sum(serving_cost(m) for m in vote.estimators_))
    stack = StackingClassifier(members, LogisticRegression()).fit(X, Y)
    assert serving_cost(stack) == pytest.approx(serving_cost(vote) + 2 * WEIGHT_NS / 1000)


def test_the_cost_of_another_kind_is_not_known() -> None:
    assert math.isnan(serving_cost(GaussianNB().fit(X, Y)))
    assert all(map(math.isnan, serving_costs(GaussianNB().fit(X, Y), None, [1, 2])))
