"""A fitted pipeline -> an ONNX graph that needs none of our code, nor scikit-learn, to run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from onnx import TensorProto, helper, load_model_from_string

import tabi.compile.converters  # noqa: F401  registers the converters
from tabi.bundle.session import CATEGORICAL, NUMERIC, PROBABILITY
from tabi.compile.graph import Graph, Lane, Lanes, Origin, Scores
from tabi.compile.registry import convert, scores_only
from tabi.contract import Contract


@dataclass(frozen=True)
class Compiled:
    """A graph with what the proof needs to know about it.

    Inputs: `numeric` float64[N, n] (NaN is missing) and `categorical` string[N, m] ("" is missing), in the contract's
    order; an input without columns is left out. Output: `probability` float64[N] of the positive class.
    `thresholds`: where trees split each numeric input column, by its index.
    """

    model: bytes
    thresholds: dict[int, tuple[float, ...]]
    _graph: Graph
    _contract: Contract

    @property
    def node_count(self) -> int:
        """Nodes that run for a row."""
        return len(load_model_from_string(self.model).graph.node)

    def step_paths(self) -> list[str]:
        """Paths of the pipeline's steps in the order in which they run."""
        return list(self._graph.steps)

    def model_with_step(self, path: str) -> bytes:
        """The graph that gives what one step gives, as output `step`: [N, width]."""
        step = self._graph.steps[path]
        tensor = step.ranking if isinstance(step, Scores) else self._graph.pack(step)
        text = not isinstance(step, Scores) and step[0].text
        kind = TensorProto.STRING if text else TensorProto.DOUBLE
        identity = self._graph.add("Identity", [tensor])
        output = helper.make_tensor_value_info(identity, kind, [None, None])
        return bytes(self._graph.to_model(_inputs(self._contract), [output], {}).SerializeToString(deterministic=True))


def compile_pipeline(pipeline: Any, contract: Contract) -> Compiled:
    """Compile a fitted binary classification pipeline that takes the contract's canonical frame.

    Raises `CompileError` that names the step which has no exact form.
    """
    graph = Graph()
    scores = scores_only(convert(pipeline, graph, _input_lanes(contract), ""), "")
    flat = graph.add("Reshape", [scores.probability, graph.constant([-1], "int64")])
    graph.nodes.append(helper.make_node("Identity", [flat], [PROBABILITY], name=PROBABILITY))
    output = helper.make_tensor_value_info(PROBABILITY, TensorProto.DOUBLE, ["rows"])
    model = graph.to_model(_inputs(contract), [output], _metadata(contract))
    thresholds = {column: tuple(sorted(values)) for column, values in sorted(graph.thresholds.items())}
    return Compiled(model.SerializeToString(deterministic=True), thresholds, graph, contract)


def _input_lanes(contract: Contract) -> Lanes:
    """One lane a column, in the order of the frame that the pipeline takes."""
    numeric = {c.name: i for i, c in enumerate(contract.numeric)}
    categorical = {c.name: i for i, c in enumerate(contract.categorical)}
    return tuple(
        Lane(NUMERIC, numeric[c.name], len(numeric), origin=Origin(numeric[c.name]))
        if c.name in numeric
        else Lane(CATEGORICAL, categorical[c.name], len(categorical), text=True)
        for c in contract.columns
    )


def _inputs(contract: Contract) -> list[Any]:
    widths = [
        (NUMERIC, TensorProto.DOUBLE, len(contract.numeric)),
        (CATEGORICAL, TensorProto.STRING, len(contract.categorical)),
    ]
    return [helper.make_tensor_value_info(name, kind, ["rows", width]) for name, kind, width in widths if width]


def _metadata(contract: Contract) -> dict[str, str]:
    """Enough to call the graph without any other file."""
    return {
        "tabi.numeric": json.dumps([c.name for c in contract.numeric], ensure_ascii=False),
        "tabi.categorical": json.dumps([c.name for c in contract.categorical], ensure_ascii=False),
        "tabi.positive": contract.target.positive,
        "tabi.missing": 'NaN in numeric, "" in categorical',
    }
