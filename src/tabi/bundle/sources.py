"""What each column is made of that a graph's trees take: a number as it is, or the code of a category.

Read from the nodes before the trees, where they are those that the compiler writes for tables of categories.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tabi.bundle.session import CATEGORICAL, NUMERIC
from tabi.bundle.wire import fields_of, numbers, parts, texts

_GRAPH, _NODE, _INITIALIZER, _INPUT, _OUTPUT = 7, 1, 5, 11, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_TYPE, _NODE_ATTRIBUTE = 1, 2, 4, 5
_NAME, _INTEGER, _TENSOR = 1, 3, 5
_TENSOR_TYPE, _TENSOR_STRINGS, _TENSOR_NAME, _TENSOR_RAW = 2, 6, 8, 9
_DTYPES = {7: np.int64, 11: np.float64}


class Number(NamedTuple):
    """Column `place` of the numeric input."""

    place: int


class Code(NamedTuple):
    """What a table makes of column `place` of the categorical input; `other` of a text that it does not hold."""

    place: int
    table: dict[str, float]
    other: float


class _Text(NamedTuple):
    """Column `place` of the categorical input behind a prefix."""

    place: int
    prefix: str = ""


class Sources(NamedTuple):
    """The columns that the trees take, and the widths of the two inputs."""

    columns: list[Number | Code]
    numbers: int
    texts: int


_Lanes = list[Number | Code | _Text]
_Constants = dict[str, bytes]


def sources_of(model: bytes) -> Sources:
    """The sources of a model's one output. `ValueError`, `KeyError` or `IndexError` where it has other nodes."""
    (graph,) = parts(model, _GRAPH)
    constants = {texts(tensor, _TENSOR_NAME)[0]: tensor for tensor in parts(graph, _INITIALIZER)}
    widths = dict(_width(value) for value in parts(graph, _INPUT))
    count, strings = widths.get(NUMERIC, 0), widths.get(CATEGORICAL, 0)
    known: dict[str, _Lanes] = {NUMERIC: list(map(Number, range(count))), CATEGORICAL: list(map(_Text, range(strings)))}
    for node in parts(graph, _NODE):
        (kind,), (output,) = texts(node, _NODE_TYPE), texts(node, _NODE_OUTPUT)
        known[output] = _RULES[kind](node, known, constants)
    (result,) = parts(graph, _OUTPUT)
    lanes = known[texts(result, _NAME)[0]]
    columns = [lane for lane in lanes if not isinstance(lane, _Text)]
    if len(columns) != len(lanes):
        raise ValueError("texts where numbers were expected")
    return Sources(columns, count, strings)


def _width(value: bytes) -> tuple[str, int]:
    """Name of an input, and its columns: value -> type -> tensor -> shape -> second dimension -> its size."""
    ((kind,), (name,)) = parts(value, 2), texts(value, 1)
    (shape,) = parts(parts(kind, 1)[0], 2)
    (width,) = numbers(parts(shape, 1)[1], 1)
    return name, width


def _prefixed(node: bytes, known: dict[str, _Lanes], constants: _Constants) -> _Lanes:
    prefixes, given = texts(node, _NODE_INPUT)
    pairs = zip(texts(constants[prefixes], _TENSOR_STRINGS), _texts(known[given]), strict=True)
    return [_Text(lane.place, prefix + lane.prefix) for prefix, lane in pairs]


def _encoded(node: bytes, known: dict[str, _Lanes], constants: _Constants) -> _Lanes:  # noqa: ARG001
    (given,) = texts(node, _NODE_INPUT)
    found = _attributes(node)
    keys = texts(found["keys_tensor"], _TENSOR_STRINGS)
    values, (other,) = _array(found["values_tensor"], 11).tolist(), _array(found["default_tensor"], 11).tolist()
    table = dict(zip(keys, values, strict=True))
    if len(table) != len(keys):
        raise ValueError("a key that stands twice")
    return [_code(lane, table, other) for lane in _texts(known[given])]


def _texts(lanes: _Lanes) -> list[_Text]:
    found = [lane for lane in lanes if isinstance(lane, _Text)]
    if len(found) != len(lanes):
        raise ValueError("numbers where texts were expected")
    return found


def _code(lane: _Text, table: dict[str, float], other: float) -> Code:
    """A text behind its prefix is a key just where the text is that key without the prefix."""
    start = len(lane.prefix)
    own = {key[start:]: value for key, value in table.items() if key.startswith(lane.prefix)}
    return Code(lane.place, own, other)


def _joined(node: bytes, known: dict[str, _Lanes], constants: _Constants) -> _Lanes:  # noqa: ARG001
    if _attributes(node)["axis"] != 1:
        raise ValueError("rows that are joined")
    return [lane for name in texts(node, _NODE_INPUT) for lane in known[name]]


def _chosen(node: bytes, known: dict[str, _Lanes], constants: _Constants) -> _Lanes:
    given, places = texts(node, _NODE_INPUT)
    if _attributes(node)["axis"] != 1:
        raise ValueError("rows that are chosen")
    return [known[given][place] for place in _array(constants[places], 7).tolist()]


def _array(tensor: bytes, kind: int) -> Any:
    if numbers(tensor, _TENSOR_TYPE) != [kind]:
        raise ValueError("a tensor of another type")
    (raw,) = parts(tensor, _TENSOR_RAW)
    return np.frombuffer(raw, _DTYPES[kind])


def _attributes(node: bytes) -> dict[str, Any]:
    """The numbers and tensors of a node by name."""
    found: dict[str, Any] = {}
    for attribute in parts(node, _NODE_ATTRIBUTE):
        (name,) = texts(attribute, _NAME)
        for field in fields_of(attribute):
            if field.number in {_INTEGER, _TENSOR}:
                found[name] = field.value
    return found


_Rule = Callable[[bytes, dict[str, _Lanes], _Constants], _Lanes]
_RULES: dict[str, _Rule] = {
    "StringConcat": _prefixed,
    "LabelEncoder": _encoded,
    "Concat": _joined,
    "Gather": _chosen,
}
