"""CSV files in batches: what a column is depends on all its fields, and on no cut."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabi.data.csv_rows import batches_of_csv
from tabi.data.digest import digest_of
from tabi.data.stored import stored_frame
from tabi.errors import DataError, SourceError

numbers = ["1", "-1", "-2.5", "0.1", " 7", "inf", "-Infinity", "1e400", "9" * 25, "18446744073709551615"]
fields = st.sampled_from([*numbers, "", "NA", "nan", "?", "True", "false", "0x10", "1_000", "x"])


def stored(files: list[Path], batch: int) -> pd.DataFrame:
    return stored_frame(pd.concat([part.astype(object) for part in batches_of_csv(files, batch)], ignore_index=True))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(fields, min_size=1, max_size=7), st.integers(1, 7), st.integers(0, 7))
def test_the_digest_does_not_depend_on_batches_or_files(tmp_path: Path, column: list[str], size: int, at: int) -> None:
    whole, first, second = (tmp_path / name for name in ("whole.csv", "first.csv", "second.csv"))
    for path, rows in ((whole, column), (first, column[:at]), (second, column[at:])):
        path.write_text("a,b\n" + "".join(f"{row},1\n" for row in rows), encoding="utf-8")
    assert (
        digest_of(stored([whole], 100)) == digest_of(stored([whole], size)) == digest_of(stored([first, second], size))
    )


def one(tmp_path: Path, text: str) -> pd.DataFrame:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    return stored([tmp_path / "a.csv"], 2)


def test_a_text_in_the_last_batch_makes_texts_as_they_stand_of_all(tmp_path: Path) -> None:
    assert one(tmp_path, "a\n1.0\n02\n3\nTrue\nx\n")["a"].tolist() == ["1.0", "02", "3", "True", "x"]


def test_infinite_numbers_and_marks_are_among_numbers(tmp_path: Path) -> None:
    assert one(tmp_path, "a\n1\ninf\nNA\n-Infinity\n")["a"].fillna(0).tolist() == [1, float("inf"), 0, -float("inf")]


def test_columns_may_stand_in_another_order_in_another_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,a\n")
    (tmp_path / "b.csv").write_text("y,x\nb,2\n")
    frame = stored([tmp_path / "a.csv", tmp_path / "b.csv"], 10)
    assert frame.to_dict("list") == {"x": [1.0, 2.0], "y": ["a", "b"]}


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        ("a,a\n1,2\n", DataError, "more than one column named 'a'"),
        ("a,\n1,2\n", DataError, "column 2 of the table has no name"),
        (",b\n1,2\n", DataError, "pandas writes its index so"),
        ("a,b\n1,2,3\n4,5,6\n", SourceError, "a row has more fields than the header has names"),
    ],
)
def test_a_wrong_header_is_told(tmp_path: Path, text: str, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        one(tmp_path, text)


def test_files_of_other_columns_are_told(tmp_path: Path) -> None:
    for name in "xy":
        (tmp_path / f"{name}.csv").write_text(f"{name}\n1\n")
    with pytest.raises(DataError, match=r"y\.csv has other columns than .*x\.csv"):
        stored([tmp_path / "x.csv", tmp_path / "y.csv"], 10)
