"""Arrow and Parquet tables -> the graph's tensors. Imports pyarrow only when a table is read (the extra `arrow`)."""

from tabi.tables.faults import Faults, Kind
from tabi.tables.reader import TableReader, read_batch

__all__ = ["Faults", "Kind", "TableReader", "read_batch"]
