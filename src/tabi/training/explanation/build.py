"""A fitted pipeline taken apart: its preparation, and its last step as numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from tabi.contract import Contract
from tabi.errors import ExplanationError
from tabi.explain import Explanation, Trees
from tabi.training.explanation.estimators import score_of
from tabi.training.explanation.owners import owners_after
from tabi.training.stages import Floats

# rows that are encoded at once: a one-hot table of all would not fit
CHUNK = 10_000
# so many nodes take a server about 200 MB, and half a second a row where trees are deep
MOST_NODES = 500_000
SMALLER = "train fewer or smaller trees (n_estimators, min_samples_leaf), or set explain: false"


@dataclass(frozen=True)
class Anatomy:
    """`preparation`: the steps before the last, by path; together they give the columns that `explanation` is about.

    The explanation has no encoder yet: only the compiler can write one.
    """

    preparation: list[tuple[str, Any]] = field(repr=False)
    explanation: Explanation = field(repr=False)

    @property
    def nodes(self) -> int:
        """How many nodes a row is compared with; none in a linear model."""
        model = self.explanation.model
        return model.nodes if isinstance(model, Trees) else 0


def anatomy_of(pipeline: Pipeline, contract: Contract, training: pd.DataFrame) -> Anatomy:
    """Take a fitted pipeline apart. `training`: the canonical frame of the rows that it was fitted on.

    `ExplanationError` names the step that has no exact explanation, and what to do.
    """
    steps, last, path = _steps(pipeline)
    owners = list(range(len(contract.columns)))
    for here, step in steps:
        owners = owners_after(step, owners, here)
    score = score_of(last, path, len(owners), lambda: _means(steps, training))
    explanation = Explanation(score.link, score.scores, tuple(owners), score.offsets, score.model, score.factor)
    found = Anatomy(steps, explanation)
    if found.nodes > MOST_NODES:
        raise ExplanationError(
            f"step {path!r}: its trees have {found.nodes:,} nodes, and at most {MOST_NODES:,} are explained: {SMALLER}"
        )
    return found


def encoded_rows(preparation: list[tuple[str, Any]], X: pd.DataFrame) -> Floats:
    """What the last step reads of rows: float64 [N, encoded columns]."""
    given = _encoded(preparation, X)
    return np.asarray(given.toarray() if hasattr(given, "toarray") else given, dtype=np.float64)


def _encoded(preparation: list[tuple[str, Any]], X: pd.DataFrame) -> Any:
    given: Any = X
    for _, step in preparation:
        given = step.transform(given)
    return given


def _steps(pipeline: Any) -> tuple[list[tuple[str, Any]], Any, str]:
    """The steps before the last estimator with their paths, the estimator and its path. Pipelines in it are opened."""
    steps: list[tuple[str, Any]] = []
    last, path = pipeline, ""
    while isinstance(last, Pipeline):
        named = [
            (f"{path}/{name}" if path else name, step)
            for name, step in last.steps
            if step is not None and step != "passthrough"
        ]
        if not named:
            raise ExplanationError("the pipeline has no step: nothing is left to explain")
        steps += named[:-1]
        path, last = named[-1]
    return steps, last, path


def _means(steps: list[tuple[str, Any]], training: pd.DataFrame) -> Floats:
    total: Any = 0.0
    for start in range(0, len(training), CHUNK):
        # words of a text are a sparse matrix, which no memory holds as a dense one
        total = total + np.asarray(_encoded(steps, training.iloc[start : start + CHUNK]).sum(axis=0)).ravel()
    return np.asarray(total / len(training), dtype=np.float64)
