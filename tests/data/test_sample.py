"""A sample is the same rows every time, whatever the batches."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tabi.data import fetch, load_table, write_snapshot
from tabi.data.rows import StoredRows
from tabi.data.sample import sample_of, some_of
from tabi.errors import StoreError
from tabi.project import ProjectConfig
from tabi.workspace import Workspace

COUNT = 5_000
draw = np.random.default_rng(0)
ROWS = pd.DataFrame(
    {"a": draw.normal(size=COUNT), "t": draw.choice(["x", "y"], COUNT), "left": ["no", "yes"] * (COUNT // 2)}
)


def test_the_sample_depends_on_content_alone(workspace: Workspace) -> None:
    path = write_snapshot(workspace, "p", "csv:a.csv", ROWS).path
    first, second = (sample_of(StoredRows.of_file(path, batch), 500) for batch in (7, 100_000))
    pd.testing.assert_frame_equal(first, second)
    assert len(first) == 500
    shuffled = write_snapshot(workspace, "p", "csv:a.csv", ROWS.sample(frac=1, random_state=1)).table()
    assert set(sample_of(shuffled, 500)["a"]) == set(first["a"])
    assert set(sample_of(shuffled, 200)["a"]) < set(first["a"])


def test_the_sample_is_like_the_whole(workspace: Workspace) -> None:
    sample = sample_of(StoredRows.of_frame(ROWS), 1_000)
    # four standard errors
    assert abs(sample["a"].mean() - ROWS["a"].mean()) < 4 / np.sqrt(1_000)
    assert abs((sample["left"] == "no").mean() - 0.5) < 4 * 0.5 / np.sqrt(1_000)


def test_some_rows_are_the_same_whatever_the_batches_and_each_is_as_likely(workspace: Workspace) -> None:
    path = write_snapshot(workspace, "q", "csv:a.csv", ROWS).path
    first, second = (some_of(StoredRows.of_file(path, batch), 500, 1) for batch in (70, 100_000))
    pd.testing.assert_frame_equal(first, second)
    places = np.searchsorted(np.sort(ROWS["a"]), first["a"])
    assert len(np.unique(places)) == 500
    # of a uniform draw without replacement, four standard errors
    assert abs(places.mean() / COUNT - 0.5) < 4 * np.sqrt(1 / 12 / 500)
    pd.testing.assert_frame_equal(some_of(StoredRows.of_frame(ROWS), COUNT + 1, 1), ROWS)
    # a row that is there a thousand times is not taken a thousand times
    same = pd.DataFrame({"a": np.zeros(COUNT)})
    assert len(some_of(StoredRows.of_frame(same), 10, 1)) == 10


@pytest.mark.parametrize("count", [COUNT, COUNT + 1])
def test_a_sample_of_all_rows_is_the_table(count: int) -> None:
    pd.testing.assert_frame_equal(sample_of(StoredRows.of_frame(ROWS), count), ROWS)


def test_a_training_on_a_sample_keeps_the_contract_of_all_rows(workspace: Workspace) -> None:
    ROWS.to_csv(workspace.root / "rows.csv", index=False)
    config = ProjectConfig(name="p", source="csv:rows.csv", target="left")
    fetched, whole = fetch(workspace, config), load_table(workspace, config)
    table = load_table(workspace, replace(config, sample=100))
    assert (len(table.X), len(table.y)) == (100, 100)
    assert table.contract == fetched.contract == whole.contract
    assert table.snapshot == whole.snapshot
    ROWS.assign(a=0.0).to_parquet(table.snapshot.path)
    with pytest.raises(StoreError, match="was changed"):
        load_table(workspace, replace(config, sample=100))
