"""CSV files -> rows in batches, each column of one kind in all of them.

The files are read twice: to see what the fields of each column are, over all rows of all files, and to read them as
that. So no value depends on where a batch was cut:

- Only an empty field is missing everywhere. `MISSING_MARKS` mean it too, but only among numbers: "NA" may be a country.
- Numbers, and marks among them: numbers, also infinite ones. Marks alone are texts.
- Only `True` and `False`, in whatever case: booleans.
- Anything else: the texts as they stand.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from enum import Flag, auto
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tabi.contract import MISSING_TEXT, number_of
from tabi.data.rows import BATCH
from tabi.data.stored import refuse_bad_names
from tabi.errors import DataError, SourceError

MISSING_MARKS = frozenset({"NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "None", "?"})

CHUNK = 1 << 20


class Fields(Flag):
    """What was among the fields of a column, the empty ones left out."""

    nothing = 0
    numbers = auto()
    booleans = auto()
    marks = auto()
    texts = auto()

    @property
    def are_numbers(self) -> bool:
        """Whether the column is one of numbers."""
        return Fields.numbers in self and not self & (Fields.booleans | Fields.texts)

    @property
    def are_texts(self) -> bool:
        """Whether the column is one of texts as they stand."""
        return not self.are_numbers and self not in {Fields.nothing, Fields.booleans}


def batches_of_csv(files: Sequence[Path], batch: int = BATCH) -> Iterator[pd.DataFrame]:
    """The rows of the files, one after another, in the columns of the first.

    `SourceError` names the file that is no CSV, `DataError` one whose header is wrong.
    """
    headers = {file: _header(file) for file in files}
    names = headers[files[0]]
    for file, header in headers.items():
        if sorted(header) != sorted(names):
            raise DataError(f"{file} has other columns than {files[0]}: give all files of the folder one header")
    fields = dict.fromkeys(names, Fields.nothing)
    for file in files:
        for frame in _frames(file, headers[file], batch, {}):
            for name in names:
                fields[name] |= _fields_of(frame[name])
    as_text = {name: str for name in names if fields[name].are_texts}
    numbers = [name for name in names if fields[name].are_numbers]
    for file in files:
        for frame in _frames(file, headers[file], batch, as_text):
            yield frame.assign(**{name: _numbers(frame[name]) for name in numbers})[names]


def _header(file: Path) -> list[str]:
    # pandas gives a second column of one name, and one without, a name of its own
    for frame in _read(file, header=None, nrows=1, chunksize=1, dtype=str, na_values=[]):
        names = [str(name) for name in frame.iloc[0]]
        refuse_bad_names(names)
        _refuse_nul(file)
        return names
    raise SourceError(f"{file} is not readable as CSV with a header line: there is no header")


def _refuse_nul(file: Path) -> None:
    # pandas would take it for the end of its field, and lose the rest
    with file.open("rb") as content:
        while part := content.read(CHUNK):
            if b"\0" in part:
                raise SourceError(f"{file} holds the sign NUL, which ends a text in CSV: take it out, or write Parquet")


def _frames(file: Path, header: list[str], batch: int, kinds: dict[str, type[str]]) -> Iterator[pd.DataFrame]:
    return _read(file, header=0, names=header, chunksize=batch, dtype=kinds, na_values=[""], index_col=False)


def _read(file: Path, **options: Any) -> Iterator[pd.DataFrame]:
    try:
        with pd.read_csv(
            file, encoding="utf-8-sig", keep_default_na=False, float_precision="round_trip", low_memory=False, **options
        ) as reader:
            while True:
                with warnings.catch_warnings():
                    # a row with more fields than the header would lose the rest
                    warnings.simplefilter("error", pd.errors.ParserWarning)
                    frame = next(reader, None)
                if frame is None:
                    return
                yield frame
    except UnicodeDecodeError as error:
        raise SourceError(f"{file} is not UTF-8: save it in that encoding") from error
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError, ValueError) as error:
        raise SourceError(f"{file} is not readable as CSV with a header line: {_reason(error)}") from error
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror}") from error


def _fields_of(series: pd.Series) -> Fields:
    # where a whole number is too large for 64 bits, pandas leaves empty fields as they are
    present = series[series.notna() & (series != MISSING_TEXT)]
    if present.empty:
        return Fields.nothing
    if series.dtype != object:
        return Fields.booleans if series.dtype == bool else Fields.numbers
    found = Fields.nothing
    for value in set(present):
        if isinstance(value, bool):
            found |= Fields.booleans
        elif value in MISSING_MARKS:
            found |= Fields.marks
        elif number_of(value)[1] in {None, "not_finite"}:
            found |= Fields.numbers
        else:
            return found | Fields.texts
    return found


def _numbers(series: pd.Series) -> pd.Series:
    if series.dtype != object:
        return series
    values = [np.nan if value in MISSING_MARKS or value == MISSING_TEXT else float(value) for value in series]
    return pd.Series(values, series.index, dtype=np.float64)


def _reason(error: Exception) -> str:
    if isinstance(error, pd.errors.ParserWarning):
        return "a row has more fields than the header has names"
    # pandas names line and field counts, never a value
    return str(error).strip().splitlines()[0] if isinstance(error, pd.errors.ParserError) else "there is no header"
