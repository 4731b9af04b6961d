"""Errors -> RFC 9457 problem documents. No traceback, no data value and no path of the server gets out."""

from __future__ import annotations

from tabi.errors import RequestError, TabiError, outcome_of
from tabi.serving.codec import encode, warned
from tabi.serving.messages import Problem

CONTENT_TYPE = "application/problem+json"
# a body may be wrong in a million places
MAX_PLACES = 100


def problem_of(error: BaseException, request_id: str) -> tuple[int, bytes]:
    """HTTP status and body for an error."""
    outcome = outcome_of(error)
    detail = str(error) if isinstance(error, TabiError) else "the server failed; its log has the request id"
    places = error.problems[:MAX_PLACES] if isinstance(error, RequestError) else ()
    errors = [warned(path, rule) for path, rule in places]
    return outcome.status, encode(Problem(outcome.title, outcome.status, detail, errors=errors, request_id=request_id))


def problem_for_status(status: int, detail: str, request_id: str) -> bytes:
    """The body for a fault of HTTP itself, such as an unknown route."""
    return encode(Problem(detail, status, detail, request_id=request_id))
