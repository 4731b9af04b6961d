"""A graph with one ensemble of trees -> what is computed before the trees, the trees, and what is computed after them.

Before and after are graphs of their own, which ONNX Runtime computes as it does within the whole.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tabi.bundle.session import NUMERIC
from tabi.bundle.wire import fields_of, numbers, parts, put, runs_of, texts, unpacked

_MODEL_GRAPH = 7
_NODE, _INITIALIZER, _INPUT, _OUTPUT = 1, 5, 11, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_TYPE, _NODE_ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_INT, _ATTRIBUTE_TENSOR, _ATTRIBUTE_INTS = 1, 3, 5, 8
_TENSOR_NAME, _TENSOR_TYPE, _TENSOR_RAW = 8, 2, 9
_DOUBLE, _DTYPES = 11, {2: np.uint8, 11: np.float64}
_NAME, _TYPE = 1, 2
# of the kinds of question that a node of trees may ask: value <= threshold, value among members
LEQ, MEMBER = 0, 6

Attributes = dict[str, Any]


class Split(NamedTuple):
    """`before`: inputs -> float64[N, F]. `trees`: attributes of the ensemble. `after`: `numeric` [N, 1] -> outputs.

    `node`: the ensemble as it stands in the graph.
    """

    before: bytes
    trees: Attributes
    after: bytes
    node: bytes


def split(model: bytes) -> Split | None:
    """The parts; None if the graph has another form."""
    try:
        return _split(model)
    except (ValueError, IndexError, KeyError):
        return None


def members_of(trees: Attributes) -> dict[int, npt.NDArray[np.float64]]:
    """The values of each node that asks for members: they stand one after the other, each list ended by NaN."""
    values = np.asarray(trees.get("membership_values", ()), np.float64)
    ends = np.flatnonzero(np.isnan(values)).tolist()
    nodes = np.flatnonzero(np.asarray(trees["nodes_modes"]) == MEMBER).tolist()
    starts = [0, *(end + 1 for end in ends)]
    lists = [values[start:end] for start, end in zip(starts, [*ends, len(values)], strict=True)]
    return dict(zip(nodes, lists[: len(nodes)], strict=True))


def _split(model: bytes) -> Split | None:
    (graph,) = parts(model, _MODEL_GRAPH)
    nodes = parts(graph, _NODE)
    ensembles = [node for node in nodes if texts(node, _NODE_TYPE) == ["TreeEnsemble"]]
    if len(ensembles) != 1:
        return None
    (source,), (result,) = texts(ensembles[0], _NODE_INPUT), texts(ensembles[0], _NODE_OUTPUT)
    behind = _behind(nodes, result)
    ahead = [node for node in nodes if node is not ensembles[0] and not any(node is other for other in behind)]
    constants = {name for tensor in parts(graph, _INITIALIZER) for name in texts(tensor, _TENSOR_NAME)}
    known = constants | {result} | {name for node in behind for name in texts(node, _NODE_OUTPUT)}
    if any(not known.issuperset(texts(node, _NODE_INPUT)) for node in behind):
        return None  # what comes after looks back past the trees
    renamed = put(_NODE_INPUT, NUMERIC) + put(_NODE_OUTPUT, result) + put(_NODE_TYPE, "Identity")
    inputs, outputs = parts(graph, _INPUT), parts(graph, _OUTPUT)
    before = _graph(model, graph, ahead, inputs, [_doubles(source)])
    after = _graph(model, graph, [renamed, *behind], [_doubles(NUMERIC)], outputs)
    attributes = dict(_attribute(part) for part in parts(ensembles[0], _NODE_ATTRIBUTE))
    return Split(before, attributes, after, ensembles[0])


def _behind(nodes: list[bytes], result: str) -> list[bytes]:
    """The nodes that depend on `result`. A graph lists its nodes in an order in which they can be computed."""
    reached, behind = {result}, []
    for node in nodes:
        if reached.intersection(texts(node, _NODE_INPUT)):
            reached.update(texts(node, _NODE_OUTPUT))
            behind.append(node)
    return behind


def _graph(model: bytes, graph: bytes, nodes: list[bytes], inputs: list[bytes], outputs: list[bytes]) -> bytes:
    """The model with a graph of these nodes, inputs and outputs, and the initializers that the nodes use."""
    used = {name for node in nodes for name in texts(node, _NODE_INPUT)}
    constants = [part for part in parts(graph, _INITIALIZER) if used.intersection(texts(part, _TENSOR_NAME))]
    body = put(2, "part")
    for number, messages in ((_NODE, nodes), (_INITIALIZER, constants), (_INPUT, inputs), (_OUTPUT, outputs)):
        body += b"".join(put(number, message) for message in messages)
    rest = b"".join(field.whole for field in fields_of(model) if field.number != _MODEL_GRAPH)
    return rest + put(_MODEL_GRAPH, body)


def _doubles(name: str) -> bytes:
    """A value of float64 and two dimensions."""
    shape = b"".join(put(1, put(2, dimension)) for dimension in (f"{name}_rows", f"{name}_columns"))
    tensor = put(1, _DOUBLE) + put(2, shape)
    return put(_NAME, name) + put(_TYPE, put(1, tensor))


def _attribute(attribute: bytes) -> tuple[str, list[int] | npt.NDArray[Any]]:
    """Its name, and its numbers."""
    name, found = "", []
    for number, value in runs_of(attribute):
        if number == _ATTRIBUTE_NAME and isinstance(value, bytes):
            name = value.decode()
        elif number == _ATTRIBUTE_TENSOR and isinstance(value, bytes):
            (kind,), (raw,) = numbers(value, _TENSOR_TYPE), parts(value, _TENSOR_RAW)
            return name, np.frombuffer(raw, _DTYPES[kind])
        elif number in {_ATTRIBUTE_INT, _ATTRIBUTE_INTS}:
            found += (unpacked(value) if isinstance(value, bytes) else value).tolist()
    return name, found
