"""Tabi's search beside the portfolio's, in one run on one machine: `python -m benchmarks.training`.

Writes docs/evidence/training.md. The portfolio: impute, scale, one-hot, HistGradientBoosting with early
stopping left to itself, and HalvingGridSearchCV over the same number of candidates. It needs the OpenML cache of the
workspace.
"""

from __future__ import annotations

import time
import warnings
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import HalvingGridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks.machine import machine
from tabi.contract import Contract
from tabi.data import Table, load_table
from tabi.project import ProjectConfig, load_config
from tabi.training.evaluate import RepeatedScore, repeated_cross_validation
from tabi.training.fitting import fit_best, learn_anew
from tabi.training.pipelines import build_pipeline, candidate_space
from tabi.training.plan import Plan
from tabi.training.presets import PRESETS
from tabi.training.search import run_search
from tabi.training.split import Labels, cut
from tabi.training.stages import Floats
from tabi.training.workers import pool_of
from tabi.workspace import Workspace

REPOSITORY = Path(__file__).resolve().parents[1]
ROUNDS = 3
ADULT_VOTE = ("preset=vote", "members=[native,onehot]", "search.mode=fast", "search.select=best")
# all presets, each counting the same: nothing is chosen
EVERY = "members=[native,onehot,logistic,forest,extra_trees,gradient_boosting,mlp]"
CREDIT_VOTES = (
    ("preset=vote", EVERY, "search.mode=fast", "search.select=best"),
    ("preset=vote", "search.mode=fast", "search.select=best"),
)
PORTFOLIO_GRID = PRESETS["onehot"].full


class Result(NamedTuple):
    """One search with its refit: wall seconds, and the figures on the test rows."""

    seconds: float
    auc: float
    acc: float
    best: dict[str, Any]


def portfolio_pipeline(contract: Contract, **params: Any) -> Pipeline:
    """The portfolio's pipeline, written out."""
    numeric = Pipeline([("impute", SimpleImputer()), ("scale", StandardScaler())])
    onehot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    categorical = Pipeline([("impute", SimpleImputer(strategy="most_frequent")), ("encode", onehot)])
    prep = ColumnTransformer(
        [
            ("num", numeric, [c.name for c in contract.numeric]),
            ("cat", categorical, [c.name for c in contract.categorical]),
        ]
    )
    return Pipeline([("prep", prep), ("clf", HistGradientBoostingClassifier(random_state=42, **params))])


def portfolio_search(contract: Contract, X: pd.DataFrame, y: Labels) -> tuple[Pipeline, dict[str, Any]]:
    """The portfolio's search on all cores."""
    folds = StratifiedKFold(5, shuffle=True, random_state=42)
    search = HalvingGridSearchCV(
        portfolio_pipeline(contract),
        PORTFOLIO_GRID,
        factor=3,
        min_resources=250,
        cv=folds,
        scoring="roc_auc",
        random_state=42,
        n_jobs=-1,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y)
    return search.best_estimator_, search.best_params_


def our_search(
    contract: Contract, config: ProjectConfig, X: pd.DataFrame, y: Labels
) -> tuple[Pipeline, dict[str, Any]]:
    """Tabi's search on all cores, and the fit of what it found."""
    build = partial(build_pipeline, contract, config)
    found = run_search(build, candidate_space(config), X, y, config.search, config.seed, ahead=True)
    with threadpool_limits(1):  # as training itself does
        return fit_best(contract, config, found.best, X, y, ahead=found.ahead), found.best


def measured(table: Table, config: ProjectConfig, search: Any) -> Result:
    """Time the search on the training rows and score its pipeline on the test rows."""
    rows = cut(table.y, config.split)
    begun = time.perf_counter()
    pipeline, best = search(table.X.iloc[rows.train], table.y[rows.train])
    seconds = time.perf_counter() - begun
    return Result(seconds, *figures(pipeline, table.X.iloc[rows.test], table.y[rows.test]), best)


def figures(pipeline: Pipeline, X: pd.DataFrame, y: Labels) -> tuple[float, float]:
    """AUC, and accuracy at 0.5."""
    probability = pipeline.predict_proba(X)[:, 1]
    return float(roc_auc_score(y, probability)), float(accuracy_score(y, probability >= 0.5))


def learn_portfolio(contract: Contract, X: pd.DataFrame, y: Labels, unseen: pd.DataFrame, _plan: Plan) -> Floats:
    """The portfolio's pipeline with the parameters that it reports for credit-g."""
    pipeline = portfolio_pipeline(contract, learning_rate=0.05, max_depth=4, max_leaf_nodes=31)
    probability: Floats = pipeline.fit(X, y).predict_proba(unseen)[:, 1]
    return probability


