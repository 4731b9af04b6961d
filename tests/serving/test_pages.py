"""Health, schema and documentation; that the documentation is true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import pytest
from jsonschema import Draft202012Validator

from tabi.contract import Contract
from tabi.serving.served import Served
from tests.serving.conftest import ROW, Ask, Harbour, MakeWorker, Server, asking, contract, make_bundle

PROBLEM = "application/problem+json"
BATCH = json.dumps({"rows": [ROW, {"age": "x", "zone": True}]}).encode()


def validate(document: dict[str, Any], method: str, path: str, status: int, kind: str, content: Any) -> None:
    """`content` is what the document says that this answer is."""
    content_types = document["paths"][path][method]["responses"][str(status)]["content"]
    assert kind in content_types
    check(document, content_types[kind]["schema"], content)


def check(document: dict[str, Any], schema: dict[str, Any], content: Any) -> None:
    Draft202012Validator({**schema, "components": document["components"]}).validate(content)


def body_schema(document: dict[str, Any], path: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return found


@pytest.mark.parametrize("path", ["/health", "/healthz"])
def test_health_says_which_version_answers(ask: Ask, harbour: Harbour, path: str) -> None:
    assert ask("GET", path)[2] == {"status": "ok", "model": "voyage", "version": harbour.older}


@pytest.mark.parametrize("path", ["/health", "/healthz", "/schema", "/predict", "/predict_batch"])
def test_without_a_model_every_route_is_503(harbour: Harbour, make_worker: MakeWorker, path: str) -> None:
    method = "POST" if path.startswith("/predict") else "GET"
    body = b'{"features":{},"rows":[]}' if method == "POST" else None
    status, headers, problem = asking(make_worker(harbour.store, "voyage", load=False))(method, path, body)
    assert (status, problem["status"], headers["content-type"]) == (503, 503, PROBLEM)


def test_schema_is_the_bundles_contract(ask: Ask) -> None:
    assert Contract.from_json(json.dumps(ask("GET", "/schema")[2]).encode()) == contract()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/nowhere", 404),
        ("POST", "/predict/", 404),
        ("GET", "/health/", 404),
        ("GET", "/redoc", 404),
        ("POST", "/health", 405),
        ("GET", "/reload", 405),
        ("DELETE", "/schema", 405),
    ],
)
def test_an_unknown_route_or_method_is_a_problem(ask: Ask, method: str, path: str, status: int) -> None:
    found, headers, problem = ask(method, path)
    assert (found, problem["status"], headers["content-type"]) == (status, status, PROBLEM)
    assert problem["request_id"] == headers["x-request-id"]
    assert ("allow" in headers) == (status == 405)
    told = "this server has no such route" if status == 404 else f"this route takes {headers.get('allow')}"
    assert told.removesuffix(", HEAD") in problem["detail"]


def test_a_head_request_is_answered_without_a_body(server: Server) -> None:
    for path in ("/health", "/schema", "/docs", "/v2", "/models/voyage", "/models/none"):
        asked, told = server.ask("GET", path), server.ask("HEAD", path)
        assert (told[0], told[2]) == (asked[0], b""), path
        assert told[1]["content-length"] == asked[1]["content-length"], path
    for path in ("/predict", "/reload"):
        status, headers, body = server.ask("HEAD", path)
        assert (status, headers["allow"], body) == (405, "POST", b""), path
    assert server.ask("DELETE", "/schema")[1]["allow"] == "GET, HEAD"


def test_docs_show_the_document(ask: Ask) -> None:
    status, headers, page = ask("GET", "/docs")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"/openapi.json" in page


OPERATING = {"/health", "/healthz", "/livez", "/readyz", "/metrics", "/models", "/models/voyage", "/ping", "/version"}
PROTOCOL = {"/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/voyage", "/v2/models/voyage/ready"}
PREDICTING = ("predict", "predict_batch", "invocations", "explain", "feedback")


def test_the_document_names_every_route_and_no_other(ask: Ask, harbour: Harbour) -> None:
    document = ask("GET", "/openapi.json")[2]
    found = {(path, method) for path, methods in document["paths"].items() for method in methods}
    prefixes = ("", "/models/voyage")
    by_version = "/v2/models/voyage/versions/{version}"
    reading = {(path, "get") for path in OPERATING | PROTOCOL | {f"{prefix}/schema" for prefix in prefixes}}
    reading |= {(by_version, "get"), (f"{by_version}/ready", "get")}
    posting = {f"{prefix}/{name}" for prefix in prefixes for name in (*PREDICTING, "reload")}
    assert found == reading | {(path, "post") for path in posting | {"/v2/models/voyage/infer", f"{by_version}/infer"}}
    for path, method in reading:
        assert ask(method.upper(), path.format(version=harbour.older))[0] == 200, path
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    text = json.dumps(document)
    names = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert names <= set(document["components"]["schemas"])


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/health", None, 200),
        ("GET", "/healthz", None, 200),
        ("GET", "/schema", None, 200),
        ("POST", "/predict", json.dumps({"features": ROW}).encode(), 200),
        ("POST", "/predict", b'{"features":{"zone":1,"age":"x"}}', 200),
        ("POST", "/predict", b'{"features":[]}', 422),
        ("POST", "/predict", b"{", 422),
        ("POST", "/predict_batch", BATCH, 200),
        ("POST", "/predict_batch", b'{"rows":[1,2]}', 422),
        ("POST", "/reload", None, 200),
        ("POST", "/reload?path=/etc", None, 404),
        ("POST", "/reload?paths=x", None, 422),
    ],
)
def test_what_is_answered_is_what_the_document_says(
    ask: Ask, method: str, path: str, body: bytes | None, status: int
) -> None:
    document = ask("GET", "/openapi.json")[2]
    found, headers, content = ask(method, path, body)
    assert found == status
    kind = "application/json" if status == 200 else PROBLEM
    assert headers["content-type"] == kind
    validate(document, method.lower(), path.partition("?")[0], status, kind, content)


def test_without_a_model_the_problem_is_as_the_document_says(
    ask: Ask, harbour: Harbour, make_worker: MakeWorker
) -> None:
    document = ask("GET", "/openapi.json")[2]
    unready = asking(make_worker(harbour.store, "voyage", load=False))
    for method, path in (("GET", "/health"), ("GET", "/schema"), ("POST", "/predict")):
        _, _, problem = unready(method, path)
        validate(document, method.lower(), path, 503, PROBLEM, problem)


ROWS = [{}, ROW, {"age": None}, {"age": "x", "sex": 1.5, "city": True}, {"zone": "any"}, {"age": []}, {"sex": {}}]


@pytest.mark.parametrize("name", ["voyage", "strict"])
def test_a_row_is_of_the_documents_form_exactly_if_the_form_is_not_what_it_is_refused_for(
    harbour: Harbour, make_worker: MakeWorker, name: str
) -> None:
    ask = asking(make_worker(harbour.store, name))
    document = ask("GET", "/openapi.json")[2]
    of_form = {"not_a_number", "unknown_category"}  # what is wrong with values that are of the form
    for row in ROWS:
        for path, body in (("/predict", {"features": row}), ("/predict_batch", {"rows": [row]})):
            status, _, answer = ask("POST", path, json.dumps(body).encode())
            schema = {**body_schema(document, path), "components": document["components"]}
            fits = Draft202012Validator(schema).is_valid(body)
            rules = {place["rule"] for place in answer.get("errors", [])}
            assert fits == (status == 200 or rules <= of_form), (row, answer)


def test_the_document_follows_a_reload(own_harbour: Harbour, make_worker: MakeWorker, tmp_path: Path) -> None:
    ask = asking(make_worker(own_harbour.store, "voyage"))

    def closed() -> bool:
        row = ask("GET", "/openapi.json")[2]["components"]["schemas"]["Row"]
        return bool(row["additionalProperties"] is False)

    assert not closed()
    folder = make_bundle(tmp_path / "strict", "voyage", own_harbour.graph, contract(strict=True))
    identity = own_harbour.store.put_bundle(folder)
    assert ask("POST", f"/reload?path={own_harbour.path('voyage', identity)}")[0] == 200
    assert closed()


@pytest.mark.parametrize(("method", "path"), [("POST", "/predict"), ("GET", "/schema")])
def test_a_bug_is_a_500_that_tells_nothing_and_a_log_line_that_tells_all(
    harbour: Harbour,
    make_worker: MakeWorker,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
) -> None:
    def faulty(_served: Served) -> NoReturn:
        raise ZeroDivisionError("a-value-of-a-row")

    worker = make_worker(harbour.store, "voyage")
    with monkeypatch.context() as patch:
        patch.setattr(Served, "slot", property(faulty))
        status, headers, problem = asking(worker)(method, path)
    assert (status, problem["status"], headers["content-type"]) == (500, 500, PROBLEM)
    assert "a-value-of-a-row" not in json.dumps(problem)
    assert problem["request_id"] == headers["x-request-id"]
    assert headers["x-request-id"] in caplog.text
    assert "ZeroDivisionError: a-value-of-a-row" in caplog.text
