"""What the hot routes do with a body: each takes the slot of its model once, and answers from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tabi.errors import NotFoundError, NotReadyError
from tabi.serving.batching import Done
from tabi.serving.codec import CHUNK, Codec, by_columns, encode
from tabi.serving.messages import Response, Row
from tabi.serving.model import Decisions, Model, PathOf
from tabi.serving.places import path_in_columns, path_in_features, path_in_rows
from tabi.serving.problems import problem
from tabi.serving.protocols.exchange import Decide, Request
from tabi.serving.recorder import Asked
from tabi.serving.slot import Read, Slot
from tabi.serving.telemetry.steps import UNDER_WAY, mark

if TYPE_CHECKING:
    from tabi.serving.steering.steering import Steering

# up to here a body is answered on the event loop: a hop to a thread costs more than its rows
INLINE_ROW = 64 * 1024
INLINE_ROWS = 8 * 1024
# and of it no more than this, or it would hold up the others for milliseconds
USUAL_ROW = 4 * 1024
MANY_COLUMNS = 2000
FEW_VALUES = 128
FEW_ROWS = 64

JSON = frozenset({b"", b"application/json", b"text/json"})
ARROW_STREAM = b"application/vnd.apache.arrow.stream"
ARROW = frozenset({ARROW_STREAM, b"application/vnd.apache.arrow.file"})
PARQUET = frozenset({b"application/vnd.apache.parquet", b"application/x-parquet"})
OF_ARROW = ARROW | PARQUET
NDJSON = frozenset({b"application/x-ndjson", b"application/jsonlines", b"application/jsonl"})
_OTHER_KINDS = OF_ARROW | NDJSON
TAKES = (
    "application/json",
    "application/x-ndjson",
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.parquet",
)


Handler = Callable[[Model, Request, Decide], Response]
Failure = Callable[[BaseException, str], Response]


class Asking(NamedTuple):
    """A request whose body has arrived. `kind`: its media type, in lower case and without parameters.

    `accept`: the Accept header, empty if there is none. `unit`: whom the request is for, empty if nobody was named.
    `arm`, `slot`: what the policy chose for it; where it divides nothing, its endpoint asks for the version itself.
    """

    headers: list[tuple[bytes, bytes]]
    query: bytes
    kind: bytes
    accept: bytes
    body: bytes
    request_id: str
    began: int
    unit: str = ""
    arm: str = ""
    slot: Slot | None = None


class Holder(Protocol):
    """Has the version of a model that answers now, once it is `ready`. `steering`: how requests are divided, if so."""

    @property
    def steering(self) -> Steering | None:
        """None: the slot answers all of them."""

    @property
    def ready(self) -> bool:
        """Whether a version is loaded."""

    @property
    def slot(self) -> Slot:
        """That version; `NotReadyError` before the first load."""


class Endpoint(Protocol):
    """A hot route of one model."""

    label: str
    """The route as metrics name it."""
    limit: int
    """The most bytes that its body may have."""
    version: str | None
    """The version that the route names, if it names one."""

    @property
    def steering(self) -> Steering | None:
        """How its requests are divided; None where they are not."""

    def inline(self, kind: bytes, accept: bytes, size: int) -> bool:
        """Whether a body is answered on the event loop."""

    def light(self, body: bytes) -> bool:
        """Whether so little stands in a body that is answered on the event loop that it holds up nobody there."""

    def start(self, asking: Asking, done: Done) -> None:
        """Answer on the event loop, now or at the end of this turn."""

    def work(self, asking: Asking) -> Response:
        """Answer beside the event loop."""


class _Steered:
    served: Holder

    @property
    def steering(self) -> Steering | None:
        """How the model's requests are divided."""
        return self.served.steering


class Predict(_Steered):
    """`POST /predict`."""

    label = "/predict"
    version: str | None = None

    def __init__(self, served: Holder, codec: Codec, limit: int) -> None:
        self.limit = limit
        self.served = served
        self._read = codec.read_predict

    def inline(self, kind: bytes, accept: bytes, size: int) -> bool:  # noqa: ARG002
        """A row of a usual size is."""
        return size <= INLINE_ROW

    def light(self, body: bytes) -> bool:
        """A row of a usual number of columns is."""
        return len(body) <= USUAL_ROW or body.count(b",") <= MANY_COLUMNS

    def start(self, asking: Asking, done: Done) -> None:
        """Join the other rows of this turn."""
        if asking.kind not in JSON:
            done(unsupported(asking, "application/json"))
            return
        slot, row = asking.slot or self.served.slot, self._read(asking.body)
        if UNDER_WAY:
            mark(asking.request_id, "decode")
        slot.batcher.submit(row, asking.request_id, asking.began, done, asking.arm, asking.unit)

    def work(self, asking: Asking) -> Response:
        """Answer a row that is uncommonly large."""
        if asking.kind not in JSON:
            return unsupported(asking, "application/json")
        slot = asking.slot or self.served.slot
        decided = slot.decide([self._read(asking.body)], path_in_features, whose_of(asking))
        reply = slot.model.answers.reply(decided.predictions[0], asking.request_id, decided.warnings)
        return Response(encode(reply))


