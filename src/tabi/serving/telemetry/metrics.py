"""Every metric of a server, by name. Hooks count into cells; the exposition says by this table what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]
Across = Literal["sum", "living", "latest"]

NANO = 1e-9

# a quarter of a millisecond to ten seconds. The objective of slo.yaml is one of them, or the share of requests that
# keep it could not be counted: `make slo` refuses another
_DURATIONS = (
    250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000,
    500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Metric:
    """One family of Prometheus.

    `labels`: their names. `along`: one more label, whose values lie along an array's cells. `buckets`: a histogram's
    upper bounds, in cells' units; its array holds a cell for each, one for what is above them all, and the sum.
    `scale`: what one count of a cell is in the metric's unit. `across`: what becomes of a value that each worker has:
    `sum` over all, the dead too; `living`: sum over those that live; `latest`: the largest of those that live.
    `while_loaded`: told of a version only while a worker has it loaded, since it has hundreds of series.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    along: str = ""
    unit: str = ""
    buckets: tuple[int, ...] = ()
    scale: float = 1
    across: Across = "sum"
    while_loaded: bool = False


INFO = "tabi_model_info"
_MODEL = ("model", "version")

_ALL = (
    Metric("tabi_requests_total", "counter", "Requests that were answered.", ("route", "status")),
    Metric(
        "tabi_request_duration_seconds",
        "histogram",
        "From the first byte of a request to its answer.",
        ("route",),
        unit="seconds",
        buckets=_DURATIONS,
        scale=NANO,
    ),
    Metric("tabi_requests_in_flight", "gauge", "Requests that wait for their answer now.", across="living"),
    Metric(
        "tabi_requests_queued",
        "gauge",
        "Large requests that wait or are answered now.",
        across="living",
    ),
    Metric("tabi_rejected_total", "counter", "Requests that were refused to protect the others.", ("reason",)),
    Metric("tabi_predictions_total", "counter", "Rows that were answered.", _MODEL, along="label"),
    Metric("tabi_warnings_total", "counter", "Faults of rows that were let pass.", _MODEL, along="rule"),
    Metric(
        "tabi_arm_requests_total",
        "counter",
        "Requests that a policy divided, by the arm that answered.",
        (*_MODEL, "arm", "status"),
    ),
    Metric(
        "tabi_arm_request_duration_seconds",
        "histogram",
        "From the first byte of such a request to its answer; of a shadow, from its turn to its answer.",
        (*_MODEL, "arm"),
        unit="seconds",
        buckets=_DURATIONS,
        scale=NANO,
    ),
    Metric(
        "tabi_shadow_copies_total",
        "counter",
        "Copies for a shadow: sent (of these lost if its process ended first), or dropped: full, large, down.",
        (*_MODEL, "outcome"),
    ),
    Metric(
        "tabi_flag_fallbacks_total",
        "counter",
        "Units that the flag system had no arm for, so that the policy's own hash chose it.",
        ("model", "reason"),
    ),
    Metric("tabi_prediction_log_lost_total", "counter", "Predictions that were answered but could not be logged."),
    Metric("tabi_feedback_total", "counter", "Feedback by what became of it.", ("model",), along="outcome"),
    Metric("tabi_reloads_total", "counter", "Tries to load another version.", ("model", "outcome")),
    Metric(
        "tabi_reload_duration_seconds",
        "histogram",
        "From the begin of a reload to the swap or the refusal.",
        ("model",),
        unit="seconds",
        buckets=_DURATIONS,
        scale=NANO,
    ),
    Metric(
        "tabi_reload_failing_workers",
        "gauge",
        "Workers that cannot load what they are to answer with, and answer with the version before.",
        ("model",),
        across="living",
    ),
    Metric(INFO, "gauge", "1 for each version that is loaded.", _MODEL, across="latest"),
    Metric(
        "tabi_model_loaded_timestamp_seconds",
        "gauge",
        "When the version was loaded, in seconds since 1970.",
        _MODEL,
        unit="seconds",
        scale=NANO,
        across="latest",
    ),
    Metric(
        "tabi_model_created_timestamp_seconds",
        "gauge",
        "When the bundle of the version was made, in seconds since 1970.",
        _MODEL,
        unit="seconds",
        scale=NANO,
        across="latest",
    ),
    Metric("tabi_worker_restarts_total", "counter", "Workers that died and were started again."),
    Metric(
        "tabi_feature_bins_total",
        "counter",
        "Rows by the bins of the contract's reference.",
        (*_MODEL, "column"),
        along="bin",
        while_loaded=True,
    ),
    Metric(
        "tabi_score_bins_total",
        "counter",
        "Rows by probability, in ten bins, or by value, in the bins of the target's reference.",
        _MODEL,
        along="bin",
        while_loaded=True,
    ),
    Metric(
        "tabi_feature_reference_ratio",
        "gauge",
        "Share of the training snapshot's rows in each bin.",
        (*_MODEL, "column"),
        along="bin",
        unit="ratio",
        scale=NANO,
        across="latest",
        while_loaded=True,
    ),
    Metric(
        "tabi_score_reference_ratio",
        "gauge",
        "Share of the reference's rows in each bin of the score.",
        _MODEL,
        along="bin",
        unit="ratio",
        scale=NANO,
        across="latest",
        while_loaded=True,
    ),
    Metric(
        "tabi_feature_reference_rows",
        "gauge",
        "Rows of the training snapshot that the columns' reference ratios are of.",
        _MODEL,
        across="latest",
        while_loaded=True,
    ),
    Metric(
        "tabi_score_reference_rows",
        "gauge",
        "Rows that the score's reference ratios are of.",
        _MODEL,
        across="latest",
        while_loaded=True,
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
