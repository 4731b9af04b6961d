"""The audit trail: who did what to which object, when and why. Rows are only ever added, and each seals the one before.

The chain finds what was changed; the anchors, which lie outside the database, find that its end or all of it is gone.
"""

from tabi.registry.audit.chain import ORIGIN, Act, Row
from tabi.registry.audit.export import export, table
from tabi.registry.audit.trail import Transaction, record, rows_of, transaction
from tabi.registry.audit.verify import Finding, Verification, verify

__all__ = [
    "ORIGIN",
    "Act",
    "Finding",
    "Row",
    "Transaction",
    "Verification",
    "export",
    "record",
    "rows_of",
    "table",
    "transaction",
    "verify",
]
