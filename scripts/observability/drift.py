"""Alerts over the drift that Prometheus computes itself; `tabi.monitoring.rules` has the recording rules."""

from __future__ import annotations

from scripts.observability.clock import DAY, HOUR, Clock
from scripts.observability.rules import Alert, Group, as_yaml
from tabi.monitoring import rules

MINUTES = (HOUR, 6 * HOUR, DAY)


def windows(clock: Clock) -> list[str]:
    """Over which drift is computed; alerts look at the first."""
    return [clock.of(minutes) for minutes in MINUTES]


def recorded(clock: Clock) -> str:
    """The rule file of the recorded series."""
    return as_yaml(rules.recording_rules(windows(clock), interval=clock.interval))


def groups(clock: Clock) -> list[Group]:
    """The alerts."""
    window = windows(clock)[0]
    found = []
    for family, name, what in (
        (rules.FEATURE, "TabiColumnDrift", "column {{ $labels.column }}"),
        (rules.SCORE, "TabiScoreDrift", "score"),
    ):
        found.append(
            Alert(
                name,
                rules.drifted(family, window),
                clock.of(10),
                "ticket",
                "drift",
                f"The {what} of {{{{ $labels.model }}}} has drifted: PSI {{{{ $value | humanize }}}}",
                f"Within {window} its distribution differs from that of the training snapshot by more than chance"
                f" explains, and by more than {rules.PSI_FLOOR:g}.",
                window=window,
            )
        )
    return [Group("tabi-drift-alerts", clock.interval, found)]
