"""`csv:PATH`: a comma-separated UTF-8 file with a header line. The path is relative to the workspace."""

from __future__ import annotations

import pandas as pd

from tabi.contract import number_of
from tabi.errors import SourceError
from tabi.workspace import Workspace

# Only an empty field is missing everywhere. These mean it too, but only among numbers: "NA" may be a country.
MISSING_MARKS = frozenset({"NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "None", "?"})


def fetch(rest: str, workspace: Workspace) -> pd.DataFrame:
    """The rows of the file. A number is read to the last bit, as a server reads it from JSON."""
    path = workspace.root / rest
    try:
        frame = pd.read_csv(
            path,
            encoding="utf-8-sig",
            keep_default_na=False,
            na_values=[""],
            float_precision="round_trip",
            low_memory=False,
        )
    except FileNotFoundError:
        raise SourceError(f"there is no file {path}: mend `source` in the project's config.yaml") from None
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8: save it in that encoding") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise SourceError(f"{path} is not readable as CSV with a header line: {_reason(error)}") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    return frame.apply(_without_marks)


def _without_marks(series: pd.Series) -> pd.Series:
    """The column as numbers if it is one of numbers and marks of missing values, else as it is."""
    if series.dtype != object:
        return series
    marked = series.isin(MISSING_MARKS)
    rest = series[~marked].dropna()
    if not marked.any() or rest.empty or not all(isinstance(v, str) and number_of(v)[1] is None for v in rest):
        return series
    return series.mask(marked).map(lambda value: number_of(value)[0] if isinstance(value, str) else value).astype(float)


def _reason(error: Exception) -> str:
    # pandas names line and field counts, never a value
    return str(error).strip().splitlines()[0] if isinstance(error, pd.errors.ParserError) else "there is no header"
