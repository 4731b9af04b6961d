"""Evidence: what operations did and measured, as JSON lines that are only ever appended."""

from tabi.evidence.records import Record, append, now, read

__all__ = ["Record", "append", "now", "read"]
