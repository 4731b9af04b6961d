"""One loaded version: rows in, predictions out. The server and `tabi predict` answer through it alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path
from typing import NamedTuple, Self

from tabi.bundle import Bundle
from tabi.bundle.session import Session
from tabi.contract import Contract, Fault, RowReader, Tensors
from tabi.serving.codec import read_batch, read_either, read_predict
from tabi.serving.messages import BatchReply, Place, Prediction, PredictReply, Row
from tabi.serving.places import path_in_features, path_in_rows, refusal, refusal_of_rows, warnings_of

# more than a request should hold; a file of rows is better scored by a batch job
MAX_ROWS = 100_000


PathOf = Callable[[Fault], str]
"""Where a fault lies inside the body that its row came from."""


class Decisions(NamedTuple):
    """What a model makes of rows: predictions in their order, and a warning for each fault that was let pass."""

    predictions: list[Prediction]
    warnings: list[Place]


class Model:
    """A bundle that is ready to answer. It never changes; another version is another Model."""

    def __init__(self, bundle: Bundle) -> None:
        self.name = bundle.name
        self.version = bundle.id
        self.contract: Contract = bundle.contract()
        self.schema: bytes = bundle.document("schema.json")
        self.threshold = bundle.threshold().threshold
        self.reader = RowReader(self.contract)
        self.session = Session(bundle.graph_bytes())
        # a graph that is not the contract's own is found now, and the first call, which allocates, is no user's
        self.session.check(self.reader.read([{}, {}])[0])

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Load and warm the bundle in `folder`; `BundleError` if it is not whole or its graph does not run."""
        return cls(Bundle.open(folder))

    def predict(self, rows: Sequence[Row]) -> tuple[list[Prediction], list[Fault]]:
        """Label and probability of each row, and where the rows break the contract.

        A row whose numbers overflow in the model has no probability: it is a fault too, and its probability NaN.
        """
        tensors, faults = self.reader.read(rows)
        predictions, overflown = self.predict_tensors(tensors)
        return predictions, faults + overflown

    def predict_tensors(self, tensors: Tensors) -> tuple[list[Prediction], list[Fault]]:
        """Label and probability of each row of tensors, and the rows that have none."""
        if not len(tensors.numeric):
            return [], []
        probabilities = self.session.probability(tensors).tolist()
        negative, positive = self.contract.target.classes
        threshold = self.threshold
        predictions = [Prediction(positive if p >= threshold else negative, p) for p in probabilities]
        return predictions, [Fault(i, "", "no_probability") for i, p in enumerate(probabilities) if not isfinite(p)]

    def decide(self, rows: Sequence[Row], path: PathOf) -> Decisions:
        """Predictions and warnings for rows; `RequestError` names by `path` each place that cannot be let pass."""
        if len(rows) > MAX_ROWS:
            raise refusal(f"a request may hold {MAX_ROWS} rows, send several", [("rows", "too_many_rows")])
        predictions, faults = self.predict(rows)
        return Decisions(predictions, self.judge(rows, faults, path))

    def answer_predict(self, body: bytes, request_id: str) -> PredictReply:
        """The reply to a `/predict` body."""
        return self._single(read_predict(body), request_id)

    def answer_batch(self, body: bytes, request_id: str) -> BatchReply:
        """The reply to a `/predict_batch` body."""
        return self._batch(read_batch(body), request_id)

    def answer(self, body: bytes, request_id: str) -> PredictReply | BatchReply:
        """The reply to a body of either kind."""
        rows, batch = read_either(body)
        return self._batch(rows, request_id) if batch else self._single(rows, request_id)

    def _single(self, rows: list[Row], request_id: str) -> PredictReply:
        (found,), warnings = self.decide(rows, path_in_features)
        return PredictReply(
            found.label, found.probability, self.threshold, self.name, self.version, request_id, warnings
        )

    def _batch(self, rows: list[Row], request_id: str) -> BatchReply:
        predictions, warnings = self.decide(rows, path_in_rows)
        return BatchReply(predictions, self.threshold, self.name, self.version, request_id, warnings)

    def judge(self, rows: Sequence[Row], faults: Sequence[Fault], path: PathOf) -> list[Place]:
        """Faults are warnings, unless the contract is strict or a row cannot be answered: then they are refused."""
        if not faults:
            return []
        refused = [f for f in faults if self.contract.strict or f.rule == "no_probability" or _overflows(f, rows)]
        if refused:
            raise refusal_of_rows(refused, path)
        return warnings_of(faults, path)


def _overflows(fault: Fault, rows: Sequence[Row]) -> bool:
    """Whether the fault is a whole number beyond float64: refused, as the decoder refuses 1e400 in any place."""
    return fault.rule == "not_finite" and isinstance(rows[fault.row][fault.column], int)
