"""What a graph gives at its end, by the contract's task."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from sklearn.pipeline import Pipeline

from tabi.bundle.session import OUTPUTS
from tabi.compile.converters.compose import join
from tabi.compile.graph import Graph
from tabi.compile.registry import Converted, probability_of, refuse, scores_only, value_only
from tabi.contract import Target, Task

# adds the nodes of the output `name` to what the pipeline gave, and says its shape
Output = Callable[[Graph, Converted, Any, Target, str], list[str | int]]


def add_output(graph: Graph, converted: Converted, pipeline: Any, target: Target) -> Any:
    """Add the output that the target's task asks for, and describe it. Raises `CompileError` where it cannot be."""
    name = OUTPUTS[target.task]
    shape = _BY_TASK[target.task](graph, converted, pipeline, target, name)
    return helper.make_tensor_value_info(name, TensorProto.DOUBLE, shape)


def target_metadata(target: Target) -> dict[str, str]:
    """What a caller of the graph must know of its output."""
    if target.task == "binary":
        return {"tabi.positive": target.positive}
    classes = {"tabi.classes": json.dumps(target.classes, ensure_ascii=False)} if target.classes else {}
    return {"tabi.target": target.name, **classes}


def _positive(graph: Graph, converted: Converted, pipeline: Any, _target: Target, name: str) -> list[str | int]:
    scores = scores_only(converted, "")
    path, last = _last_step(pipeline)
    if scores.classes != 2:
        raise refuse(path, last, f"{scores.classes} classes", "the contract has two")
    _flatten(graph, probability_of(scores, last, path), name)
    return ["rows"]


def _all_classes(graph: Graph, converted: Converted, pipeline: Any, target: Target, name: str) -> list[str | int]:
    scores, count = scores_only(converted, ""), len(target.classes)
    path, last = _last_step(pipeline)
    fitted = list(getattr(last, "classes_", range(scores.classes)))
    if fitted not in (list(range(count)), list(target.classes)):
        raise refuse(path, last, f"{scores.classes} classes", f"the contract has {count}, in its own order")
    probabilities = probability_of(scores, last, path)
    graph.nodes.append(helper.make_node("Identity", [probabilities], [name], name=name))
    return ["rows", count]


def _number(graph: Graph, converted: Converted, _pipeline: Any, _target: Target, name: str) -> list[str | int]:
    _flatten(graph, value_only(converted, "").tensor, name)
    return ["rows"]


_BY_TASK: dict[Task, Output] = {"binary": _positive, "multiclass": _all_classes, "regression": _number}


def _flatten(graph: Graph, tensor: str, name: str) -> None:
    flat = [tensor, graph.constant([-1], np.int64)]
    graph.nodes.append(helper.make_node("Reshape", flat, [name], name=name))


def _last_step(pipeline: Any) -> tuple[str, Any]:
    """Path and object of the estimator that a pipeline ends in."""
    path, last = "", pipeline
    while isinstance(last, Pipeline):
        name, last = last.steps[-1]
        path = join(path, name)
    return path, last
