"""The prediction log: a JSON line a prediction, in its file before the answer is sent, and one a feedback."""

from tabi.predictions.feedback import FeedbackLine, FeedbackLog
from tabi.predictions.log import PredictionLog
from tabi.predictions.read import LogReader
from tabi.predictions.record import Line, MulticlassLine, PredictionLine, RegressionLine, encode_lines

__all__ = [
    "FeedbackLine",
    "FeedbackLog",
    "Line",
    "LogReader",
    "MulticlassLine",
    "PredictionLine",
    "PredictionLog",
    "RegressionLine",
    "encode_lines",
]
