"""The one place where ONNX Runtime runs: what it refuses, and that a batch changes no bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from tabi.bundle.session import Session
from tabi.contract import Target, Tensors
from tabi.errors import BundleError

TWO_ROWS = Tensors(np.array([[1.0, 2.0], [np.nan, 0.5]]), np.empty((2, 0), dtype=object))
BINARY = Target("y", ("no", "yes"))


def graph_of(operator: str, given: str, kind: int, *, width: int = 2, output: str = "probability") -> bytes:
    """A graph of one node over one input."""
    model = helper.make_model(
        helper.make_graph(
            [helper.make_node(operator, [given], [output])],
            "other",
            [helper.make_tensor_value_info(given, kind, ["N", width])],
            [helper.make_tensor_value_info(output, kind, None)],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )
    return bytes(model.SerializeToString())


def test_one_probability_a_row(files: Path) -> None:
    session = Session((files / "model.onnx").read_bytes())
    session.check(TWO_ROWS, BINARY)
    probability = session.predict(TWO_ROWS)
    assert probability.dtype == np.float64
    assert probability[0] == pytest.approx(1 / (1 + np.exp(-3)), abs=1e-15)
    assert np.isnan(probability[1])


def test_what_is_no_graph_is_refused_in_one_line() -> None:
    with pytest.raises(BundleError, match=r"^model\.onnx cannot be loaded: [^\n]+$"):
        Session(b"not a graph")


@pytest.mark.parametrize(
    ("given", "kind"), [("x", TensorProto.DOUBLE), ("numeric", TensorProto.FLOAT), ("categorical", TensorProto.DOUBLE)]
)
def test_an_input_that_no_contract_gives_is_refused(given: str, kind: int) -> None:
    with pytest.raises(BundleError, match=r"takes inputs other than float64 numeric and string categorical"):
        Session(graph_of("Sigmoid", given, kind))


def test_a_graph_of_another_contract_is_found_by_the_check() -> None:
    session = Session(graph_of("Sigmoid", "numeric", TensorProto.DOUBLE, width=3))
    with pytest.raises(BundleError, match="does not run on rows of its contract"):
        session.check(TWO_ROWS, BINARY)


@pytest.mark.parametrize("output", ["probability", "step"])
def test_a_graph_that_gives_something_else_is_found_by_the_check(output: str) -> None:
    # two numbers a row, by the right name and by another
    session = Session(graph_of("Sigmoid", "numeric", TensorProto.DOUBLE, output=output))
    with pytest.raises(BundleError, match="something else than float64 probability for each row"):
        session.check(TWO_ROWS, BINARY)


@pytest.mark.parametrize(
    ("output", "target"),
    [
        ("value", Target("y", task="regression")),
        ("probabilities", Target("y", ("a", "b", "c"), "multiclass")),
        ("probability", BINARY),
    ],
)
def test_the_output_is_that_of_the_task(output: str, target: Target) -> None:
    # the sum of a row for one number, the row itself for several
    width = len(target.classes) if target.task == "multiclass" else 1
    rows = Tensors(np.ones((2, width)), np.empty((2, 0), dtype=object))
    graph = graph_of("Identity" if width > 1 else "Flatten", "numeric", TensorProto.DOUBLE, width=width, output=output)
    session = Session(graph)
    if width > 1:
        session.check(rows, target)
        assert session.predict(rows).shape == (2, 3)
    with pytest.raises(BundleError, match="something else than float64"):
        session.check(rows, Target("y", ("a", "b", "c", "d"), "multiclass"))
