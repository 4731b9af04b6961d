"""Which converter serves which class. Lookup is by the exact class: a subclass may compute something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tabi.compile.graph import Graph, Lanes, Scores, Value
from tabi.compile.refused import REFUSED
from tabi.errors import CompileError

Converted = Lanes | Scores | Value
Converter = Callable[[Any, Graph, Lanes, str], Converted]

_CONVERTERS: dict[type, Converter] = {}
# for classes that both transform and predict: what they give in the middle of a pipeline
_TRANSFORMERS: dict[type, Converter] = {}


def converts(*classes: type) -> Callable[[Converter], Converter]:
    """Register the decorated function `(estimator, graph, lanes, path) -> lanes, scores or value` for classes."""
    return _register(_CONVERTERS, classes)


def transforms(*classes: type) -> Callable[[Converter], Converter]:
    """Register the decorated function for the `transform` of classes that also predict."""
    return _register(_TRANSFORMERS, classes)


def _register(table: dict[type, Converter], classes: tuple[type, ...]) -> Callable[[Converter], Converter]:
    def register(converter: Converter) -> Converter:
        table.update(dict.fromkeys(classes, converter))
        return converter

    return register


def converted_classes() -> frozenset[type]:
    """Every class that has a converter."""
    return frozenset({*_CONVERTERS, *_TRANSFORMERS})


def convert(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> Converted:
    """Convert a fitted estimator at `path` (such as `prep/num/scale`) and note what it gave.

    Raises `CompileError` that names the step, its class and what to do.
    """
    return _convert(_CONVERTERS.get(type(estimator)), estimator, graph, lanes, path)


def transform(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    """Convert the `transform` of a fitted step. A classifier or regressor in its place is refused."""
    converter = _TRANSFORMERS.get(type(estimator)) or _CONVERTERS.get(type(estimator))
    converted = _convert(converter, estimator, graph, lanes, path)
    if isinstance(converted, Scores | Value):
        role = "classifier" if isinstance(converted, Scores) else "regressor"
        raise CompileError(f"step {path!r}: a {role} may only be the last step")
    return converted


def _convert(converter: Converter | None, estimator: Any, graph: Graph, lanes: Lanes, path: str) -> Converted:
    if converter is None:
        name = type(estimator).__name__
        reason = REFUSED.get(name, "use one of the classes that docs/compiler.md lists as proved")
        raise CompileError(f"step {path!r}: {name} has no exact ONNX form here; {reason}")
    if not lanes:
        raise CompileError(f"step {path!r}: {type(estimator).__name__} is left without columns; take the step out")
    converted = converter(estimator, graph, lanes, path)
    graph.steps[path] = converted
    return converted


def refuse(path: str, estimator: Any, option: str, advice: str) -> CompileError:
    """The error for an option of a known class that has no exact form."""
    return CompileError(
        f"step {path!r}: {type(estimator).__name__} with {option} has no exact ONNX form here; {advice}"
    )


def numbers_only(estimator: Any, lanes: Lanes, path: str) -> Lanes:
    """The lanes of a step that takes numbers; texts are refused."""
    if any(lane.text for lane in lanes):
        raise refuse(path, estimator, "categorical columns", "encode them first: OrdinalEncoder or OneHotEncoder")
    return lanes


def scores_only(converted: Converted, path: str) -> Scores:
    """What a classifier gave; a transformer or regressor in its place is refused."""
    if not isinstance(converted, Scores):
        raise CompileError(f"step {path!r}: the last step must be a classifier that gives probabilities")
    return converted


def probability_of(converted: Converted, estimator: Any, path: str) -> str:
    """The probabilities that a classifier gave; one that gives only a decision is refused."""
    scores = scores_only(converted, path)
    if scores.probability is None:
        raise refuse(path, estimator, "no probabilities", "put it inside CalibratedClassifierCV")
    return scores.probability


def ranking_of(converted: Converted, estimator: Any, path: str) -> str:
    """The decision of a classifier that has one, else its probabilities: what scikit-learn's meta-estimators read."""
    scores = scores_only(converted, path)
    if scores.decision is None and hasattr(estimator, "decision_function"):
        raise refuse(path, estimator, "a decision function", "use it without the meta-estimator around it")
    return scores.ranking


def value_only(converted: Converted, path: str) -> Value:
    """What a regressor gave; anything else in its place is refused."""
    if not isinstance(converted, Value):
        raise CompileError(f"step {path!r}: a regressor is needed here")
    return converted
