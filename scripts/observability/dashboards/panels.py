"""What our panels have in common: data source, size, legend, bounds.

The library checks nothing of an expression: a test reads every query.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    RowPanel,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)
from grafana_foundation_sdk.models.dashboard import (
    Panel as Placed,
)

SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
"""As infra/observability/grafana provisions it."""
GREEN, ORANGE, RED = "green", "orange", "red"
COLUMNS = 24
_LETTERS = "ABCDEFGH"


class Query(NamedTuple):
    """An expression, and what its series are called. `exemplars`: points that lead to a trace."""

    expr: str
    legend: str
    exemplars: bool = False


class Bound(NamedTuple):
    """From `value` on a figure is bad; `below`: it is bad below it."""

    value: float
    below: bool = False


def line(
    title: str, *queries: Query, unit: str = "short", told: str = "", bound: Bound | None = None
) -> timeseries.Panel:
    """Values over time."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(told)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .height(8)
        .span(8)
        .line_width(1)
        .fill_opacity(8)
        .show_points(shapes.VisibilityMode.NEVER)
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI).sort(shapes.SortOrder.DESCENDING))
        .targets(_targets(queries))
    )
    if bound is not None:
        style = common.GraphThresholdsStyleConfig().mode(shapes.GraphTresholdsStyleMode.LINE)
        panel = panel.thresholds(_thresholds(bound)).thresholds_style(style)
    return panel


def figure(title: str, query: Query, *, unit: str = "short", told: str = "", bound: Bound | None = None) -> stat.Panel:
    """The value of now, in the colour of how bad it is."""
    panel = (
        stat.Panel()
        .title(title)
        .description(told)
        .datasource(SOURCE)
        .unit(unit)
        .height(4)
        .span(4)
        .color_mode(shapes.BigValueColorMode.BACKGROUND_SOLID if bound else shapes.BigValueColorMode.NONE)
        .graph_mode(shapes.BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .targets(_targets([query], instant=True))
    )
    return panel.thresholds(_thresholds(bound)) if bound else panel


def bars(
    title: str, *queries: Query, unit: str = "short", told: str = "", bound: Bound | None = None
) -> bargauge.Panel:
    """The values of now beside each other, such as of many columns."""
    panel = (
        bargauge.Panel()
        .title(title)
        .description(told)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .height(10)
        .span(12)
        .orientation(shapes.VizOrientation.HORIZONTAL)
        .display_mode(shapes.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .targets(_targets(queries, instant=True))
    )
    return panel.thresholds(_thresholds(bound)) if bound else panel


Panel = timeseries.Panel | stat.Panel | bargauge.Panel
Row = tuple[str, Sequence[Panel]]


def dashboard(uid: str, title: str, rows: Sequence[Row], variables: Sequence[tuple[str, str]] = ()) -> str:
    """JSON of a dashboard. `variables`: name and what its values are, each taken from the labels of a metric."""
    made = (
        board.Dashboard(title)
        .uid(uid)
        .tags(["tabi", "generated"])
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("utc")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
    )
    for name, values in variables:
        variable = board.QueryVariable(name).datasource(SOURCE).query(values)
        made = made.with_variable(variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED))
    number = 0
    for name, panels in rows:
        number += 1
        made = made.with_row(board.Row(name).id(number))
        for panel in panels:
            number += 1
            made = made.with_panel(panel.id(number))
    built = made.build()
    _lay_out(built.panels or [])
    return JSONEncoder(sort_keys=True, indent=2).encode(built) + "\n"


def _lay_out(panels: Sequence[Placed | RowPanel]) -> None:
    """From left to right, as tall as the tallest of a line; a row's title takes a line of its own."""
    x = y = tall = 0
    for panel in panels:
        place = panel.grid_pos
        if place is None:
            continue
        if x + place.w > COLUMNS:
            x, y, tall = 0, y + tall, 0
        place.x, place.y = x, y
        x, tall = x + place.w, max(tall, place.h)


def _targets(queries: Sequence[Query], *, instant: bool = False) -> list[Builder[Dataquery]]:
    found: list[Builder[Dataquery]] = []
    for letter, query in zip(_LETTERS, queries, strict=False):
        target = prometheus.Dataquery().datasource(SOURCE).ref_id(letter).expr(query.expr).legend_format(query.legend)
        found.append(target.instant() if instant else target.range().exemplar(query.exemplars))
    return found


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(shapes.LegendDisplayMode.LIST)
        .placement(shapes.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs([])
    )


def _thresholds(bound: Bound) -> board.ThresholdsConfig:
    first, then = (RED, GREEN) if bound.below else (GREEN, RED)
    steps = [Threshold(value=None, color=first), Threshold(value=bound.value, color=then)]
    return board.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
