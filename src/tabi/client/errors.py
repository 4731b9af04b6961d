"""Every error that the client raises, and what an answer that is not a 200 becomes.

    ClientError
    ├── InputError           a row, a frame or an option cannot be used; it was not sent
    ├── NoAnswerError        the server could not be reached, or went away before its answer was complete
    │   └── LateError        there was no complete answer in time
    ├── ReplyError           the answer is none that this client knows
    ├── MixedVersionsError   two versions answered the parts of one batch
    └── ProblemError         the server says what is wrong
        ├── RefusedError     any other 4xx: the request is refused however often it is sent
        ├── AccessError      401, 403: the token is missing, unknown or not for this
        ├── UnknownError     404: there is no such model, bundle or route
        ├── ConflictError    409: the bundle cannot be used, or somebody else was first
        ├── UnavailableError 429, 502, 503, 504: not now
        └── FailedError      any other 5xx: the server failed

A message is one line: what is wrong, where, and under which request id. It never holds a value of a row or a token.
"""

from __future__ import annotations

from tabi.client.replies import Place, Problem


class ClientError(Exception):
    """Root of the tree. `request_id` is the one that was sent, "" if nothing was sent."""

    def __init__(self, message: str, request_id: str = "") -> None:
        super().__init__(message, request_id)
        self.message = message
        self.request_id = request_id

    def __str__(self) -> str:
        return f"{self.message} (request {self.request_id})" if self.request_id else self.message


class InputError(ClientError):
    """A row, a frame or an option cannot be used; it was not sent. `column` is "" where no single one is to blame."""

    def __init__(self, message: str, column: str = "") -> None:
        super().__init__(message)
        self.args = (message, column)
        self.column = column


class NoAnswerError(ClientError):
    """The server could not be reached, or went away before its answer was complete."""


class LateError(NoAnswerError):
    """There was no complete answer in time."""


class ReplyError(ClientError):
    """The answer is none that this client knows: something else answers at this address, or a much newer server."""


class MixedVersionsError(ClientError):
    """Two versions answered the parts of one batch."""


class ProblemError(ClientError):
    """The server says what is wrong: `status`, `title`, `detail`, and `places`, each a path inside the rows.

    `retry_after`: the seconds after which the server wants to be asked again, if it said so.
    """

    def __init__(self, problem: Problem, request_id: str = "", retry_after: float | None = None) -> None:
        super().__init__(f"{problem.status} {problem.title}: {problem.detail}", request_id)
        self.args = (problem, request_id, retry_after)
        self.retry_after = retry_after
        self.status = problem.status
        self.title = problem.title
        self.detail = problem.detail
        self.places: tuple[Place, ...] = problem.errors


class RefusedError(ProblemError):
    """The request is refused however often it is sent: `places` says where it is wrong."""


class AccessError(ProblemError):
    """The token is missing, unknown or not for this."""


class UnknownError(ProblemError):
    """There is no such model, bundle or route."""


class ConflictError(ProblemError):
    """The bundle cannot be used, or somebody else was first."""


class UnavailableError(ProblemError):
    """Not now: no model is loaded yet, the server is busy, or what stands before it cannot reach it."""


class FailedError(ProblemError):
    """The server failed; its log has the reason under the request id."""


_OF_STATUS: dict[int, type[ProblemError]] = {
    401: AccessError,
    403: AccessError,
    404: UnknownError,
    409: ConflictError,
    429: UnavailableError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}


def class_of(status: int) -> type[ProblemError]:
    """The class for a status of 400 or more."""
    return _OF_STATUS.get(status, RefusedError if status < 500 else FailedError)
