"""Errors -> RFC 9457 problem documents. No traceback, no data value and no path of the server gets out."""

from __future__ import annotations

import logging
from http import HTTPStatus

from tabi.errors import NotReadyError, RequestError, TabiError, outcome_of
from tabi.serving.codec import encode
from tabi.serving.messages import Problem, Response
from tabi.serving.places import place

# when it may work again, in seconds
RETRY = (("retry-after", "1"),)
CONTENT_TYPE = "application/problem+json"

_log = logging.getLogger("tabi.serving")

# the messages of other errors are for the operator: they name folders
_DETAILS = {
    404: "this server has no such model, version or bundle, GET /models lists what it has",
    409: "the bundle cannot be used, and the version before it goes on answering",
    500: "the server failed",
}


def problem_of(error: BaseException, request_id: str) -> Response:
    """The answer to an error. What the caller is not told goes to the log, under the request id."""
    outcome = outcome_of(error)
    errors = [place(path, rule) for path, rule in error.problems] if isinstance(error, RequestError) else []
    headers = RETRY if outcome.status == 503 else ()
    if isinstance(error, (RequestError, NotReadyError)):
        detail = str(error)
    else:
        detail = f"{_DETAILS[outcome.status]}: its log has the reason under this request id"
        unexpected = None if isinstance(error, TabiError) else error
        _log.error("request %s: %s", request_id, error if unexpected is None else "failed", exc_info=unexpected)
    problem = Problem(outcome.title, outcome.status, detail, request_id, errors=errors)
    return Response(encode(problem), CONTENT_TYPE, outcome.status, headers)


def problem(status: int, detail: str, request_id: str, *headers: tuple[str, str]) -> Response:
    """The answer to a fault of HTTP itself, such as an unknown route."""
    found = Problem(_title(status), status, detail, request_id)
    return Response(encode(found), CONTENT_TYPE, status, headers)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
