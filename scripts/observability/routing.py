"""Alertmanager: who is told of what, together with what, and what is not told while something worse is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scripts.observability.clock import DAY, HOUR, Clock

RECEIVERS = ("page", "ticket", "heartbeat")
"""By the label severity of an alert."""

Receivers = Mapping[str, Mapping[str, Any]]
"""What a receiver does: an integration of Alertmanager by its name."""


def routing(clock: Clock, receivers: Receivers | None = None) -> dict[str, Any]:
    """The configuration. A receiver without an integration keeps its alerts where they can be seen."""
    given = receivers or {}
    quick, slow = clock.of(0.5), clock.of(5)
    return {
        "route": {
            "receiver": "ticket",
            # the columns of a model drift together, and replicas fall together: one message each
            "group_by": ["alertname", "job", "model"],
            "group_wait": slow,
            "group_interval": slow,
            "repeat_interval": clock.of(DAY),
            "routes": [
                {
                    "receiver": "page",
                    "matchers": ['severity="page"'],
                    "group_wait": quick,
                    "group_interval": slow,
                    "repeat_interval": clock.of(HOUR),
                },
                {
                    "receiver": "heartbeat",
                    "matchers": ['severity="heartbeat"'],
                    "group_wait": clock.of(0),
                    "group_interval": clock.of(1),
                    "repeat_interval": clock.of(5),
                },
            ],
        },
        "inhibit_rules": [
            # a server that is not there has no traffic, and fails every request
            {
                "source_matchers": ['alertname=~"TabiDown|TabiAbsent"'],
                "target_matchers": ['alertname=~"TabiNoTraffic|TabiErrors|TabiSlow|.*BudgetBurn"'],
                "equal": ["job"],
            },
            # whoever has been woken up needs no ticket about the same objective
            {
                "source_matchers": ['severity="page"', 'slo=~".+"'],
                "target_matchers": ['severity="ticket"'],
                "equal": ["job", "slo"],
            },
        ],
        "receivers": [{"name": name, **given.get(name, {})} for name in RECEIVERS],
    }
