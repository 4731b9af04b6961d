"""The table of metrics keeps the conventions of Prometheus."""

from __future__ import annotations

import re

import pytest

from tabi.serving.telemetry.metrics import METRICS, Metric


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_metric_is_named_by_convention(metric: Metric) -> None:
    assert re.fullmatch(r"tabi_[a-z_]+", metric.name)
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert metric.name.endswith(f"_{metric.unit}") == bool(metric.unit)
    assert all(re.fullmatch(r"[a-z]+", label) for label in (*metric.labels, metric.along or "x"))
    assert metric.along not in metric.labels
    assert metric.help.endswith(".")


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_only_a_histogram_has_buckets_and_they_ascend(metric: Metric) -> None:
    assert (metric.kind == "histogram") == bool(metric.buckets)
    assert list(metric.buckets) == sorted(set(metric.buckets))


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_what_only_grows_is_summed_over_the_dead_and_what_is_now_is_not(metric: Metric) -> None:
    assert (metric.across == "sum") == (metric.kind != "gauge")
