"""What is said over HTTP and by `tabi predict`: bodies in, replies out."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from tabi.contract import Scalar

Row = dict[str, Scalar]


class Response(NamedTuple):
    """An HTTP response. The server adds the request id and the length."""

    content: bytes
    content_type: str = "application/json"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


class PredictBody(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /predict`: one row, its columns by name. A column that is left out is missing."""

    features: Row


class RowsBody(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /predict_batch`: rows in any number up to the server's limit."""

    rows: list[Row]


class ColumnsBody(msgspec.Struct, forbid_unknown_fields=True):
    """The same rows by column: every list has the values of all rows, in their order."""

    columns: dict[str, list[Scalar]]


class Place(msgspec.Struct):
    """A place inside the body, the rule that it breaks, and what was expected. The value is never repeated."""

    path: str
    rule: str
    message: str


class PredictReply(msgspec.Struct):
    """Answer to `POST /predict`. `version` is the bundle id; `probability` is that of the positive label."""

    label: str
    probability: float
    threshold: float
    model: str
    version: str
    request_id: str
    warnings: list[Place]


class MulticlassReply(msgspec.Struct):
    """Answer to `POST /predict` of a model of several classes. `label` is the class of the highest probability."""

    label: str
    probability: float
    probabilities: dict[str, float]
    model: str
    version: str
    request_id: str
    warnings: list[Place]


class RegressionReply(msgspec.Struct):
    """Answer to `POST /predict` of a model of a number."""

    value: float
    model: str
    version: str
    request_id: str
    warnings: list[Place]


class Prediction(msgspec.Struct):
    """One row's answer in a batch."""

    label: str
    probability: float


class MulticlassPrediction(msgspec.Struct):
    """One row's answer in a batch of a model of several classes."""

    label: str
    probability: float
    probabilities: dict[str, float]


class RegressionPrediction(msgspec.Struct):
    """One row's answer in a batch of a model of a number."""

    value: float


class BatchReply(msgspec.Struct):
    """Answer to `POST /predict_batch`: predictions in the order of the rows."""

    predictions: list[Prediction]
    threshold: float
    model: str
    version: str
    request_id: str
    warnings: list[Place]


class MulticlassBatchReply(msgspec.Struct):
    """Answer to `POST /predict_batch` of a model of several classes."""

    predictions: list[MulticlassPrediction]
    model: str
    version: str
    request_id: str
    warnings: list[Place]


class RegressionBatchReply(msgspec.Struct):
    """Answer to `POST /predict_batch` of a model of a number."""

    predictions: list[RegressionPrediction]
    model: str
    version: str
    request_id: str
    warnings: list[Place]


class LineReply(msgspec.Struct, omit_defaults=True):
    """The answer to one line. `row`: its place among all lines that hold one, from 0. `version` stands in the first."""

    row: int
    label: str
    probability: float
    warnings: list[Place] = []
    version: str = ""


class MulticlassLineReply(msgspec.Struct, omit_defaults=True):
    """The answer to one line of a model of several classes."""

    row: int
    label: str
    probability: float
    probabilities: dict[str, float]
    warnings: list[Place] = []
    version: str = ""


class RegressionLineReply(msgspec.Struct, omit_defaults=True):
    """The answer to one line of a model of a number."""

    row: int
    value: float
    warnings: list[Place] = []
    version: str = ""


AnyReply = PredictReply | MulticlassReply | RegressionReply
AnyBatchReply = BatchReply | MulticlassBatchReply | RegressionBatchReply
AnyLineReply = LineReply | MulticlassLineReply | RegressionLineReply
"""What one row, many rows and a line are answered with, by the task of the model."""


class Health(msgspec.Struct):
    """Answer to `GET /health`: which version answers."""

    status: str
    model: str
    version: str


class VersionStatus(msgspec.Struct):
    """A version that is loaded beside the champion: how long that took, and how much the process grew by it.

    Both are 0 of one that was the champion before.
    """

    version: int
    bundle: str
    load_ms: float = 0.0
    memory_bytes: int = 0


class PolicyStatus(msgspec.Struct):
    """The policy that a model follows. `beside`: what is loaded for it beside the champion."""

    kind: str
    revision: int
    beside: list[VersionStatus] = []


class ModelStatus(msgspec.Struct):
    """A model of the server. `problem` says why the version that its reference means now is not the one that answers.

    `loaded`: ISO 8601 in UTC. `reload_ms`: from noticing the new version to its first answer; 0 for the first one.
    """

    name: str
    ref: str
    version: str | None
    ready: bool
    loaded: str | None = None
    reload_ms: float = 0.0
    problem: str | None = None
    policy: PolicyStatus | None = None


class ModelList(msgspec.Struct):
    """Answer to `GET /models`."""

    models: list[ModelStatus]


class Readiness(msgspec.Struct):
    """Answer to `GET /readyz`. `status`: ready, degraded (it answers, and something needs care) or not_ready."""

    status: str
    models: list[ModelStatus]
    problems: list[str]


class Reloaded(msgspec.Struct):
    """Answer to `POST /reload`: what each model answers with now, and how many workers of how many have followed."""

    status: str
    models: list[ModelStatus]
    workers: int
    followed: int


class Problem(msgspec.Struct, omit_defaults=True):
    """An error as RFC 9457 has it. `errors` names each place of the request that is wrong."""

    title: str
    status: int
    detail: str
    request_id: str
    type: str = "about:blank"
    errors: list[Place] = []
