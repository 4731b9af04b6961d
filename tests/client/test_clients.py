"""Both clients and the real server."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import count, islice
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa
import pytest

from tabi.client import (
    BatchReply,
    Client,
    Contract,
    Health,
    MixedVersionsError,
    NoAnswerError,
    Prediction,
    PredictReply,
    Readiness,
    RefusedError,
    Reloaded,
    UnknownError,
)
from tabi.client.replies import ModelList, Problem
from tests.client.conftest import Call
from tests.serving.conftest import ROW, Harbour, Server, contract, serving

ROWS: list[dict[str, Any]] = [{**ROW, "age": age} for age in range(7)]


def url(server: Server) -> str:
    return f"http://{server.host}:{server.port}"


def test_a_prediction_is_what_the_server_says(call: Call, server: Server) -> None:
    body = json.dumps({"features": ROW}).encode()
    said = msgspec.json.encode(server.ask("POST", "/predict", body, {"x-request-id": "me"})[2])
    assert call(url(server), lambda client: client.predict(ROW, request_id="me")) == msgspec.json.decode(
        said, type=PredictReply
    )


def test_a_batch_in_parts_is_the_batch(call: Call, server: Server) -> None:
    rows = [*ROWS, {"age": "x"}, ROW, {"zone": 1}]
    whole = call(url(server), lambda client: client.predict_batch(rows, request_id="b"))
    assert call(url(server), lambda client: client.predict_batch(iter(rows), request_id="b"), most_rows=3) == whole
    assert [place.path for place in whole.warnings] == ["rows[7].age", "rows[9].zone"]
    with Client(url(server)) as client:
        alone = [client.predict(row) for row in rows]
    assert [Prediction(p.label, p.probability) for p in alone if isinstance(p, PredictReply)] == [*whole.predictions]


def test_a_batch_of_no_rows_has_no_predictions(call: Call, server: Server) -> None:
    reply = call(url(server), lambda client: client.predict_batch([]))
    assert (reply.predictions, reply.model) == ((), "voyage")


def test_a_place_is_counted_in_the_whole_batch(call: Call, server: Server) -> None:
    rows = [*ROWS, {"age": 10**400}]
    with pytest.raises(RefusedError, match=r"rows\[7\].age") as raised:
        call(url(server), lambda client: client.predict_batch(rows), most_rows=3)
    assert [(place.path, place.rule) for place in raised.value.places] == [("rows[7].age", "not_finite")]


def test_a_frame_is_answered_as_its_rows_are(call: Call, server: Server) -> None:
    rows = [*ROWS, {**ROW, "age": None}, {**ROW, "age": 500}]
    whole = call(url(server), lambda client: client.predict_batch(rows, request_id="f"))
    for frame in (pd.DataFrame(rows), pa.Table.from_pylist(rows)):
        for most_rows in (100, 4):
            reply = call(
                url(server), lambda client, f=frame: client.predict_frame(f, request_id="f"), most_rows=most_rows
            )
            assert reply == whole
    assert [place.path for place in whole.warnings] == ["rows[8].age"]


def test_rows_without_end_are_answered_while_they_come(server: Server) -> None:
    endless = ({**ROW, "age": number % 90} for number in count())
    with Client(url(server), most_rows=5) as client:
        replies = list(islice(client.predict_batches(endless), 3))
    assert [len(reply.predictions) for reply in replies] == [5, 5, 5]


def test_parts_have_ids_of_their_own(call: Call, server: Server) -> None:
    replies = call(url(server), lambda client: client.predict_batches(ROWS, request_id="b"), most_rows=3)
    assert [reply.request_id for reply in replies] == ["b", "b.1", "b.2"]


def test_schema_health_and_version(call: Call, server: Server, harbour: Harbour) -> None:
    assert call(url(server), lambda client: client.health()) == Health("ok", "voyage", harbour.older)
    assert call(url(server), lambda client: client.version()) == harbour.older
    schema = call(url(server), lambda client: client.schema())
    assert msgspec.to_builtins(schema) == msgspec.to_builtins(contract())


def test_a_model_that_is_not_served_is_unknown(call: Call, server: Server) -> None:
    with pytest.raises(UnknownError):
        call(url(server), lambda client: client.model("nobody").predict(ROW))


def test_a_reload_between_two_parts_is_told(call: Call, own_harbour: Harbour) -> None:
    with serving(own_harbour.store.root, "voyage") as server:

        def rows() -> Any:
            yield from ROWS[:3]
            store = own_harbour.store
            store.set_latest("voyage", own_harbour.newer, store.latest("voyage"))
            with Client(f"http://{server.host}:{server.admin_port}") as client:
                assert [model.version for model in client.reload().models] == [own_harbour.newer]
            yield from ROWS[3:]

        with pytest.raises(MixedVersionsError, match="another version"):
            # the row after a part is read before the part is sent
            call(url(server), lambda client: client.predict_batch(rows()), most_rows=2)


def test_an_address_without_tls_is_told_as_such_and_not_asked_again(call: Call, server: Server) -> None:
    with pytest.raises(NoAnswerError, match=r"no trusted TLS.* or verify \(request"):
        call(url(server).replace("http:", "https:"), lambda client: client.predict(ROW))


def without_words(schema: Any) -> Any:
    """A JSON schema without its descriptions, and without whether other fields are refused."""
    if isinstance(schema, dict):
        dropped = {"description", "additionalProperties"}
        return {key: without_words(value) for key, value in schema.items() if key not in dropped}
    return [without_words(item) for item in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize("kind", [PredictReply, BatchReply, Health, ModelList, Readiness, Reloaded, Problem, Contract])
def test_replies_are_what_the_server_describes(server: Server, kind: type) -> None:
    described = server.ask("GET", "/openapi.json")[2]["components"]["schemas"]
    _, own = msgspec.json.schema_components([kind], ref_template="#/components/schemas/{name}")
    assert {name: without_words(described[name]) for name in own} == without_words(json.loads(json.dumps(own)))


def test_importing_it_is_light() -> None:
    code = "import sys, tabi.client; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    heavy = {"numpy", "onnxruntime", "fastapi", "starlette", "uvicorn", "pydantic", "pandas", "pyarrow", "sklearn"}
    assert not heavy & loaded
    rooms = {name for name in loaded if name.startswith("tabi.")}
    assert {name for name in rooms if not name.startswith("tabi.client")} == set()
