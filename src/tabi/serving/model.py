"""One loaded version: rows in, predictions out. The server and `tabi predict` answer through it alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from tabi.bundle import Bundle, Trust
from tabi.bundle.few import MOST, FewRows
from tabi.bundle.reference import reference_of
from tabi.bundle.requirements import require_runtime
from tabi.bundle.session import Session
from tabi.contract import Contract, Fault, RowReader, Tensors
from tabi.contract.rarity import Rarity
from tabi.serving.answers import Answers, Floats, answers_of
from tabi.serving.codec import by_columns, holds_many, read_batch, read_predict
from tabi.serving.messages import AnyBatchReply, AnyReply, Place, Row
from tabi.serving.places import (
    path_in_columns,
    path_in_features,
    path_in_rows,
    refusal,
    refusal_of_rows,
    warnings_of,
)

# more than a request should hold; a file of rows is better scored by a batch job
MAX_ROWS = 100_000


PathOf = Callable[[Fault], str]
"""Where a fault lies inside the body that its row came from."""


class Decisions(NamedTuple):
    """What a model makes of rows: predictions in their order, the graph's outputs that they were made of, and a
    warning for each fault that was let pass.
    """

    predictions: list[Any]
    outputs: Floats
    warnings: list[Place]


class Model:
    """A bundle that is ready to answer. It never changes; another version is another Model.

    `few`: whether it will be asked for few rows at a time, which takes a while to make ready.
    """

    def __init__(self, bundle: Bundle, *, few: bool = True) -> None:
        require_runtime(bundle.manifest.runtime, f"the bundle {bundle.folder}")
        self.bundle = bundle
        self.name = bundle.name
        self.version = bundle.id
        self.contract: Contract = bundle.contract()
        self.schema: bytes = bundle.document("schema.json")
        self.answers: Answers[Any] = answers_of(bundle, self.contract)
        self.reader = RowReader(self.contract)
        self.reference = reference_of(bundle, self.contract)
        bound = self.reference.rarity
        self.rarity = Rarity(self.contract, bound.bound) if bound else None
        graph = bundle.graph_bytes()
        self.session = Session(graph)
        # a graph that is not the contract's own is found now, and the first call, which allocates, is no user's
        self.session.check(self.reader.read([{}, {}])[0], self.contract.target)
        self._few = FewRows.of(graph, self.session) if few else None

    @classmethod
    def open(cls, folder: Path, trust: Trust | None = None) -> Self:
        """Load and warm the bundle in `folder`; `BundleError` if it is not whole or its graph does not run.

        With `trust`, `SignatureError` if its signature is enforced and no trusted key's.
        """
        return cls(Bundle.open(folder, trust))

    def predict(self, rows: Sequence[Row]) -> tuple[list[Any], list[Fault]]:
        """The prediction for each row, and where the rows break the contract.

        A row whose numbers overflow in the model has no answer: it is a fault too, and its number not finite.
        """
        tensors, faults = self.reader.read(rows)
        predictions, _, overflown = self.run(tensors)
        return predictions, faults + overflown

    def read(self, rows: Sequence[Row]) -> tuple[Tensors, list[Fault], list[Fault]]:
        """Tensors of rows, their faults, and those of the faults that cannot be let pass."""
        tensors, faults = self.reader.read(rows)
        return tensors, faults, self._refused(rows, faults) if faults else []

    def run(self, tensors: Tensors) -> tuple[list[Any], Floats, list[Fault]]:
        """The prediction for each row of tensors, the graph's outputs, and the rows that have no answer."""
        answers = self.answers
        count = len(tensors.numeric)
        if not count:
            return [], answers.nothing, []
        few = self._few if count <= MOST else None
        outputs = self.session.predict(tensors) if few is None else few.predict(tensors)
        return answers.predictions(outputs), outputs, answers.unanswered(outputs)

    def decide(self, rows: Sequence[Row], path: PathOf) -> Decisions:
        """Predictions and warnings for rows; `RequestError` names by `path` each place that cannot be let pass."""
        if len(rows) > MAX_ROWS:
            raise refusal(f"a request may hold {MAX_ROWS} rows, send several", [("rows", "too_many_rows")])
        tensors, faults = self.reader.read(rows)
        predictions, outputs, overflown = self.run(tensors)
        faults += overflown + self.rare(tensors)
        return Decisions(predictions, outputs, self.judge(rows, faults, path) if faults else [])

    def answer(self, body: bytes, request_id: str) -> AnyReply | AnyBatchReply:
        """The reply to a body of either kind, unrecorded: what `tabi predict` prints."""
        if holds_many(body):
            rows = [row for chunk in read_batch(body) for row in chunk]
            found = self.decide(rows, path_in_columns if by_columns(body) else path_in_rows)
            return self.answers.batch_reply(found.predictions, request_id, found.warnings)
        found = self.decide([read_predict(body)], path_in_features)
        return self.answers.reply(found.predictions[0], request_id, found.warnings)

    def rare(self, tensors: Tensors) -> list[Fault]:
        """A fault for each row that is rarer than nearly all of the training snapshot; it is never refused."""
        return self.rarity.faults(tensors) if self.rarity else []

    def judge(self, rows: Sequence[Row], faults: Sequence[Fault], path: PathOf) -> list[Place]:
        """Faults are warnings, unless one of them cannot be let pass."""
        refused = self._refused(rows, faults)
        if refused:
            raise refusal_of_rows(refused, path)
        return warnings_of(faults, path)

    def _refused(self, rows: Sequence[Row], faults: Sequence[Fault]) -> list[Fault]:
        """All faults but rarity if the contract is strict; else those of rows that cannot be answered."""
        if self.contract.strict:
            return [fault for fault in faults if fault.rule != "rare"]
        return [fault for fault in faults if fault.rule == self.answers.rule or _overflows(fault, rows)]


def _overflows(fault: Fault, rows: Sequence[Row]) -> bool:
    """Whether the fault is a whole number beyond float64: refused, as the decoder refuses 1e400 in any place."""
    return fault.rule == "not_finite" and isinstance(rows[fault.row][fault.column], int)
