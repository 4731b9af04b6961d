"""Is the service well? The first row answers it at a glance, the others say where to look."""

from __future__ import annotations

from loadtest.slo import Slo
from scripts.observability.clock import REAL
from scripts.observability.dashboards.panels import Bound, Panel, Query, dashboard, figure, line
from scripts.observability.objectives import AVAILABILITY, BURNS, LATENCY, error_share, errors, requests, slow
from scripts.observability.service import P95, RATE, REJECTED, REJECTED_SHARE

FIVE = REAL.of(5)
_DURATION = 'sum by (job, le) (rate(tabi_request_duration_seconds_bucket{route="/predict"}[5m]))'


def service(slo: Slo) -> str:
    """The dashboard."""
    rows = [
        ("Now", _now(slo)),
        ("Requests", _requests(slo)),
        ("Load", _load()),
        ("What is kept", _kept()),
        ("Processes", _processes()),
    ]
    return dashboard("tabi-service", "Tabi: service", rows)


def _now(slo: Slo) -> list[Panel]:
    sounding = 'count(ALERTS{alertstate="firing",severity!="heartbeat"}) or vector(0)'
    left = [
        figure(
            title,
            Query(f"min(job:tabi_slo_{name}_budget:left_ratio)", ""),
            unit="percentunit",
            told=f"Of {slo.window_days} days.",
            bound=Bound(0.1, below=True),
        )
        for title, name in (("Error budget left", AVAILABILITY), ("Latency budget left", LATENCY))
    ]
    return [
        figure("Servers up", Query('sum(up{job="tabi"})', ""), bound=Bound(1, below=True)),
        figure("Alerts that sound", Query(sounding, ""), bound=Bound(1)),
        figure("Predicting requests a second", Query(f"sum({requests(FIVE)}) / 300", ""), unit="reqps"),
        figure("Failing", Query(f"max({errors(FIVE)})", ""), unit="percentunit", bound=Bound(error_share(slo))),
        figure("p95", Query(f"max({P95}_{FIVE})", ""), unit="s", bound=Bound(slo.objectives.p95_ms / 1000)),
        *left,
    ]


def _requests(slo: Slo) -> list[Panel]:
    burning = [Query(errors(REAL.of(burn.long)), f"within {REAL.of(burn.long)}") for burn in BURNS]
    taking = [Query(slow(REAL.of(burn.long)), f"within {REAL.of(burn.long)}") for burn in BURNS]
    quantiles = [
        Query(f"histogram_quantile({q}, {_DURATION})", f"p{q * 100:g}", exemplars=q == 0.99) for q in (0.5, 0.95, 0.99)
    ]
    sounding = 'count by (alertname) (ALERTS{alertstate="firing",severity!="heartbeat"})'
    return [
        line("Requests by route and status", Query(f"{RATE}{FIVE}", "{{route}} {{status}}"), unit="reqps"),
        line(
            "Time to an answer, one row",
            *quantiles,
            unit="s",
            told="A point is a sampled request: it leads to its trace.",
            bound=Bound(slo.objectives.p95_ms / 1000),
        ),
        line("Share of failed requests", *burning, unit="percentunit", bound=Bound(error_share(slo))),
        line("Share of slow rows", *taking, unit="percentunit"),
        line("Alerts", Query(sounding, "{{alertname}}")),
    ]


def _load() -> list[Panel]:
    return [
        line("In flight", Query("sum by (job) (tabi_requests_in_flight)", "{{job}}")),
        line("Large requests that wait or are answered", Query("sum by (job) (tabi_requests_queued)", "{{job}}")),
        line(
            "Turned away",
            Query(f"{REJECTED}{FIVE}", "{{reason}}"),
            unit="reqps",
            told=f"TabiRejecting sounds from {REJECTED_SHARE:.0%} of all requests on.",
        ),
    ]


def _kept() -> list[Panel]:
    lost = "sum by (job) (rate(tabi_prediction_log_lost_total[5m]))"
    stuck = "sum by (model) (tabi_reload_failing_workers)"
    reloads = "sum by (model, outcome) (increase(tabi_reloads_total[5m]))"
    took = "sum by (model) (rate(tabi_reload_duration_seconds_sum[1h]))"
    many = "sum by (model) (rate(tabi_reload_duration_seconds_count[1h]))"
    return [
        line(
            "Predictions that are not in the log",
            Query(lost, "{{job}}"),
        ),
        line("Reloads", Query(reloads, "{{model}} {{outcome}}")),
        line("Time to load a version", Query(f"{took} / {many}", "{{model}}"), unit="s"),
        line(
            "Workers that cannot load",
            Query(stuck, "{{model}}"),
            bound=Bound(1),
        ),
        line("Workers started again", Query("sum by (job) (increase(tabi_worker_restarts_total[5m]))", "{{job}}")),
    ]


def _processes() -> list[Panel]:
    cpu = 'rate(process_cpu_seconds_total{job="tabi"}[5m])'
    built = Query("count by (version, commit, python, onnxruntime) (tabi_build_info)",
                  "{{version}} {{commit}} python {{python}} onnxruntime {{onnxruntime}}")  # fmt: skip
    return [
        line(
            "Processor",
            Query(cpu, "{{instance}} {{worker}}"),
            unit="percentunit",
        ),
        line("Memory", Query('process_resident_memory_bytes{job="tabi"}', "{{instance}} {{worker}}"), unit="bytes"),
        line("Open files", Query('process_open_fds{job="tabi"}', "{{instance}} {{worker}}")),
        line("Servers by what they were built from", built),
    ]
