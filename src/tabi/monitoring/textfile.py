"""What `tabi monitor` found, as metrics in a file: the textfile collector of node_exporter exposes it to Prometheus.

A job that ends cannot be scraped, and a gateway that keeps what jobs push is one more thing that must be up and that
forgets nothing by itself. A file beside an exporter that runs anyway is neither.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabi.errors import StoreError

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from tabi.monitoring.report import Report

TIME, STATE, FIGURE = "tabi_monitor_timestamp_seconds", "tabi_monitor_state", "tabi_monitor_figure"
STATES = {"not judged": -1, "pass": 0, "warn": 1, "fail": 2}
# a section may have figures of every column and window: what is alerted on stands at the top
MOST_FIGURES = 200


def write_metrics(report: Report, path: Path) -> None:
    """Replace the file at once, so that no scrape sees half of it. Its name must end with `.prom` to be collected."""
    from prometheus_client.exposition import generate_latest

    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(generate_latest(_Collected(report)))
        aside.replace(path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        raise StoreError(f"{path} cannot be written ({error.strerror}): name another file by --metrics") from error


class _Collected:
    """The families of one report."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def collect(self) -> Iterator[Metric]:
        """When it was, the verdict of each section, and its figures."""
        from prometheus_client.core import GaugeMetricFamily

        report = self._report
        time = GaugeMetricFamily(TIME, "When tabi monitor looked, in seconds since 1970.", labels=("model",))
        time.add_metric((report.model,), datetime.fromisoformat(report.end).timestamp())
        yield time
        states = GaugeMetricFamily(
            STATE, "Verdict of a section: 0 pass, 1 warn, 2 fail, -1 not judged.", labels=("model", "section")
        )
        figures = GaugeMetricFamily(FIGURE, "A figure of a section.", labels=("model", "section", "figure"))
        for key, found in report.sections.items():
            states.add_metric((report.model, key), STATES[found.verdict])
            for name, value in list(numbers(found.figures))[:MOST_FIGURES]:
                figures.add_metric((report.model, key, name), value)
        yield states
        yield figures


def numbers(figures: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Numbers by their path, such as `whole.auc`, the outermost first; what is no number is passed over."""
    nested: list[tuple[str, Mapping[str, Any]]] = []
    for key, value in figures.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            nested.append((f"{name}.", value))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield name, float(value)
    for inner, values in nested:
        yield from numbers(values, inner)
