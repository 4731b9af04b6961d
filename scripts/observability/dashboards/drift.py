"""What has drifted, since when, and in which bins. All of it is computed by Prometheus from counters."""

from __future__ import annotations

from scripts.observability.clock import REAL
from scripts.observability.dashboards.model import MODEL
from scripts.observability.dashboards.panels import Bound, Panel, Query, bars, dashboard, figure, line
from scripts.observability.drift import windows
from tabi.monitoring.rules import FEATURE, MINIMUM_ROWS, PSI_FLOOR, SCORE, drifted

COLUMN = ("column", 'label_values(tabi_feature_reference_ratio{model="$model"}, column)')
_OF = '{model="$model"}'
SHORT, MIDDLE, LONG = windows(REAL)


def drift() -> str:
    """The dashboard."""
    rows = [("Now", _now()), ("Columns", _columns()), ("Score", _score()), ("One column", _column())]
    return dashboard("tabi-drift", "Tabi: drift", rows, [MODEL, COLUMN])


def _now() -> list[Panel]:
    bound = Bound(PSI_FLOOR)
    rows = Query(f"min({SCORE.series('rows', SHORT)}{_OF})", "")
    return [
        figure("Columns that drift", Query(f"count({drifted(FEATURE, SHORT)}) or vector(0)", ""), bound=Bound(1),
               told="Of all models."),
        figure("Worst column", Query(f"max({FEATURE.series('psi', SHORT)}{_OF})", ""), bound=bound, told="PSI"),
        figure("Score", Query(f"max({SCORE.series('psi', SHORT)}{_OF})", ""), bound=bound, told="PSI"),
        figure("Rows in the window", rows, bound=Bound(MINIMUM_ROWS, below=True)),
    ]  # fmt: skip


def _columns() -> list[Panel]:
    psi = {window: Query(f"{FEATURE.series('psi', window)}{_OF}", "{{column}}") for window in (SHORT, MIDDLE, LONG)}
    bound, told = Bound(PSI_FLOOR), "Population stability index against the training snapshot."
    return [
        bars(
            f"PSI of each column within {SHORT}",
            psi[SHORT],
            bound=bound,
            told=told,
        ),
        bars(
            f"PSI of each column within {LONG}",
            psi[LONG],
            bound=bound,
            told=told,
        ),
        line(f"PSI within {SHORT}", psi[SHORT], bound=bound),
        line(f"PSI within {MIDDLE}", psi[MIDDLE], bound=bound),
        line(f"Jensen–Shannon within {SHORT}, bits", Query(f"{FEATURE.series('js', SHORT)}{_OF}", "{{column}}")),
    ]


def _score() -> list[Panel]:
    return [
        line(
            "PSI of the score",
            *(Query(f"{SCORE.series('psi', window)}{_OF}", f"within {window}") for window in (SHORT, MIDDLE, LONG)),
            Query(f"{SCORE.series('psi_bound', SHORT)}{_OF}", f"what chance explains within {SHORT}"),
            told="Only of a score whose reference the bundle carries.",
        ),
        line("Rows that were counted", Query(f"{SCORE.series('rows', SHORT)}{_OF}", "{{version}}")),
    ]


def _column() -> list[Panel]:
    of = '{model="$model",column="$column"}'
    reference = f"max by (bin) (tabi_feature_reference_ratio{of})"
    return [
        bars("Share of each bin now", Query(f"{FEATURE.series('ratio', SHORT)}{of}", "{{bin}}"), unit="percentunit"),
        bars(
            "Share of each bin in training",
            Query(reference, "{{bin}}"),
            unit="percentunit",
        ),
        line(
            "PSI and what chance explains",
            Query(f"{FEATURE.series('psi', SHORT)}{of}", "PSI"),
            Query(f"{FEATURE.series('psi_bound', SHORT)}{of}", "by chance"),
        ),
    ]
