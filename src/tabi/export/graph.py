"""What a user of the bare graph must know of it: versions of its operators, and which it uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class GraphFacts:
    """`opsets`: version by domain, "ai.onnx" the default one. `operators`: `domain:name` of each operator, sorted."""

    ir_version: int
    opsets: dict[str, int]
    operators: tuple[str, ...]
    inputs: tuple[str, ...]


def facts_of(graph: bytes) -> GraphFacts:
    """The facts of a graph that ONNX Runtime has loaded."""
    import onnx

    model = onnx.load_model_from_string(graph)
    return GraphFacts(
        model.ir_version,
        {_domain(opset.domain): opset.version for opset in model.opset_import},
        tuple(sorted({f"{_domain(node.domain)}:{node.op_type}" for node in _nodes(model.graph)})),
        tuple(given.name for given in model.graph.input),
    )


def _domain(name: str) -> str:
    return name or "ai.onnx"


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)
