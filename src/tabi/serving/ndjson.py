"""Rows as lines: each is answered by a line, while the rest still arrives. A line that is wrong stops no other."""

from __future__ import annotations

import msgspec

from tabi.contract import Fault, Tensors
from tabi.errors import RequestError
from tabi.serving.codec import CHUNK, Codec
from tabi.serving.endpoints import FEW_ROWS, INLINE_ROWS, Holder
from tabi.serving.messages import Place, Row
from tabi.serving.places import MAX_PLACES, place, warnings_of
from tabi.serving.recorder import Asked, Decided
from tabi.serving.slot import Slot, by_row
from tabi.serving.steering.copies import Copies


class LineRefusal(msgspec.Struct):
    """A line that could not be answered."""

    row: int
    errors: list[Place]


_encode_lines = msgspec.json.Encoder().encode_lines


class PredictLines:
    """`POST /predict_batch` with a body of lines."""

    label = "/predict_batch"

    def __init__(self, served: Holder, codec: Codec) -> None:
        self.served = served
        self._codec = codec

    def reading(self, whose: Asked, slot: Slot | None = None) -> LineReader:
        """A reader for one request, with one version to its end: `slot`, or the one that answers now.

        `whose`: its first line is. `NotReadyError` if nothing is loaded.
        """
        return LineReader(slot or self.served.slot, self._codec, whose)


class LineReader:
    """Takes a body piece by piece and gives the answers to the lines that are complete.

    `row`: the place of the next line among all that hold one. `copies`: where copies of its lines go, if anywhere.
    """

    def __init__(self, slot: Slot, codec: Codec, whose: Asked) -> None:
        self.ended = False
        self.copies: Copies | None = None
        self.slot = slot
        self.whose = whose
        self.row = whose.row
        self._codec = codec
        self._rest = bytearray()

    @property
    def waiting(self) -> int:
        """Bytes of a line that is not complete."""
        return len(self._rest)

    @property
    def endless(self) -> bool:
        """Whether that line is longer than any may be."""
        return len(self._rest) > self._codec.row

    def cut(self, piece: bytes, *, last: bool) -> list[bytes]:
        """The lines that `piece` completes; `last`: it ends the body, and its last line."""
        self._rest += piece
        if not last and b"\n" not in piece:
            return []
        lines = bytes(self._rest).split(b"\n")
        self._rest = bytearray() if last else bytearray(lines.pop())
        return [line for line in lines if line.strip()]

    def answer(self, lines: list[bytes]) -> bytes:
        """The answers to lines."""
        return b"".join(self._answer(lines[start : start + CHUNK]) for start in range(0, len(lines), CHUNK))

    def stop(self, rule: str) -> bytes:
        """Take no more lines; the last answer says why."""
        self.ended, self._rest = True, bytearray()
        return _encode_lines([LineRefusal(self.row, [place("$", rule)])])

    def _answer(self, lines: list[bytes]) -> bytes:
        first, at, rows = self.row, [], []
        self.row += len(lines)
        replies: dict[int, msgspec.Struct] = {}
        for index, line in enumerate(lines):
            try:
                rows.append(self._codec.read_line(line))
                at.append(index)
            except RequestError as error:
                replies[index] = LineRefusal(first + index, [place(path, rule) for path, rule in error.problems])
        for row, reply in enumerate(self._decide(rows, [first + index for index in at])):
            replies[at[row]] = reply
        return _encode_lines([replies[index] for index in range(len(lines))])

    def _decide(self, rows: list[Row], places: list[int]) -> list[msgspec.Struct]:
        """What becomes of rows that could be read; `places`: that of each among all lines."""
        model = self.slot.model
        tensors, faults, bad = model.read(rows)
        predictions, outputs, overflown = model.run(tensors)
        refused = by_row((*bad, *overflown))
        passed = by_row((*faults, *model.rare(tensors)))
        kept = [row for row in range(len(rows)) if row not in refused]
        decided = Decided(
            Tensors(tensors.numeric[kept], tensors.categorical[kept]),
            [predictions[row] for row in kept],
            outputs[kept],
        )
        request_id, _, began, arm, unit = self.whose
        asked = [Asked(request_id, places[row], began, arm, unit) for row in kept]
        self.slot.recorder.record(decided, asked, {at: passed[row] for at, row in enumerate(kept) if row in passed})
        return [
            LineRefusal(places[row], [place(_column(fault), fault.rule) for fault in refused[row][:MAX_PLACES]])
            if row in refused
            else model.answers.line_reply(
                places[row],
                predictions[row],
                warnings_of(passed.get(row, ()), _column),
                model.version if places[row] == 0 else "",
            )
            for row in range(len(rows))
        ]


def are_few(lines: list[bytes]) -> bool:
    """Whether so little stands in lines that they hold up nobody on the event loop."""
    return len(lines) <= FEW_ROWS and sum(map(len, lines)) <= INLINE_ROWS


def _column(fault: Fault) -> str:
    return fault.column or "$"
