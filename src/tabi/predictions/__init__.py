"""The prediction log: one JSON line a prediction, in its file before the answer is sent."""

from tabi.predictions.log import PredictionLog
from tabi.predictions.read import LogReader
from tabi.predictions.record import Line, MulticlassLine, PredictionLine, RegressionLine, encode_lines

__all__ = [
    "Line",
    "LogReader",
    "MulticlassLine",
    "PredictionLine",
    "PredictionLog",
    "RegressionLine",
    "encode_lines",
]