def compare_adult(workspace: Workspace) -> list[str]:
    """Wall time and figures of both searches, taken in turns."""
    config = load_config(workspace, "adult")
    table = load_table(workspace, config)
    theirs, ours = [], []
    for _ in range(ROUNDS):
        theirs.append(measured(table, config, partial(portfolio_search, table.contract)))
        joblib.externals.loky.get_reusable_executor().shutdown()
        ours.append(measured(table, config, partial(our_search, table.contract, config)))
        pool_of(joblib.cpu_count() - 1).shutdown()
    ratio = float(np.median([r.seconds for r in ours]) / np.median([r.seconds for r in theirs]))
    lines = [
        "| adult, full, 27 candidates | seconds of each round | AUC | ACC | best |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for name, results in (("portfolio", theirs), ("tabi native", ours)):
        seconds = ", ".join(f"{r.seconds:.1f}" for r in results)
        lines.append(f"| {name} | {seconds} | {results[0].auc:.4f} | {results[0].acc:.4f} | `{results[0].best}` |")
    return [*lines, "", f"Ratio of the medians, tabi / portfolio: **{ratio:.2f}**"]


def reproduce(workspace: Workspace) -> list[str]:
    """The portfolio's published figures, by preset `onehot` with its parameters."""
    lines = ["| reproduced with `onehot` | AUC | ACC |", "| --- | ---: | ---: |"]
    for name, best in (
        ("adult", {"max_depth": 4}),
        ("breast_cancer", {"learning_rate": 0.05, "max_depth": 4}),
    ):
        config = load_config(workspace, name, ["preset=onehot"])
        table = load_table(workspace, config)
        params = {f"clf__{key}": value for key, value in best.items()}
        result = measured(
            table, config, lambda X, y, c=config, t=table, p=params: (fit_best(t.contract, c, p, X, y), p)
        )
        lines.append(f"| {name}, `{best}` | {result.auc:.4f} | {result.acc:.4f} |")
    return lines


def native_figures(workspace: Workspace) -> list[str]:
    """Preset `native` on breast_cancer, fast."""
    config = load_config(workspace, "breast_cancer", ["search.mode=fast"])
    table = load_table(workspace, config)
    r = measured(table, config, partial(our_search, table.contract, config))
    head = ["| breast_cancer, native, fast | seconds | AUC | ACC |", "| --- | ---: | ---: | ---: |"]
    return [*head, f"| `{r.best}` | {r.seconds:.1f} | {r.auc:.4f} | {r.acc:.4f} |"]


def compare_credit(workspace: Workspace) -> list[str]:
    """Repeated cross-validation over all 1,000 rows on the same folds."""
    config = load_config(workspace, "credit-g")
    table = load_table(workspace, config)

    def score(learn: Any) -> RepeatedScore:
        return repeated_cross_validation(learn, table.X, table.y, config.evaluation, config.seed, config.search.jobs)

    theirs = score(partial(learn_portfolio, table.contract))
    ours = score(partial(learn_anew, table.contract, config))
    gain = np.array(ours.scores) - np.array(theirs.scores)
    lines = ["| credit-g, 5 x 5 folds | mean AUC | s.e. | std |", "| --- | ---: | ---: | ---: |"]
    for name, s in (("portfolio, its parameters", theirs), ("tabi native, full search inside each fold", ours)):
        lines.append(f"| {name} | {s.mean:.4f} | {s.standard_error:.4f} | {s.std:.4f} |")
    return [
        *lines,
        "",
        f"Gain on the same folds: {gain.mean():+.4f}, better in {int((gain > 0).sum())} of {len(gain)}.",
    ]


def quality(workspace: Workspace) -> list[str]:
    """Votes over presets: adult on the portfolio's split, credit-g with all choices inside the folds."""
    config = load_config(workspace, "adult", ADULT_VOTE)
    table = load_table(workspace, config)
    r = measured(table, config, partial(our_search, table.contract, config))
    lines = ["| adult, the vote of native and onehot | seconds | AUC | ACC |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| `{' '.join(ADULT_VOTE)}` | {r.seconds:.1f} | {r.auc:.4f} | {r.acc:.4f} |", ""]
    lines += [
        "| credit-g, 5 x 5 folds, all choices inside the folds | mean AUC | s.e. | std |",
        "| --- | ---: | ---: | ---: |",
    ]
    for overrides in CREDIT_VOTES:
        config = load_config(workspace, "credit-g", overrides)
        table = load_table(workspace, config)
        learn = partial(learn_anew, table.contract, config)
        s = repeated_cross_validation(learn, table.X, table.y, config.evaluation, config.seed, config.search.jobs)
        lines.append(f"| `{' '.join(overrides)}` | {s.mean:.4f} | {s.standard_error:.4f} | {s.std:.4f} |")
    return lines


def main() -> None:
    """Measure everything, print it, keep it."""
    workspace = Workspace.find()
    head = f"Written by `python -m benchmarks.training` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
    parts = [["# Training: figures", "", head, machine(("scikit-learn", "numpy", "pandas", "joblib"))]]
    for part in (reproduce, native_figures, compare_adult, compare_credit, quality):
        parts.append(part(workspace))
        print("\n".join(parts[-1]), flush=True)
    text = "\n\n".join("\n".join(part) for part in parts) + "\n"
    (REPOSITORY / "docs" / "evidence" / "training.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
