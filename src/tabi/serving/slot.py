"""One loaded version and what it keeps of its predictions. It never changes; a reload builds another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from tabi.contract import Fault, Tensors
from tabi.serving.batching import Batcher
from tabi.serving.messages import Row
from tabi.serving.model import Decisions, Model, PathOf
from tabi.serving.places import MAX_PLACES, MAX_WARNINGS, refusal, refusal_of_rows, warnings_of
from tabi.serving.recorder import Asked, Decided, Recorder
from tabi.serving.telemetry.steps import UNDER_WAY, mark
from tabi.serving.telemetry.trace import Attribute

# rows that are read, run and logged at once
CHUNK = 1000
# faults of one request that are kept for its log lines: rows may have any number of columns that nobody knows
MAX_FAULTS = 100_000

Read = tuple[Tensors, Sequence[Fault], Sequence[Fault]]
"""Rows as tensors, their faults, and those of the faults that cannot be let pass; rows are counted from 0."""


class _Part(NamedTuple):
    """A chunk that was decided; `faults` by row of the chunk."""

    decided: Decided
    faults: dict[int, list[Fault]]


class Slot:
    """A model with its recorder. A request takes the slot once and keeps it until it is answered."""

    def __init__(self, model: Model, recorder: Recorder, max_rows: int) -> None:
        self.model = model
        self.recorder = recorder
        self.batcher = Batcher(model, recorder)
        self.max_rows = max_rows
        self._told: dict[str, Attribute] = {"tabi.model": model.name, "tabi.version": model.version}

    def decide(self, rows: Sequence[Row], path: PathOf, whose: Asked) -> Decisions:
        """As `Model.decide`, and recorded. `whose`: the first row is."""
        chunks = (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))
        return self.decide_chunks(map(self.model.read, chunks), path, whose)

    def decide_chunks(self, chunks: Iterable[Read], path: PathOf, whose: Asked) -> Decisions:
        """Predictions and warnings for chunks of rows, one after the other. Nothing is recorded if a row is refused."""
        parts: list[_Part] = []
        refused: list[Fault] = []
        shown: list[Fault] = []
        count = kept = 0
        for tensors, broken, bad in chunks:
            if count + len(tensors.numeric) > self.max_rows:
                raise refusal(f"a request may hold {self.max_rows} rows, send several", [("rows", "too_many_rows")])
            if UNDER_WAY:
                mark(whose.request_id, "decode")
            found, outputs, overflown = self.model.run(tensors)
            if UNDER_WAY:
                mark(whose.request_id, "run", **self._told, **{"tabi.rows": len(found)})
            faults = [*broken, *self.model.rare(tensors)]
            refused += _shifted(bad, count, MAX_PLACES - len(refused))
            refused += _shifted(overflown, count, MAX_PLACES - len(refused))
            shown += _shifted(faults, count, MAX_WARNINGS + 1 - len(shown))
            parts.append(_Part(Decided(tensors, found, outputs), by_row(faults[: max(MAX_FAULTS - kept, 0)])))
            count, kept = count + len(found), kept + len(faults)
            if len(refused) >= MAX_PLACES:
                break
        if refused:
            raise refusal_of_rows(refused, path)
        self._record(parts, whose)
        mark(whose.request_id, "log")
        predictions = [prediction for part in parts for prediction in part.decided.predictions]
        all_outputs = [part.decided.outputs for part in parts] or [self.model.answers.nothing]
        return Decisions(predictions, np.concatenate(all_outputs), warnings_of(shown, path))

    def _record(self, parts: Iterable[_Part], whose: Asked) -> None:
        request_id, first, began, arm, unit = whose
        for decided, faults in parts:
            count = len(decided.predictions)
            asked = [Asked(request_id, first + index, began, arm, unit) for index in range(count)]
            self.recorder.record(decided, asked, faults)
            first += count


def _shifted(faults: Sequence[Fault], by: int, most: int) -> list[Fault]:
    return [fault._replace(row=fault.row + by) for fault in faults[: max(most, 0)]]


def by_row(faults: Iterable[Fault]) -> dict[int, list[Fault]]:
    """Faults by their row."""
    rows: dict[int, list[Fault]] = {}
    for fault in faults:
        rows.setdefault(fault.row, []).append(fault)
    return rows
