"""The hot routes of one model and of several, and that nothing of the server's inside gets out."""

from __future__ import annotations

import json

import pytest

from tabi.serving.settings import Limits
from tests.serving.conftest import ADMIN_PORT, ROW, Ask, Harbour, MakeWorker, asking

JSON = {"Content-Type": "application/json"}
BODY = json.dumps({"features": ROW}).encode()
BATCH = json.dumps({"rows": [ROW]}).encode()
SINGLE = [
    ("POST", "/predict"),
    ("POST", "/predict_batch"),
    ("POST", "/invocations"),
    ("GET", "/schema"),
    ("POST", "/explain"),
    ("POST", "/feedback"),
]


@pytest.fixture
def both(harbour: Harbour, make_worker: MakeWorker) -> Ask:
    return asking(make_worker(harbour.store, "voyage", "linear"))


def test_each_of_several_models_answers_below_its_name(both: Ask) -> None:
    for name in ("voyage", "linear"):
        assert both("POST", f"/models/{name}/predict", BODY)[2]["model"] == name
        assert both("POST", f"/models/{name}/predict_batch", BATCH)[2]["model"] == name
        assert both("GET", f"/models/{name}/schema")[0] == 200
        assert both("GET", f"/models/{name}")[2]["name"] == name
        assert both("GET", f"/v2/models/{name}")[2]["name"] == name
        lines = both("POST", f"/models/{name}/predict_batch", b"{}\n", {"Content-Type": "application/x-ndjson"})
        assert lines[0] == 200
    assert {each["name"] for each in both("GET", "/models")[2]["models"]} == {"voyage", "linear"}


@pytest.mark.parametrize(("method", "path"), SINGLE[:4])
def test_the_routes_of_an_only_model_say_where_those_of_several_are(both: Ask, method: str, path: str) -> None:
    status, headers, problem = both(method, path, BODY if method == "POST" else None)
    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert "/models/" in problem["detail"]


def test_a_model_that_is_not_there_is_404_on_every_route(both: Ask) -> None:
    for path in ("predict", "predict_batch", "invocations", "reload"):
        assert both("POST", f"/models/none/{path}", BODY, None, ADMIN_PORT)[0] == 404, path
    for path in ("/models/none", "/models/none/schema", "/v2/models/none", "/v2/models/none/ready"):
        assert both("GET", path)[0] == 404, path
    status, _, answer = both("POST", "/v2/models/none/infer", b"{}")
    assert status == 404
    assert answer["error"]


def test_a_version_answers_by_its_name_and_another_is_404(ask: Ask, harbour: Harbour) -> None:
    body = json.dumps(
        {"inputs": [{"name": name, "datatype": kind, "shape": [1], "data": [ROW[name]]}
                    for name, kind in (("age", "FP64"), ("fare", "FP64"), ("sex", "BYTES"), ("city", "BYTES"))]}
    ).encode()  # fmt: skip
    plain = ask("POST", "/v2/models/voyage/infer", body)[2]
    status, _, found = ask("POST", f"/v2/models/voyage/versions/{harbour.older}/infer", body)
    assert (status, found["outputs"]) == (200, plain["outputs"])
    status, _, found = ask("POST", f"/v2/models/voyage/versions/{harbour.newer}/infer", body)
    assert status == 404
    assert found["error"]
    assert ask("GET", f"/v2/models/voyage/versions/{harbour.older}/infer")[0] == 405


def test_a_body_over_the_limit_is_413_on_every_route(harbour: Harbour, make_worker: MakeWorker) -> None:
    ask = asking(make_worker(harbour.store, "voyage", limits=Limits(body=2000, row_body=1000, protocol_body=1500)))
    for path, limit in (
        ("/predict", 1000),
        ("/predict_batch", 2000),
        ("/invocations", 1500),
        ("/v2/models/voyage/infer", 1500),
    ):
        assert ask("POST", path, b" " * limit, JSON)[0] in (400, 422)
        status, headers, problem = ask("POST", path, b" " * (limit + 1), JSON)
        assert (status, headers["content-type"], problem["status"]) == (413, "application/problem+json", 413)


def test_limits_of_columns_and_texts_hold_on_every_route(harbour: Harbour, make_worker: MakeWorker) -> None:
    ask = asking(make_worker(harbour.store, "voyage", limits=Limits(columns=5, string=20)))
    wide, long = {**ROW, "a": 1, "b": 2}, {**ROW, "sex": "x" * 21}
    for row, rule in ((wide, "too_many_columns"), (long, "too_long")):
        for path, body in (
            ("/predict", {"features": row}),
            ("/predict_batch", {"rows": [row]}),
            ("/predict_batch", {"columns": {name: [value] for name, value in row.items()}}),
            ("/invocations", {"dataframe_records": [row]}),
        ):
            status, _, problem = ask("POST", path, json.dumps(body).encode(), JSON)
            assert (status, problem["errors"][0]["rule"]) == (400 if path == "/invocations" else 422, rule), path
            assert "x" * 21 not in json.dumps(problem)


def test_neither_paths_of_the_server_nor_values_get_out(harbour: Harbour, make_worker: MakeWorker) -> None:
    folder = str(harbour.path())
    ask = asking(make_worker(harbour.store, folder))
    private = (folder, str(harbour.store.root))
    public = ("/readyz", "/health", "/models", "/models/voyage", "/openapi.json", "/docs", "/metrics")
    answers = [ask("GET", path)[2] for path in public]
    answers += [ask("POST", "/reload?path=/etc/passwd")[2], ask("POST", "/reload?path=../../etc")[2]]
    answers += [ask("POST", path, b'{"told-name": "told-value"}')[2] for method, path in SINGLE if method == "POST"]
    text = "".join(str(answer) for answer in answers)
    assert not [each for each in (*private, "told-value", "/etc", "site-packages", "Traceback") if each in text]
