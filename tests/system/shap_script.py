"""Explains the same fitted estimators by the shap library and by ours; prints how far each is from the other and from
the score. Runs where shap is installed, with our source on the path."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import shap  # type: ignore[import-not-found,unused-ignore]
from sklearn import ensemble

from tabi.explain.trees import TreeEvaluator
from tabi.training.explanation.estimators import score_of

COLUMNS, ROWS = 7, 100


def estimators() -> dict[str, Any]:
    """By name; `native` has two categorical columns of its own."""
    classes = ("RandomForest", "ExtraTrees", "GradientBoosting", "HistGradientBoosting")
    found = {}
    for name in classes:
        for kind in ("Classifier", "Regressor"):
            few = {"n_estimators": 30} if name in classes[:2] else {}
            found[name + kind] = getattr(ensemble, name + kind)(random_state=0, **few)
    found["native"] = ensemble.HistGradientBoostingClassifier(categorical_features=[0, 1], random_state=0)
    return found


def compared(estimator: Any, X: Any, y: Any) -> dict[str, float]:
    """The largest difference between both, and from the score to what each adds up to."""
    estimator.fit(X, y)
    rows = X[:ROWS]
    score = score_of(estimator, "clf", COLUMNS, lambda: np.zeros(COLUMNS))
    evaluator = TreeEvaluator(score.model, np.arange(COLUMNS), COLUMNS, 1)  # type: ignore[arg-type]
    ours = evaluator.contributions(rows)[:, 0]
    explainer = shap.TreeExplainer(estimator, feature_perturbation="tree_path_dependent")
    theirs = np.asarray(explainer.shap_values(rows, check_additivity=False))
    theirs = theirs[:, :, -1] if theirs.ndim == 3 else theirs
    for method in ("decision_function", "predict_proba", "predict"):
        if hasattr(estimator, method):
            raw = np.asarray(getattr(estimator, method)(rows)).reshape(ROWS, -1)[:, -1]
            break
    base = float(np.ravel(explainer.expected_value)[-1])
    return {
        "difference": float(np.abs(ours - theirs).max()),
        "ours": float(np.abs(score.offsets[0] + evaluator.base[0] + ours.sum(axis=1) - raw).max()),
        "theirs": float(np.abs(base + theirs.sum(axis=1) - raw).max()),
    }


def main() -> None:
    """Print the comparison as one line of JSON."""
    random = np.random.default_rng(0)
    X = random.normal(size=(800, COLUMNS))
    X[:, :2] = random.integers(0, 8, (800, 2))
    value = (X[:, 0] % 3 == 1) * 2 + X[:, 2] - X[:, 3] * X[:, 4] + random.normal(size=800)
    found = {}
    for name, estimator in estimators().items():
        found[name] = compared(estimator, X, value if name.endswith("Regressor") else (value > 0).astype(int))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
