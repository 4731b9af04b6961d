"""The OpenAPI description of both doors, made from the very types that decode and encode, and from the contract."""

from __future__ import annotations

from typing import Any

import msgspec

from tabi.contract import CategoricalColumn, Column, Contract
from tabi.serving.messages import BatchBody, BatchReply, Health, PredictBody, PredictReply, Problem
from tabi.serving.model import MAX_ROWS
from tabi.serving.problems import CONTENT_TYPE as PROBLEM

PATH_PARAMETER = {
    "name": "path",
    "in": "query",
    "required": False,
    "description": "The folder of a bundle in the server's store, absolute or relative to the store.",
    "schema": {"type": "string"},
}

_TYPES = (PredictBody, BatchBody, PredictReply, BatchReply, Health, Problem, Contract)
_REF = "#/components/schemas/{name}"
_SCALAR = ["number", "string", "boolean", "null"]
_MEANING = {
    404: "There is no such bundle in the store",
    409: "The bundle is not whole; the version before goes on answering",
    413: "The body is too large",
    422: "The request does not fit; `errors` names each place",
    500: "The server failed",
    503: "No model is loaded yet",
}


def describe(document: dict[str, Any], contract: Contract) -> dict[str, Any]:
    """Add the hot routes and all messages to what FastAPI says of its own routes."""
    _, components = msgspec.json.schema_components(_TYPES, ref_template=_REF)
    components["Row"] = _row(contract)
    components["PredictBody"]["properties"]["features"] = _ref("Row")
    components["BatchBody"]["properties"]["rows"] = {"type": "array", "items": _ref("Row"), "maxItems": MAX_ROWS}
    document["components"] = {"schemas": components}
    document["paths"]["/predict"] = {"post": _operation("predict", "Predict one row", "PredictBody", "PredictReply")}
    document["paths"]["/predict_batch"] = {
        "post": _operation("predict_batch", "Predict many rows", "BatchBody", "BatchReply")
    }
    return document


def reply(name: str) -> dict[str, Any]:
    """The response object of a reply."""
    return {"description": "The answer", "content": {"application/json": {"schema": _ref(name)}}}


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The responses object for problem documents."""
    content = {PROBLEM: {"schema": _ref("Problem")}}
    return {status: {"description": _MEANING[status], "content": content} for status in statuses}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": _REF.format(name=name)}


def _operation(name: str, summary: str, body: str, answer: str) -> dict[str, Any]:
    problems = {str(status): response for status, response in problem_responses(413, 422, 500, 503).items()}
    return {
        "summary": summary,
        "operationId": name,
        "tags": ["predict"],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(body)}}},
        "responses": {"200": reply(answer), **problems},
    }


def _row(contract: Contract) -> dict[str, Any]:
    strict = contract.strict
    row = {
        "title": "Row",
        "type": "object",
        "description": "Columns by name. A column that is left out, or null, is missing.",
        "properties": {c.name: _column(c, null=c.nullable or not strict) for c in contract.columns},
        "additionalProperties": False if strict else {"type": _SCALAR},
    }
    required = [c.name for c in contract.columns if strict and not c.nullable]
    return {**row, "required": required} if required else row


def _column(column: Column, *, null: bool) -> dict[str, Any]:
    """A number may come as text and a category as a number: that is what the server takes."""
    kinds = _SCALAR if null else _SCALAR[:-1]
    if isinstance(column, CategoricalColumn):
        return {"type": kinds, "description": "a category", "examples": list(column.categories[:3])}
    return {"type": kinds, "description": "a number"}
