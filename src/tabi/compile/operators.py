"""Functions that ONNX Runtime has no kernel for in float64, or only one that fails the law of one row.

The law: an element is computed the same way wherever it stands in a tensor. Exp, Log, Tanh, Sigmoid, Softmax, Sin and
Cos take vector instructions for most elements and scalar ones for the last; ReduceSum depends on how a row lies in
memory. Pow, Gemm, MatMul, ReduceMax and the elementwise arithmetic obey it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from tabi.compile.graph import Graph, Lanes, Scores

Array = npt.NDArray[np.float64]
_PI_TERMS = 18


def exp(graph: Graph, tensor: str) -> str:
    """e^x."""
    return graph.add("Pow", [graph.constant(np.e), tensor])


def tanh(graph: Graph, tensor: str) -> str:
    """The hyperbolic tangent, by a sigmoid."""
    steep = graph.sigmoid(graph.add("Add", [tensor, tensor]))
    return graph.add("Sub", [graph.add("Add", [steep, steep]), graph.constant(1.0)])


def cos(graph: Graph, tensor: str) -> str:
    """The cosine of [N, k], by its power series over one period."""
    turns = graph.add("Round", [graph.add("Div", [tensor, graph.constant(2 * np.pi)])])
    rest = graph.add("Sub", [tensor, graph.add("Mul", [turns, graph.constant(2 * np.pi)])])
    # 2π is not a float: what its rounding leaves out counts once a turn
    rest = graph.add("Sub", [rest, graph.add("Mul", [turns, graph.constant(2.4492935982947064e-16)])])
    squares = graph.add("Unsqueeze", [graph.add("Mul", [rest, rest]), graph.constant([2], np.int64)])
    powers = graph.add("Pow", [squares, graph.constant(np.arange(_PI_TERMS, dtype=np.float64))])
    factorials = np.cumprod([1.0, *range(1, 2 * _PI_TERMS)])[::2]
    signs = (-1.0) ** np.arange(_PI_TERMS)
    series = graph.add("MatMul", [powers, graph.constant((signs / factorials)[:, None])])
    return graph.add("Squeeze", [series, graph.constant([2], np.int64)])


def row_sum(graph: Graph, tensor: str, width: int) -> str:
    """The sum of each row of [N, width], kept: a product with ones, because ReduceSum depends on the batch."""
    return affine(graph, tensor, np.ones((width, 1)))


def affine(graph: Graph, tensor: str, weights: npt.ArrayLike, bias: npt.ArrayLike | None = None) -> str:
    """`tensor @ weights + bias`: tensor [N, k], weights [k, w], bias [w].

    By Gemm: ONNX Runtime fuses a MatMul with a division by one number beside it, and keeps that number as float32.
    """
    inputs = [tensor, graph.constant(weights)]
    if bias is not None and np.any(bias):
        inputs.append(graph.constant(np.atleast_1d(np.asarray(bias, dtype=np.float64))))
    return graph.add("Gemm", inputs)


def softmax(graph: Graph, tensor: str, width: int) -> str:
    """Softmax over [N, width]."""
    highest = graph.add("ReduceMax", [tensor, graph.constant([1], np.int64)], keepdims=1)
    powers = exp(graph, graph.add("Sub", [tensor, highest]))
    return graph.add("Div", [powers, row_sum(graph, powers, width)])


def normalised(graph: Graph, shares: str, classes: int, *, of_nothing: float) -> str:
    """Shares of [N, classes] that add up to 1; what a row of zeros becomes is given."""
    total = row_sum(graph, shares, classes)
    nothing = graph.add("Equal", [total, graph.constant(0.0)])
    return graph.add("Where", [nothing, graph.constant(of_nothing), graph.add("Div", [shares, total])])


def clip(graph: Graph, tensor: str, low: npt.ArrayLike, high: npt.ArrayLike) -> str:
    """Bound to [low, high]; NaN stays NaN."""
    bottom, top = graph.constant(low), graph.constant(high)
    raised = graph.add("Where", [graph.add("Less", [tensor, bottom]), bottom, tensor])
    return graph.add("Where", [graph.add("Greater", [raised, top]), top, raised])


def as_double(graph: Graph, tensor: str) -> str:
    """Truth values or integers as float64."""
    return graph.add("Cast", [tensor], to=TensorProto.DOUBLE)


def as_index(graph: Graph, tensor: str) -> str:
    """Numbers as int64, cut towards zero."""
    return graph.add("Cast", [tensor], to=TensorProto.INT64)


def repeated(graph: Graph, lanes: Lanes, row: Sequence[float] | Array) -> str:
    """The same row of numbers for each row of the input: [N, len(row)]."""
    rows = graph.add("Shape", [lanes[0].tensor], start=0, end=1)
    shape = graph.add("Concat", [rows, graph.constant([len(row)], np.int64)], axis=0)
    return graph.add("Expand", [graph.constant(np.asarray(row, dtype=np.float64)[None, :]), shape])


def side_by_side(graph: Graph, tensors: Sequence[str]) -> str:
    """[N, a], [N, b], … as one tensor."""
    return tensors[0] if len(tensors) == 1 else graph.add("Concat", list(tensors), axis=1)


def from_joint(graph: Graph, joint: str, classes: int, *, decision: bool = False) -> Scores:
    """Scores of a classifier that gives log probabilities up to a shared term, [N, classes]."""
    if classes == 2:
        difference = affine(graph, joint, [[-1.0], [1.0]])
        return Scores(graph.sigmoid(difference), difference if decision else None)
    return Scores(softmax(graph, joint, classes), joint if decision else None, classes)


def from_decision(graph: Graph, decision: str, classes: int) -> Scores:
    """Scores of a classifier whose decision is the logit of two classes, or goes through a softmax."""
    if classes == 2:
        return Scores(graph.sigmoid(decision), decision)
    return Scores(softmax(graph, decision, classes), decision, classes)
