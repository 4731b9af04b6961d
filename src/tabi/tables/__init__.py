"""Arrow and Parquet tables -> the graph's tensors. Imports pyarrow only when a table is read (the extra `arrow`)."""

from tabi.tables.columns import Columns
from tabi.tables.faults import Faults, Kind
from tabi.tables.ipc import batches_of_ipc
from tabi.tables.parquet import batches_of_parquet, batches_of_parquet_file
from tabi.tables.reader import TableReader, read_batch

__all__ = [
    "Columns",
    "Faults",
    "Kind",
    "TableReader",
    "batches_of_ipc",
    "batches_of_parquet",
    "batches_of_parquet_file",
    "read_batch",
]
