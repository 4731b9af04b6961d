"""Requests and answers beside the schemas of the protocol's published OpenAPI (open_inference_rest.yaml, version 2.0).

The file itself is not part of this repository. What is tested against are its facts: the members of each object, their
types, and which of them are required.
"""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from tabi.serving.model import Model
from tabi.serving.protocols import oip
from tabi.serving.protocols.exchange import Request, Response
from tests.serving.protocols.oip.test_rest import MALFORMED, ROW, tensor

STRING: dict[str, Any] = {"type": "string"}
INTEGERS: dict[str, Any] = {"type": "array", "items": {"type": "integer"}}


def member(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def array(name: str) -> dict[str, Any]:
    return {"type": "array", "items": member(name)}


def an_object(required: str, **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required.split()}


TENSOR = {"name": STRING, "shape": INTEGERS, "datatype": STRING}
FILLED = {**TENSOR, "parameters": member("parameters"), "data": member("tensor_data")}
SCALARS: list[dict[str, Any]] = [{"type": "number"}, {"type": "string"}, {"type": "boolean"}]
DEFINITIONS: dict[str, dict[str, Any]] = {
    "parameters": {"type": "object"},
    "tensor_data": {"type": "array", "items": {"anyOf": [member("tensor_data"), *SCALARS]}},
    "metadata_server_response": an_object(
        "name version extensions", name=STRING, version=STRING, extensions={"type": "array", "items": STRING}
    ),
    "metadata_tensor": an_object("name datatype shape", **TENSOR),
    "metadata_model_response": an_object(
        "name platform",
        name=STRING,
        versions={"type": "array", "items": STRING},
        platform=STRING,
        inputs=array("metadata_tensor"),
        outputs=array("metadata_tensor"),
    ),
    "request_input": an_object("name shape datatype data", **FILLED),
    "request_output": an_object("name", name=STRING, parameters=member("parameters")),
    "inference_request": an_object(
        "inputs",
        id=STRING,
        parameters=member("parameters"),
        inputs=array("request_input"),
        outputs=array("request_output"),
    ),
    "response_output": an_object("name shape datatype data", **FILLED),
    "inference_response": an_object(
        "model_name outputs",
        model_name=STRING,
        model_version=STRING,
        id=STRING,
        parameters=member("parameters"),
        outputs=array("response_output"),
    ),
    # the published schema requires nothing of it; an error without `error` would say nothing
    "inference_error_response": an_object("error", error=STRING),
}


def check(name: str, content: Any) -> None:
    jsonschema.Draft202012Validator({"$defs": DEFINITIONS, **member(name)}).validate(content)


REQUESTS: list[dict[str, Any]] = [
    {"inputs": ROW},
    {"id": "42", "inputs": ROW, "outputs": [{"name": "label"}]},
    {"inputs": ROW, "parameters": {"binary_data_output": False, "anything": 1}},
    {"inputs": [tensor("age", "FP32", [[1], [2.5]], [2, 1])], "outputs": [{"name": "label", "parameters": {}}]},
    {"inputs": [tensor("age", "UINT8", [1, 2]), tensor("sex", "BOOL", [True, False], parameters={"a": "b"})]},
    {"inputs": [tensor("age", "BYTES", ["old"])]},
]


def ask(model: Model, body: Any) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return oip.infer(model, Request({}, "", content, "a-request"), model.decide)


@pytest.mark.parametrize("body", REQUESTS, ids=lambda body: str(body)[:60])
def test_requests_of_the_published_schema_are_answered_by_it(voyage: Model, body: dict[str, Any]) -> None:
    check("inference_request", body)
    response = ask(voyage, body)
    assert response.status == 200
    check("inference_response", json.loads(response.content))


@pytest.mark.parametrize("body", [body for body, _, _ in MALFORMED], ids=lambda body: str(body)[:60])
def test_errors_are_those_of_the_published_schema(voyage: Model, body: Any) -> None:
    response = ask(voyage, body)
    assert (response.status, response.content_type) == (400, "application/json")
    check("inference_error_response", json.loads(response.content))


def test_metadata_is_that_of_the_published_schema(voyage: Model) -> None:
    check("metadata_server_response", json.loads(oip.server_metadata()))
    check("metadata_model_response", json.loads(oip.model_metadata(voyage)))


def test_the_schemas_refuse_what_is_none_of_theirs() -> None:
    for name, content in {"inference_request": {}, "inference_response": {"outputs": []}, "request_input": ROW}.items():
        with pytest.raises(jsonschema.ValidationError):
            check(name, content)
