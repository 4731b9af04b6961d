"""Health at a glance: every query of every dashboard, answered by a real Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from loadtest.slo import Slo
from scripts.observability.drill.stack import Stack
from scripts.observability.files import dashboards


class Answered(NamedTuple):
    """A query of a dashboard, and how many series answered it."""

    dashboard: str
    panel: str
    expr: str
    series: int


def ask_all(stack: Stack, slo: Slo, model: str, column: str) -> list[Answered]:
    """Every query once; `TabiError` at the first that Prometheus refuses."""
    return [
        Answered(name, panel, expr, len(stack.query(expr.replace("$model", model).replace("$column", column))))
        for name, text in dashboards(slo).items()
        for panel, expr in _queries(text)
    ]


def _queries(text: str) -> Iterator[tuple[str, str]]:
    for panel in json.loads(text)["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
