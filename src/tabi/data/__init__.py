"""Rows: where they come from, how they are kept, what their contract is and whether they meet it."""

from tabi.data.checks import Violation, check_rows
from tabi.data.findings import Finding, findings_of
from tabi.data.frame import canonical_frame, encode_target, frame_of, tensors_of
from tabi.data.inference import infer_contract
from tabi.data.lineage import Lineage, lineage_of
from tabi.data.origin import Parent
from tabi.data.snapshot import Snapshot, latest_snapshot, open_snapshot, read_snapshot, write_snapshot
from tabi.data.sources import open_source
from tabi.data.table import Fetched, LabelledRows, Table, fetch, labelled_rows, load_table, table_of
from tabi.data.targets import task_line

__all__ = [
    "Fetched",
    "Finding",
    "LabelledRows",
    "Lineage",
    "Parent",
    "Snapshot",
    "Table",
    "Violation",
    "canonical_frame",
    "check_rows",
    "encode_target",
    "fetch",
    "findings_of",
    "frame_of",
    "infer_contract",
    "labelled_rows",
    "latest_snapshot",
    "lineage_of",
    "load_table",
    "open_snapshot",
    "open_source",
    "read_snapshot",
    "table_of",
    "task_line",
    "tensors_of",
    "write_snapshot",
]
