"""Graphs that fail in use: one that is slow, and one that breaks for half of the rows."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE, TIMES = 256, 160


def slow(graph: bytes) -> bytes:
    """The same answers after a chain of products of matrices that nobody needs."""
    model = onnx.load_from_string(graph)
    start = np.eye(SIZE)
    names = [helper.make_node("Identity", ["tabi_start"], ["tabi_0"])]
    # by the row's own value, or the chain would be computed once when the model is loaded
    names += [
        helper.make_node("ReduceSum", [model.graph.input[0].name], ["tabi_sum"], keepdims=0),
        helper.make_node("Add", ["tabi_0", "tabi_sum"], ["tabi_c0"]),
    ]
    names += [
        helper.make_node("MatMul", [f"tabi_c{number}", "tabi_start"], [f"tabi_c{number + 1}"])
        for number in range(TIMES)
    ]
    names.append(helper.make_node("ReduceSum", [f"tabi_c{TIMES}"], ["tabi_long"], keepdims=0))
    names.append(helper.make_node("Sub", ["tabi_long", "tabi_long"], ["tabi_zero"]))
    return _with(model, names, [numpy_helper.from_array(start, "tabi_start")])


def breaking(graph: bytes, above: float) -> bytes:
    """The same answers, and a failure wherever the first numeric column is above a value."""
    model = onnx.load_from_string(graph)
    values = [np.array([above]), np.array([0.0]), np.array([0], dtype=np.int64), np.array(1.0)]
    names = ("tabi_above", "tabi_only", "tabi_first", "tabi_one")
    nodes = [
        helper.make_node("Gather", [model.graph.input[0].name, "tabi_first"], ["tabi_column"], axis=1),
        helper.make_node("Greater", ["tabi_column", "tabi_above"], ["tabi_is_above"]),
        helper.make_node("Cast", ["tabi_is_above"], ["tabi_at"], to=TensorProto.INT64),
        # there is only one: the index 1 is none
        helper.make_node("Gather", ["tabi_only", "tabi_at"], ["tabi_found"], axis=0),
        helper.make_node("ReduceSum", ["tabi_found"], ["tabi_zero"], keepdims=0),
    ]
    return _with(model, nodes, [numpy_helper.from_array(v, n) for v, n in zip(values, names, strict=True)])


def _with(model: onnx.ModelProto, nodes: list[onnx.NodeProto], values: list[onnx.TensorProto]) -> bytes:
    """Add `tabi_zero` to the last output, which is of floating numbers."""
    output = model.graph.output[-1]
    for node in model.graph.node:
        for place, name in enumerate(node.output):
            if name == output.name:
                node.output[place] = "tabi_answer"
    model.graph.initializer.extend(values)
    model.graph.node.extend([*nodes, helper.make_node("Add", ["tabi_answer", "tabi_zero"], [output.name])])
    return bytes(model.SerializeToString())
