"""The OpenAPI description of the hot door, made from the very types that decode and encode, and from the contract."""

from __future__ import annotations

from typing import Any

import msgspec

from tabi.contract import CategoricalColumn, Column, Contract
from tabi.serving.messages import BatchBody, BatchReply, Health, PredictBody, PredictReply, Problem
from tabi.serving.problems import CONTENT_TYPE as PROBLEM

TYPES = (PredictBody, BatchBody, PredictReply, BatchReply, Health, Problem)
PREFIX = "#/components/schemas/{name}"


def describe(document: dict[str, Any], contract: Contract) -> dict[str, Any]:
    """Add the hot routes and all messages to what FastAPI says of its own routes."""
    _, components = msgspec.json.schema_components(TYPES, ref_template=PREFIX)
    components["Row"] = _row(contract)
    components["PredictBody"]["properties"]["features"] = {"$ref": PREFIX.format(name="Row")}
    components["BatchBody"]["properties"]["rows"]["items"] = {"$ref": PREFIX.format(name="Row")}
    document.setdefault("components", {}).setdefault("schemas", {}).update(components)
    document["paths"]["/predict"] = {"post": _operation("Predict one row", "PredictBody", "PredictReply")}
    document["paths"]["/predict_batch"] = {"post": _operation("Predict many rows", "BatchBody", "BatchReply")}
    return document


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The responses object for problem documents."""
    content = {PROBLEM: {"schema": {"$ref": PREFIX.format(name="Problem")}}}
    return {status: {"description": _MEANING[status], "content": content} for status in statuses}


_MEANING = {
    404: "There is no such bundle in the store",
    409: "The bundle is not whole",
    413: "The body is too large",
    422: "The body does not fit; `errors` names each place",
    500: "The server failed",
    503: "No model is loaded yet",
}


def _operation(summary: str, body: str, reply: str) -> dict[str, Any]:
    def content(name: str) -> dict[str, Any]:
        return {"application/json": {"schema": {"$ref": PREFIX.format(name=name)}}}

    return {
        "summary": summary,
        "operationId": body,
        "tags": ["predict"],
        "requestBody": {"required": True, "content": content(body)},
        "responses": {
            "200": {"description": "The answer", "content": content(reply)},
            **{str(k): v for k, v in problem_responses(413, 422, 503).items()},
        },
    }


def _row(contract: Contract) -> dict[str, Any]:
    return {
        "title": "Row",
        "type": "object",
        "description": "Columns by name. A column that is left out, or null, is missing.",
        "properties": {column.name: _column(column) for column in contract.columns},
        "additionalProperties": False if contract.strict else {"type": ["number", "string", "boolean", "null"]},
    }


def _column(column: Column) -> dict[str, Any]:
    """A number may come as text and a category as a number: that is what the server takes."""
    schema: dict[str, Any] = {"type": ["number", "string", "boolean", "null"]}
    if isinstance(column, CategoricalColumn):
        schema["description"] = "a category"
        schema["examples"] = list(column.categories[:3])
    else:
        schema["description"] = "a number"
    return schema
