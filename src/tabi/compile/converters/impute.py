"""SimpleImputer and MissingIndicator, over numbers and over texts."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.impute import MissingIndicator, SimpleImputer

from tabi.compile.graph import Graph, Lane, Lanes
from tabi.compile.operators import as_double
from tabi.compile.registry import converts, refuse
from tabi.contract import MISSING_TEXT, category_of


@converts(SimpleImputer)
def _simple_imputer(imputer: SimpleImputer, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    fills = imputer.statistics_
    # a column that was all missing at the fit has no statistic, and scikit-learn drops it
    kept = [i for i in range(len(lanes)) if _is_value(fills[i])]
    filled: dict[int, Lane] = {}
    for text in (False, True):
        places = [i for i in kept if lanes[i].text == text]
        if places:
            chosen = tuple(lanes[i] for i in places)
            given = _filled(imputer, graph, chosen, [fills[i] for i in places], path)
            filled.update(zip(places, given, strict=True))
    result = tuple(filled[i] for i in kept)
    return result + _indicators(imputer.indicator_, graph, lanes, path) if imputer.add_indicator else result


@converts(MissingIndicator)
def _missing_indicator(indicator: MissingIndicator, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    return _indicators(indicator, graph, lanes, path)


def _indicators(indicator: MissingIndicator, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    """1 where a value is missing, for the columns that the indicator watches."""
    given: dict[int, Lane] = {}
    for text in (False, True):
        places = [int(i) for i in indicator.features_ if lanes[i].text == text]
        if places:
            missing = _is_missing(indicator, graph, tuple(lanes[i] for i in places), path)
            given.update(zip(places, graph.lanes_of(as_double(graph, missing), len(places)), strict=True))
    return tuple(given[int(i)] for i in indicator.features_)


def _is_value(fill: object) -> bool:
    return fill is not None and not (isinstance(fill, float) and np.isnan(fill))


def _filled(imputer: SimpleImputer, graph: Graph, lanes: Lanes, fills: list[Any], path: str) -> Lanes:
    missing, values = _is_missing(imputer, graph, lanes, path), graph.pack(lanes)
    if lanes[0].text:
        fill = graph.constant([[category_of(value) for value in fills]], np.object_)
    else:
        fill = graph.constant([[float(value) for value in fills]])
    filled = graph.add("Where", [missing, fill, values])
    return tuple(Lane(filled, i, len(lanes), lane.text, lane.origin) for i, lane in enumerate(lanes))


def _is_missing(step: Any, graph: Graph, lanes: Lanes, path: str) -> str:
    """Truth values [N, lanes]: where the step sees a missing value."""
    values, wanted, text = graph.pack(lanes), step.missing_values, lanes[0].text
    if isinstance(wanted, float) and np.isnan(wanted):
        return (
            graph.add("Equal", [values, graph.constant([MISSING_TEXT], np.object_)])
            if text
            else graph.add("IsNaN", [values])
        )
    if isinstance(wanted, str) and text:
        return graph.add("Equal", [values, graph.constant([wanted], np.object_)])
    if isinstance(wanted, int | float) and not text:
        return graph.add("Equal", [values, graph.constant(float(wanted))])
    raise refuse(path, step, "missing_values other than NaN, a number or a text", "leave it NaN")
