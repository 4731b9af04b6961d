"""The Definition of Done: conditions of eleven layers, each judged by the evidence that operations wrote."""

from tabi.dod.condition import CONDITIONS, LAYERS, Condition, Found, Status, condition
from tabi.dod.evaluate import Judged, Report, evaluate
from tabi.dod.require import required_layers, unmet

__all__ = [
    "CONDITIONS",
    "LAYERS",
    "Condition",
    "Found",
    "Judged",
    "Report",
    "Status",
    "condition",
    "evaluate",
    "required_layers",
    "unmet",
]
