"""Which versions of a model receive which traffic. Pure: a document and its laws, no input or output."""

from tabi.policy.assignment import assign
from tabi.policy.document import Assigned, Policy, Single, read_policy

__all__ = ["Assigned", "Policy", "Single", "assign", "read_policy"]
