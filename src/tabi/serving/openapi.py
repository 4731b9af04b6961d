"""The OpenAPI description of both doors, made from the very types that decode and encode, and from the contracts."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from tabi import __version__
from tabi.contract import Contract
from tabi.serving import messages
from tabi.serving.answers import KINDS
from tabi.serving.endpoints import TAKES
from tabi.serving.explanations import ABSENT, ExplainReply
from tabi.serving.feedback.bodies import FeedbackBody, FeedbackReply
from tabi.serving.model import MAX_ROWS
from tabi.serving.models import Models
from tabi.serving.problems import CONTENT_TYPE as PROBLEM
from tabi.serving.row_schemas import columns_of, row_of
from tabi.serving.served import Served

Json = dict[str, Any]

_TYPES = (
    messages.PredictBody,
    messages.RowsBody,
    messages.ColumnsBody,
    *(kind.reply_type for kind in KINDS),
    *(kind.batch_type for kind in KINDS),
    ExplainReply,
    FeedbackBody,
    FeedbackReply,
    messages.Health,
    messages.ModelStatus,
    messages.ModelList,
    messages.Readiness,
    messages.Reloaded,
    messages.Problem,
    Contract,
)
_MEANING = {
    400: "The request does not fit the protocol",
    401: "A token is needed",
    403: "This port or this token may not do that",
    404: "There is no such model or bundle",
    409: "The bundle is not whole; the version before goes on answering",
    413: "The body is too large",
    415: "The body is of a kind that this route does not take",
    422: "The request does not fit; `errors` names each place",
    500: "The server failed",
    503: "No model is loaded yet, or the server is busy: Retry-After says when to try again",
}
_ABOUT = (
    "Predictions of released models. Whatever is asked, a request that is no valid HTTP, too large or too slow is "
    "answered with a problem document of status 400, 408, 413, 414, 429 or 431, and with 503 and Retry-After while the "
    "server has too much to do."
)
_PATH = {
    "name": "path",
    "in": "query",
    "required": False,
    "description": "The folder of a bundle in the server's store, absolute or relative to the store.",
    "schema": {"type": "string"},
}
_TOKEN: list[Json] = [{"token": []}]


class _Names(NamedTuple):
    """What the parts of one model are called: the suffix of its schemas, its paths' prefix, its operations' suffix."""

    schema: str
    prefix: str
    operation: str


def describe(models: Models) -> Json:
    """The document as it holds now. A model's routes stand below its name; those of an only one also without."""
    _, components = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    document: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "Tabi",
            "version": __version__,
            "description": _ABOUT,
        },
        "paths": _server_paths(),
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "Not on the admin port."}},
        },
    }
    rows, columns = components.pop("RowsBody"), components.pop("ColumnsBody")
    predict = components.pop("PredictBody")
    components["AnyReply"] = _any_of(*(kind.reply_type.__name__ for kind in KINDS))
    components["AnyBatchReply"] = _any_of(*(kind.batch_type.__name__ for kind in KINDS))
    for served in models:
        contract = served.slot.model.contract if served.ready else None
        for names in _names(served.name, only=models.only is not None):
            suffix = names.schema
            components[f"Reply{suffix}"], components[f"RowsReply{suffix}"] = map(_ref, _replies(served))
            components[f"Row{suffix}"] = row_of(contract)
            components[f"PredictBody{suffix}"] = _with(predict, features=_ref(f"Row{suffix}"))
            row_list = {"type": "array", "items": _ref(f"Row{suffix}"), "maxItems": MAX_ROWS}
            components[f"BatchBody{suffix}"] = {
                "description": "Rows, or the same by column.",
                "anyOf": [_with(rows, rows=row_list), _with(columns, columns=columns_of(contract))],
            }
            document["paths"].update(_model_paths(names))
    return document


def _replies(served: Served) -> tuple[str, str]:
    """The schemas of the replies for one row and for many: of its task, where a version is loaded."""
    if not served.ready:
        return "AnyReply", "AnyBatchReply"
    answers = served.slot.model.answers
    return answers.reply_type.__name__, answers.batch_type.__name__


