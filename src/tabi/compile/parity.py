"""The proof that the graph computes what the fitted pipeline computes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import onnxruntime
import sklearn
from threadpoolctl import threadpool_limits

from tabi.bundle.session import Session
from tabi.compile.compiler import Compiled
from tabi.compile.diagnose import first_differing_step
from tabi.compile.hostile import Ordeal, hostile_rows
from tabi.contract import Contract, Tensors
from tabi.data import frame_of
from tabi.training.metrics import Floats
from tabi.training.tasks import TASKS

DIFFERENT = float("inf")
# how a pipeline refuses a row: infinity, say, or a code beyond those of the fit
REFUSALS = (ValueError, IndexError)


class KindResult(msgspec.Struct, frozen=True):
    """Rows of one kind: how many were compared, the largest difference, and how many the pipeline itself refuses."""

    rows: int
    max_abs_diff: float
    refused_by_pipeline: int = 0


class Worst(msgspec.Struct, frozen=True):
    """The row that differs most: its kind and the index of the test row that it is or was made from."""

    kind: str
    row: int


class Parity(msgspec.Struct, frozen=True):
    """`parity.json`. `step` names the first differing step above the bound.

    `max_abs_diff` is in probability, the largest over the classes; of a regression in parts of the target's `spread`,
    or of the number itself where that is larger.
    """

    max_abs_diff: float
    bound: float
    rows: int
    worst: Worst
    kinds: dict[str, KindResult]
    nodes: int
    bytes: int
    versions: dict[str, str]
    step: str | None = None
    spread: float | msgspec.UnsetType = msgspec.UNSET

    @property
    def holds(self) -> bool:
        """Whether the graph may be served."""
        return self.max_abs_diff <= self.bound


def prove(
    pipeline: Any,
    compiled: Compiled,
    contract: Contract,
    test: Tensors,
    *,
    bound: float = 1e-9,
    seed: int = 0,
    spread: float = 1.0,
) -> Parity:
    """Compare graph and pipeline on the whole test set and on hostile rows.

    `test`: the test set as tensors, at least one row. `bound`: absolute, in probability; of a regression relative to
    `spread`, the standard deviation of its target. The result says whether the proof holds; nothing is raised.
    """
    session = Session(compiled.model)
    scale = spread if contract.target.task == "regression" else None
    kinds: dict[str, KindResult] = {}
    worst, worst_row, largest = Worst("test", 0), _row(test, 0), 0.0
    for ordeal in _ordeals(contract, test, compiled, seed):
        actual = session.predict(ordeal.tensors)
        expected, refused = _pipeline_gives(pipeline, contract, ordeal.tensors, actual.shape)
        difference = _difference(actual, expected, scale)
        difference[refused] = 0.0
        at = int(np.argmax(difference))
        kinds[ordeal.kind] = KindResult(int((~refused).sum()), float(difference[at]), int(refused.sum()))
        if difference[at] > largest:
            largest, worst = float(difference[at]), Worst(ordeal.kind, int(ordeal.base[at]))
            worst_row = _row(ordeal.tensors, at)
    step = None
    if largest > bound:
        step = first_differing_step(pipeline, compiled, contract, worst_row, bound)
    return Parity(
        max_abs_diff=largest,
        bound=bound,
        rows=sum(kind.rows for kind in kinds.values()),
        worst=worst,
        kinds=kinds,
        nodes=compiled.node_count,
        bytes=len(compiled.model),
        versions={"scikit-learn": sklearn.__version__, "onnxruntime": onnxruntime.__version__},
        step=step,
        spread=msgspec.UNSET if scale is None else scale,
    )


def _ordeals(contract: Contract, test: Tensors, compiled: Compiled, seed: int) -> Iterator[Ordeal]:
    yield Ordeal("test", test, np.arange(len(test.numeric)))
    yield from hostile_rows(contract, test, compiled.thresholds, seed)


def _pipeline_gives(
    pipeline: Any, contract: Contract, tensors: Tensors, shape: tuple[int, ...]
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The pipeline's predictions, and which rows it refuses to predict (infinity, say)."""
    expected, refused = np.zeros(shape), np.zeros(shape[0], dtype=bool)
    try:
        return _predict(pipeline, contract, tensors), refused
    except REFUSALS:
        for i in range(shape[0]):
            try:
                expected[i] = _predict(pipeline, contract, _row(tensors, i))[0]
            except REFUSALS:
                refused[i] = True
    return expected, refused


def _predict(pipeline: Any, contract: Contract, tensors: Tensors) -> Floats:
    # a value so large that it overflows is part of the ordeal; threads beside another busy process only wait
    with np.errstate(all="ignore"), threadpool_limits(1):
        return TASKS[contract.target.task].predict(pipeline, frame_of(tensors, contract))


def _difference(actual: Floats, expected: Floats, spread: float | None) -> Floats:
    """How far each row differs, at most over its classes; a NaN on one side only is as different as can be.

    With a `spread`: in parts of it, or of the expected number where that is larger.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.abs(actual - expected)
        if spread is not None:
            difference /= np.maximum(spread, np.abs(expected))
    same = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
    difference = np.where(same, 0.0, np.where(np.isnan(difference), DIFFERENT, difference))
    return difference if difference.ndim == 1 else difference.max(axis=1)


def _row(tensors: Tensors, index: int) -> Tensors:
    return Tensors(tensors.numeric[index : index + 1], tensors.categorical[index : index + 1])
