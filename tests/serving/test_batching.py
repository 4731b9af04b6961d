"""Rows of one turn: whatever happens to one of them, each of the others is answered as if it were alone."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable
from threading import Lock
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabi.errors import RequestError
from tabi.predictions import LogReader, PredictionLog
from tabi.serving.batching import MOST, Batcher
from tabi.serving.messages import Response, Row
from tabi.serving.model import Model
from tabi.serving.recorder import Recorder
from tabi.serving.telemetry.cells import Cells, read_all
from tests.serving.conftest import ROW, Harbour

# what can be answered, what a lenient contract answers with a warning, and what has no answer
values = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["", "x", "12", True]))
good = st.fixed_dictionaries(
    {}, optional={"age": st.integers(0, 120), "fare": values, "sex": st.sampled_from(["male", "?"]), "zone": values}
)
too_large = st.fixed_dictionaries({"fare": st.sampled_from([10**400, -(10**400)])}, optional={"age": st.integers(0, 9)})
OVERFLOWS: Row = {"age": 1e308, "fare": 1e308}
overflowing = st.just(OVERFLOWS)


class Desk:
    """A batcher and what became of each row that was handed to it."""

    def __init__(self, model: Model, recorder: Recorder) -> None:
        self.batcher = Batcher(model, recorder)
        self.answers: dict[int, Any] = {}

    def ask(self, rows: list[Row]) -> list[Any]:
        """All rows in one turn of the loop; the body of each answer, or the error that was raised at once."""

        async def turn() -> None:
            for index, row in enumerate(rows):
                try:
                    self.batcher.submit(row, f"r{index}", 0, self.taking(index))
                except RequestError as error:
                    self.answers[index] = error.problems
            # the turn ends before a timer of zero
            await asyncio.sleep(0)
            await asyncio.sleep(0)

        self.answers = {}
        asyncio.run(turn())
        return [self.answers[index] for index in range(len(rows))]

    def taking(self, index: int) -> Callable[[Response], None]:
        def take(response: Response) -> None:
            assert index not in self.answers, "answered twice"
            self.answers[index] = {**json.loads(response.content), "status": response.status}

        return take


@pytest.fixture(scope="module")
def make_desk(harbour: Harbour, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Desk]:
    folder = tmp_path_factory.mktemp("desk")

    def make(name: str, log: PredictionLog | None = None) -> Desk:
        cells = Cells(tmp_path_factory.mktemp("cells", numbered=True), 0)
        model = Model.open(harbour.path(name))
        desk = Desk(model, Recorder(model, log, cells, Lock()))
        cells.close()
        return desk

    assert folder
    return make


def same(one: Any, other: Any) -> bool:
    """Whether two answers are the same to the last bit, but for the request's id."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return bool(one == other)
    bits = [struct.pack("<d", each.get("probability", 0.0)) for each in (one, other)]
    return bits[0] == bits[1] and {**one, "request_id": ""} == {**other, "request_id": ""}


@pytest.mark.parametrize("name", ["voyage", "strict", "linear"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(good | too_large | overflowing, min_size=1, max_size=MOST + 10))
def test_a_row_is_answered_in_any_turn_as_it_is_alone(
    make_desk: Callable[..., Desk], desks: dict[str, Desk], name: str, rows: list[Row]
) -> None:
    desk = desks.setdefault(name, make_desk(name)) if name not in desks else desks[name]
    together = desk.ask(rows)
    for row, answer in zip(rows, together, strict=True):
        (alone,) = desk.ask([row])
        assert same(alone, answer)


@pytest.fixture(scope="module")
def desks() -> dict[str, Desk]:
    return {}


def test_rows_without_a_probability_are_refused_alone_and_not_recorded(
    make_desk: Callable[..., Desk], tmp_path: Any
) -> None:
    log = PredictionLog(tmp_path, 0)
    answers = make_desk("linear", log).ask([ROW, OVERFLOWS, {"age": 4}, OVERFLOWS])
    log.close()
    assert [answer["status"] for answer in answers] == [200, 422, 200, 422]
    assert [line.id for line in LogReader(tmp_path)] == ["r0", "r2"]


def test_more_rows_than_one_turn_takes_are_all_answered(make_desk: Callable[..., Desk]) -> None:
    rows: list[Row] = [{"age": index % 90} for index in range(3 * MOST + 1)]
    desk = make_desk("voyage")
    assert [answer["status"] for answer in desk.ask(rows)] == [200] * len(rows)


def test_a_row_that_fails_while_it_is_read_leaves_nothing_of_itself(
    make_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk("voyage")
    (expected,) = desk.ask([ROW])
    reader = desk.batcher._model.reader
    read = reader.read_row

    class Half:
        """Fails in the middle of a row, as no row should."""

        def __getattr__(self, name: str) -> Any:
            return getattr(reader, name)

        def read_row(self, index: int, row: Row, numbers: list[float], *more: Any) -> None:
            if "fail" in row:
                numbers.append(13.0)
                raise RequestError("half read")
            read(index, row, numbers, *more)

    monkeypatch.setattr(desk.batcher._model, "reader", Half())
    answers = desk.ask([ROW, {"fail": 1}, ROW])
    assert same(answers[0], expected)
    assert answers[1] == ()
    assert same(answers[2], expected)


def test_one_that_cannot_take_its_answer_keeps_nobody_from_theirs(
    make_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = make_desk("voyage")
    taking = desk.taking

    def broken(index: int) -> Callable[[Response], None]:
        def fail(_response: Response) -> None:
            desk.answers[index] = "given"
            raise ConnectionError("gone")

        return fail if index == 0 else taking(index)

    monkeypatch.setattr(desk, "taking", broken)
    answers = desk.ask([ROW, ROW])
    assert answers[0] == "given"
    assert answers[1]["status"] == 200
    assert "could not be handed over" in caplog.text


def test_a_graph_that_fails_is_an_answer_to_each_row_and_the_next_turn_is_sound(
    make_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk("voyage")
    with monkeypatch.context() as patched:

        def fail(_tensors: object) -> None:
            raise RuntimeError("secret 42")

        patched.setattr(desk.batcher._model, "run", fail)
        answers = desk.ask([ROW] * 3)
    assert [answer["status"] for answer in answers] == [500] * 3
    assert "secret" not in json.dumps(answers)
    assert [answer["status"] for answer in desk.ask([ROW] * 3)] == [200] * 3


def test_a_turn_counts_each_row_once(harbour: Harbour, tmp_path: Any) -> None:
    cells = Cells(tmp_path, 0)
    model = Model.open(harbour.path("linear"))
    recorder = Recorder(model, None, cells, Lock())
    Desk(model, recorder).ask([ROW, OVERFLOWS, {"age": "x"}] * 20)
    recorder.flush()
    cells.close()
    counted = {name: int(counts.sum()) for (name, _), counts in read_all(tmp_path).items()}
    assert (counted["tabi_predictions_total"], counted["tabi_score_bins_total"]) == (40, 40)
    # of the row that is refused nothing is counted
    assert counted["tabi_warnings_total"] == 20
