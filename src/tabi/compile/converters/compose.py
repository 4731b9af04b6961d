"""Steps that hold other steps: Pipeline, ColumnTransformer, FeatureUnion."""

from __future__ import annotations

from typing import Any

from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from tabi.compile.graph import Graph, Lanes, Value
from tabi.compile.registry import Converted, convert, converts, refuse, transform, transforms, value_only


@converts(Pipeline)
def _pipeline(pipeline: Pipeline, graph: Graph, lanes: Lanes, path: str) -> Converted:
    steps = _steps(pipeline, path)
    for step, here in steps[:-1]:
        lanes = transform(step, graph, lanes, here)
    return convert(steps[-1][0], graph, lanes, steps[-1][1]) if steps else lanes


@transforms(Pipeline)
def _pipeline_transform(pipeline: Pipeline, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    for step, here in _steps(pipeline, path):
        lanes = transform(step, graph, lanes, here)
    return lanes


def _steps(pipeline: Pipeline, path: str) -> list[tuple[Any, str]]:
    return [(step, join(path, name)) for name, step in pipeline.steps if step is not None and step != "passthrough"]


@converts(ColumnTransformer)
def _column_transformer(transformer: ColumnTransformer, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    columns = transformer._transformer_to_input_indices  # the fitted form of names, masks, slices and callables
    slices = transformer.output_indices_
    converted: list[tuple[int, Lanes]] = []
    for name, step, _ in transformer.transformers_:
        chosen = tuple(lanes[i] for i in columns[name])
        if is_dropped(step) or not chosen:
            continue
        result = chosen if is_passthrough(step) else transform(step, graph, chosen, join(path, name))
        converted.append((slices[name].start, result))
    # transformers_ holds the remainder last and output_indices_ says where each result stands
    return tuple(lane for _, result in sorted(converted, key=lambda item: item[0]) for lane in result)


@converts(FeatureUnion)
def _feature_union(union: FeatureUnion, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    given: Lanes = ()
    for name, step in union.transformer_list:
        if is_dropped(step):
            continue
        result = lanes if is_passthrough(step) else transform(step, graph, lanes, join(path, name))
        weight = (union.transformer_weights or {}).get(name)
        if weight is not None and result:
            scaled = graph.add("Mul", [graph.pack(result), graph.constant(float(weight))])
            result = graph.lanes_of(scaled, len(result))
        given += result
    return given


@converts(FunctionTransformer)
def _function_transformer(transformer: FunctionTransformer, graph: Graph, lanes: Lanes, path: str) -> Lanes:  # noqa: ARG001
    if transformer.func is not None:
        name = getattr(transformer.func, "__name__", "a function")
        raise refuse(path, transformer, f"func={name}", "use a transformer of scikit-learn: a function is code")
    return lanes


@converts(TransformedTargetRegressor)
def _transformed_target(estimator: TransformedTargetRegressor, graph: Graph, lanes: Lanes, path: str) -> Value:
    inner = value_only(convert(estimator.regressor_, graph, lanes, join(path, "regressor")), path).tensor
    scaler = estimator.transformer_
    if type(scaler) is FunctionTransformer and scaler.func is None and scaler.inverse_func is None:
        return Value(inner)
    if type(scaler) is not StandardScaler:
        raise refuse(path, estimator, f"transformer={type(scaler).__name__}", "use StandardScaler for the target")
    if scaler.scale_ is not None:
        inner = graph.add("Mul", [inner, graph.constant(scaler.scale_[None, :])])
    if scaler.with_mean:
        inner = graph.add("Add", [inner, graph.constant(scaler.mean_[None, :])])
    return Value(inner)


def join(path: str, name: str) -> str:
    """The path of a step inside a step."""
    return f"{path}/{name}" if path else name


def is_dropped(step: Any) -> bool:
    """Whether the columns of this step are left out."""
    return isinstance(step, str) and step == "drop"


def is_passthrough(step: Any) -> bool:
    """Whether a step hands its columns on as they are. A fitted ColumnTransformer holds an identity function there."""
    if isinstance(step, str):
        return step == "passthrough"
    # a subclass may compute something else
    return type(step) is FunctionTransformer and step.func is None
