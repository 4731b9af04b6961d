"""What is seen of each request from outside: metrics, a span if it is sampled, a log line if it failed."""

from __future__ import annotations

import logging
from time import perf_counter_ns

from tabi.serving.http.heads import Head
from tabi.serving.telemetry.hooks import RequestMetrics
from tabi.serving.telemetry.trace import Span, Tracer

# every route as metrics name it; what is none of these counts as other
ROUTES = (
    "/predict",
    "/predict_batch",
    "/explain",
    "/invocations",
    "/feedback",
    "/v2/models/{name}/infer",
    "/v2/models/{name}/versions/{version}/infer",
    "/v2/models/{name}",
    "/models",
    "/models/{name}",
    "/models/{name}/reload",
    "/reload",
    "/schema",
    "/models/{name}/schema",
    "/health",
    "/healthz",
    "/livez",
    "/readyz",
    "/ping",
    "/metrics",
    "/openapi.json",
    "/docs",
)

_log = logging.getLogger("tabi.access")


class Watch:
    """Told of every request by both doors."""

    def __init__(self, metrics: RequestMetrics, tracer: Tracer, *, log_all: bool) -> None:
        self._metrics = metrics
        self._tracer = tracer
        self._log_all = log_all
        self.tracing = tracer.on

    def begin(self) -> None:
        """A request arrived."""
        self._metrics.begin()

    def queued(self, count: int) -> None:
        """So many large requests wait or are answered now."""
        self._metrics.queued(count)

    def reject(self, reason: str) -> None:
        """A request was refused to protect the others."""
        self._metrics.reject(reason)

    def begin_span(self, head: Head, label: str) -> Span | None:
        """The span of a request; None if it is not sampled."""
        return self._tracer.begin(head.traceparent, label, head.request_id) if self.tracing else None

    def answered(self, label: str, status: int, began: int, request_id: str, span: Span | None) -> None:
        """A request was answered."""
        took = perf_counter_ns() - began
        self._metrics.end()
        self._metrics.observe(label, status, took, 0 if span is None else span.trace_id)
        if span is not None:
            span.end(status)
        if self._log_all or status >= 500:
            level = logging.ERROR if status >= 500 else logging.INFO
            extra = {"request_id": request_id, "route": label, "status": status, "ms": round(took / 1e6, 3)}
            _log.log(level, "answered", extra=extra)

    def gone(self, label: str, span: Span | None) -> None:
        """The sender of a request went away before it could be answered."""
        self._metrics.end()
        self._metrics.reject("gone")
        if span is not None:
            span.end(499, {"http.route": label})
