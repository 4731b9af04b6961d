"""From a source to the table that a training works on."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tabi.data import fetch, latest_snapshot, load_table
from tabi.errors import SourceError, StoreError
from tabi.project import ColumnConfig, ProjectConfig, SplitConfig
from tabi.workspace import Workspace

CONFIG = ProjectConfig(
    name="p", source="csv:rows.csv", target="left", columns={"age": ColumnConfig(minimum=0)}, positive="yes"
)


def write(workspace: Workspace, text: str = "age,job,left\n33,cook,no\n-1,,yes\n20,clerk,no\n") -> None:
    (workspace.root / "rows.csv").write_text(text, encoding="utf-8")


def test_a_fetch_brings_snapshot_contract_and_violations(workspace: Workspace) -> None:
    write(workspace)
    fetched = fetch(workspace, CONFIG)
    assert fetched.snapshot == latest_snapshot(workspace, "p")
    assert [c.name for c in fetched.contract.columns] == ["age", "job"]
    assert [(v.column, v.rule, v.examples) for v in fetched.violations] == [("age", "below_minimum", (1,))]


def test_the_table_is_the_snapshot_as_a_model_sees_it(workspace: Workspace) -> None:
    write(workspace)
    fetched = fetch(workspace, CONFIG)
    table = load_table(workspace, CONFIG)
    assert (table.snapshot, table.contract) == (fetched.snapshot, fetched.contract)
    assert table.y.tolist() == [0, 1, 0]
    assert table.X["age"].tolist() == [33.0, -1.0, 20.0]
    assert table.X["job"].fillna("-").tolist() == ["cook", "-", "clerk"]


def test_without_a_snapshot_the_rows_are_fetched_first(workspace: Workspace) -> None:
    write(workspace)
    table = load_table(workspace, CONFIG)
    assert table.snapshot == latest_snapshot(workspace, "p")


def test_a_snapshot_of_the_same_source_is_not_fetched_again(workspace: Workspace) -> None:
    write(workspace)
    first = load_table(workspace, CONFIG)
    (workspace.root / "rows.csv").unlink()
    again = load_table(workspace, CONFIG)
    assert again.snapshot == first.snapshot
    pd.testing.assert_frame_equal(again.X, first.X)
    np.testing.assert_array_equal(again.y, first.y)


def test_a_changed_source_is_fetched(workspace: Workspace) -> None:
    write(workspace)
    load_table(workspace, CONFIG)
    pd.DataFrame({"age": [1.0, 2.0], "left": ["yes", "no"]}).to_parquet(workspace.root / "b.parquet")
    moved = ProjectConfig(name="p", source="parquet:b.parquet", target="left")
    assert load_table(workspace, moved).snapshot.rows == 2


def test_an_older_table_is_loaded_by_its_digest(workspace: Workspace) -> None:
    write(workspace)
    first = fetch(workspace, CONFIG).snapshot
    write(workspace, "age,left\n1,no\n2,yes\n")
    fetch(workspace, CONFIG)
    assert load_table(workspace, CONFIG).snapshot.rows == 2
    assert load_table(workspace, CONFIG, first.digest).snapshot == first


def test_rows_without_a_target_are_told_and_left_out_of_the_table(workspace: Workspace) -> None:
    write(workspace, "age,left\n1,no\n2,\n3,yes\n")
    fetched = fetch(workspace, CONFIG)
    assert [(v.column, v.rule, v.count) for v in fetched.violations] == [("left", "missing", 1)]
    assert "1 rows have no usable value in the target 'left'" in fetched.findings[1].text
    table = load_table(workspace, replace(CONFIG, split=SplitConfig(column="age")))
    assert (table.X["age"].tolist(), table.y.tolist(), table.unlabelled) == ([1.0, 3.0], [0, 1], 1)
    assert table.by is not None
    assert table.by.tolist() == [1.0, 3.0]
    assert list(table.X.index) == list(table.by.index) == [0, 1]


def test_rows_whose_quantity_is_missing_or_infinite_are_left_out(workspace: Workspace) -> None:
    write(workspace, "age,left\n1,0.5\n2,\n3,inf\n4,2.5\n5,1\n")
    config = replace(CONFIG, positive=None)
    assert [(v.rule, v.examples) for v in fetch(workspace, config).violations] == [
        ("missing", (1,)),
        ("not_finite", (2,)),
    ]
    table = load_table(workspace, config)
    assert (table.contract.target.task, table.y.tolist(), table.unlabelled) == ("regression", [0.5, 2.5, 1.0], 2)


def test_a_source_that_is_gone_is_told(workspace: Workspace) -> None:
    with pytest.raises(SourceError, match="there is no file"):
        load_table(workspace, CONFIG)


def test_a_changed_snapshot_is_never_trained_on(workspace: Workspace) -> None:
    write(workspace)
    snapshot = fetch(workspace, CONFIG).snapshot
    pd.read_parquet(snapshot.path).assign(age=1.0).to_parquet(snapshot.path)
    with pytest.raises(StoreError, match="was changed"):
        load_table(workspace, CONFIG)


def test_importing_the_package_stays_light() -> None:
    code = "import sys, tabi.data; print(sorted({'sklearn', 'pandera', 'mlflow', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
