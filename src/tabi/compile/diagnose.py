"""Which step of a pipeline the graph computes otherwise: both are walked side by side on one row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from tabi.bundle.session import Session
from tabi.compile.compiler import Compiled
from tabi.compile.converters.compose import is_dropped, is_passthrough, join
from tabi.contract import Contract, Tensors, category_of
from tabi.data import frame_of


def first_differing_step(pipeline: Any, compiled: Compiled, contract: Contract, row: Tensors, bound: float) -> str:
    """Path and class of the first step whose output on `row` differs by more than `bound`, relative above 1."""
    known = set(compiled.step_paths())
    last = ""
    for path, step, rows in _steps(pipeline, frame_of(row, contract), ""):
        if path not in known:
            continue
        last = _describe(path, step)
        expected = _own_output(step, rows, transforms=compiled.is_transformer(path))
        if not _same(_graph_output(compiled, path, row), expected, bound):
            return last
    return last


def _steps(estimator: Any, rows: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """(path, step, what it is given) of every step, inner steps before the one that holds them."""
    if isinstance(estimator, Pipeline):
        for name, step in estimator.steps:
            if step is None or step == "passthrough":
                continue
            yield from _steps(step, rows, join(path, name))
            if hasattr(step, "transform"):
                rows = step.transform(rows)
        return
    if isinstance(estimator, ColumnTransformer):
        columns = estimator._transformer_to_input_indices
        for name, step, _ in estimator.transformers_:
            if not (is_dropped(step) or is_passthrough(step)) and len(columns[name]):
                chosen = rows.iloc[:, columns[name]] if hasattr(rows, "iloc") else rows[:, columns[name]]
                yield from _steps(step, chosen, join(path, name))
    yield path, estimator, rows


def _own_output(estimator: Any, rows: Any, *, transforms: bool) -> Any:
    if transforms:
        return estimator.transform(rows)
    if not hasattr(estimator, "classes_"):
        return np.asarray(estimator.predict(rows)).reshape(-1, 1)
    if hasattr(estimator, "decision_function"):
        decision = estimator.decision_function(rows)
        return decision[:, None] if decision.ndim == 1 else decision
    probabilities = estimator.predict_proba(rows)
    return probabilities[:, 1:] if probabilities.shape[1] == 2 else probabilities


def _graph_output(compiled: Compiled, path: str, row: Tensors) -> npt.NDArray[Any]:
    return np.asarray(Session(compiled.model_with_step(path)).run(row)[0])


def _same(actual: npt.NDArray[Any], expected: Any, bound: float) -> bool:
    expected = np.asarray(expected.toarray() if hasattr(expected, "toarray") else expected)
    if actual.shape != expected.shape:
        return False
    if actual.dtype == np.object_:
        return [category_of(v) for v in actual.ravel()] == [category_of(v) for v in expected.ravel()]
    return bool(np.allclose(actual, expected.astype(np.float64), rtol=bound, atol=bound, equal_nan=True))


def _describe(path: str, step: Any) -> str:
    return f"{path} ({type(step).__name__})" if path else type(step).__name__
