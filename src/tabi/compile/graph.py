"""Building an ONNX graph out of lanes.

A lane is one column of one tensor of the graph. Converters take and give tuples of lanes, so that choosing, dropping
and reordering columns costs no node until somebody needs the lanes side by side in one tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

OPSET = 21
ML_OPSET = 5
IR_VERSION = 10
ML = "ai.onnx.ml"
# ONNX Runtime's own operators, which come with each of its builds
CONTRIB = "com.microsoft"


@dataclass(frozen=True, slots=True)
class Origin:
    """The lane is `(input column - shift) / scale` of a numeric input column, wherever that is not missing."""

    column: int
    shift: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Lane:
    """Column `index` of `tensor`, which has `width` columns: float64 numbers or, where `text`, strings.

    `codes`: the only values besides NaN that the lane can have, where that is known.
    """

    tensor: str
    index: int
    width: int
    text: bool = False
    origin: Origin | None = None
    codes: frozenset[float] | None = None


Lanes = tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """What a classifier gives, as float64 tensors: [N, 1] of the second of two classes, [N, classes] of more.

    Either is absent where the estimator has none, never both.
    """

    probability: str | None
    decision: str | None = None
    classes: int = 2

    @property
    def ranking(self) -> str:
        """The tensor that a calibrator reads: the decision where there is one."""
        chosen = self.decision or self.probability
        assert chosen is not None  # noqa: S101  the law above, for the type checker
        return chosen

    @property
    def width(self) -> int:
        """Columns of the tensors."""
        return 1 if self.classes == 2 else self.classes


@dataclass(frozen=True, slots=True)
class Value:
    """What a regressor gives: a float64[N, 1] tensor."""

    tensor: str


@dataclass
class Graph:
    """Nodes, constants and what was learnt about them while converting."""

    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, TensorProto] = field(default_factory=dict)
    # thresholds met in trees, in units of the input, by numeric input column
    thresholds: dict[int, set[float]] = field(default_factory=dict)
    # what each step of the pipeline gave, by its path
    steps: dict[str, Lanes | Scores | Value] = field(default_factory=dict)
    # of the names of the nodes that are being added: a branch's own differ from all others
    _prefix: str = ""
    _packed: dict[Lanes, str] = field(default_factory=dict)
    _named: dict[bytes, str] = field(default_factory=dict)
    _added: dict[bytes, str] = field(default_factory=dict)

    def add(self, operator: str, inputs: Sequence[str], domain: str = "", **attributes: Any) -> str:
        """Add a node of one output and give that output's name. The same computation is added once."""
        node = helper.make_node(operator, list(inputs), [], domain=domain, **attributes)
        content = node.SerializeToString(deterministic=True)
        if content not in self._added:
            output = f"{self._prefix}{operator.lower()}_{len(self.nodes)}"
            node.name = output
            node.output.append(output)
            self.nodes.append(node)
            self._added[content] = output
        return self._added[content]

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float64) -> str:
        """A constant tensor; the same values are stored once."""
        tensor = numpy_helper.from_array(np.asarray(values, dtype=dtype))
        content = tensor.SerializeToString(deterministic=True)
        if content not in self._named:
            self._named[content] = f"constant_{len(self.constants)}"
            self.constants[self._named[content]] = tensor
        return self._named[content]

    def pack(self, lanes: Lanes) -> str:
        """One tensor [N, len(lanes)] that holds the lanes side by side."""
        if lanes not in self._packed:
            parts = [self._gather(run) for run in _runs(lanes)]
            self._packed[lanes] = parts[0] if len(parts) == 1 else self.add("Concat", parts, axis=1)
        return self._packed[lanes]

    def choose(
        self, condition: str, build: Callable[[], str], otherwise: str, kind: TensorProto.DataType = TensorProto.INT64
    ) -> str:
        """The tensor that `build` gives where `condition` holds, one truth value for all rows, else `otherwise`.

        The nodes that `build` adds run only where the condition holds. `kind`: what both tensors hold.
        """
        makers = enumerate((lambda: otherwise, build))
        branches = [self._branch(f"branch_{len(self.nodes)}_{i}", make, kind) for i, make in makers]
        return self.add("If", [condition], else_branch=branches[0], then_branch=branches[1])

    def _branch(self, name: str, build: Callable[[], str], kind: TensorProto.DataType) -> GraphProto:
        outer = self.nodes, self._added, self._packed, self._prefix
        self.nodes, self._added, self._packed, self._prefix = [], dict(self._added), dict(self._packed), f"{name}_"
        try:
            end = helper.make_node("Identity", [build()], [f"{name}_end"], name=f"{name}_end")
            output = helper.make_tensor_value_info(end.output[0], kind, None)
            return helper.make_graph([*self.nodes, end], name, [], [output])
        finally:
            self.nodes, self._added, self._packed, self._prefix = outer

    def sigmoid(self, tensor: str) -> str:
        """1 / (1 + e^-x), by a power.

        The Sigmoid operator takes other instructions for the last elements of a tensor than for those before, so a row
        alone and the same row in a batch differ in the last bit; it also gives 0 where the true value is 1e-17.
        """
        power = self.add("Pow", [self.constant(np.exp(-1.0)), tensor])
        return self.add("Reciprocal", [self.add("Add", [power, self.constant(1.0)])])

    def lanes_of(self, tensor: str, width: int, origins: Sequence[Origin | None] = ()) -> Lanes:
        """The lanes of a numeric tensor that a converter has just added."""
        origins = origins or [None] * width
        return tuple(Lane(tensor, i, width, origin=origins[i]) for i in range(width))

    def _gather(self, lanes: Lanes) -> str:
        first = lanes[0]
        if [lane.index for lane in lanes] == list(range(first.width)):
            return first.tensor
        return self.add("Gather", [first.tensor, self.constant([lane.index for lane in lanes], np.int64)], axis=1)

    def to_model(self, inputs: Sequence[Any], outputs: Sequence[Any], metadata: dict[str, str]) -> ModelProto:
        """The model that computes `outputs`, with what they do not need left out."""
        needed, nodes = {output.name for output in outputs}, []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                nodes.append(node)
                needed.update(_read(node))
        constants = []
        for name, tensor in self.constants.items():
            if name in needed:
                named = TensorProto()
                named.CopyFrom(tensor)
                named.name = name
                constants.append(named)
        graph = helper.make_graph(nodes[::-1], "tabi", list(inputs), list(outputs), constants)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid(domain, version) for domain, version in _domains(nodes).items()],
            ir_version=IR_VERSION,
            producer_name="tabi",
        )
        helper.set_model_props(model, metadata)
        return model


def _read(node: NodeProto) -> Iterator[str]:
    """What a node reads, what its branches read included."""
    yield from node.input
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield from _read(inner)


def _domains(nodes: Sequence[NodeProto]) -> dict[str, int]:
    """The operator sets of a graph with their versions; that of ONNX Runtime only where a node is of it."""
    contrib = {CONTRIB: 1} if any(node.domain == CONTRIB for node in nodes) else {}
    return {"": OPSET, ML: ML_OPSET, **contrib}


def _runs(lanes: Lanes) -> list[Lanes]:
    """The lanes cut where the tensor changes."""
    runs: list[list[Lane]] = []
    for lane in lanes:
        if runs and runs[-1][0].tensor == lane.tensor:
            runs[-1].append(lane)
        else:
            runs.append([lane])
    return [tuple(run) for run in runs]
