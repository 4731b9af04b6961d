"""Which converter serves which class. Lookup is by the exact class: a subclass may compute something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tabi.compile.graph import Graph, Lanes, Scores
from tabi.errors import CompileError

Converted = Lanes | Scores
Converter = Callable[[Any, Graph, Lanes, str], Converted]

_CONVERTERS: dict[type, Converter] = {}


def converts(*classes: type) -> Callable[[Converter], Converter]:
    """Register the decorated function `(estimator, graph, lanes, path) -> lanes or scores` for classes."""

    def register(converter: Converter) -> Converter:
        _CONVERTERS.update(dict.fromkeys(classes, converter))
        return converter

    return register


def convert(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> Converted:
    """Convert a fitted estimator at `path` (such as `prep/num/scale`) and note what it gave.

    Raises `CompileError` that names the step, its class and what to do.
    """
    converter = _CONVERTERS.get(type(estimator))
    if converter is None:
        known = ", ".join(sorted(c.__name__ for c in _CONVERTERS))
        raise CompileError(f"step {path!r}: {type(estimator).__name__} has no exact ONNX form here; use one of {known}")
    converted = converter(estimator, graph, lanes, path)
    graph.steps[path] = converted
    return converted


def refuse(path: str, estimator: Any, option: str, advice: str) -> CompileError:
    """The error for an option of a known class that has no exact form."""
    return CompileError(
        f"step {path!r}: {type(estimator).__name__} with {option} has no exact ONNX form here; {advice}"
    )


def lanes_only(converted: Converted, path: str) -> Lanes:
    """What a transformer gave; a classifier in its place is refused."""
    if isinstance(converted, Scores):
        raise CompileError(f"step {path!r}: a classifier may only be the last step")
    return converted


def scores_only(converted: Converted, path: str) -> Scores:
    """What a classifier gave; a transformer in its place is refused."""
    if not isinstance(converted, Scores):
        raise CompileError(f"step {path!r}: the last step must be a classifier that gives probabilities")
    return converted
