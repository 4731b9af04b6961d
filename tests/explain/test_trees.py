"""The contributions of trees are the Shapley values of their path-dependent expectations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from threadpoolctl import threadpool_limits

from tabi.errors import BundleError
from tabi.explain.trees import TreeEvaluator
from tabi.training.explanation.estimators import score_of
from tests.explain.trees import hist_tree, plain_tree, shapley, together

COLUMNS = 4
seeds = st.integers(0, 10_000)


def rows_of(seed: int, categories: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """60 rows of which some cells are missing, the first columns being categories, and their classes."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(60, COLUMNS))
    X[:, :categories] = random.integers(0, 5, (60, categories))
    y = (np.nansum(X * random.normal(size=COLUMNS), axis=1) + random.normal(size=60) > 0).astype(int)
    y[:2] = 0, 1
    X[random.random(X.shape) < 0.15] = np.nan
    return X, y


def no_means() -> np.ndarray:
    raise AssertionError("trees need no means")


@settings(max_examples=25, deadline=None)
@given(seed=seeds, depth=st.integers(1, 5))
def test_a_forest_is_explained_by_every_coalition(seed: int, depth: int) -> None:
    X, y = rows_of(seed)
    forest = RandomForestClassifier(n_estimators=3, max_depth=depth, random_state=seed).fit(X, y)
    score = score_of(forest, "clf", COLUMNS, no_means)
    evaluator = TreeEvaluator(score.model, np.arange(COLUMNS), COLUMNS, 1)  # type: ignore[arg-type]
    found = evaluator.contributions(X[:2])[:, 0]
    for index in range(2):
        games = [plain_tree(m.tree_, X[index], m.tree_.value[:, 0, 1] / 3) for m in forest.estimators_]
        wanted = shapley(together(games), COLUMNS)
        assert found[index] == pytest.approx(wanted, abs=1e-12)
    assert evaluator.base + found.sum(axis=1) == pytest.approx(forest.predict_proba(X[:2])[:, 1], abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, leaves=st.integers(2, 12), column=st.integers(0, 1), cell=st.sampled_from([7.0, np.nan, -1.0]))
def test_native_categories_are_explained_by_every_coalition(seed: int, leaves: int, column: int, cell: float) -> None:
    X, y = rows_of(seed, categories=2)
    # categorical columns that do not stand first, as the estimator puts them
    X = X[:, [2, 0, 3, 1]]
    with threadpool_limits(1):
        boosted = HistGradientBoostingClassifier(
            categorical_features=[1, 3], max_iter=3, max_leaf_nodes=leaves, min_samples_leaf=3
        ).fit(X, y)
    row = X[0].copy()
    row[1 + 2 * column] = cell
    score = score_of(boosted, "clf", COLUMNS, no_means)
    evaluator = TreeEvaluator(score.model, np.arange(COLUMNS), COLUMNS, 1)  # type: ignore[arg-type]
    order = [1, 3, 0, 2]
    known = {c: sorted(set(X[~np.isnan(X[:, c]), c].tolist())) for c in (1, 3)}
    games = [hist_tree(predictor, row, order, known) for (predictor,) in boosted._predictors]
    wanted = shapley(together(games), COLUMNS)
    found = evaluator.contributions(row[None, :])[0, 0]
    assert found == pytest.approx(wanted, abs=1e-12)
    with threadpool_limits(1):
        decision = boosted.decision_function(row[None, :])
    assert score.offsets[0] + evaluator.base + found.sum() == pytest.approx(decision, abs=1e-12)


@settings(max_examples=10, deadline=None)
@given(seed=seeds, size=st.integers(1, 40))
def test_a_row_is_explained_alike_alone_and_among_others(seed: int, size: int) -> None:
    X, y = rows_of(seed)
    forest = RandomForestClassifier(n_estimators=4, random_state=seed).fit(X, y)
    score = score_of(forest, "clf", COLUMNS, no_means)
    evaluator = TreeEvaluator(score.model, np.arange(COLUMNS), COLUMNS, 1)  # type: ignore[arg-type]
    together = evaluator.contributions(X[:size])
    alone = np.concatenate([evaluator.contributions(X[i : i + 1]) for i in range(size)])
    assert np.array_equal(together, alone)


def test_encoded_columns_of_one_column_are_summed() -> None:
    X, y = rows_of(3)
    forest = RandomForestClassifier(n_estimators=4, random_state=3).fit(X, y)
    model = score_of(forest, "clf", COLUMNS, no_means).model
    single = TreeEvaluator(model, np.arange(COLUMNS), COLUMNS, 1).contributions(X)  # type: ignore[arg-type]
    folded = TreeEvaluator(model, np.array([1, 0, 1, 1]), 2, 1).contributions(X)  # type: ignore[arg-type]
    assert folded[:, 0, 0] == pytest.approx(single[:, 0, 1], abs=1e-12)
    assert folded[:, 0, 1] == pytest.approx(single[:, 0, [0, 2, 3]].sum(axis=1), abs=1e-12)


def test_deep_trees_lose_no_digits() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(400, 30))
    y = (random.random(400) < 0.5).astype(int)
    forest = RandomForestClassifier(n_estimators=5, max_features=1, random_state=0).fit(X, y)
    assert max(tree.get_depth() for tree in forest.estimators_) > 15
    model = score_of(forest, "clf", 30, no_means).model
    evaluator = TreeEvaluator(model, np.arange(30), 30, 1)  # type: ignore[arg-type]
    total = evaluator.base + evaluator.contributions(X[:50])[:, 0].sum(axis=1)
    assert total == pytest.approx(forest.predict_proba(X[:50])[:, 1], abs=1e-12)


@pytest.mark.parametrize("field", ["left", "right", "feature", "roots", "targets"])
def test_what_is_no_tree_is_refused(field: str) -> None:
    import msgspec

    from tabi.explain.arrays import pack, unpack

    X, y = rows_of(1)
    model = score_of(RandomForestClassifier(2, random_state=1).fit(X, y), "clf", COLUMNS, no_means).model
    count = model.trees if field in ("roots", "targets") else model.nodes  # type: ignore[union-attr]
    values = unpack(getattr(model, field), "int32", count)
    for wrong in (values + 1000, -values - 1000):
        broken = msgspec.structs.replace(model, **{field: pack(wrong, "int32")})
        with pytest.raises(BundleError):
            TreeEvaluator(broken, np.arange(COLUMNS), COLUMNS, 1)  # type: ignore[arg-type]
