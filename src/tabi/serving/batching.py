"""All single rows that arrive within one turn of the event loop are one call of the graph and one write of the log.

Nobody waits for company: the turn ends as soon as every request that is already there has been read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

from tabi.contract import Fault, Tensors
from tabi.serving.codec import encode
from tabi.serving.messages import Place, Response, Row
from tabi.serving.model import Model
from tabi.serving.places import path_in_features, refusal_of_rows
from tabi.serving.problems import problem_of
from tabi.serving.recorder import Asked, Decided, Recorder
from tabi.serving.telemetry.steps import UNDER_WAY, mark_all, sampled
from tabi.serving.telemetry.trace import Attribute

Done = Callable[[Response], None]
"""Takes the answer to a request."""

# a turn of more rows than this is cut, so that its first request does not wait for all the others
MOST = 64
_NO_WARNINGS: list[Place] = []
_log = logging.getLogger("tabi.serving")


class _Waiting(NamedTuple):
    """A request whose row lies in the turn's lists, and what takes its answer."""

    asked: Asked
    warnings: list[Place]
    done: Done


class _Turn(NamedTuple):
    """The requests of one turn, row by row; `faults` by row."""

    waiting: list[_Waiting]
    decided: Decided
    faults: dict[int, list[Fault]]


class Batcher:
    """Gathers single rows of one version and answers them together."""

    def __init__(self, model: Model, recorder: Recorder) -> None:
        self._model = model
        self._recorder = recorder
        self._told: dict[str, Attribute] = {"tabi.model": model.name, "tabi.version": model.version}
        self._widths = len(model.contract.numeric), len(model.contract.strings)
        self._begin()

    def _begin(self) -> None:
        self._waiting: list[_Waiting] = []
        self._numbers: list[float] = []
        self._texts: list[str] = []
        self._faults: dict[int, list[Fault]] = {}

    def submit(self, row: Row, request_id: str, began: int, done: Done, arm: str = "", unit: str = "") -> None:
        """Answer `row` at the end of this turn of the loop; `RequestError` at once if it cannot be answered."""
        faults: list[Fault] = []
        index = len(self._waiting)
        try:
            self._model.reader.read_row(0, row, self._numbers, self._texts, faults)
            rarity = self._model.rarity
            if rarity is not None and rarity.is_rare(*self._row(index)):
                faults.append(Fault(0, "", "rare"))
            warnings = self._judge(row, index, faults) if faults else _NO_WARNINGS
        except BaseException:
            # nothing of a row that leaves the turn may stay, or the others would be answered with its values
            self._cut(index)
            raise
        self._waiting.append(_Waiting(Asked(request_id, 0, began, arm, unit), warnings, done))
        if index == 0:
            asyncio.get_running_loop().call_soon(self._end)
        elif index + 1 == MOST:
            self._answer()

    def _judge(self, row: Row, index: int, faults: list[Fault]) -> list[Place]:
        warnings = self._model.judge([row], faults, path_in_features)
        self._faults[index] = faults
        return warnings

    def _row(self, index: int) -> tuple[list[float], list[str]]:
        """The values of the last row, which is the `index`th of the turn."""
        numbers, texts = self._widths
        return self._numbers[index * numbers :], self._texts[index * texts :]

    def _cut(self, index: int) -> None:
        """Take all rows from `index` on out of the turn."""
        numbers, texts = self._widths
        del self._numbers[index * numbers :]
        del self._texts[index * texts :]
        self._faults.pop(index, None)

    def _end(self) -> None:
        if self._waiting:
            self._answer()

    def _answer(self) -> None:
        """One call of the graph, one write of the log, and only then the answers."""
        waiting, numbers, texts, faults = self._waiting, self._numbers, self._texts, self._faults
        self._begin()
        spans = sampled(each.asked.request_id for each in waiting) if UNDER_WAY else ()
        if spans:
            mark_all(spans, "wait")
        try:
            tensors = self._model.reader.tensors(numbers, texts, len(waiting))
            predictions, outputs, overflown = self._model.run(tensors)
            if spans:
                mark_all(spans, "run", **self._told, **{"tabi.rows": len(waiting)})
            turn = _Turn(waiting, Decided(tensors, predictions, outputs), faults)
            refused = {fault.row for fault in overflown}
            if refused:
                turn = _without(refused, turn)
            self._recorder.record(turn.decided, [each.asked for each in turn.waiting], turn.faults)
            if spans:
                mark_all(spans, "log")
        except Exception as error:  # noqa: BLE001  each of them gets an answer, and the log the reason
            for asked, _, done in waiting:
                _give(done, problem_of(error, asked.request_id))
            return
        for fault in overflown:
            asked, _, done = waiting[fault.row]
            _give(done, problem_of(refusal_of_rows([fault], path_in_features), asked.request_id))
        for each, prediction in zip(turn.waiting, turn.decided.predictions, strict=True):
            _give(each.done, self._reply(each, prediction))

    def _reply(self, each: _Waiting, prediction: Any) -> Response:
        request_id = each.asked.request_id
        try:
            return Response(encode(self._model.answers.reply(prediction, request_id, each.warnings)))
        except Exception as error:  # noqa: BLE001  one that cannot be written is no reason to leave the others waiting
            return problem_of(error, request_id)


def _give(done: Done, response: Response) -> None:
    """Hand an answer over. Whatever goes wrong with one, the others of its turn get theirs."""
    try:
        done(response)
    except Exception:  # noqa: BLE001
        _log.exception("an answer could not be handed over")


def _without(refused: set[int], turn: _Turn) -> _Turn:
    """The turn without the rows that have no answer."""
    kept = [index for index in range(len(turn.waiting)) if index not in refused]
    (numeric, categorical), predictions, outputs = turn.decided
    return _Turn(
        [turn.waiting[index] for index in kept],
        Decided(
            Tensors(numeric[kept], categorical[kept]),
            [predictions[index] for index in kept],
            outputs[kept],
        ),
        {place: turn.faults[index] for place, index in enumerate(kept) if index in turn.faults},
    )
