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

DIFFERENT = float("inf")
# how a pipeline refuses a row: infinity, say, or a code beyond those of the fit
REFUSALS = (ValueError, IndexError)


class KindResult(msgspec.Struct, frozen=True):
    """Rows of one kind: how many were compared, the largest |Δp|, and how many the pipeline itself refuses."""

    rows: int
    max_abs_diff: float
    refused_by_pipeline: int = 0


class Worst(msgspec.Struct, frozen=True):
    """The row that differs most: its kind and the index of the test row that it is or was made from."""

    kind: str
    row: int


class Parity(msgspec.Struct, frozen=True):
    """`parity.json`. `max_abs_diff` is in probability; `step` names the first differing step above the bound."""

    max_abs_diff: float
    bound: float
    rows: int
    worst: Worst
    kinds: dict[str, KindResult]
    nodes: int
    bytes: int
    versions: dict[str, str]
    step: str | None = None

    @property
    def holds(self) -> bool:
        """Whether the graph may be served."""
        return self.max_abs_diff <= self.bound


def prove(
    pipeline: Any, compiled: Compiled, contract: Contract, test: Tensors, *, bound: float = 1e-9, seed: int = 0
) -> Parity:
    """Compare graph and pipeline on the whole test set and on hostile rows.

    `test`: the test set as tensors, at least one row. `bound`: absolute, in probability. The result says whether the
    proof holds; nothing is raised.
    """
    session = Session(compiled.model)
    kinds: dict[str, KindResult] = {}
    worst, worst_row, largest = Worst("test", 0), _row(test, 0), 0.0
    for ordeal in _ordeals(contract, test, compiled, seed):
        expected, refused = _pipeline_probability(pipeline, contract, ordeal.tensors)
        difference = _difference(session.predict(ordeal.tensors), expected)
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
    )


def _ordeals(contract: Contract, test: Tensors, compiled: Compiled, seed: int) -> Iterator[Ordeal]:
    yield Ordeal("test", test, np.arange(len(test.numeric)))
    yield from hostile_rows(contract, test, compiled.thresholds, seed)


def _pipeline_probability(
    pipeline: Any, contract: Contract, tensors: Tensors
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The pipeline's probabilities, and which rows it refuses to predict (infinity, say)."""
    count = len(tensors.numeric)
    expected, refused = np.zeros(count), np.zeros(count, dtype=bool)
    try:
        return _predict(pipeline, contract, tensors), refused
    except REFUSALS:
        for i in range(count):
            try:
                expected[i] = _predict(pipeline, contract, _row(tensors, i))[0]
            except REFUSALS:
                refused[i] = True
    return expected, refused


def _predict(pipeline: Any, contract: Contract, tensors: Tensors) -> npt.NDArray[np.float64]:
    # a value so large that it overflows is part of the ordeal; threads beside another busy process only wait
    with np.errstate(all="ignore"), threadpool_limits(1):
        return np.asarray(pipeline.predict_proba(frame_of(tensors, contract))[:, 1], dtype=np.float64)


def _difference(actual: npt.NDArray[np.float64], expected: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """|Δp| of each row; a NaN on one side only is as different as can be."""
    difference = np.abs(actual - expected)
    both = np.isnan(actual) & np.isnan(expected)
    return np.where(both, 0.0, np.where(np.isnan(difference), DIFFERENT, difference))


def _row(tensors: Tensors, index: int) -> Tensors:
    return Tensors(tensors.numeric[index : index + 1], tensors.categorical[index : index + 1])
