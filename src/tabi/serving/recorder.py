"""What is kept of every prediction: a line in the log before the answer is sent, and counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from threading import Lock
from time import perf_counter_ns, time
from typing import Any, NamedTuple

from tabi.contract import Contract, Fault, Tensors
from tabi.predictions import Line, PredictionLog, encode_lines
from tabi.predictions.privacy import Privacy, mask_of
from tabi.serving.answers import Floats
from tabi.serving.model import Model
from tabi.serving.telemetry.bins import BinCounter
from tabi.serving.telemetry.cells import Cells
from tabi.serving.telemetry.hooks import ModelMetrics

EVERYTHING = Privacy()


class Decided(NamedTuple):
    """Rows, the prediction for each, and the graph's outputs that they were made of."""

    tensors: Tensors
    predictions: list[Any]
    outputs: Floats


class Asked(NamedTuple):
    """Whose a row is: the id of its request, its place in it, and when the request began (`perf_counter_ns`).

    `arm`: of the policy that chose the version. `unit`: whom it was chosen for. Empty where there is none.
    """

    request_id: str
    row: int
    began: int
    arm: str = ""
    unit: str = ""


class Recorder:
    """Keeps the predictions of one version.

    `privacy`: what its log may hold.
    `counting`: held while cells are added to. Two recorders of one version, as after a reload, add to the same cells.
    """

    def __init__(
        self, model: Model, log: PredictionLog | None, cells: Cells, counting: Lock, privacy: Privacy = EVERYTHING
    ) -> None:
        name, version, contract = model.name, model.version, model.contract
        self._name = name
        self._version = version
        self._log = log
        self._answers = model.answers
        # rows without a label are counted too
        created = _nanoseconds(model.bundle.manifest.created)
        self._metrics = ModelMetrics(cells, name, version, contract.target.classes or ("",), created)
        self._bins = BinCounter(contract, cells, name, version, model.reference.scores)
        self._in_order = _contract_order(contract)
        self._mask = mask_of(contract, privacy)
        self._counting = counting

    def loaded(self) -> None:
        """The version answers from now on."""
        self._metrics.loaded()

    def unloaded(self) -> None:
        """The version answers no more."""
        self._metrics.unloaded()

    def record(self, decided: Decided, asked: Sequence[Asked], faults: Mapping[int, list[Fault]]) -> None:
        """Log and count rows that are about to be answered; `faults` by row.

        It never raises: what could not be logged is counted. Safe to call from any thread.
        """
        if self._log is not None:
            self._log.append(encode_lines(self._lines(decided, asked, faults)), len(asked))
        with self._counting:
            self._count(decided.predictions, faults)
            self._bins.add(decided.tensors, self._answers.scores(decided.outputs))

    def flush(self) -> None:
        """Count what is still buffered."""
        with self._counting:
            self._bins.flush()

    def _count(self, predictions: list[Any], faults: Mapping[int, list[Fault]]) -> None:
        metrics = self._metrics
        for label, count in self._answers.count(predictions):
            metrics.predicted(label, count)
        for of_row in faults.values():
            for fault in of_row:
                metrics.warned(fault.rule)

    def _lines(self, decided: Decided, asked: Sequence[Asked], faults: Mapping[int, list[Fault]]) -> list[Line]:
        now, clock, in_order = time(), perf_counter_ns(), self._in_order
        name, version, line, logged = self._name, self._version, self._answers.line_type, self._answers.logged
        letters, mask = self._mask
        numbers, texts = decided.tensors.numeric.tolist(), decided.tensors.categorical.tolist()
        return [
            line(
                whose.request_id,
                whose.row,
                now,
                name,
                version,
                mask(in_order(numbers[index] + texts[index])) if mask else in_order(numbers[index] + texts[index]),
                *logged(found),
                [(fault.column, fault.rule) for fault in faults[index]] if index in faults else [],
                (clock - whose.began) / 1e6,
                whose.arm,
                whose.unit,
                letters,
            )
            for index, (whose, found) in enumerate(zip(asked, decided.predictions, strict=True))
        ]


def _nanoseconds(moment: str) -> int:
    """Since 1970, of a moment in ISO 8601; 0 of one that cannot be read, for a server answers all the same."""
    try:
        return int(datetime.fromisoformat(moment).timestamp() * 1e9)
    except ValueError:
        return 0


def _contract_order(contract: Contract) -> Callable[[list[Any]], Sequence[Any]]:
    """Numbers and then texts, as the tensors have them -> the order of the contract's columns."""
    place = {column.name: index for index, column in enumerate((*contract.numeric, *contract.strings))}
    places = [place[column.name] for column in contract.columns]
    return itemgetter(*places) if len(places) > 1 else list
