"""The routes: what kind of body it is, what is asked of it, and how it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from tabi import __version__
from tabi.contract import Contract
from tabi.errors import RequestError
from tabi.serving.answers import Answers
from tabi.serving.codec import encode
from tabi.serving.model import Decisions, Model
from tabi.serving.problems import problem, problem_of
from tabi.serving.protocols.bodies import refuse
from tabi.serving.protocols.exchange import Decide, Request, Response
from tabi.serving.protocols.invocations import from_csv, from_json
from tabi.serving.protocols.invocations.table import Table

JSON = "application/json"
CSV = "text/csv"
TAKES = f"{JSON} and {CSV} in UTF-8"

# MLflow's words for what went wrong
_ERROR_CODES = {404: "RESOURCE_DOES_NOT_EXIST", 500: "INTERNAL_ERROR", 503: "TEMPORARILY_UNAVAILABLE"}

Method = Literal["predict", "predict_proba"]


class _UnsupportedError(Exception):
    """The body is of a kind that is not read."""


class _Kind(NamedTuple):
    """Of a body: JSON or CSV, and whether the latter's first line names the columns."""

    media_type: str
    header: bool


def invoke(model: Model, request: Request, decide: Decide) -> Response:
    """Answer `POST /invocations`. What is malformed or breaks the contract is answered in MLflow's form."""
    try:
        kind = _kind_of(request.headers.get("content-type", ""))
        table, method = _read(model.contract, kind, request.body)
        return _reply(model.answers, method, decide(table.rows, table.path))
    except RequestError as error:
        return failure(error, request.request_id)
    except _UnsupportedError:
        detail = f"this route takes {TAKES}: say so in Content-Type"
        return _in_mlflows_form(problem(415, detail, request.request_id), 415)


def failure(error: BaseException, request_id: str) -> Response:
    """Any error as MLflow has it, `error_code` and `message`, with the members of a problem document beside it."""
    found = problem_of(error, request_id)
    return _in_mlflows_form(found, 400 if found.status == 422 else found.status)


def ping(*, ready: bool) -> Response:
    """Answer to `GET /ping`: 200 if a model is loaded. Then SageMaker sends requests."""
    return Response(b"\n", status=200 if ready else 503)


def version() -> Response:
    """Answer to `GET /version`: Tabi's, where MLflow's server says its own."""
    return Response(__version__.encode(), "text/plain; charset=utf-8")


def _in_mlflows_form(found: Response, status: int) -> Response:
    members = msgspec.json.decode(found.content)
    code = _ERROR_CODES.get(status, "BAD_REQUEST")
    content = {"error_code": code, "message": members["detail"], **members, "status": status}
    return Response(encode(content), status=status, headers=found.headers)


def _kind_of(content_type: str) -> _Kind:
    """CSV may say `header=absent`, a parameter of the media type itself. It has a header otherwise, as in MLflow."""
    media_type, *rest = (part.strip().lower() for part in content_type.split(";"))
    parameters = dict(part.partition("=")[::2] for part in rest)
    charset = parameters.pop("charset", "utf-8").strip('"')
    header = parameters.pop("header", "present") if media_type == CSV else "present"
    if media_type not in (JSON, CSV) or charset != "utf-8" or parameters or header not in ("present", "absent"):
        raise _UnsupportedError
    return _Kind(media_type, header == "present")


def _read(contract: Contract, kind: _Kind, body: bytes) -> tuple[Table, Method]:
    if kind.media_type == CSV:
        return from_csv.read(contract, body, header=kind.header), "predict"
    table, params = from_json.read(contract, body)
    return table, _method(contract, params)


def _method(contract: Contract, params: Any) -> Method:
    """What is asked for. Other parameters are let pass, as MLflow does for a model of scikit-learn.

    A model without classes has no `predict_proba`.
    """
    if not isinstance(params, dict) or "predict_method" not in params:
        return "predict"
    method: Method = params["predict_method"]
    if method not in ("predict", "predict_proba") or (method == "predict_proba" and not contract.target.classes):
        refuse("params.predict_method", "not_supported")
    return method


def _reply(answers: Answers[Any], method: Method, decisions: Decisions) -> Response:
    outputs = decisions.outputs
    labels = answers.labels(outputs)
    distribution = answers.distribution(outputs) if method == "predict_proba" else None
    if distribution is not None:
        predictions = distribution.tolist()
    elif labels is not None:
        told = _told(labels.classes)
        predictions = [told[code] for code in labels.codes.tolist()]
    else:
        predictions = outputs.tolist()
    reply: dict[str, Any] = {"predictions": predictions}
    if decisions.warnings:
        reply["warnings"] = decisions.warnings
    return Response(encode(reply))


def _told(classes: tuple[str, ...]) -> Sequence[int | bool | str]:
    """What is answered for each class: a number or a boolean if all classes are the text of one."""
    if all(map(_whole_number, classes)):
        return [int(label) for label in classes]
    if set(classes) == {"false", "true"}:
        return [label == "true" for label in classes]
    return classes


def _whole_number(label: str) -> bool:
    """Whether it is the only way to write its number."""
    return len(label) < 19 and label.removeprefix("-").isdecimal() and str(int(label)) == label