def _names(name: str, *, only: bool) -> list[_Names]:
    own = _Names("" if only else f"_{name}", f"/models/{name}", f"_{name}")
    return [own, _Names("", "", "")] if only else [own]


def _server_paths() -> Json:
    plain = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "/health": _get("health", "operate", "Which version answers", _any_of("Health", "Readiness"), 503),
        "/healthz": _get("healthz", "operate", "Which version answers", _any_of("Health", "Readiness"), 503),
        "/livez": _get("livez", "operate", "Whether the process answers", {"type": "object"}),
        "/readyz": _readyz(),
        "/metrics": _get("metrics", "operate", "Metrics for Prometheus", None, 401, 403, content=plain),
        "/models": _get("models", "operate", "Every model and the version that answers", _ref("ModelList")),
        "/reload": _reload("reload_all", []),
        "/ping": _ping(plain),
        "/version": _get("version", "operate", "The server's version, as MLflow's has it", None, content=plain),
        "/v2": _get("v2", "protocol", "The server, in the Open Inference Protocol", {"type": "object"}),
        "/v2/health/live": _get("v2_live", "protocol", "Whether the server lives", {"type": "object"}),
        "/v2/health/ready": _get("v2_ready", "protocol", "Whether the server is ready", {"type": "object"}, 503),
    }


def _model_paths(names: _Names) -> Json:
    prefix, operation = names.prefix, names.operation
    paths = {
        f"{prefix}/predict": _post(
            f"predict{operation}", "Predict one row", f"PredictBody{names.schema}", f"Reply{names.schema}"
        ),
        f"{prefix}/predict_batch": _batch(
            f"predict_batch{operation}", f"BatchBody{names.schema}", f"RowsReply{names.schema}"
        ),
        f"{prefix}/schema": _get(f"schema{operation}", "predict", "The contract: what a row is", _ref("Contract"), 503),
        f"{prefix}/invocations": _invocations(f"invocations{operation}"),
        f"{prefix}/explain": _explain(f"explain{operation}", f"PredictBody{names.schema}"),
        f"{prefix}/feedback": _feedback(f"feedback{operation}"),
    }
    if prefix:
        name = prefix.rpartition("/")[2]
        v2 = f"/v2/models/{name}"
        anything = {"type": "object"}
        paths |= {
            prefix: _get(f"model{operation}", "operate", "The model and the version that answers", _ref("ModelStatus")),
            f"{prefix}/reload": _reload(f"reload{operation}", [_PATH]),
            v2: _get(f"v2_model{operation}", "protocol", "The model's tensors", anything, 503),
            f"{v2}/ready": _get(f"v2_model_ready{operation}", "protocol", "Whether the model is ready", anything, 503),
            f"{v2}/infer": _infer(f"v2_infer{operation}"),
        }
    return paths


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _any_of(*names: str) -> Json:
    return {"anyOf": [_ref(name) for name in names]}


def _with(schema: Json, **properties: Json) -> Json:
    """`schema` with properties in place of its own of the same name."""
    return {**schema, "properties": {**schema["properties"], **properties}}


def _problems(*statuses: int) -> Json:
    content = {PROBLEM: {"schema": _ref("Problem")}}
    return {str(status): {"description": _MEANING[status], "content": content} for status in statuses}


def _answer(schema: Json | None, content: Json | None = None) -> Json:
    return {"description": "The answer", "content": content or {"application/json": {"schema": schema}}}


def _get(name: str, tag: str, summary: str, schema: Json | None, *problems: int, content: Json | None = None) -> Json:
    answers = {"200": _answer(schema, content), **_problems(*problems, 500)}
    return {"get": {"summary": summary, "operationId": name, "tags": [tag], "responses": answers}}


def _readyz() -> Json:
    answers = {
        "200": _answer(_ref("Readiness")),
        "503": {"description": "Not ready", "content": {"application/json": {"schema": _ref("Readiness")}}},
    }
    return {"get": {"summary": "Whether it can answer, and what needs care", "operationId": "readyz",
                    "tags": ["operate"], "responses": answers}}  # fmt: skip


