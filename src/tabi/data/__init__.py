"""Rows: where they come from, how they are kept, what their contract is and whether they meet it."""

from tabi.data.checks import Violation, check_rows
from tabi.data.frame import canonical_frame, encode_target, frame_of, tensors_of
from tabi.data.inference import infer_contract
from tabi.data.snapshot import Snapshot, latest_snapshot, read_snapshot, write_snapshot
from tabi.data.sources import fetch_rows
from tabi.data.table import Fetched, Table, fetch, load_table

__all__ = [
    "Fetched",
    "Snapshot",
    "Table",
    "Violation",
    "canonical_frame",
    "check_rows",
    "encode_target",
    "fetch",
    "fetch_rows",
    "frame_of",
    "infer_contract",
    "latest_snapshot",
    "load_table",
    "read_snapshot",
    "tensors_of",
    "write_snapshot",
]
