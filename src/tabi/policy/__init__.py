"""Which versions of a model receive which traffic. Pure: a document and its laws, no input or output."""

from tabi.policy.assignment import assign
from tabi.policy.document import (
    CHALLENGER,
    CHAMPION,
    SHADOW,
    Arm,
    Assigned,
    BlueGreen,
    Canary,
    Policy,
    Routing,
    Shadow,
    Single,
    Split,
    challenger_in,
    read_policy,
)

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "SHADOW",
    "Arm",
    "Assigned",
    "BlueGreen",
    "Canary",
    "Policy",
    "Routing",
    "Shadow",
    "Single",
    "Split",
    "assign",
    "challenger_in",
    "read_policy",
]
