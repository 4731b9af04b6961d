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


class Warned(msgspec.Struct):
    """Where a row breaks the contract, and what was made of it. The value itself is never repeated."""

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
    warnings: list[Warned]


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
    warnings: list[Warned]


class Health(msgspec.Struct):
    """Answer to `GET /health`: which version answers."""

    status: str
    model: str
    version: str


class Problem(msgspec.Struct, omit_defaults=True):
    """An error as RFC 9457 has it. `errors` names each place inside the body that is wrong."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    errors: list[Warned] = []
    request_id: str | None = None


MESSAGES = {
    "missing": "a value is required here; it counts as missing",
    "not_a_number": "a number was expected; it counts as missing",
    "not_finite": "a finite number was expected; it counts as missing",
    "below_minimum": "the number is below the contract's minimum",
    "above_maximum": "the number is above the contract's maximum",
    "unknown_category": "this category was not seen in training",
    "unknown_column": "the contract has no such column; it is ignored",
    "not_an_object": "an object of column names and values was expected",
    "not_an_array": "an array of rows was expected",
    "not_a_scalar": "a number, a string, true, false or null was expected",
    "unknown_field": "there is no such field here",
    "missing_field": "this field is required",
    "too_many_rows": "there are more rows than one request may hold",
    "no_probability": "the numbers of this row are too large for the model",
}
