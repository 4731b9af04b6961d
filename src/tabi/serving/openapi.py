"""The OpenAPI description of both doors, made from the very types that decode and encode, and from the contracts."""

from __future__ import annotations

from typing import NamedTuple

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
from tabi.serving.operations import JSON, PROBLEM, Json, answer, any_of, get, post, problems, ref, with_properties
from tabi.serving.protocol_paths import invocations, model_paths, server_paths
from tabi.serving.row_schemas import columns_of, row_of
from tabi.serving.served import Served

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
        "paths": _server_paths(only=models.only is not None),
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "Not on the admin port."}},
        },
    }
    rows, columns = components.pop("RowsBody"), components.pop("ColumnsBody")
    predict = components.pop("PredictBody")
    components["AnyReply"] = any_of(*(kind.reply_type.__name__ for kind in KINDS))
    components["AnyBatchReply"] = any_of(*(kind.batch_type.__name__ for kind in KINDS))
    for served in models:
        contract = served.slot.model.contract if served.ready else None
        for names in _names(served.name, only=models.only is not None):
            suffix = names.schema
            components[f"Reply{suffix}"], components[f"RowsReply{suffix}"] = map(ref, _replies(served))
            components[f"Row{suffix}"] = row_of(contract)
            components[f"PredictBody{suffix}"] = with_properties(predict, features=ref(f"Row{suffix}"))
            row_list = {"type": "array", "items": ref(f"Row{suffix}"), "maxItems": MAX_ROWS}
            components[f"BatchBody{suffix}"] = {
                "description": "Rows, or the same by column.",
                "anyOf": [with_properties(rows, rows=row_list), with_properties(columns, columns=columns_of(contract))],
            }
            document["paths"].update(_model_paths(served, names))
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


def _server_paths(*, only: bool) -> Json:
    plain = answer(None, {"text/plain": {"schema": {"type": "string"}}})
    readiness = {"503": {"description": "Not ready", "content": {JSON: {"schema": ref("Readiness")}}}}
    # a server of several models says of each whether it is ready
    health = answer(any_of("Health", "Readiness")), problems(503) if only else readiness
    ready = get("readyz", "operate", "Whether it can answer, and what needs care", answer(ref("Readiness")), readiness)
    return {
        "/health": get("health", "operate", "Which version answers", *health),
        "/healthz": get("healthz", "operate", "Which version answers", *health),
        "/livez": get("livez", "operate", "Whether the process answers", answer({"type": "object"}), {}),
        "/readyz": ready,
        "/metrics": get("metrics", "operate", "Metrics for Prometheus", plain, problems(401, 403)),
        "/models": get("models", "operate", "Every model and the version that answers", answer(ref("ModelList")), {}),
        "/reload": _reload("reload_all"),
        **server_paths(),
    }


def _model_paths(served: Served, names: _Names) -> Json:
    prefix, operation = names.prefix, names.operation
    model = served.slot.model if served.ready else None
    contract = None if model is None else model.contract
    schema, status = answer(ref("Contract")), answer(ref("ModelStatus"))
    paths = {
        f"{prefix}/predict": _predict(
            f"predict{operation}", "Predict one row", f"PredictBody{names.schema}", f"Reply{names.schema}"
        ),
        f"{prefix}/predict_batch": _batch(
            f"predict_batch{operation}", f"BatchBody{names.schema}", f"RowsReply{names.schema}"
        ),
        f"{prefix}/schema": get(f"schema{operation}", "predict", "The contract: what a row is", schema, problems(503)),
        f"{prefix}/invocations": invocations(f"invocations{operation}", contract),
        f"{prefix}/explain": _explain(f"explain{operation}", f"PredictBody{names.schema}"),
        f"{prefix}/feedback": _feedback(f"feedback{operation}"),
    }
    if prefix:
        paths |= {
            prefix: get(f"model{operation}", "operate", "The model and the version that answers", status, {}),
            f"{prefix}/reload": _reload(f"reload{operation}"),
            **model_paths(served.name, operation, contract, None if model is None else model.version),
        }
    return paths


def _predict(name: str, summary: str, body: str, reply: str) -> Json:
    answers = {"200": answer(ref(reply)), **problems(413, 415, 422, 500, 503)}
    return post(name, "predict", summary, {JSON: {"schema": ref(body)}}, answers)


def _batch(name: str, body: str, reply: str) -> Json:
    binary = {"schema": {"type": "string", "format": "binary"}}
    content = {JSON: {"schema": ref(body)}} | dict.fromkeys(TAKES[1:], binary)
    replies = {JSON: {"schema": ref(reply)}} | dict.fromkeys(TAKES[1:3], binary)
    answers = {"200": answer(None, replies), **problems(413, 415, 422, 500, 503)}
    return post(name, "predict", "Predict many rows", content, answers)


def _reload(name: str) -> Json:
    answers = {"200": answer(ref("Reloaded")), **problems(401, 403, 404, 409, 422, 500)}
    described = post(name, "operate", "Load what the reference means now", None, answers)
    described["post"] |= {"parameters": [_PATH], "security": [*_TOKEN, {}]}
    return described


def _explain(name: str, body: str) -> Json:
    described = _predict(name, "Explain the prediction of one row", body, "ExplainReply")
    described["post"]["responses"] |= problems(409) | _absent(ABSENT)
    return described


def _feedback(name: str) -> Json:
    """One piece or many. Which labels there are, the contract says."""
    many = {"type": "array", "items": ref("FeedbackBody"), "maxItems": MAX_ROWS}
    content = {
        JSON: {"schema": {"anyOf": [ref("FeedbackBody"), many]}},
        "application/x-ndjson": {"schema": {"type": "string"}},
    }
    answers = {"202": answer(ref("FeedbackReply")), **problems(401, 403, 413, 415, 422, 500, 503)}
    answers |= _absent("The server keeps no log")
    described = post(name, "predict", "Tell what became of predictions", content, answers)
    described["post"]["security"] = [*_TOKEN, {}]
    return described


def _absent(why: str) -> Json:
    return {"501": {"description": why, "content": {PROBLEM: {"schema": ref("Problem")}}}}
