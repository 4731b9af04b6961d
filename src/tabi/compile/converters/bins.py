"""Numbers by the interval that they lie in: bins, quantiles and splines. One node searches all columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import BSpline, PPoly
from sklearn.preprocessing import KBinsDiscretizer, QuantileTransformer, SplineTransformer

from tabi.compile.converters.trees import count_below, note_thresholds
from tabi.compile.graph import Graph, Lane, Lanes
from tabi.compile.operators import Array, as_double, as_index, clip
from tabi.compile.registry import converts, numbers_only, refuse

UNSCALED = "bring its numbers nearer to 1 in the source"


@converts(KBinsDiscretizer)
def _bins(binner: KBinsDiscretizer, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    edges = [np.asarray(column[1:-1], dtype=np.float64).tolist() for column in binner.bin_edges_]
    for i, column in enumerate(edges):
        note_thresholds(graph, lanes, i, column)
    numbers = count_below(graph, numbers_only(binner, lanes, path), edges, or_equal=True)
    if binner.encode == "ordinal":
        return graph.lanes_of(numbers, len(lanes))
    pairs = [(column, bin_) for column, count in enumerate(binner.n_bins_) for bin_ in range(count)]
    chosen = graph.pack(tuple(Lane(numbers, column, len(lanes)) for column, _ in pairs))
    equal = graph.add("Equal", [chosen, graph.constant([[float(bin_) for _, bin_ in pairs]])])
    return graph.lanes_of(as_double(graph, equal), len(pairs))


@converts(QuantileTransformer)
def _quantiles(transformer: QuantileTransformer, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    """The mean of two interpolations, from below and from above: they differ where a quantile is repeated."""
    if transformer.output_distribution != "uniform":
        raise refuse(path, transformer, "output_distribution='normal'", "leave it 'uniform'")
    columns, levels = list(transformer.quantiles_.T), np.asarray(transformer.references_)
    for i, column in enumerate(columns):
        if not all(np.isfinite(_slopes(column, levels, rising=rising)).all() for rising in (True, False)):
            raise refuse(path, transformer, f"a column ({i}) of too small or too large a spread", UNSCALED)
        note_thresholds(graph, lanes, i, column.tolist())
    values = graph.pack(numbers_only(transformer, lanes, path))
    up = _interpolated(graph, lanes, values, columns, levels, rising=True)
    down = _interpolated(graph, lanes, values, columns, levels, rising=False)
    mean = graph.add("Mul", [graph.add("Add", [up, down]), graph.constant(0.5)])
    lowest, highest = (graph.constant(transformer.quantiles_[[i]]) for i in (0, -1))
    mean = graph.add("Where", [graph.add("Equal", [values, highest]), graph.constant(1.0), mean])
    mean = graph.add("Where", [graph.add("Equal", [values, lowest]), graph.constant(0.0), mean])
    mean = graph.add("Where", [graph.add("IsNaN", [values]), values, mean])
    return graph.lanes_of(mean, len(lanes))


def _interpolated(
    graph: Graph, lanes: Lanes, values: str, columns: Sequence[Array], levels: Array, *, rising: bool
) -> str:
    """Linear interpolation from the last quantile at or below a value, or from the first at or above it."""
    last = len(levels) - 1
    above = count_below(graph, lanes, [column.tolist() for column in columns], or_equal=rising)
    place = graph.add("Sub", [above, graph.constant(1.0)]) if rising else above
    place = clip(graph, place, 0.0, float(last))
    starts = np.arange(len(columns), dtype=np.float64) * (last + 1)
    place = as_index(graph, graph.add("Add", [place, graph.constant(starts[None, :])]))
    slopes = [_slopes(column, levels, rising=rising) for column in columns]
    near, level, slope = (
        graph.add("Gather", [graph.constant(np.concatenate(table)), place], axis=0)
        for table in (columns, [levels] * len(columns), slopes)
    )
    lowest, highest = (graph.constant([[column[i] for column in columns]]) for i in (0, -1))
    inside = graph.add("Where", [graph.add("Less", [values, lowest]), lowest, values])
    inside = graph.add("Where", [graph.add("Greater", [inside, highest]), highest, inside])
    return graph.add("Add", [graph.add("Mul", [slope, graph.add("Sub", [inside, near])]), level])


def _slopes(column: Array, levels: Array, *, rising: bool) -> Array:
    """The slope beside each quantile, level beyond the ends and between repeated ones."""
    steps = np.diff(column)
    slopes = np.divide(np.diff(levels), steps, out=np.zeros_like(steps), where=steps > 0)
    return np.append(slopes, 0.0) if rising else np.insert(slopes, 0, 0.0)


@converts(SplineTransformer)
def _splines(transformer: SplineTransformer, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    """Each spline is a polynomial between two knots; a table holds the coefficients of all splines of a column."""
    if transformer.extrapolation not in ("constant", "continue"):
        option = f"extrapolation={transformer.extrapolation!r}"
        raise refuse(path, transformer, option, "use extrapolation='constant' or 'continue'")
    values, degree = graph.pack(numbers_only(transformer, lanes, path)), transformer.degree
    knots, tables = zip(*(_pieces(spline) for spline in transformer.bsplines_), strict=True)
    for i, (knot, table) in enumerate(zip(knots, tables, strict=True)):
        # the highest power of the distance from a knot meets the smallest coefficient
        with np.errstate(over="ignore"):
            finite = np.isfinite(table).all() and np.isfinite(np.diff(knot) ** degree).all()
        if not finite:
            raise refuse(path, transformer, f"a column ({i}) of too small or too large a spread", UNSCALED)
    intervals, count = len(knots[0]) - 1, tables[0].shape[1]
    if transformer.extrapolation == "constant":
        ends = [graph.constant([[k[i] for k in knots]]) for i in (0, -1)]
        raised = graph.add("Where", [graph.add("Less", [values, ends[0]]), ends[0], values])
        values = graph.add("Where", [graph.add("Greater", [raised, ends[1]]), ends[1], raised])
        lanes = graph.lanes_of(values, len(lanes))
    place = count_below(graph, lanes, [k[1:-1].tolist() for k in knots], or_equal=True)
    starts = np.arange(len(lanes), dtype=np.float64) * intervals
    place = as_index(graph, graph.add("Add", [place, graph.constant(starts[None, :])]))
    near = graph.add("Gather", [graph.constant(np.concatenate([k[:-1] for k in knots])), place], axis=0)
    distance = graph.add("Unsqueeze", [graph.add("Sub", [values, near]), graph.constant([2, 3], np.int64)])
    powers = graph.add("Pow", [distance, graph.constant(np.arange(degree + 1, dtype=np.float64)[:, None])])
    table = graph.add("Gather", [graph.constant(np.concatenate(tables)), place], axis=0)
    splines = graph.add("MatMul", [table, powers])
    flat = graph.add("Reshape", [splines, graph.constant([-1, len(lanes) * count], np.int64)])
    if transformer.handle_missing == "zeros":
        missing = graph.add("IsNaN", [graph.pack(tuple(lane for lane in lanes for _ in range(count)))])
        flat = graph.add("Where", [missing, graph.constant(0.0), flat])
    kept = [i for i in range(len(lanes) * count) if transformer.include_bias or (i + 1) % count]
    return tuple(Lane(flat, i, len(lanes) * count) for i in kept)


def _pieces(spline: BSpline) -> tuple[Array, Array]:
    """Knots of the inner intervals, and coefficients [interval, spline, power] of the distance from its left knot."""
    degree, inner = spline.k, spline.t[spline.k : len(spline.t) - spline.k]
    pieces = [PPoly.from_spline((spline.t, column, degree)).c for column in spline.c.T]
    coefficients = np.stack(pieces)[:, ::-1, degree : degree + len(inner) - 1]
    return np.asarray(inner, dtype=np.float64), np.ascontiguousarray(coefficients.transpose(2, 0, 1))