def _ping(plain: Json) -> Json:
    described = _get("ping", "operate", "Whether a model is loaded, for SageMaker", None, content=plain)
    described["get"]["responses"]["503"] = {"description": "No model is loaded", "content": plain}
    return described


def _operation(name: str, tag: str, summary: str, body: Json | None, answers: Json) -> Json:
    described = {"summary": summary, "operationId": name, "tags": [tag], "responses": answers}
    return {"post": described if body is None else {**described, "requestBody": {"required": True, "content": body}}}


def _post(name: str, summary: str, body: str, answer: str) -> Json:
    content = {"application/json": {"schema": _ref(body)}}
    answers = {"200": _answer(_ref(answer)), **_problems(413, 415, 422, 500, 503)}
    return _operation(name, "predict", summary, content, answers)


def _batch(name: str, body: str, reply: str) -> Json:
    binary = {"schema": {"type": "string", "format": "binary"}}
    content = {"application/json": {"schema": _ref(body)}} | dict.fromkeys(TAKES[1:], binary)
    answer = {"application/json": {"schema": _ref(reply)}} | dict.fromkeys(TAKES[1:3], binary)
    answers = {"200": _answer(None, answer), **_problems(413, 415, 422, 500, 503)}
    return _operation(name, "predict", "Predict many rows", content, answers)


def _invocations(name: str) -> Json:
    formats = ("dataframe_split", "dataframe_records", "instances", "inputs")
    one_of = {"type": "object", "oneOf": [{"required": [each]} for each in formats]}
    content = {"application/json": {"schema": one_of}, "text/csv": {"schema": {"type": "string"}}}
    answers = {"200": _answer({"type": "object"}), **_others(400, 413, 415, 500, 503)}
    return _operation(name, "protocol", "Predict, as MLflow's server does", content, answers)


def _infer(name: str) -> Json:
    content = {"application/json": {"schema": {"type": "object", "required": ["inputs"]}}}
    answers = {"200": _answer({"type": "object"}), **_others(400, 413, 415, 500, 503)}
    return _operation(name, "protocol", "Predict by the Open Inference Protocol", content, answers)


def _others(*statuses: int) -> Json:
    """Failures in the form of another protocol, or of our own where the request did not get so far."""
    content = {"application/json": {"schema": {"type": "object"}}, PROBLEM: {"schema": _ref("Problem")}}
    return {str(status): {"description": _MEANING[status], "content": content} for status in statuses}


def _reload(name: str, parameters: list[Json]) -> Json:
    answers = {"200": _answer(_ref("Reloaded")), **_problems(401, 403, 404, 409, 422, 500)}
    described = _operation(name, "operate", "Load what the reference means now", None, answers)
    described["post"] |= {"parameters": parameters or [_PATH], "security": [*_TOKEN, {}]}
    return described


def _explain(name: str, body: str) -> Json:
    described = _post(name, "Explain the prediction of one row", body, "ExplainReply")
    described["post"]["responses"] |= _problems(409) | {
        "501": {"description": ABSENT, "content": {PROBLEM: {"schema": _ref("Problem")}}}
    }
    return described


def _feedback(name: str) -> Json:
    """One piece or many. Which labels there are, the contract says."""
    many = {"type": "array", "items": _ref("FeedbackBody"), "maxItems": MAX_ROWS}
    content = {
        "application/json": {"schema": {"anyOf": [_ref("FeedbackBody"), many]}},
        "application/x-ndjson": {"schema": {"type": "string"}},
    }
    answers = {"202": _answer(_ref("FeedbackReply")), **_problems(401, 403, 413, 415, 422, 500, 503)}
    answers |= {"501": {"description": "The server keeps no log", "content": {PROBLEM: {"schema": _ref("Problem")}}}}
    described = _operation(name, "predict", "Tell what became of predictions", content, answers)
    described["post"]["security"] = [*_TOKEN, {}]
    return described
