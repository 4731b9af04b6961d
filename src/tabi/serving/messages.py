"""What is said over HTTP and by `tabi predict`: bodies in, replies out."""

from __future__ import annotations

import msgspec

from tabi.contract import Scalar

Row = dict[str, Scalar]


class PredictBody(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /predict`: one row, its columns by name. A column that is left out is missing."""

    features: Row


class BatchBody(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /predict_batch`: rows in any number up to the server's limit."""

    rows: list[Row]


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


class Prediction(msgspec.Struct):
    """One row's answer in a batch."""

    label: str
    probability: float


class BatchReply(msgspec.Struct):
    """Answer to `POST /predict_batch`: predictions in the order of the rows."""

    predictions: list[Prediction]
    threshold: float
    model: str
    version: str
    request_id: str
    warnings: list[Place]


class Health(msgspec.Struct):
    """Answer to `GET /health` and `POST /reload`: which version answers."""

    status: str
    model: str
    version: str


class Problem(msgspec.Struct, omit_defaults=True):
    """An error as RFC 9457 has it. `errors` names each place of the request that is wrong."""

    title: str
    status: int
    detail: str
    request_id: str
    type: str = "about:blank"
    errors: list[Place] = []
