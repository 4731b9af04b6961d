"""Batches of rows -> one Parquet file of stored rows, though a later batch may change what a column is.

Batches are written as they come, each column in its form so far. A batch that raises a form begins a new file. If
there was only one, it is the result; else all are read again, in batches, and written in their last form.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from tabi.data.rows import BATCH, batches_of_file
from tabi.data.stored import NO_ROWS, Form, Part, in_form, part_of, refuse_bad_names
from tabi.errors import DataError

Forms = dict[str, Form]


class Spool:
    """Takes batches and holds one at a time. Its folder must be there, and be removed by who made it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._forms: Forms = {}
        self._segments: list[tuple[Path, Forms]] = []
        self._writer: Any = None
        self._rows = 0

    def add(self, batch: pd.DataFrame) -> None:
        """Store a batch. `DataError` for a column that cannot be stored, or a batch with other columns."""
        self._accept(list(batch.columns))
        parts = {name: part_of(name, batch[name]) for name in self._forms}
        forms = {name: max(form, parts[name].form) for name, form in self._forms.items()}
        if self._writer is None or forms != self._forms:
            self._begin(forms)
        self._writer.write_table(_table(parts, forms), row_group_size=BATCH)
        self._rows += len(batch)

    def finish(self) -> Path:
        """The file of all rows. `DataError` if there were none."""
        if self._writer is not None:
            self._writer.close()
        if not self._rows:
            raise DataError(NO_ROWS)
        final: Forms = {name: Form.number if form is Form.wide else form for name, form in self._forms.items()}
        if [forms for _, forms in self._segments] == [final]:
            return self._segments[0][0]
        segments, self._writer = list(self._segments), None
        self._begin(final)
        for path, forms in segments:
            for frame in batches_of_file(path):
                parts = {name: Part(forms[name], frame[name].to_numpy()) for name in final}
                self._writer.write_table(_table(parts, final))
            path.unlink()
        self._writer.close()
        return self._segments[-1][0]

    def _accept(self, names: list[Any]) -> None:
        if not self._forms:
            refuse_bad_names(names)
            self._forms = dict.fromkeys(names, Form.number)
        elif len(names) != len(self._forms) or set(names) != set(self._forms):
            odd = sorted(map(str, set(names) ^ set(self._forms))) or ["one twice"]
            raise DataError(f"the parts of the table have different columns ({odd[0]}): give all of them the same ones")

    def _begin(self, forms: Forms) -> None:
        import pyarrow.parquet as pq

        if self._writer is not None:
            self._writer.close()
        path = self.folder / f"rows-{len(self._segments)}.parquet"
        self._forms = forms
        self._segments.append((path, forms))
        self._writer = pq.ParquetWriter(path, _schema(forms))


def _schema(forms: Forms) -> Any:
    import pyarrow as pa

    return pa.schema([(name, pa.float64() if form is Form.number else pa.string()) for name, form in forms.items()])


def _table(parts: dict[str, Part], forms: Forms) -> Any:
    import pyarrow as pa

    columns = {name: in_form(part, forms[name]) for name, part in parts.items()}
    return pa.Table.from_pandas(pd.DataFrame(columns), schema=_schema(forms), preserve_index=False)
