"""Every class that has a converter: draw a table and hyperparameters, fit, convert, compare with scikit-learn."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabi.bundle.session import Session
from tabi.compile.compiler import CompiledStep, compile_step
from tabi.contract import Contract, Tensors, category_of
from tabi.data import frame_of
from tabi.errors import CompileError
from tests.compile.cases import SPECS, Spec, Table
from tests.compile.conftest import AGREE, EXAMPLES

# a fit may turn out such that nothing is left of the columns, or only rounding of the kernel: that is refused
REFUSALS = ("gives no column at all", "where rounding decides")
BATCHES = (1, 2, 3, 7, 8, 16, 33, 100)
# a file that takes a line for each class: the largest difference found
REPORT = os.environ.get("TABI_COMPILE_REPORT")


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_the_graph_computes_what_scikit_learn_computes(spec: Spec) -> None:
    compared: list[float] = []

    @settings(
        max_examples=EXAMPLES or 3 * len(spec.classes),
        deadline=None,
        derandomize=not EXAMPLES,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        seed=st.integers(0, 2**31 - 1),
        classes=st.sampled_from(spec.classes),
        options=st.fixed_dictionaries(dict(spec.options)),
    )
    def agrees(seed: int, classes: int, options: dict[str, Any]) -> None:
        table = Table(spec.kind, seed, classes, spec.extreme)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # how well a fit of a few rows converged is not what is tried here
            warnings.simplefilter("ignore")
            step = fitted(spec, options, table)
            try:
                compiled = compile_step(step, table.contract, transformer=spec.transformer)
            except CompileError as error:
                if not any(reason in str(error) for reason in REFUSALS):
                    raise
                return
            rows = table.with_values(compiled.thresholds)
            compared.append(difference(step, compiled, table.contract, rows))

    agrees()
    assert compared
    if REPORT:
        with Path(REPORT).open("a", encoding="utf-8") as report:
            report.write(f"{spec.name}\t{max(compared):.1e}\n")


def fitted(spec: Spec, options: dict[str, Any], table: Table) -> Any:
    estimator = spec.cls(**options)
    step = spec.use(estimator) if spec.use else estimator
    rows = slice(0, spec.fit_rows)
    return step.fit(table.frame[rows], table.y[rows])


def difference(step: Any, compiled: CompiledStep, contract: Contract, rows: Tensors) -> float:
    """The largest difference, relative above 1. Fails if it is above the bound, or a row alone differs by a bit."""
    worst = 0.0
    assert compiled.models
    for method, model in compiled.models.items():
        assert_nothing_becomes_float32(model)
        session = Session(model)
        actual = session.run(rows)[0]
        expected = answer(step, method, frame_of(rows, contract))
        assert actual.shape == expected.shape
        if actual.dtype == np.object_:
            assert [category_of(v) for v in actual.ravel()] == [category_of(v) for v in expected.ravel()]
            continue
        expected = expected.astype(np.float64)
        np.testing.assert_allclose(actual, expected, rtol=AGREE, atol=AGREE)
        gaps = np.abs(actual - expected) / np.maximum(1.0, np.abs(expected))
        worst = max(worst, float(np.nanmax(gaps, initial=0.0)))
        assert_equal_in_batches_of_every_size(session, rows, actual)
    return worst


def answer(step: Any, method: str, frame: Any) -> npt.NDArray[Any]:
    given = getattr(step, method)(frame)
    array = np.asarray(given.toarray() if hasattr(given, "toarray") else given)
    if array.ndim == 1:
        return array[:, None]
    return array[:, 1:] if method == "predict_proba" and array.shape[1] == 2 else array


def assert_equal_in_batches_of_every_size(session: Session, rows: Tensors, whole: npt.NDArray[Any]) -> None:
    for size in BATCHES:
        for start in range(0, min(len(whole) - size, 6 * size) + 1, size):
            part = slice(start, start + size)
            alone = session.run(Tensors(rows.numeric[part], rows.categorical[part]))[0]
            assert alone.tobytes() == whole[part].tobytes()


def assert_nothing_becomes_float32(model: bytes) -> None:
    """ONNX Runtime fuses a MatMul with a product by one number beside it, and keeps that number as float32."""
    graph = onnx.load_model_from_string(model).graph
    singles = {c.name for c in graph.initializer if np.prod(c.dims) == 1 and c.data_type == onnx.TensorProto.DOUBLE}
    scales = [n for n in graph.node if n.op_type in ("Mul", "Div") and singles.intersection(n.input)]
    scaled = {name for node in scales for name in (*node.input, *node.output)}
    for node in graph.node:
        assert node.op_type != "MatMul" or not scaled.intersection([*node.input, *node.output])