class PredictBatch(_Steered):
    """`POST /predict_batch`: rows or columns in JSON, Arrow IPC or Parquet."""

    label = "/predict_batch"
    version: str | None = None

    def __init__(self, served: Holder, codec: Codec, limit: int) -> None:
        self.limit = limit
        self.served = served
        self._codec = codec

    def inline(self, kind: bytes, accept: bytes, size: int) -> bool:
        """Few rows are, but not where the library of Arrow may have to be imported."""
        return size <= INLINE_ROWS and kind not in _OTHER_KINDS and not _wants_arrow(accept)

    def light(self, body: bytes) -> bool:
        """Few rows are."""
        return _few_rows(body)

    def start(self, asking: Asking, done: Done) -> None:
        """Answer few rows at once."""
        done(self.work(asking))

    def work(self, asking: Asking) -> Response:
        """Answer rows of any kind of body."""
        slot = asking.slot or self.served.slot
        path = path_in_rows
        if asking.kind in JSON:
            chunks: Iterator[Read] = map(slot.model.read, self._codec.read_batch(asking.body))
            path = path_in_columns if by_columns(asking.body) else path_in_rows
        elif asking.kind in OF_ARROW:
            chunks = _read_arrow(asking, slot, self._codec.columns)
        else:
            return unsupported(asking, ", ".join(TAKES))
        decided = slot.decide_chunks(chunks, path, whose_of(asking))
        if _wants_arrow(asking.accept):
            from tabi.serving import arrow

            return Response(arrow.write_stream(decided, slot.model, asking.request_id), TAKES[2])
        return Response(b"".join(_batch_reply(slot.model, decided, asking.request_id)))


class Translated(_Steered):
    """A route of one of the field's protocols, over its translation."""

    def __init__(
        self,
        label: str,
        served: Holder,
        handler: Handler,
        failure: Failure,
        codec: Codec,
        limit: int,
        version: str | None = None,
    ) -> None:
        self.label = label
        self.limit = limit
        self.served = served
        self._handler = handler
        self._failure = failure
        self.version = version
        self._check = codec.check

    def inline(self, kind: bytes, accept: bytes, size: int) -> bool:  # noqa: ARG002
        """Few rows are."""
        return size <= INLINE_ROWS

    def light(self, body: bytes) -> bool:
        """Few rows are."""
        return _few_rows(body)

    def start(self, asking: Asking, done: Done) -> None:
        """Answer few rows at once."""
        done(self.work(asking))

    def work(self, asking: Asking) -> Response:
        """Translate, decide, translate back."""
        try:
            slot = asking.slot or self.served.slot
            if self.version not in (None, slot.model.version):
                raise NotFoundError("this version of the model does not answer here")
        except (NotFoundError, NotReadyError) as error:
            return self._failure(error, asking.request_id)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in asking.headers}
        request = Request(headers, asking.query.decode("latin-1"), asking.body, asking.request_id)

        def decide(rows: Sequence[Row], path: PathOf) -> Decisions:
            self._check(rows, len(asking.body), path)
            return slot.decide(rows, path, whose_of(asking))

        return self._handler(slot.model, request, decide)


Large = Predict | PredictBatch | Translated
"""What a process of its own answers if it is large. `served`: its model, `version`: the one that the route names."""


def whose_of(asking: Asking) -> Asked:
    """Whose the first row of a request is."""
    return Asked(asking.request_id, 0, asking.began, asking.arm, asking.unit)


def unsupported(asking: Asking, takes: str) -> Response:
    """The refusal of a body of a kind that a route does not take."""
    return problem(415, f"this route takes {takes}: say so in Content-Type", asking.request_id, ("accept-post", takes))


def _read_arrow(asking: Asking, slot: Slot, columns: int) -> Iterator[Read]:
    from tabi.serving import arrow

    if asking.kind in ARROW:
        return arrow.read_stream(asking.body, slot.model, slot.max_rows, columns)
    return arrow.read_parquet(asking.body, slot.model, slot.max_rows, columns)


def _few_rows(body: bytes) -> bool:
    # a row takes a comma at the least, and a brace where its values have names
    if body.count(b",") <= FEW_VALUES:
        return True
    return b'"rows"' in body[:16] and body.count(b"{") <= FEW_ROWS


def _wants_arrow(accept: bytes) -> bool:
    return ARROW_STREAM in accept


def _batch_reply(model: Model, decided: Decisions, request_id: str) -> Iterator[bytes]:
    """The reply in pieces: one call of the encoder over all rows would hold up every other request."""
    head = encode(model.answers.batch_reply([], request_id, decided.warnings))
    before, _, after = head.partition(b'"predictions":[')
    yield before + b'"predictions":['
    for start in range(0, len(decided.predictions), CHUNK):
        yield (b"," if start else b"") + encode(decided.predictions[start : start + CHUNK])[1:-1]
    yield after
