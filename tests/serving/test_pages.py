"""Health, schema and documentation; that the documentation is true."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from jsonschema import Draft202012Validator

from tabi.contract import Contract
from tabi.serving.slot import Slot
from tests.serving.conftest import ROW, Ask, Harbour, Server, contract

PROBLEM = "application/problem+json"
BATCH = json.dumps({"rows": [ROW, {"age": "x", "zone": True}]}).encode()


def validate(document: dict[str, Any], method: str, path: str, status: int, kind: str, content: Any) -> None:
    """`content` is what the document says that this answer is."""
    content_types = document["paths"][path][method]["responses"][str(status)]["content"]
    assert set(content_types) == {kind}
    check(document, content_types[kind]["schema"], content)


def check(document: dict[str, Any], schema: dict[str, Any], content: Any) -> None:
    Draft202012Validator({**schema, "components": document["components"]}).validate(content)


def body_schema(document: dict[str, Any], path: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return found


@pytest.mark.parametrize("path", ["/health", "/healthz"])
def test_health_says_which_version_answers(ask: Ask, harbour: Harbour, path: str) -> None:
    assert ask("GET", path)[2] == {"status": "ok", "model": "voyage", "version": harbour.older}


@pytest.mark.parametrize("path", ["/health", "/healthz", "/schema", "/openapi.json", "/predict", "/predict_batch"])
def test_without_a_model_every_route_is_503(harbour: Harbour, ask_in_process: Callable[[Slot], Ask], path: str) -> None:
    method = "POST" if path.startswith("/predict") else "GET"
    body = b'{"features":{},"rows":[]}' if method == "POST" else None
    status, headers, problem = ask_in_process(Slot(harbour.store, "voyage"))(method, path, body)
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


def test_a_head_request_is_405_without_a_body(server: Server) -> None:
    for path in ("/health", "/predict"):
        status, headers, body = server.ask("HEAD", path)
        assert (status, headers["content-type"], body) == (405, PROBLEM, b"")


def test_docs_show_the_document(ask: Ask) -> None:
    status, headers, page = ask("GET", "/docs")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"/openapi.json" in page


def test_the_document_names_every_route_and_no_other(ask: Ask) -> None:
    document = ask("GET", "/openapi.json")[2]
    found = {(path, method) for path, methods in document["paths"].items() for method in methods}
    reading = {("/health", "get"), ("/healthz", "get"), ("/schema", "get")}
    assert found == reading | {("/predict", "post"), ("/predict_batch", "post"), ("/reload", "post")}
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
    ask: Ask, harbour: Harbour, ask_in_process: Callable[[Slot], Ask]
) -> None:
    document = ask("GET", "/openapi.json")[2]
    unready = ask_in_process(Slot(harbour.store, "voyage"))
    for method, path in (("GET", "/health"), ("GET", "/schema"), ("POST", "/predict")):
        _, _, problem = unready(method, path)
        validate(document, method.lower(), path, 503, PROBLEM, problem)


ROWS = [{}, ROW, {"age": None}, {"age": "x", "sex": 1.5, "city": True}, {"zone": "any"}, {"age": []}, {"sex": {}}]


@pytest.mark.parametrize("name", ["voyage", "strict"])
def test_a_row_is_of_the_documents_form_exactly_if_the_form_is_not_what_it_is_refused_for(
    harbour: Harbour, ask_in_process: Callable[[Slot], Ask], name: str
) -> None:
    slot = Slot(harbour.store, name)
    slot.load()
    ask = ask_in_process(slot)
    document = ask("GET", "/openapi.json")[2]
    of_form = {"not_a_number", "unknown_category"}  # what is wrong with values that are of the form
    for row in ROWS:
        for path, body in (("/predict", {"features": row}), ("/predict_batch", {"rows": [row]})):
            status, _, answer = ask("POST", path, json.dumps(body).encode())
            schema = {**body_schema(document, path), "components": document["components"]}
            fits = Draft202012Validator(schema).is_valid(body)
            rules = {place["rule"] for place in answer.get("errors", [])}
            assert fits == (status == 200 or rules <= of_form), (row, answer)


def test_the_document_follows_a_reload(ask: Ask, harbour: Harbour) -> None:
    def closed() -> bool:
        row = ask("GET", "/openapi.json")[2]["components"]["schemas"]["Row"]
        return bool(row["additionalProperties"] is False)

    assert not closed()
    assert ask("POST", f"/reload?path={harbour.path('strict')}")[0] == 200
    assert closed()


class FaultySlot(Slot):
    """A slot with a bug."""

    @property
    def model(self) -> NoReturn:
        raise ZeroDivisionError("a-value-of-a-row")


@pytest.mark.parametrize(("method", "path"), [("POST", "/predict"), ("GET", "/health")])
def test_a_bug_is_a_500_that_tells_nothing_and_a_log_line_that_tells_all(
    harbour: Harbour,
    ask_in_process: Callable[[Slot], Ask],
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
) -> None:
    status, headers, problem = ask_in_process(FaultySlot(harbour.store, "voyage"))(method, path)
    assert (status, problem["status"], headers["content-type"]) == (500, 500, PROBLEM)
    assert "a-value-of-a-row" not in json.dumps(problem)
    assert problem["request_id"] == headers["x-request-id"]
    assert headers["x-request-id"] in caplog.text
    assert "ZeroDivisionError: a-value-of-a-row" in caplog.text
