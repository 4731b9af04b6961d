"""Folders of files: all of them, in order of their paths."""

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from tabi.data import Parent, fetch
from tabi.errors import DataError, SourceError
from tabi.project import ProjectConfig
from tabi.workspace import Workspace
from tests.data.reading import fetch_rows


def write(path: Path, frame: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)


@pytest.mark.parametrize("scheme", ["csv", "parquet"])
def test_the_files_of_a_folder_are_one_table(scheme: str, workspace: Workspace) -> None:
    folder = workspace.root / "rows"
    for name, value in (("b/2", 3), ("a", 1), ("b/1", 2), ("_temporary/x", 9), (".hidden", 9)):
        write(folder / f"{name}.{scheme}", pd.DataFrame({"a": [value], "t": ["x"]}))
    (folder / "_SUCCESS").touch()
    (folder / "notes.txt").touch()
    assert fetch_rows(f"{scheme}:rows/", workspace)["a"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("scheme", ["csv", "parquet"])
def test_a_column_that_is_text_in_the_last_file_only_is_one_of_texts(scheme: str, workspace: Workspace) -> None:
    folder = workspace.root / "rows"
    for name, value in (("1", 1), ("2", 2), ("3", "x")):
        write(folder / f"{name}.{scheme}", pd.DataFrame({"a": [value, value], "left": ["no", "yes"]}))
    fetched = fetch(workspace, ProjectConfig(name="p", source=f"{scheme}:rows", target="left"))
    assert fetched.contract.categorical[0].categories == ("1", "2", "x")
    assert fetched.snapshot.parents == tuple(
        Parent(kind="file", name=f"rows/{name}.{scheme}", digest=f"sha256:{_sha256(folder / f'{name}.{scheme}')}")
        for name in "123"
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("scheme", ["csv", "parquet"])
def test_a_folder_of_no_use_is_told(scheme: str, workspace: Workspace) -> None:
    folder = workspace.root / "rows"
    folder.mkdir()
    with pytest.raises(SourceError, match=rf"holds no \.{scheme} file"):
        fetch_rows(f"{scheme}:rows", workspace)
    write(folder / f"year=2020/a.{scheme}", pd.DataFrame({"a": [1]}))
    with pytest.raises(SourceError, match=r"a folder named year=… holds a column's value"):
        fetch_rows(f"{scheme}:rows", workspace)


def test_parquet_files_of_other_columns_are_told(workspace: Workspace) -> None:
    for name in "xy":
        write(workspace.root / "rows" / f"{name}.parquet", pd.DataFrame({name: [1], "left": ["no"]}))
    with pytest.raises(DataError, match=r"the parts of the table have different columns \(x\)"):
        fetch(workspace, ProjectConfig(name="p", source="parquet:rows", target="left"))


def test_an_index_that_pandas_wrote_is_no_column(workspace: Workspace) -> None:
    pd.DataFrame({"a": [1, 2]}, index=[7, 8]).to_parquet(workspace.root / "a.parquet")
    assert list(fetch_rows("parquet:a.parquet", workspace).columns) == ["a"]
