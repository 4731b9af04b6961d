"""The prediction log: one JSON line a prediction, in its file before the answer is sent."""

from tabi.predictions.log import PredictionLog
from tabi.predictions.read import LogReader
from tabi.predictions.record import Line, PredictionLine, encode_lines

__all__ = ["Line", "LogReader", "PredictionLine", "PredictionLog", "encode_lines"]
