"""The one description of each request, for the sync and the async client alike.

Every call may be sent twice: it has the effect of one, and the request id stays the same.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from tabi.client import frames
from tabi.client.errors import InputError
from tabi.client.options import Options
from tabi.client.replies import (
    AnyBatchReply,
    AnyReply,
    BatchReply,
    Contract,
    Feedback,
    FeedbackReply,
    Health,
    ModelList,
    ModelStatus,
    MulticlassBatchReply,
    MulticlassReply,
    PredictReply,
    Readiness,
    RegressionBatchReply,
    RegressionReply,
    Reloaded,
)
from tabi.client.rows import Part, Row, batch_bodies, predict_body

JSON = "application/json"
OK = frozenset({200})
TAKEN = frozenset({202})
NOT_NOW = frozenset({429, 502, 503, 504})

R = TypeVar("R")

# what the server takes as an id, which it would replace otherwise; it takes 128, and a part's number needs some
_sane_id = re.compile(r"[A-Za-z0-9._:-]{1,112}").fullmatch


class Answer(NamedTuple):
    """A complete HTTP response. `headers` by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Call(Generic[R]):
    """A request, how its answer is read, and when it is sent again.

    `first_row`: the place of its first row in the whole batch. `accepted`: statuses that are answers and not problems.
    """

    method: str
    path: str
    request_id: str
    read: Callable[[Answer], R]
    body: bytes = b""
    content_type: str = ""
    first_row: int = 0
    accepted: frozenset[int] = OK
    repeated: frozenset[int] = NOT_NOW


class Routes:
    """The calls to the routes below a prefix: "" for the single model of a server, else one model's own."""

    def __init__(self, options: Options, model: str | None = None) -> None:
        self._options = options
        self._prefix = "" if model is None else f"/models/{_segment(model)}"

    def predict(self, row: Row, request_id: str | None) -> Call[AnyReply]:
        """One row."""
        return Call("POST", f"{self._prefix}/predict", _id(request_id), _read_one, predict_body(row), JSON)

    def batches(self, rows: Iterable[Row], request_id: str | None) -> Iterator[Call[AnyBatchReply]]:
        """Rows in any number, in as many calls as their number and size ask for."""
        parts = batch_bodies(rows, self._options.most_rows, self._options.most_bytes)
        return self._parts(parts, JSON, _id(request_id))

    def frame(self, frame: Any, request_id: str | None) -> Iterator[Call[AnyBatchReply]]:
        """A table, in as many calls as its size asks for."""
        parts = frames.frame_bodies(frame, self._options.most_rows, self._options.most_bytes)
        return self._parts(parts, frames.CONTENT_TYPE, _id(request_id))

    def schema(self) -> Call[Contract]:
        """The contract of the rows."""
        return _get(f"{self._prefix}/schema", Contract)

    def status(self) -> Call[ModelStatus]:
        """The state of the model."""
        return _get(self._prefix, ModelStatus)

    def feedback(self, given: Iterable[Feedback]) -> Call[FeedbackReply]:
        """What became of rows."""
        pieces = list(given)
        if not pieces:
            raise InputError("there is no feedback to send")
        try:
            body = msgspec.json.encode(pieces)
        except (TypeError, ValueError, UnicodeEncodeError) as error:
            raise InputError(f"the feedback cannot be written as JSON: {type(error).__name__}") from error
        return Call("POST", f"{self._prefix}/feedback", new_id(), _reader(FeedbackReply), body, JSON, accepted=TAKEN)

    def reload(self, path: str | None) -> Call[Reloaded]:
        """Load another version."""
        query = "" if path is None else "?" + urlencode({"path": path})
        return Call("POST", f"{self._prefix}/reload{query}", new_id(), _reader(Reloaded))

    def _parts(self, parts: Iterable[Part], content_type: str, request_id: str) -> Iterator[Call[AnyBatchReply]]:
        path = f"{self._prefix}/predict_batch"
        for number, (body, first_row) in enumerate(parts):
            own_id = f"{request_id}.{number}" if number else request_id
            yield Call("POST", path, own_id, _read_many, body, content_type, first_row)


def health() -> Call[Health]:
    """Which version answers. "Not now" is an answer here, and is not waited away."""
    return _get("/health", Health, repeated=frozenset())


def readiness() -> Call[Readiness]:
    """Whether requests are answered, and what needs care."""
    return _get("/readyz", Readiness, accepted=frozenset({200, 503}), repeated=frozenset())


def ready() -> Call[bool]:
    """Whether requests are answered, whoever says so: a server of Tabi, or what stands before it."""
    own = readiness()
    return Call(own.method, own.path, own.request_id, _is_200, accepted=own.accepted, repeated=own.repeated)


def models() -> Call[ModelList]:
    """All models."""
    return _get("/models", ModelList)


def new_id() -> str:
    """A request id: 32 random hex digits."""
    return uuid.uuid4().hex


def _get(path: str, kind: type[R], accepted: frozenset[int] = OK, repeated: frozenset[int] = NOT_NOW) -> Call[R]:
    return Call("GET", path, new_id(), _reader(kind), accepted=accepted, repeated=repeated)


def _id(request_id: str | None) -> str:
    if request_id is None:
        return new_id()
    if not _sane_id(request_id):
        raise InputError("request_id: 1 to 112 of A-Z a-z 0-9 . _ : -")
    return request_id


def _segment(model: str) -> str:
    if not model or model in (".", ".."):
        raise InputError("the name of a model is not empty and no dots")
    return quote(model, safe="")


def _reader(kind: type[R]) -> Callable[[Answer], R]:
    decode = msgspec.json.Decoder(kind).decode
    return lambda answer: decode(answer.body)


def _by_task(*kinds: type[Any]) -> Callable[[Answer], Any]:
    """Reads an answer as the first kind that has its fields: no two tasks have the same."""
    *others, last = (msgspec.json.Decoder(kind).decode for kind in kinds)

    def read(answer: Answer) -> Any:
        for decode in others:
            with suppress(msgspec.ValidationError):
                return decode(answer.body)
        return last(answer.body)

    return read


_read_one: Callable[[Answer], AnyReply] = _by_task(PredictReply, MulticlassReply, RegressionReply)
_read_many: Callable[[Answer], AnyBatchReply] = _by_task(BatchReply, MulticlassBatchReply, RegressionBatchReply)


def _is_200(answer: Answer) -> bool:
    return answer.status == 200
