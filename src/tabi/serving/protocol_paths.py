"""What OpenAPI says of the routes of the field's protocols."""

from __future__ import annotations

from tabi.contract import Contract, NumericColumn
from tabi.serving.operations import JSON, Json, answer, get, others, post

_TAG = "protocol"
_ANYTHING: Json = {"type": "object"}
_PLAIN: Json = {"text/plain": {"schema": {"type": "string"}}}
_FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")


def server_paths() -> Json:
    """The routes that are of no model."""
    ping = get("ping", "operate", "Whether a model is loaded, for SageMaker", answer(None, _PLAIN), {})
    ping["get"]["responses"]["503"] = {"description": "No model is loaded", "content": _PLAIN}
    ready = others(503)
    return {
        "/ping": ping,
        "/version": get("version", "operate", "The server's version, as MLflow's has it", answer(None, _PLAIN), {}),
        "/v2": get("v2", _TAG, "The server, in the Open Inference Protocol", answer(_ANYTHING), {}),
        "/v2/health/live": get("v2_live", _TAG, "Whether the server lives", answer(_ANYTHING), {}),
        "/v2/health/ready": get("v2_ready", _TAG, "Whether the server is ready", answer(_ANYTHING), ready),
    }


def model_paths(name: str, suffix: str, contract: Contract | None, version: str | None) -> Json:
    """The routes of a model in the Open Inference Protocol, of whichever version answers and of one by its id."""
    any_version = _paths(f"/v2/models/{name}", suffix, contract, others(503))
    one_version = _paths(f"/v2/models/{name}/versions/{{version}}", f"_version{suffix}", contract, others(404, 503))
    parameter: Json = {
        "name": "version",
        "in": "path",
        "required": True,
        "description": "The id of a bundle; the one that answers now is the only one that there is.",
        "schema": {"type": "string"},
        **({} if version is None else {"example": version}),
    }
    return any_version | {
        path: {method: {**operation, "parameters": [parameter]} for method, operation in item.items()}
        for path, item in one_version.items()
    }


def _paths(prefix: str, operation: str, contract: Contract | None, failures: Json) -> Json:
    return {
        prefix: get(f"v2_model{operation}", _TAG, "The model's tensors", answer(_ANYTHING), failures),
        f"{prefix}/ready": get(
            f"v2_model_ready{operation}", _TAG, "Whether the model is ready", answer(_ANYTHING), failures
        ),
        f"{prefix}/infer": _infer(f"v2_infer{operation}", contract, failures),
    }


def invocations(name: str, contract: Contract | None) -> Json:
    """MLflow's route."""
    example = {"dataframe_records": [_example_row(contract)]}
    one_of = {"type": "object", "oneOf": [{"required": [each]} for each in _FORMATS], "examples": [example]}
    content = {JSON: {"schema": one_of}, "text/csv": {"schema": {"type": "string"}}}
    answers = {"200": answer(_ANYTHING), **others(400, 413, 415, 500, 503)}
    return post(name, _TAG, "Predict, as MLflow's server does", content, answers)


def _infer(name: str, contract: Contract | None, failures: Json) -> Json:
    inputs = [
        {"name": column, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "FP64", "data": [value]}
        for column, value in _example_row(contract).items()
    ]
    content = {JSON: {"schema": {"type": "object", "required": ["inputs"], "examples": [{"inputs": inputs}]}}}
    answers = {"200": answer(_ANYTHING), **others(400, 413, 415, 500), **failures}
    return post(name, _TAG, "Predict by the Open Inference Protocol", content, answers)


def _example_row(contract: Contract | None) -> dict[str, str | int]:
    """A row by the contract: what stands in the form of `/docs`, for somebody to change."""
    columns = () if contract is None else contract.columns
    return {
        column.name: 0 if isinstance(column, NumericColumn) else next(iter(getattr(column, "categories", ())), "")
        for column in columns
    }
