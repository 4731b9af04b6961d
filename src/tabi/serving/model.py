"""One loaded version: rows in, predictions out. The server and `tabi predict` answer through it alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from tabi.bundle import Bundle
from tabi.bundle.session import Session
from tabi.contract import Contract, Fault, RowReader
from tabi.errors import RequestError
from tabi.serving.codec import faults_as_warnings, read_batch, read_either, read_predict
from tabi.serving.messages import BatchReply, Prediction, PredictReply, Row, Warned

# more than a request should hold; a file of rows is better scored by a batch job
MAX_ROWS = 100_000


class Model:
    """A bundle that is ready to answer. It never changes; another version is another Model."""

    def __init__(self, bundle: Bundle) -> None:
        self.name = bundle.name
        self.version = bundle.id
        self.contract: Contract = bundle.contract()
        self.schema: bytes = bundle.document("schema.json")
        self.threshold = bundle.threshold().threshold
        self._reader = RowReader(self.contract)
        self._session = Session(bundle.graph_bytes())
        # the first call allocates; it should not be a user's
        self.predict([{}])

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Load and warm the bundle in `folder`; `BundleError` if it is not whole."""
        return cls(Bundle.open(folder))

    def predict(self, rows: Sequence[Row]) -> tuple[list[Prediction], list[Fault]]:
        """Label and probability of each row, and where the rows break the contract.

        A row whose numbers overflow in the model has no probability: it is a fault too, and its probability NaN.
        """
        if not rows:
            return [], []
        tensors, faults = self._reader.read(rows)
        probabilities = self._session.probability(tensors)
        if not np.isfinite(probabilities).all():
            faults.extend(Fault(int(i), "", "no_probability") for i in np.flatnonzero(~np.isfinite(probabilities)))
        negative, positive = self.contract.target.classes
        threshold = self.threshold
        return [Prediction(positive if p >= threshold else negative, p) for p in probabilities.tolist()], faults

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
        predictions, faults = self.predict(rows)
        warnings = self._judge(faults, batch=False)
        found = predictions[0]
        return PredictReply(
            found.label, found.probability, self.threshold, self.name, self.version, request_id, warnings
        )

    def _batch(self, rows: list[Row], request_id: str) -> BatchReply:
        if len(rows) > MAX_ROWS:
            raise RequestError(
                f"a request may hold {MAX_ROWS} rows: send more than one request", (("rows", "too_many_rows"),)
            )
        predictions, faults = self.predict(rows)
        warnings = self._judge(faults, batch=True)
        return BatchReply(predictions, self.threshold, self.name, self.version, request_id, warnings)

    def _judge(self, faults: Sequence[Fault], *, batch: bool) -> list[Warned]:
        """Faults are warnings, unless the contract is strict or a row has no answer: then they refuse the request."""
        if not faults:
            return []
        warnings = faults_as_warnings(faults, batch=batch)
        places = tuple((w.path, w.rule) for w in warnings)
        if any(fault.rule == "no_probability" for fault in faults):
            raise RequestError("a row holds numbers too large for the model: check their units", places)
        if self.contract.strict:
            raise RequestError("the rows break the contract, which is strict: see GET /schema", places)
        return warnings
