"""Both clients and models of every other task: the replies are typed by what the server answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tabi.client import (
    MulticlassBatchReply,
    MulticlassReply,
    RegressionBatchReply,
    RegressionReply,
    ReplyError,
)
from tabi.store import Store
from tests.client.conftest import Call
from tests.client.faults import FaultyServer, answer
from tests.serving.conftest import Server, serving, tasks  # noqa: F401  the fixture of that name
from tests.serving.task_bundles import TASKS, row_of, rows_of

NAMES = ("cabin", "price", "tickets")


@pytest.fixture(scope="module")
def fleet(tasks: Store) -> Iterator[Server]:  # noqa: F811
    with serving(tasks.root, *NAMES) as running:
        yield running


@pytest.fixture
def url(fleet: Server) -> str:
    return f"http://{fleet.host}:{fleet.port}"


@pytest.mark.parametrize("name", NAMES)
def test_a_reply_is_of_the_models_task(call: Call, url: str, fleet: Server, name: str) -> None:
    row, rows = row_of(name), rows_of(name, 7)
    kinds = (RegressionReply, RegressionBatchReply) if name == "price" else (MulticlassReply, MulticlassBatchReply)
    one = call(url, lambda client: client.model(name).predict(row, request_id="me"))
    many = call(url, lambda client: client.model(name).predict_batch(rows, request_id="me"))
    assert (type(one), type(many)) == kinds
    for reply, route, asked in ((one, "predict", {"features": row}), (many, "predict_batch", {"rows": rows})):
        said = fleet.ask("POST", f"/models/{name}/{route}", json.dumps(asked).encode(), {"x-request-id": "me"})[2]
        assert json.loads(msgspec.json.encode(reply)) == said


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_in_parts_is_the_batch(call: Call, url: str, name: str) -> None:
    rows: list[dict[str, Any]] = [*rows_of(name, 7), {"age": "x"}]
    whole = call(url, lambda client: client.model(name).predict_batch(rows, request_id="b"))
    assert call(url, lambda client: client.model(name).predict_batch(rows, request_id="b"), most_rows=3) == whole
    assert [place.path for place in whole.warnings] == ["rows[7].age"]


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_is_the_contract(call: Call, url: str, name: str) -> None:
    schema = call(url, lambda client: client.model(name).schema())
    assert msgspec.to_builtins(schema) == msgspec.to_builtins(TASKS[name])


@pytest.mark.parametrize("said", [b"{}", b'{"label":"a","probability":0.5,"model":"m","version":"v"}', b"[]", b"{"])
def test_an_answer_of_no_task_is_none(call: Call, faulty: FaultyServer, said: bytes) -> None:
    faulty.will(answer(200, said))
    with pytest.raises(ReplyError):
        call(faulty.url, lambda client: client.predict({}))
