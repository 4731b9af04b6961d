"""SimpleImputer over numbers and over texts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.impute import SimpleImputer

from tabi.compile.graph import Graph, Lane, Lanes
from tabi.compile.registry import converts, refuse
from tabi.contract import MISSING_TEXT, category_of


@converts(SimpleImputer)
def _simple_imputer(imputer: SimpleImputer, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    if imputer.add_indicator:
        raise refuse(path, imputer, "add_indicator=True", "leave it False")
    if not (isinstance(imputer.missing_values, float) and np.isnan(imputer.missing_values)):
        raise refuse(path, imputer, "missing_values other than NaN", "leave it NaN: that is what the contract gives")
    fills = imputer.statistics_
    # a column that was all missing at the fit has no statistic, and scikit-learn drops it
    kept = [i for i in range(len(lanes)) if _is_value(fills[i])]
    if not kept:
        return ()
    chosen = tuple(lanes[i] for i in kept)
    if chosen[0].text:
        return _fill_texts(graph, chosen, [category_of(fills[i]) for i in kept])
    return _fill_numbers(graph, chosen, np.array([[fills[i] for i in kept]], dtype=np.float64))


def _is_value(fill: object) -> bool:
    return fill is not None and not (isinstance(fill, float) and np.isnan(fill))


def _fill_numbers(graph: Graph, lanes: Lanes, fills: npt.NDArray[np.float64]) -> Lanes:
    values = graph.pack(lanes)
    filled = graph.add("Where", [graph.add("IsNaN", [values]), graph.constant(fills), values])
    return graph.lanes_of(filled, len(lanes), [lane.origin for lane in lanes])


def _fill_texts(graph: Graph, lanes: Lanes, fills: list[str]) -> Lanes:
    values = graph.pack(lanes)
    missing = graph.add("Equal", [values, graph.constant([MISSING_TEXT], np.object_)])
    filled = graph.add("Where", [missing, graph.constant([fills], np.object_), values])
    return tuple(Lane(filled, i, len(lanes), text=True) for i in range(len(lanes)))
