"""A fitted pipeline -> an ONNX graph that needs none of our code, nor scikit-learn, to run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from onnx import TensorProto, helper, load_model_from_string

import tabi.compile.converters  # noqa: F401  registers the converters
from tabi.bundle.session import CATEGORICAL, NUMERIC
from tabi.compile.graph import Graph, Lane, Lanes, Origin, Scores, Value
from tabi.compile.outputs import add_output, target_metadata
from tabi.compile.registry import Converted, convert, transform
from tabi.contract import Contract
from tabi.errors import CompileError


@dataclass(frozen=True)
class Compiled:
    """A graph with what the proof needs to know about it.

    Inputs: `numeric` float64[N, n] (NaN is missing) and `categorical` string[N, m] ("" is missing), in the contract's
    order; an input without columns is left out. Output, by task: see `tabi.bundle.session.OUTPUTS`.
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

    def is_transformer(self, path: str) -> bool:
        """Whether a step gives columns, not scores."""
        return isinstance(self._graph.steps[path], tuple)

    def model_with_step(self, path: str) -> bytes:
        """The graph that gives what one step gives, as output `step`: [N, width]."""
        step = self._graph.steps[path]
        return _model_of(self._graph, _tensor(self._graph, step), _is_text(step), self._contract)


@dataclass(frozen=True)
class CompiledStep:
    """The graphs of what one step gives over the inputs of `Compiled`, each with one output [N, width].

    `models`, by method: `transform`, `predict` of a regressor, `predict_proba` and `decision_function` of a classifier;
    of two classes the second alone.
    """

    models: dict[str, bytes]
    thresholds: dict[int, tuple[float, ...]]


def compile_pipeline(pipeline: Any, contract: Contract) -> Compiled:
    """Compile a fitted pipeline that takes the contract's canonical frame and predicts the contract's target.

    Raises `CompileError` that names the step which has no exact form, or that does not fit the target's task.
    """
    graph = Graph()
    converted = convert(pipeline, graph, _input_lanes(contract), "")
    output = add_output(graph, converted, pipeline, contract.target)
    model = graph.to_model(_inputs(contract), [output], _metadata(contract))
    return Compiled(model.SerializeToString(deterministic=True), _thresholds(graph), graph, contract)


def compile_step(step: Any, contract: Contract, *, transformer: bool = False) -> CompiledStep:
    """Compile any fitted step that takes the contract's columns, whatever it gives.

    `transformer`: take the `transform` of a class that also predicts. Raises `CompileError` as `compile_pipeline`.
    """
    graph = Graph()
    lanes = _input_lanes(contract)
    given = transform(step, graph, lanes, "") if transformer else convert(step, graph, lanes, "")
    if given == ():
        raise CompileError(f"{type(step).__name__} gives no column at all: nothing is left to compile")
    if isinstance(given, Scores):
        tensors = {"predict_proba": given.probability, "decision_function": given.decision}
    else:
        tensors = {"predict" if isinstance(given, Value) else "transform": _tensor(graph, given)}
    text = _is_text(given)
    models = {name: _model_of(graph, tensor, text, contract) for name, tensor in tensors.items() if tensor}
    return CompiledStep(models, _thresholds(graph))


def _thresholds(graph: Graph) -> dict[int, tuple[float, ...]]:
    return {column: tuple(sorted(values)) for column, values in sorted(graph.thresholds.items())}


def _tensor(graph: Graph, step: Converted) -> str:
    if isinstance(step, Value):
        return step.tensor
    return step.ranking if isinstance(step, Scores) else graph.pack(step)


def _is_text(step: Converted) -> bool:
    return not isinstance(step, Scores | Value) and step[0].text


def _model_of(graph: Graph, tensor: str, text: bool, contract: Contract) -> bytes:
    identity = graph.add("Identity", [tensor])
    output = helper.make_tensor_value_info(identity, TensorProto.STRING if text else TensorProto.DOUBLE, [None, None])
    return bytes(graph.to_model(_inputs(contract), [output], {}).SerializeToString(deterministic=True))


def _input_lanes(contract: Contract) -> Lanes:
    """One lane a column, in the order of the frame that the pipeline takes."""
    numeric = {c.name: i for i, c in enumerate(contract.numeric)}
    categorical = {c.name: i for i, c in enumerate(contract.strings)}
    return tuple(
        Lane(NUMERIC, numeric[c.name], len(numeric), origin=Origin(numeric[c.name]))
        if c.name in numeric
        else Lane(CATEGORICAL, categorical[c.name], len(categorical), text=True)
        for c in contract.columns
    )


def _inputs(contract: Contract) -> list[Any]:
    widths = [
        (NUMERIC, TensorProto.DOUBLE, len(contract.numeric)),
        (CATEGORICAL, TensorProto.STRING, len(contract.strings)),
    ]
    return [helper.make_tensor_value_info(name, kind, ["rows", width]) for name, kind, width in widths if width]


def _metadata(contract: Contract) -> dict[str, str]:
    """Enough to call the graph without any other file."""
    return {
        "tabi.numeric": json.dumps([c.name for c in contract.numeric], ensure_ascii=False),
        "tabi.categorical": json.dumps([c.name for c in contract.strings], ensure_ascii=False),
        **target_metadata(contract.target),
        "tabi.missing": 'NaN in numeric, "" in categorical',
    }
