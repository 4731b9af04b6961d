"""Whether an ONNX graph keeps data in another file: such data would be read from a path that the graph names.

ONNX allows it, and ONNX Runtime may look for it below the folder that the process happens to be in. No manifest lists
such a file and no signature is over it, so such a graph is refused before the runtime sees it. The server has no ONNX
library; this walks the protobuf fields in which a tensor can stand, and passes over all others by their length.
"""

from __future__ import annotations

import re

# fields that hold a message, by the message that they are in; numbers are those of onnx.proto
_MODEL, _GRAPH, _FUNCTION, _NODE, _ATTRIBUTE, _SPARSE, _TRAINING, _TENSOR = range(8)
_FIELDS: dict[int, dict[int, int]] = {
    _MODEL: {7: _GRAPH, 20: _TRAINING, 25: _FUNCTION},
    _TRAINING: {1: _GRAPH, 2: _GRAPH},
    _FUNCTION: {7: _NODE, 11: _ATTRIBUTE},
    _GRAPH: {1: _NODE, 5: _TENSOR, 15: _SPARSE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE},
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
# a graph within a graph within …; ours have one
_DEEPEST = 64
# an attribute of numbers is a field a number, of which a forest has millions
_RUN_OF_NUMBERS = re.compile(rb"(?:\x40[\x80-\xff]{0,9}[\x00-\x7f]|\x3d[\x00-\xff]{4})+")


def problem_of(graph: bytes) -> str | None:
    """What is wrong with where a graph's data lies, or with its form; None if all of it is in the graph."""
    try:
        external = _has_external(graph, 0, len(graph), _MODEL, 0)
    except (IndexError, ValueError):
        return "cannot be loaded: it is not an ONNX graph"
    return "keeps data in another file, which nobody has verified" if external else None


def _has_external(data: bytes, at: int, end: int, kind: int, depth: int) -> bool:
    """Whether a message from `at` to `end` holds a tensor whose data is elsewhere. `ValueError` if it is no message."""
    if depth > _DEEPEST:
        raise ValueError
    while at < end:
        if kind == _ATTRIBUTE and (run := _RUN_OF_NUMBERS.match(data, at, end)) is not None:
            at = run.end()
            continue
        tag, at = _varint(data, at)
        field, wire = tag >> 3, tag & 7
        if wire == 2:
            size, at = _varint(data, at)
            if at + size > end:
                raise ValueError
            if kind == _TENSOR and field == _EXTERNAL_DATA:
                return True
            below = _FIELDS.get(kind, {}).get(field)
            if below is not None and _has_external(data, at, at + size, below, depth + 1):
                return True
            at += size
        else:
            value, at = _scalar(data, at, wire)
            if kind == _TENSOR and field == _DATA_LOCATION and value != 0:
                return True
    if at != end:
        raise ValueError
    return False


def _scalar(data: bytes, at: int, wire: int) -> tuple[int, int]:
    if wire == 0:
        return _varint(data, at)
    if wire in {1, 5}:
        return 0, at + (8 if wire == 1 else 4)
    raise ValueError


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError
