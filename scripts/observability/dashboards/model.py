"""Is a model well? What it answers, what it is asked, how old it is, and what tabi monitor found."""

from __future__ import annotations

from loadtest.slo import Slo
from scripts.observability.clock import HOUR, REAL
from scripts.observability.dashboards.panels import Bound, Panel, Query, bars, dashboard, figure, line
from scripts.observability.model import FAULTS, ROWS

MODEL = ("model", "label_values(tabi_model_info, model)")
FIVE = REAL.of(5)
_OF = 'model="$model"'


def model(slo: Slo) -> str:
    """The dashboard."""
    rows = [
        ("Now", _now(slo)),
        ("Answers", _answers()),
        ("Inputs", _inputs(slo)),
        ("By labels that came back", _found()),
    ]
    return dashboard("tabi-model", "Tabi: model", rows, [MODEL])


def _now(slo: Slo) -> list[Panel]:
    age = f"time() - min(tabi_model_created_timestamp_seconds{{{_OF}}})"
    loaded = f"time() - max(tabi_model_loaded_timestamp_seconds{{{_OF}}})"
    return [
        figure("Versions that answer", Query(f"count(count by (version) (tabi_model_info{{{_OF}}}))", "")),
        figure("Rows a second", Query(f"sum({ROWS}{FIVE}{{{_OF}}})", "")),
        figure("Age", Query(age, ""), unit="s", bound=Bound(slo.model.stale_days * 86400)),
        figure("Loaded since", Query(loaded, ""), unit="s"),
        figure("Workers that cannot load", Query(f"sum(tabi_reload_failing_workers{{{_OF}}})", ""), bound=Bound(1)),
        figure("Worst section of tabi monitor", Query(f"max(tabi_monitor_state{{{_OF}}})", ""), bound=Bound(2),
               told="-1 not judged, 0 pass, 1 warn, 2 fail."),
    ]  # fmt: skip


def _answers() -> list[Panel]:
    by_label = f"sum by (label) ({ROWS}{FIVE}{{{_OF}}})"
    share = f"{by_label} / ignoring (label) group_left () sum({ROWS}{FIVE}{{{_OF}}})"
    feedback = f"sum by (outcome) (rate(tabi_feedback_total{{{_OF}}}[5m]))"
    scores = f"sum by (bin) (increase(tabi_score_bins_total{{{_OF}}}[1h]))"
    return [
        line("Rows by version", Query(f"sum by (version) ({ROWS}{FIVE}{{{_OF}}})", "{{version}}")),
        line("Share of each label", Query(share, "{{label}}"), unit="percentunit"),
        line("Feedback", Query(feedback, "{{outcome}}")),
        bars("Scores within an hour", Query(scores, "{{bin}}")),
    ]


def _inputs(slo: Slo) -> list[Panel]:
    rules = f"sum by (rule) (rate(tabi_warnings_total{{{_OF}}}[5m]))"
    return [
        line("Faults that were let pass, by rule", Query(rules, "{{rule}}")),
        line(
            "Faults for each row",
            Query(f"max by (version) ({FAULTS}{REAL.of(HOUR)}{{{_OF}}})", "{{version}}"),
            bound=Bound(slo.model.faults),
        ),
    ]


def _found() -> list[Panel]:
    state = Query(f"max by (section) (tabi_monitor_state{{{_OF}}})", "{{section}}")
    return [
        line("Verdict of each section", state,
             told="-1 not judged, 0 pass, 1 warn, 2 fail."),
        line("Figures of live performance", Query(f'tabi_monitor_figure{{{_OF},section="performance"}}', "{{figure}}")),
        figure("Looked at, ago", Query(f"time() - max(tabi_monitor_timestamp_seconds{{{_OF}}})", ""), unit="s",
               bound=Bound(2 * 86400)),
    ]  # fmt: skip
