"""Rules about models: drift of what they are asked, faults of it, age, and what `tabi monitor` found."""

from __future__ import annotations

from loadtest.slo import Slo
from scripts.observability.clock import DAY, HOUR, Clock
from scripts.observability.rules import Alert, Group, Record

ROWS = "model_version:tabi_predictions:rate"
FAULTS = "model_version:tabi_warnings:ratio_rate"
# a share of fewer says nothing
MINIMUM_ROWS = 100


def groups(slo: Slo, clock: Clock) -> list[Group]:
    """Recorded rates, and the alerts."""
    five, hour = clock.of(5), clock.of(HOUR)
    recorded = [
        Record(f"{ROWS}{five}", f"sum by (job, model, version, label) (rate(tabi_predictions_total[{five}]))"),
        Record(
            f"{FAULTS}{hour}",
            f"sum by (job, model, version) (rate(tabi_warnings_total[{hour}]))"
            f" / sum by (job, model, version) (rate(tabi_predictions_total[{hour}]))",
        ),
    ]
    alerts = [_faults(slo, clock, hour), _stale(slo, clock), *_monitored(clock)]
    return [Group("tabi-model", clock.interval, recorded), Group("tabi-model-alerts", clock.interval, alerts)]


def _faults(slo: Slo, clock: Clock, hour: str) -> Alert:
    return Alert(
        "TabiInputFaults",
        f"{FAULTS}{hour} > {slo.model.faults:g} and sum by (job, model, version)"
        f" (increase(tabi_predictions_total[{hour}])) >= {MINIMUM_ROWS}",
        clock.of(10),
        "ticket",
        "input-faults",
        "Rows sent to {{ $labels.model }} break its contract",
        "{{ $value | humanize }} faults for each row: values are missing, of the wrong type, out of range or unknown."
        " tabi_warnings_total counts them by rule.",
    )


def _stale(slo: Slo, clock: Clock) -> Alert:
    seconds = slo.model.stale_days * 86400
    return Alert(
        "TabiModelStale",
        f"time() - min by (job, model, version) (tabi_model_created_timestamp_seconds) > {seconds}",
        clock.of(HOUR),
        "ticket",
        "stale-model",
        "{{ $labels.model }} is {{ $value | humanizeDuration }} old",
        f"Its bundle was made more than {slo.model.stale_days} days ago: train it again, or look why that did not"
        " happen.",
    )


def _monitored(clock: Clock) -> list[Alert]:
    two_days = 2 * DAY
    return [
        Alert(
            "TabiPerformanceLost",
            'tabi_monitor_state{section="performance"} >= 2',
            clock.of(0),
            "ticket",
            "performance-lost",
            "{{ $labels.model }} is worse than its project allows",
            "By the labels that came back, tabi monitor found its live performance beyond the bounds of the project.",
        ),
        Alert(
            "TabiMonitorFails",
            'tabi_monitor_state{section!="performance"} >= 2',
            clock.of(0),
            "ticket",
            "monitor-fails",
            "{{ $labels.section }} of {{ $labels.model }} fails",
            "tabi monitor says fail in this section; the same command says why.",
        ),
        Alert(
            "TabiMonitorSilent",
            f"time() - max by (model) (tabi_monitor_timestamp_seconds) > {clock.seconds(two_days)}",
            clock.of(HOUR),
            "ticket",
            "monitor-silent",
            "{{ $labels.model }} has not been looked at for {{ $value | humanizeDuration }}",
            "tabi monitor runs every day and writes what it found; its last figures are too old to say anything.",
        ),
    ]
