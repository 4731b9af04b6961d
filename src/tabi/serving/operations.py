"""The parts that OpenAPI's description of an operation is put together from."""

from __future__ import annotations

from typing import Any

from tabi.serving.problems import CONTENT_TYPE

Json = dict[str, Any]

JSON, PROBLEM = "application/json", CONTENT_TYPE
MEANING = {
    400: "The request does not fit the protocol",
    401: "A token is needed",
    403: "This port or this token may not do that",
    404: "There is no such model, version or bundle",
    409: "The bundle is not whole; the version before goes on answering",
    413: "The body is too large",
    415: "The body is of a kind that this route does not take",
    422: "The request does not fit; `errors` names each place",
    500: "The server failed",
    503: "No model is loaded yet, or the server is busy: Retry-After says when to try again",
}


def ref(name: str) -> Json:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def any_of(*names: str) -> Json:
    """Any of several schemas."""
    return {"anyOf": [ref(name) for name in names]}


def with_properties(schema: Json, **properties: Json) -> Json:
    """`schema` with properties in place of its own of the same name."""
    return {**schema, "properties": {**schema["properties"], **properties}}


def problems(*statuses: int) -> Json:
    """Failures as problem documents."""
    content = {PROBLEM: {"schema": ref("Problem")}}
    return {str(status): {"description": MEANING[status], "content": content} for status in statuses}


def others(*statuses: int) -> Json:
    """Failures in the form of another protocol, or of our own where the request did not get so far."""
    content = {JSON: {"schema": {"type": "object"}}, PROBLEM: {"schema": ref("Problem")}}
    return {str(status): {"description": MEANING[status], "content": content} for status in statuses}


def answer(schema: Json | None, content: Json | None = None) -> Json:
    """What is answered where nothing is wrong."""
    return {"description": "The answer", "content": content or {JSON: {"schema": schema}}}


def get(name: str, tag: str, summary: str, ok: Json, failures: Json) -> Json:
    """A GET operation. `ok`: its `answer`; `failures`: its `problems` or `others`."""
    answers = {"200": ok, **failures, **problems(500)}
    return {"get": {"summary": summary, "operationId": name, "tags": [tag], "responses": answers}}


def post(name: str, tag: str, summary: str, body: Json | None, answers: Json) -> Json:
    """A POST operation. `body`: schemas by content type, None if it takes none; `answers` by status."""
    described = {"summary": summary, "operationId": name, "tags": [tag], "responses": answers}
    return {"post": described if body is None else {**described, "requestBody": {"required": True, "content": body}}}
