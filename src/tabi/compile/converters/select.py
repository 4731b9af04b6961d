"""Feature selection: some of the columns go on, as they are."""

from __future__ import annotations

from typing import Any

from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)

from tabi.compile.graph import Graph, Lanes
from tabi.compile.registry import Converted, convert, converts, transforms

RECURSIVE = (RFE, RFECV)


@converts(
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)
@transforms(*RECURSIVE)
def _selector(selector: Any, graph: Graph, lanes: Lanes, path: str) -> Lanes:  # noqa: ARG001
    return tuple(lane for lane, kept in zip(lanes, selector.get_support(), strict=True) if kept)


@converts(*RECURSIVE)
def _recursive(selector: Any, graph: Graph, lanes: Lanes, path: str) -> Converted:
    """As the last step it predicts with the estimator that it selected for."""
    return convert(selector.estimator_, graph, _selector(selector, graph, lanes, path), path)  # type: ignore[arg-type]
