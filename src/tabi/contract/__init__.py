"""The contract: what a row is. Checked at training, enforced at serving, the reference for drift.

Pure: numpy and msgspec only.
"""

from tabi.contract.columns import (
    CategoricalColumn,
    CategoricalReference,
    Column,
    NumericColumn,
    NumericReference,
    TextColumn,
)
from tabi.contract.document import Contract, Target, Task
from tabi.contract.rows import Fault, RowReader, Tensors
from tabi.contract.values import MISSING_TEXT, Scalar, category_of, number_of

__all__ = [
    "MISSING_TEXT",
    "CategoricalColumn",
    "CategoricalReference",
    "Column",
    "Contract",
    "Fault",
    "NumericColumn",
    "NumericReference",
    "RowReader",
    "Scalar",
    "Target",
    "Task",
    "Tensors",
    "TextColumn",
    "category_of",
    "number_of",
]
