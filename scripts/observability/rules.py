"""Rules of Prometheus as values, and the file that they are written to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import yaml

HEAD = "# Generated from slo.yaml by `make slo`. Change that file, or scripts/observability, and generate it again.\n"
RUNBOOKS = "docs/runbooks"

Severity = Literal["page", "ticket", "heartbeat"]
"""Who is told: somebody now, somebody on the next working day, or nobody, for it shows that alerts are sent at all."""


class Record(NamedTuple):
    """An expression that Prometheus keeps under a name: `level:metric:operation`."""

    name: str
    expr: str

    def built(self) -> dict[str, Any]:
        """As a rule file has it."""
        return {"record": self.name, "expr": self.expr}


class Alert(NamedTuple):
    """What is told of, and to whom. `wait`: for how long it must hold. `slo`: the objective that it is about."""

    name: str
    expr: str
    wait: str
    severity: Severity
    runbook: str
    summary: str
    description: str
    slo: str = ""
    window: str = ""

    def built(self) -> dict[str, Any]:
        """As a rule file has it."""
        labels = {"severity": self.severity, "slo": self.slo, "window": self.window}
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.wait,
            "labels": {name: value for name, value in labels.items() if value},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{RUNBOOKS}/{self.runbook}.md",
            },
        }


class Group(NamedTuple):
    """Rules that are evaluated one after the other, every `interval`."""

    name: str
    interval: str
    rules: Sequence[Record | Alert]

    def built(self) -> dict[str, Any]:
        """As a rule file has it."""
        return {"name": self.name, "interval": self.interval, "rules": [rule.built() for rule in self.rules]}


def rule_file(groups: Iterable[Group]) -> str:
    """The text of a rule file."""
    return as_yaml({"groups": [group.built() for group in groups]})


def as_yaml(content: Any) -> str:
    """YAML under our head, the same for the same content."""
    return HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=118)


def alerts_of(groups: Iterable[Group]) -> list[Alert]:
    """The alerts among the rules."""
    return [rule for group in groups for rule in group.rules if isinstance(rule, Alert)]
