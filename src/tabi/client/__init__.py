"""A thin client of the prediction server, sync and async. It needs httpx and msgspec, and nothing of the server.

>>> from tabi.client import Client
>>> with Client("http://127.0.0.1:8000") as client:
...     client.predict({"age": 39, "sex": "Male"}).label

Attempts are repeated where nothing is lost by it: after a broken connection and where the server says "not now".
"""

from tabi.client.aio import AsyncClient, AsyncModel
from tabi.client.errors import (
    AccessError,
    ClientError,
    ConflictError,
    FailedError,
    InputError,
    LateError,
    MixedVersionsError,
    NoAnswerError,
    ProblemError,
    RefusedError,
    ReplyError,
    UnavailableError,
    UnknownError,
)
from tabi.client.options import Options
from tabi.client.replies import (
    AnyBatchReply,
    AnyReply,
    BatchReply,
    CategoricalColumn,
    CategoricalReference,
    Contract,
    Feedback,
    FeedbackReply,
    Health,
    ModelStatus,
    MulticlassBatchReply,
    MulticlassPrediction,
    MulticlassReply,
    NumericColumn,
    NumericReference,
    Place,
    Prediction,
    PredictReply,
    Readiness,
    RegressionBatchReply,
    RegressionPrediction,
    RegressionReply,
    Reloaded,
    Target,
    TextColumn,
)
from tabi.client.retry import Retry
from tabi.client.sync import Client, Model

__all__ = [
    "AccessError",
    "AnyBatchReply",
    "AnyReply",
    "AsyncClient",
    "AsyncModel",
    "BatchReply",
    "CategoricalColumn",
    "CategoricalReference",
    "Client",
    "ClientError",
    "ConflictError",
    "Contract",
    "FailedError",
    "Feedback",
    "FeedbackReply",
    "Health",
    "InputError",
    "LateError",
    "MixedVersionsError",
    "Model",
    "ModelStatus",
    "MulticlassBatchReply",
    "MulticlassPrediction",
    "MulticlassReply",
    "NoAnswerError",
    "NumericColumn",
    "NumericReference",
    "Options",
    "Place",
    "PredictReply",
    "Prediction",
    "ProblemError",
    "Readiness",
    "RefusedError",
    "RegressionBatchReply",
    "RegressionPrediction",
    "RegressionReply",
    "Reloaded",
    "ReplyError",
    "Retry",
    "Target",
    "TextColumn",
    "UnavailableError",
    "UnknownError",
]
