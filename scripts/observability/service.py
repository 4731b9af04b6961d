"""Rules about the service: is it there, does it answer, quickly, and does it keep what it must keep."""

from __future__ import annotations

from loadtest.slo import Slo
from scripts.observability.clock import DAY, HOUR, Clock
from scripts.observability.objectives import (
    AVAILABILITY,
    LATENCY,
    MINIMUM_REQUESTS,
    PREDICTS,
    error_share,
    errors,
    requests,
)
from scripts.observability.rules import Alert, Group, Record

P95 = "job:tabi_request_duration_seconds:p95"
RATE = "route_status:tabi_requests:rate"
REJECTED = "reason:tabi_rejected:rate"
REJECTED_SHARE = 0.01


def groups(slo: Slo, clock: Clock) -> list[Group]:
    """Recorded rates, and the alerts."""
    five = clock.of(5)
    recorded = [
        Record(f"{RATE}{five}", f"sum by (job, route, status) (rate(tabi_requests_total[{five}]))"),
        Record(f"{REJECTED}{five}", f"sum by (job, reason) (rate(tabi_rejected_total[{five}]))"),
        Record(
            f"{P95}_{five}",
            f'histogram_quantile(0.95, sum by (job, le) (rate(tabi_request_duration_seconds_bucket{{route="/predict"}}'
            f"[{five}])))",
        ),
    ]
    alerts = [*_there(clock), *_answers(slo, clock), *_keeps(clock), _heartbeat(clock)]
    return [Group("tabi-service", clock.interval, recorded), Group("tabi-service-alerts", clock.interval, alerts)]


def _there(clock: Clock) -> list[Alert]:
    half, day = clock.of(HOUR / 2), clock.of(DAY)
    counted = f'tabi_requests_total{{route=~"{PREDICTS}"}}'
    return [
        Alert(
            "TabiDown",
            'up{job="tabi"} == 0',
            clock.of(1),
            "page",
            "server-down",
            "{{ $labels.instance }} does not answer",
            "Prometheus could not scrape {{ $labels.instance }}: the server is down, or cannot be reached.",
            AVAILABILITY,
        ),
        Alert(
            "TabiAbsent",
            'absent(up{job="tabi"})',
            clock.of(5),
            "page",
            "server-down",
            "There is no server that Prometheus knows of",
            "No target of the job tabi is scraped: none was deployed, or service discovery does not find it.",
            AVAILABILITY,
        ),
        Alert(
            "TabiNoTraffic",
            f"sum by (job) (increase({counted}[{half}])) == 0 and sum by (job) (increase({counted}[{day}])) > 0",
            clock.of(5),
            "ticket",
            "no-traffic",
            "Nobody has asked {{ $labels.job }} for a prediction",
            f"There were requests within {day} and none within {half}, while the server is up: look at what stands"
            " before it.",
        ),
    ]


def _answers(slo: Slo, clock: Clock) -> list[Alert]:
    five, share, bound = clock.of(5), error_share(slo), slo.objectives.p95_ms / 1000
    return [
        Alert(
            "TabiErrors",
            f"{errors(five)} > {share:g} and {requests(five)} >= {MINIMUM_REQUESTS}",
            clock.of(2),
            "page",
            "error-rate-high",
            "{{ $value | humanizePercentage }} of the requests to {{ $labels.job }} fail",
            f"More than {share:.2%} of the predictions within {five} were answered with 5xx.",
            AVAILABILITY,
        ),
        Alert(
            "TabiSlow",
            f"{P95}_{five} > {bound:g} and {requests(five)} >= {MINIMUM_REQUESTS}",
            clock.of(10),
            "ticket",
            "latency-high",
            "p95 of {{ $labels.job }} is {{ $value | humanizeDuration }}",
            f"5 % of single rows take longer than the {slo.objectives.p95_ms:g} ms that slo.yaml promises.",
            LATENCY,
        ),
        Alert(
            "TabiRejecting",
            f'sum by (job) ({REJECTED}{five}{{reason!="gone"}}) / sum by (job) ({RATE}{five}) > {REJECTED_SHARE}',
            clock.of(5),
            "ticket",
            "overload",
            "{{ $labels.job }} turns away {{ $value | humanizePercentage }} of its requests",
            "The server refuses requests to protect the others: it needs more workers or replicas, or a client asks"
            " for too much. The label reason of tabi_rejected_total says what ran out.",
            AVAILABILITY,
        ),
    ]


def _keeps(clock: Clock) -> list[Alert]:
    ten, quarter = clock.of(10), clock.of(15)
    return [
        Alert(
            "TabiPredictionLogLost",
            f"sum by (job) (increase(tabi_prediction_log_lost_total[{ten}])) > 0",
            clock.of(0),
            "ticket",
            "disk-full",
            "{{ $labels.job }} answers predictions that it cannot log",
            f"{{{{ $value | humanize }}}} predictions within {ten} are not in the log: its disk is full or not"
            " writable. They are lost for feedback and monitoring.",
        ),
        Alert(
            "TabiReloadFailing",
            "sum by (job, model) (tabi_reload_failing_workers) > 0",
            clock.of(5),
            "ticket",
            "model-cannot-be-loaded",
            "{{ $labels.model }} cannot load the version that it should answer with",
            "{{ $value }} workers answer with the version before. The log and /models say why.",
        ),
        Alert(
            "TabiWorkersDie",
            f"sum by (job) (increase(tabi_worker_restarts_total[{quarter}])) > 2",
            clock.of(0),
            "ticket",
            "workers-die",
            "Workers of {{ $labels.job }} die again and again",
            f"{{{{ $value | humanize }}}} workers were started again within {quarter}. The exit code is in the log.",
        ),
    ]


def _heartbeat(clock: Clock) -> Alert:
    return Alert(
        "TabiHeartbeat",
        "vector(1)",
        clock.of(0),
        "heartbeat",
        "alerting",
        "Alerts are evaluated and sent",
        "It always holds. Whoever does not get it any more knows that no other alert would come either.",
    )
