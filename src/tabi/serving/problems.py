"""Errors -> RFC 9457 problem documents. No traceback, no data value and no path of the server gets out."""

from __future__ import annotations

import logging
from http import HTTPStatus

from tabi.errors import NotReadyError, RequestError, TabiError, outcome_of
from tabi.serving.codec import encode
from tabi.serving.messages import Problem
from tabi.serving.places import place

CONTENT_TYPE = "application/problem+json"

_log = logging.getLogger("tabi.serving")

# the messages of other errors are for the operator: they name folders
_DETAILS = {
    404: "the server's store has no such bundle",
    409: "the bundle cannot be used, and the version before it goes on answering",
    500: "the server failed",
}


def problem_of(error: BaseException, request_id: str) -> tuple[int, bytes]:
    """HTTP status and body for an error. What the caller is not told goes to the log, under the request id."""
    outcome = outcome_of(error)
    errors = [place(path, rule) for path, rule in error.problems] if isinstance(error, RequestError) else []
    if isinstance(error, (RequestError, NotReadyError)):
        detail = str(error)
    else:
        detail = f"{_DETAILS[outcome.status]}: its log has the reason under this request id"
        unexpected = None if isinstance(error, TabiError) else error
        _log.error("request %s: %s", request_id, error if unexpected is None else "failed", exc_info=unexpected)
    return outcome.status, encode(Problem(outcome.title, outcome.status, detail, request_id, errors=errors))


def problem_for_status(status: int, detail: str, request_id: str) -> bytes:
    """The body for a fault of HTTP itself, such as an unknown route."""
    return encode(Problem(HTTPStatus(status).phrase, status, detail, request_id))
