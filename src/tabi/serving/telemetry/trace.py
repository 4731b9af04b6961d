"""OpenTelemetry traces with W3C context in and out. Off unless a collector is configured, and then sampled.

Whether a request is sampled is decided before OpenTelemetry is called: its parent decides, and where there is none,
a ratio. Nothing of OpenTelemetry is imported while tracing is off.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Mapping
from threading import Thread
from time import time_ns
from typing import TYPE_CHECKING, NamedTuple, Self

from tabi import __version__
from tabi.errors import ConfigError
from tabi.serving.telemetry.steps import UNDER_WAY

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as SdkSpan
    from opentelemetry.trace import Tracer as SdkTracer

ENDPOINT = "TABI_OTLP_ENDPOINT"
RATIO = "TABI_TRACE_RATIO"
DEFAULT_RATIO = 0.01
# of the field's own standard; the exporter reads them itself
_STANDARD = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PATH = "/v1/traces"
# of a request of very many chunks, the first steps
MOST_STEPS = 64
# a collector that is down must not keep a server from stopping
_CLOSE_SECONDS = 2.0

Attribute = str | bool | int | float

_context_of = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
).fullmatch


def configured(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a collector is named, and tracing is not switched off."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return any(environment.get(name) for name in (ENDPOINT, *_STANDARD))


class Step(NamedTuple):
    """What ended at `ended`, nanoseconds since 1970. `others`: requests that had it in common with this one."""

    name: str
    ended: int
    attributes: Mapping[str, Attribute]
    others: tuple[Span, ...]


class Span:
    """A sampled request. `trace_id`: as a number, for exemplars. Its steps are sent as spans of their own."""

    __slots__ = ("_began", "_request_id", "_span", "_steps", "_tracer", "trace_id", "traceparent")

    def __init__(self, span: SdkSpan, tracer: SdkTracer, request_id: str) -> None:
        self._span, self._tracer, self._request_id = span, tracer, request_id
        self._began, self._steps = time_ns(), list[Step]()
        context = span.get_span_context()
        self.trace_id = context.trace_id
        self.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-01"
        UNDER_WAY[request_id] = self

    def mark(self, step: str, attributes: Mapping[str, Attribute], others: tuple[Span, ...] = ()) -> None:
        """A step has ended; it began with the end of the one before."""
        if len(self._steps) < MOST_STEPS:
            self._steps.append(Step(step, time_ns(), attributes, others))

    def end(self, status: int, attributes: Mapping[str, Attribute] | None = None) -> None:
        """The request was answered with an HTTP status. A server's span is an error from 500 on."""
        # of two requests of one id under way, the later stands there
        if UNDER_WAY.get(self._request_id) is self:
            del UNDER_WAY[self._request_id]
        if self._steps:
            self.mark("answer", {})
        self._send_steps()
        self._span.set_attribute("http.response.status_code", status)
        if attributes:
            self._span.set_attributes(attributes)
        if status >= 500:
            from opentelemetry.trace import StatusCode

            self._span.set_attribute("error.type", str(status))
            self._span.set_status(StatusCode.ERROR)
        self._span.end()

    def _send_steps(self) -> None:
        from opentelemetry.context import Context
        from opentelemetry.trace import Link, SpanKind, set_span_in_context

        context, began = set_span_in_context(self._span, Context()), self._began
        for name, ended, attributes, others in self._steps:
            links = [Link(other._span.get_span_context()) for other in others]
            child = self._tracer.start_span(name, context, SpanKind.INTERNAL, dict(attributes), links, began)
            child.end(ended)
            began = ended


class Tracer:
    """Begins a span for each sampled request. `Tracer()` is off."""

    def __init__(self, provider: TracerProvider | None = None, ratio: float = DEFAULT_RATIO) -> None:
        self._provider = provider
        self._ratio = ratio
        self._tracer: SdkTracer | None = provider.get_tracer("tabi", __version__) if provider else None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """On if a collector is configured; `ConfigError` if what is configured cannot be used."""
        own = environment.get(ENDPOINT, "")
        if not configured(environment):
            return cls()
        if own and not own.startswith(("http://", "https://")):
            raise ConfigError(f"{ENDPOINT} is no URL: give the collector's, such as http://localhost:4318")
        ratio = _ratio(environment.get(RATIO, ""))
        named = bool(environment.get("OTEL_SERVICE_NAME"))
        return cls(_provider(own.rstrip("/") + _PATH if own else None, named=named), ratio)

    @property
    def on(self) -> bool:
        """Whether any request can be sampled."""
        return self._tracer is not None

    def begin(self, traceparent: str | None, route: str, request_id: str, method: str = "POST") -> Span | None:
        """The span of a request, `None` if it is not sampled. `traceparent`: the header of the request, if it has one.

        A header that is malformed counts as none.
        """
        if self._tracer is None:
            return None
        if traceparent is not None and traceparent[52:] == "-00":
            # nearly every header says so, and no more of it is needed
            return None
        found = _context_of(traceparent) if traceparent else None
        # the first version has nothing after the flags
        if found is None or (found[5] and found[1] == "00"):
            if random.random() >= self._ratio:  # noqa: S311  not a secret
                return None
            parent = None
        else:
            if not int(found[4], 16) & 1:
                return None
            parent = (int(found[2], 16), int(found[3], 16))
        return self._start(self._tracer, parent, route, request_id, method)

    def close(self) -> None:
        """Send what is waiting, if the collector takes it within a few seconds."""
        if self._provider is not None:
            closing = Thread(target=self._provider.shutdown, daemon=True)
            closing.start()
            closing.join(_CLOSE_SECONDS)
            self._provider = self._tracer = None

    @staticmethod
    def _start(tracer: SdkTracer, parent: tuple[int, int] | None, route: str, request_id: str, method: str) -> Span:
        from opentelemetry.trace import SpanKind

        attributes = {"http.request.method": method, "http.route": route, "tabi.request_id": request_id}
        span = tracer.start_span(f"{method} {route}", _context(parent), SpanKind.SERVER, attributes)
        return Span(span, tracer, request_id)


def _context(parent: tuple[int, int] | None) -> Context:
    """Of the caller's span; an empty one begins a trace."""
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    if parent is None:
        return Context()
    caller = SpanContext(*parent, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return set_span_in_context(NonRecordingSpan(caller), Context())


def _ratio(text: str) -> float:
    try:
        ratio = float(text or DEFAULT_RATIO)
    except ValueError:
        ratio = -1
    if not 0 <= ratio <= 1:
        raise ConfigError(f"{RATIO} is no share of requests: give a number from 0 to 1")
    return ratio


def _provider(endpoint: str | None, *, named: bool) -> TracerProvider:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON
    except ImportError as error:
        raise ConfigError(
            "a collector of traces is configured but OpenTelemetry is not installed: install tabi[trace]"
        ) from error
    # the name that the environment gives goes before ours
    resource = Resource.create({"service.version": __version__} | ({} if named else {"service.name": "tabi"}))
    provider = TracerProvider(resource=resource, sampler=ALWAYS_ON, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return provider
