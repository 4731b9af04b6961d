"""From an alert to its cause, by the road of the runbook: metric, exemplar, trace, log lines; one request id in all."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from scripts.observability.drill.inbox import Inbox, Told, attributes
from scripts.observability.drill.server import Watched
from scripts.observability.drill.stack import QUICK, Stack
from scripts.observability.files import ROOT
from tabi.errors import TabiError

LIMIT_S = 15.0


class Cause(NamedTuple):
    """What was found. `seconds`: from the alert's arrival."""

    seconds: float
    route: str
    status: str
    reason: str
    trace_id: str
    request_id: str
    line: dict[str, Any]


def cause_of(told: Told, stack: Stack, inbox: Inbox, watched: Watched) -> Cause:
    """The cause; `TabiError` names the step at which the road ends."""
    if not (ROOT / told.annotations["runbook_url"]).exists():
        raise TabiError(f"{told.labels['alertname']} links to no runbook")
    window = QUICK.of(5)
    failing = _top(stack, f'topk(1, sum by (route, status) (rate(tabi_requests_total{{status=~"5.."}}[{window}])))')
    rejected = _top(stack, f'topk(1, sum by (reason) (rate(tabi_rejected_total{{reason!="gone"}}[{window}])))')
    end = time.monotonic() + LIMIT_S
    while (found := _traced(stack, inbox, failing["route"], failing["status"])) is None:
        if time.monotonic() > end:
            raise TabiError(f"no exemplar of {failing['route']} leads to the trace of a request that failed")
        time.sleep(0.2)
    trace_id, request_id = found
    lines = watched.lines(request_id)
    if not lines:
        raise TabiError(f"the server's log has no line about {request_id}")
    seconds = time.monotonic() - told.at
    return Cause(seconds, failing["route"], failing["status"], rejected["reason"], trace_id, request_id, lines[-1])


def _top(stack: Stack, expr: str) -> dict[str, str]:
    found = stack.query(expr)
    if not found:
        raise TabiError(f"nothing answers {expr}")
    metric: dict[str, str] = found[0]["metric"]
    return metric


def _traced(stack: Stack, inbox: Inbox, route: str, status: str) -> tuple[str, str] | None:
    """The ids of a trace and of its request, of an exemplar whose span says that it failed alike."""
    series = stack.exemplars(f'tabi_request_duration_seconds_bucket{{route="{route}"}}')
    shown = {exemplar["labels"]["trace_id"] for each in series for exemplar in each["exemplars"]}
    for span in reversed(list(inbox.spans)):
        if span.trace_id.hex() in shown:
            told = attributes(span)
            if str(told.get("http.response.status_code")) == status and "tabi.request_id" in told:
                return span.trace_id.hex(), str(told["tabi.request_id"])
    return None
