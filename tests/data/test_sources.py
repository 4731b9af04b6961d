"""Where rows come from: one file a scheme."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabi.data.sources import __path__ as source_folders
from tabi.data.sources import schemes
from tabi.errors import ConfigError, SourceError
from tabi.workspace import Workspace
from tests.data.reading import fetch_rows


def write(workspace: Workspace, text: str | bytes, name: str = "data/rows.csv") -> str:
    path = workspace.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return f"csv:{name}"


def refusal(uri: str, workspace: Workspace) -> str:
    with pytest.raises(SourceError) as caught:
        fetch_rows(uri, workspace)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_schemes_are_the_files_of_the_package() -> None:
    assert schemes() == ["builtin", "csv", "dvc", "openml", "parquet", "s3", "sql"]
    assert schemes() == sorted(p.stem for p in Path(source_folders[0]).glob("[a-z]*.py"))


def test_an_unknown_scheme_is_told_with_the_known_ones(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match="unknown scheme; known: builtin, csv, dvc, openml, parquet, s3, sql"):
        fetch_rows("ftp:rows", workspace)


@pytest.mark.parametrize("uri", ["", "rows.csv", "csv:", "."])
def test_what_is_no_uri_is_refused(uri: str, workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match="is not of the form scheme:rest"):
        fetch_rows(uri, workspace)


def test_breast_cancer_comes_with_the_names_of_its_classes(workspace: Workspace) -> None:
    frame = fetch_rows("builtin:breast_cancer", workspace)
    assert frame.shape == (569, 31)
    assert frame["target"].value_counts().to_dict() == {"benign": 357, "malignant": 212}


@pytest.mark.parametrize(
    ("name", "rows", "classes"), [("wine", 178, 3), ("iris", 150, 3), ("digits", 1797, 10), ("diabetes", 442, 0)]
)
def test_the_other_tables_have_classes_by_name_or_a_number(
    name: str, rows: int, classes: int, workspace: Workspace
) -> None:
    frame = fetch_rows(f"builtin:{name}", workspace)
    assert len(frame) == rows
    assert frame["target"].dtype == (object if classes else "float64")
    if classes:
        assert frame["target"].nunique() == classes


def test_another_builtin_table_is_refused(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match="known: builtin:breast_cancer, builtin:wine"):
        fetch_rows("builtin:titanic", workspace)


def test_a_csv_number_is_read_to_the_last_bit(workspace: Workspace) -> None:
    numbers = [0.1 + 0.2, 1e-310, 2.2250738585072011e-308, 123456789.12345678, -0.1]
    uri = write(workspace, "x\n" + "\n".join(map(repr, numbers)))
    assert fetch_rows(uri, workspace)["x"].tolist() == numbers


def test_marks_of_missing_values_count_only_among_numbers(workspace: Workspace) -> None:
    uri = write(workspace, "age,land,mixed,all\n1,NA,x,NA\n?,JP,NA,NA\nnan,,3,NA\n2.5,JP,,NA\n")
    frame = fetch_rows(uri, workspace)
    np.testing.assert_array_equal(frame["age"], [1, np.nan, np.nan, 2.5])
    assert frame["land"].fillna("-").tolist() == ["NA", "JP", "-", "JP"]
    assert frame["mixed"].fillna("-").tolist() == ["x", "NA", "3", "-"]
    assert frame["all"].tolist() == ["NA"] * 4


def test_booleans_of_a_csv_are_booleans(workspace: Workspace) -> None:
    assert fetch_rows(write(workspace, "b\nTrue\nFalse\n"), workspace)["b"].tolist() == [True, False]


def test_a_byte_order_mark_is_not_part_of_a_name(workspace: Workspace) -> None:
    assert list(fetch_rows(write(workspace, "\ufeffname\nä\n"), workspace).columns) == ["name"]


@pytest.mark.parametrize("uri", ["csv:none/rows.csv", "parquet:none/rows.parquet"])
def test_a_missing_file_is_named(uri: str, workspace: Workspace) -> None:
    assert f"there is no file {workspace.root / 'none' / 'rows.'}" in refusal(uri, workspace)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a,b\n\xff\xfe,2\n", "is not UTF-8"),
        (b"a,b\n1,2\n1,2,3\n", "line 3"),
        (b"", "there is no header"),
        (b'a\n"never ends\n', "is not readable as CSV"),
    ],
)
def test_a_garbled_csv_is_told_in_one_line(content: bytes, told: str, workspace: Workspace) -> None:
    message = refusal(write(workspace, content), workspace)
    assert told in message
    assert str(workspace.root / "data" / "rows.csv") in message


def test_parquet_rows_come_back(workspace: Workspace) -> None:
    rows = pd.DataFrame({"a": [1.5, np.nan], "b": ["x", None]})
    rows.to_parquet(workspace.root / "rows.parquet")
    pd.testing.assert_frame_equal(fetch_rows("parquet:rows.parquet", workspace), rows)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"a,b\n1,2\n"])
def test_garbled_parquet_is_told_in_one_line(content: bytes, workspace: Workspace) -> None:
    write(workspace, content, "rows.parquet")
    assert "is not readable as Parquet" in refusal("parquet:rows.parquet", workspace)
