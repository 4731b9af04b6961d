"""Rules about the objectives: shares of the error budget, and how fast it burns.

An alert holds while the budget burns faster than a factor both in a long window, so that a moment is no alarm, and in
a short one, so that it ends soon after the fault does: Alerting on SLOs, chapter 5, "Multiwindow, Multi-Burn-Rate
Alerts", of Beyer, Murphy, Rensin, Kawahara and Thorne (eds.), The Site Reliability Workbook, O'Reilly 2018. The
factors follow from the share of the budget that may be gone when it sounds; for 30 days they are its 14.4, 6 and 1.
"""

from __future__ import annotations

from typing import NamedTuple

from loadtest.slo import Slo
from scripts.observability.clock import DAY, HOUR, Clock
from scripts.observability.rules import Alert, Group, Record, Severity

PREDICTS = "/predict|/predict_batch|/explain|/invocations|/v2/models/.*/infer"
"""Routes that answer predictions, as a regular expression: probes and scrapes must not dilute the errors."""
# of a few requests one error is a large share
MINIMUM_REQUESTS = 20

AVAILABILITY, LATENCY = "availability", "latency"


class Burn(NamedTuple):
    """Sounds when `share` of the budget is gone within `long` minutes; `short`: by which it is seen to have ended."""

    share: float
    long: int
    short: int
    severity: Severity
    wait: int

    def factor(self, window_days: int) -> float:
        """How many times faster than the budget allows."""
        return self.share * window_days * DAY / self.long


BURNS = (
    Burn(0.02, HOUR, 5, "page", 2),
    Burn(0.05, 6 * HOUR, 30, "page", 5),
    Burn(0.10, 3 * DAY, 6 * HOUR, "ticket", 60),
)
WINDOWS = sorted({minutes for burn in BURNS for minutes in (burn.long, burn.short)})


def errors(window: str) -> str:
    """The series of the share of failed requests."""
    return f"job:tabi_slo_errors:ratio_rate{window}"


def slow(window: str) -> str:
    """The series of the share of single rows whose answer took longer than the objective."""
    return f"job:tabi_slo_slow:ratio_rate{window}"


def requests(window: str) -> str:
    """The series of the number of predicting requests."""
    return f"job:tabi_slo_requests:increase{window}"


def groups(slo: Slo, clock: Clock) -> list[Group]:
    """Recorded shares, what is left of the budget, and the alerts."""
    period = clock.of(slo.window_days * DAY)
    kept = [*_shares(slo, period), *_left(slo, period)]
    alerts = [alert for burn in BURNS for alert in _alerts(slo, burn, clock)]
    return [
        *(Group(f"tabi-slo-{clock.of(m)}", _pace(m, clock), _shares(slo, clock.of(m))) for m in WINDOWS),
        Group("tabi-slo-budget", clock.of(5), kept),
        Group("tabi-slo-alerts", clock.interval, alerts),
    ]


def _pace(minutes: int, clock: Clock) -> str:
    """A long window changes slowly, and reads much."""
    return clock.interval if minutes <= HOUR else clock.of(1)


def _shares(slo: Slo, window: str) -> list[Record]:
    answered = f'sum by (job) (rate(tabi_requests_total{{route=~"{PREDICTS}"}}[{window}]))'
    failed = f'sum by (job) (rate(tabi_requests_total{{route=~"{PREDICTS}",status=~"5.."}}[{window}]))'
    counted = f'sum by (job) (increase(tabi_requests_total{{route=~"{PREDICTS}"}}[{window}]))'
    bound = f"{slo.objectives.p95_ms / 1000!r}"
    fast = (
        f'sum by (job) (rate(tabi_request_duration_seconds_bucket{{route="/predict",le="{bound}"}}[{window}]))'
        f' / sum by (job) (rate(tabi_request_duration_seconds_count{{route="/predict"}}[{window}]))'
    )
    return [
        # where nothing ever failed there is no series to count
        Record(errors(window), f"({failed} or 0 * {answered}) / {answered}"),
        Record(slow(window), f"1 - {fast}"),
        Record(requests(window), counted),
    ]


def _left(slo: Slo, period: str) -> list[Record]:
    return [
        Record(f"job:tabi_slo_{name}_budget:left_ratio", f"1 - {share} / {_figure(budget)}")
        for name, share, budget in (
            (AVAILABILITY, errors(period), budget_of(slo)),
            (LATENCY, slow(period), SLOW_BUDGET),
        )
    ]


def _alerts(slo: Slo, burn: Burn, clock: Clock) -> list[Alert]:
    long, short, factor = clock.of(burn.long), clock.of(burn.short), burn.factor(slo.window_days)
    found = []
    for name, series, budget, slo_name, runbook in (
        ("TabiErrorBudgetBurn", errors, budget_of(slo), AVAILABILITY, "error-rate-high"),
        ("TabiLatencyBudgetBurn", slow, SLOW_BUDGET, LATENCY, "latency-high"),
    ):
        bound = _figure(factor * budget)
        # a share of all is the most there can be
        if factor * budget >= 1:
            continue
        expr = f"{series(long)} > {bound} and {series(short)} > {bound} and {requests(long)} >= {MINIMUM_REQUESTS}"
        what = "requests failed" if slo_name == AVAILABILITY else f"rows took longer than {slo.objectives.p95_ms:g} ms"
        description = (
            f"{{{{ $value | humanizePercentage }}}} of the {what} within {long}: {burn.share:.0%} of the error budget"
            f" of {slo.window_days} days is gone, and it burns on at {factor:g} times what it allows."
        )
        summary = f"The {slo_name} budget of {{{{ $labels.job }}}} burns {factor:g} times too fast"
        wait = clock.of(burn.wait)
        found.append(Alert(name, expr, wait, burn.severity, runbook, summary, description, slo_name, long))
    return found


SLOW_BUDGET = 0.05
"""Of 100 requests, 5 may take longer than p95."""


def budget_of(slo: Slo) -> float:
    """The share of requests that may fail."""
    return 1 - slo.objectives.availability


def error_share(slo: Slo) -> float:
    """The share of failed requests that is told at once, here and by the alarms of the cloud: ten times the budget."""
    return round(min(10 * budget_of(slo), 0.5), 9)


def _figure(value: float) -> str:
    return f"{value:.9g}"
