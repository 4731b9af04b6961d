"""The OpenTelemetry Collector: of its traces it keeps every failed and every slow one, and a share of the rest.

What is slow is what slo.yaml says. The server samples before it sends, so it must send all that may be kept: with
`TABI_TRACE_RATIO=1` behind a collector beside it, or with less where a share of the failed ones is enough.
"""

from __future__ import annotations

from typing import Any

from loadtest.slo import Slo

KEPT_PERCENT = 1
# a request is answered within a second or it is slow; its spans arrive together
DECISION_WAIT = "5s"


def collector(slo: Slo) -> dict[str, Any]:
    """The configuration, of the distribution "contrib", which has tail sampling."""
    return {
        "receivers": {
            "otlp": {"protocols": {"http": {"endpoint": "0.0.0.0:4318"}, "grpc": {"endpoint": "0.0.0.0:4317"}}}
        },
        "processors": {
            "memory_limiter": {"check_interval": "1s", "limit_percentage": 75, "spike_limit_percentage": 20},
            "tail_sampling": {
                "decision_wait": DECISION_WAIT,
                "num_traces": 50_000,
                "policies": [
                    {"name": "failed", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
                    {"name": "slow", "type": "latency", "latency": {"threshold_ms": round(slo.objectives.p95_ms)}},
                    {
                        "name": "some",
                        "type": "probabilistic",
                        "probabilistic": {"sampling_percentage": KEPT_PERCENT},
                    },
                ],
            },
            "batch": {"timeout": "5s"},
        },
        "exporters": {
            "otlphttp": {
                "endpoint": "${env:TABI_TRACE_BACKEND}",
                "retry_on_failure": {"enabled": True, "max_elapsed_time": "300s"},
                "sending_queue": {"enabled": True, "queue_size": 1000},
            }
        },
        "extensions": {"health_check": {"endpoint": "0.0.0.0:13133"}},
        "service": {
            "extensions": ["health_check"],
            "pipelines": {
                "traces": {
                    "receivers": ["otlp"],
                    "processors": ["memory_limiter", "tail_sampling", "batch"],
                    "exporters": ["otlphttp"],
                }
            },
        },
    }
