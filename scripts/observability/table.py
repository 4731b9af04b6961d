"""The tables of docs/observability.md that must say what the rules say."""

from __future__ import annotations

from collections.abc import Iterable

from loadtest.slo import Slo
from scripts.observability.objectives import BURNS, SLOW_BUDGET, budget_of, error_share
from scripts.observability.rules import Alert

BEGIN, END = "<!-- generated: {} -->", "<!-- end -->"


def objectives_table(slo: Slo) -> str:
    """What is promised, and what is done about it."""
    found, days = slo.objectives, slo.window_days
    factors = ", ".join(f"{burn.factor(days):g}" for burn in BURNS)
    rows = [
        ("availability", f"{found.availability:.3%} of predictions in {days} days are not answered with 5xx",
         f"burn of the budget of {budget_of(slo):.2%} at {factors} times; at once from {error_share(slo):.1%} on"),
        ("latency", f"95 % of single rows in {days} days take at most {found.p95_ms:g} ms",
         f"burn of the budget of {SLOW_BUDGET:.0%}; p95 above {found.p95_ms:g} ms"),
        ("load test", f"at most {found.error_rate:.2%} failed requests, p95 at most {found.p95_ms:g} ms",
         "k6 ends with an error"),
        ("alarms of the cloud", f"more than {error_share(slo):.1%} server errors, p95 above {found.p95_ms:g} ms",
         "a message on the SNS topic"),
    ]  # fmt: skip
    return _table(("objective", "promise", "what happens"), rows)


def alerts_table(alerts: Iterable[Alert]) -> str:
    """Every alert once."""
    rows: dict[str, tuple[str, ...]] = {}
    for alert in alerts:
        severities = {found.severity for found in alerts if found.name == alert.name}
        place = f"[{alert.runbook}](runbooks/{alert.runbook}.md)"
        rows.setdefault(alert.name, (f"`{alert.name}`", " and ".join(sorted(severities)), alert.wait, place))
    return _table(("alert", "severity", "after", "runbook"), rows.values())


def filled(page: str, tables: dict[str, str]) -> str:
    """The page with what stands between its marks replaced."""
    for name, table in tables.items():
        before, begin, rest = page.partition(BEGIN.format(name))
        _, end, after = rest.partition(END)
        if not begin or not end:
            raise ValueError(f"docs/observability.md has no marks for the table {name}")
        page = f"{before}{begin}\n{table}\n{end}{after}"
    return page


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
