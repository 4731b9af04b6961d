"""What the server says, as types. Fields that a newer server adds are passed over.

They are written anew here, because the client imports nothing of the server; a test holds them equal to the
server's own description of itself.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class Place(msgspec.Struct, frozen=True):
    """A place inside the rows, the rule that it breaks, and what was expected there."""

    path: str
    rule: str
    message: str


class PredictReply(msgspec.Struct, frozen=True):
    """The answer for one row. `version` is the bundle id; `probability` is that of the positive label."""

    label: str
    probability: float
    threshold: float
    model: str
    version: str
    request_id: str
    warnings: tuple[Place, ...]


class MulticlassReply(msgspec.Struct, frozen=True):
    """The answer of a model of several classes. `label` is the class of the highest probability."""

    label: str
    probability: float
    probabilities: dict[str, float]
    model: str
    version: str
    request_id: str
    warnings: tuple[Place, ...]


class RegressionReply(msgspec.Struct, frozen=True):
    """The answer of a model of a number."""

    value: float
    model: str
    version: str
    request_id: str
    warnings: tuple[Place, ...]


class Prediction(msgspec.Struct, frozen=True):
    """One row's answer in a batch."""

    label: str
    probability: float


class MulticlassPrediction(msgspec.Struct, frozen=True):
    """One row's answer in a batch of a model of several classes."""

    label: str
    probability: float
    probabilities: dict[str, float]


class RegressionPrediction(msgspec.Struct, frozen=True):
    """One row's answer in a batch of a model of a number."""

    value: float


class BatchReply(msgspec.Struct, frozen=True):
    """The answer for many rows: predictions in the order of the rows."""

    predictions: tuple[Prediction, ...]
    threshold: float
    model: str
    version: str
    request_id: str
    warnings: tuple[Place, ...]


class MulticlassBatchReply(msgspec.Struct, frozen=True):
    """The answer for many rows of a model of several classes."""

    predictions: tuple[MulticlassPrediction, ...]
    model: str
    version: str
    request_id: str
    warnings: tuple[Place, ...]


class RegressionBatchReply(msgspec.Struct, frozen=True):
    """The answer for many rows of a model of a number."""

    predictions: tuple[RegressionPrediction, ...]
    model: str
    version: str
    request_id: str
    warnings: tuple[Place, ...]


AnyReply = PredictReply | MulticlassReply | RegressionReply
"""The answer for one row, by the task of the model."""

AnyBatchReply = BatchReply | MulticlassBatchReply | RegressionBatchReply
"""The answer for many rows, by the task of the model. Without any row it is a `BatchReply` or says no task."""


class Feedback(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one row: of a request's by `request_id` and `row`, or of the last row of a unit by `unit_id`.

    `label`: the true class, or the true number. `value`: what it was worth to the business. `at`: when that was known,
    with a time zone; when it is sent, if it is left out. `id`: feedback with the same id is taken once; of those
    without one, those of the same content.
    """

    request_id: str = ""
    unit_id: str = ""
    row: int = 0
    label: str | float | bool | None = None
    value: float | None = None
    at: datetime | None = None
    id: str = ""


class FeedbackReply(msgspec.Struct, frozen=True):
    """How many pieces of feedback are on the server's disk now, and how many were there before."""

    accepted: int
    duplicates: int
    request_id: str


class Health(msgspec.Struct, frozen=True):
    """Which version of its only model a server answers with."""

    status: str
    model: str
    version: str


class VersionStatus(msgspec.Struct, frozen=True):
    """A version that is loaded beside the champion: how long that took, and how much the process grew by it."""

    version: int
    bundle: str
    load_ms: float = 0.0
    memory_bytes: int = 0


class PolicyStatus(msgspec.Struct, frozen=True):
    """The policy that a model follows. `beside`: what is loaded for it beside the champion."""

    kind: str
    revision: int
    beside: tuple[VersionStatus, ...] = ()


class ModelStatus(msgspec.Struct, frozen=True):
    """A model of a server. `version` is None while none is loaded; `loaded` is ISO 8601 in UTC.

    `problem` says why the version that `ref` means now is not the one that answers.
    """

    name: str
    ref: str
    version: str | None
    ready: bool
    loaded: str | None = None
    reload_ms: float = 0.0
    problem: str | None = None
    policy: PolicyStatus | None = None


class ModelList(msgspec.Struct, frozen=True):
    """All models of a server."""

    models: tuple[ModelStatus, ...]


class Readiness(msgspec.Struct, frozen=True):
    """Whether a server can answer. `status`: ready, degraded (it answers, and something needs care) or not_ready."""

    status: str
    models: tuple[ModelStatus, ...]
    problems: tuple[str, ...]


class Reloaded(msgspec.Struct, frozen=True):
    """What each model answers with after a reload. `status` is partial while not all `workers` have `followed`."""

    status: str
    models: tuple[ModelStatus, ...]
    workers: int
    followed: int


class Problem(msgspec.Struct, frozen=True):
    """An error as RFC 9457 has it. `errors` names each place of the request that is wrong."""

    title: str
    status: int
    detail: str
    request_id: str
    type: str = "about:blank"
    errors: tuple[Place, ...] = ()


class NumericReference(msgspec.Struct, frozen=True):
    """How a numeric column's values fell into bins in training: bin i holds edges[i-1] < x <= edges[i]."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int


class CategoricalReference(msgspec.Struct, frozen=True):
    """How many rows of the training held each category (in the column's order), another one, or none."""

    counts: tuple[int, ...]
    other: int
    missing: int


Logged = Literal["full", "hashed", "none"]
"""What the server's log keeps of a column's values; unset is full."""


class NumericColumn(msgspec.Struct, frozen=True, tag_field="kind", tag="numeric"):
    """A column of numbers. `minimum` and `maximum` are allowed values themselves."""

    name: str
    nullable: bool = True
    minimum: float | None = None
    maximum: float | None = None
    reference: NumericReference | None = None
    logged: Logged | msgspec.UnsetType = msgspec.UNSET


class CategoricalColumn(msgspec.Struct, frozen=True, tag_field="kind", tag="categorical"):
    """A column of texts. `closed`: a category that is not listed is a fault."""

    name: str
    categories: tuple[str, ...]
    nullable: bool = True
    closed: bool = False
    reference: CategoricalReference | None = None
    logged: Logged | msgspec.UnsetType = msgspec.UNSET


class TextColumn(msgspec.Struct, frozen=True, tag_field="kind", tag="text"):
    """A column of free text. `reference`: the lengths of its texts in characters."""

    name: str
    nullable: bool = True
    reference: NumericReference | None = None
    logged: Logged | msgspec.UnsetType = msgspec.UNSET


class Target(msgspec.Struct, frozen=True):
    """What is predicted.

    `classes`: the labels; of a binary task the positive one last, of a regression none. `reference`: how the target's
    numbers were distributed in training, of a regression alone.
    """

    name: str
    classes: tuple[str, ...] = ()
    task: Literal["binary", "multiclass", "regression"] = "binary"
    reference: NumericReference | None = None


class Contract(msgspec.Struct, frozen=True):
    """What a row is. `strict`: a row that breaks it is refused instead of answered with a warning."""

    name: str
    columns: tuple[NumericColumn | CategoricalColumn | TextColumn, ...]
    target: Target
    strict: bool = False
    format: int = 2
