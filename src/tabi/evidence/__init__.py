"""Evidence: what operations did and measured, as JSON lines that are only ever appended."""

from tabi.evidence.records import Placed, Record, Verdict, append, now, read, read_placed

__all__ = ["Placed", "Record", "Verdict", "append", "now", "read", "read_placed"]
