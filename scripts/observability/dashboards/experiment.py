"""Versions beside each other while traffic is split: who gets how much, and what each answers.

What an experiment found is decided by `tabi experiment status`, over units and their labels, and never by this page.
"""

from __future__ import annotations

from scripts.observability.clock import HOUR, REAL
from scripts.observability.dashboards.model import MODEL
from scripts.observability.dashboards.panels import Panel, Query, dashboard, line
from scripts.observability.drift import windows
from scripts.observability.model import FAULTS, ROWS
from tabi.monitoring.rules import FEATURE, SCORE

FIVE, WINDOW = REAL.of(5), windows(REAL)[0]
_OF = '{model="$model"}'


def experiment() -> str:
    """The dashboard."""
    rows = [("Traffic", _traffic()), ("Arms", _arms()), ("Answers", _answers())]
    return dashboard("tabi-experiment", "Tabi: experiment", rows, [MODEL])


def _traffic() -> list[Panel]:
    rows = f"sum by (version) ({ROWS}{FIVE}{_OF})"
    share = f"{rows} / ignoring (version) group_left () sum({ROWS}{FIVE}{_OF})"
    return [
        line("Rows a second by version", Query(rows, "{{version}}")),
        line(
            "Share of the rows",
            Query(share, "{{version}}"),
            unit="percentunit",
        ),
        line("Versions that are loaded", Query(f"sum by (version) (tabi_model_info{_OF})", "{{version}}")),
    ]


def _arms() -> list[Panel]:
    asked = f"sum by (arm) (rate(tabi_arm_requests_total{_OF}[5m]))"
    failed = f'sum by (arm) (rate(tabi_arm_requests_total{{model="$model",status=~"5.."}}[5m])) / {asked}'
    buckets = f"sum by (arm, le) (rate(tabi_arm_request_duration_seconds_bucket{_OF}[5m]))"
    return [
        line("Requests that were divided, by arm", Query(asked, "{{arm}}"), unit="reqps"),
        line("Share that failed", Query(failed, "{{arm}}"), unit="percentunit"),
        line("p95", Query(f"histogram_quantile(0.95, {buckets})", "{{arm}}"), unit="s"),
    ]


def _answers() -> list[Panel]:
    by_label = f"sum by (version, label) ({ROWS}{FIVE}{_OF})"
    share = f"{by_label} / ignoring (label) group_left () sum by (version) ({ROWS}{FIVE}{_OF})"
    faults = f"max by (version) ({FAULTS}{REAL.of(HOUR)}{_OF})"
    return [
        line("Share of each label", Query(share, "{{version}} {{label}}"), unit="percentunit"),
        line("Faults for each row", Query(faults, "{{version}}")),
        line("PSI of the score", Query(f"{SCORE.series('psi', WINDOW)}{_OF}", "{{version}}")),
        line("Worst column's PSI", Query(f"max by (version) ({FEATURE.series('psi', WINDOW)}{_OF})", "{{version}}")),
    ]
