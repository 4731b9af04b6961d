"""Steps that hold other steps: Pipeline and ColumnTransformer."""

from __future__ import annotations

from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from tabi.compile.graph import Graph, Lanes
from tabi.compile.registry import Converted, convert, converts, lanes_only


@converts(Pipeline)
def _pipeline(pipeline: Pipeline, graph: Graph, lanes: Lanes, path: str) -> Converted:
    current: Converted = lanes
    for name, step in pipeline.steps:
        here = join(path, name)
        if step is not None and step != "passthrough":
            current = convert(step, graph, lanes_only(current, here), here)
    return current


@converts(ColumnTransformer)
def _column_transformer(transformer: ColumnTransformer, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    columns = transformer._transformer_to_input_indices  # the fitted form of names, masks, slices and callables
    slices = transformer.output_indices_
    converted: list[tuple[int, Lanes]] = []
    for name, step, _ in transformer.transformers_:
        chosen = tuple(lanes[i] for i in columns[name])
        if is_dropped(step) or not chosen:
            continue
        here = join(path, name)
        result = chosen if is_passthrough(step) else lanes_only(convert(step, graph, chosen, here), here)
        converted.append((slices[name].start, result))
    # transformers_ holds the remainder last and output_indices_ says where each result stands
    return tuple(lane for _, result in sorted(converted, key=lambda item: item[0]) for lane in result)


def join(path: str, name: str) -> str:
    """The path of a step inside a step."""
    return f"{path}/{name}" if path else name


def is_dropped(step: Any) -> bool:
    """Whether a ColumnTransformer leaves the columns of this step out."""
    return isinstance(step, str) and step == "drop"


def is_passthrough(step: Any) -> bool:
    """Whether a step hands its columns on as they are. A fitted ColumnTransformer holds an identity function there."""
    from sklearn.preprocessing import FunctionTransformer

    if isinstance(step, str):
        return step == "passthrough"
    return isinstance(step, FunctionTransformer) and step.func is None
