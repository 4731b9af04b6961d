"""Each row of the table of bad input in docs/data.md: a decision that is said, or an error that says what to do."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tabi.contract import CategoricalColumn, NumericColumn, TextColumn
from tabi.data import Fetched, fetch, load_table
from tabi.data.kinds import CATEGORIES_AT_MOST
from tabi.errors import DataError, SourceError
from tabi.project import ColumnConfig, ProjectConfig
from tabi.project.config import Kind, TaskKind
from tabi.workspace import Workspace

CONFIG = ProjectConfig(name="p", source="csv:rows.csv", target="left")
LABELS = ["no", "yes", "no", "yes"]


def fetch_text(workspace: Workspace, text: str, config: ProjectConfig = CONFIG) -> Fetched:
    (workspace.root / "rows.csv").write_text(text, encoding="utf-8")
    return fetch(workspace, config)


def fetch_column(workspace: Workspace, values: list[object], kind: Kind | None = None) -> Fetched:
    """A table of one column beside `a` and the target."""
    count = len(values)
    rows = pd.DataFrame({"a": np.arange(count), "c": values, "left": (LABELS * count)[:count]})
    columns = {"c": ColumnConfig(kind=kind)} if kind else {}
    return fetch_text(workspace, rows.to_csv(index=False), replace(CONFIG, columns=columns))


def refusal(workspace: Workspace, values: list[object], kind: Kind | None = None) -> str:
    with pytest.raises(DataError) as caught:
        fetch_column(workspace, values, kind)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def said(fetched: Fetched, rule: str) -> list[str | None]:
    return [finding.column for finding in fetched.findings if finding.rule == rule]


def test_an_empty_table_is_refused(workspace: Workspace) -> None:
    with pytest.raises(DataError, match="the table has no rows"):
        fetch_text(workspace, "a,left\n")
    with pytest.raises(SourceError, match="there is no header"):
        fetch_text(workspace, "")


@pytest.mark.parametrize("task", [None, TaskKind.binary, TaskKind.multiclass])
def test_a_target_of_one_class_is_refused(task: TaskKind | None, workspace: Workspace) -> None:
    with pytest.raises(DataError, match=r"has 1 classes: a (binary|multiclass) task needs"):
        fetch_text(workspace, "a,left\n1,no\n2,no\n", replace(CONFIG, task=task))


def test_a_quantity_of_one_value_is_refused(workspace: Workspace) -> None:
    with pytest.raises(DataError, match="has 1 different numbers: a regression needs two or more"):
        fetch_text(workspace, "a,left\n1,5\n2,5\n3,inf\n", replace(CONFIG, task=TaskKind.regression))


def test_a_target_of_names_is_refused(workspace: Workspace) -> None:
    with pytest.raises(DataError, match="more than 1000 classes"):
        fetch_text(workspace, "a,left\n" + "".join(f"{i},n{i}\n" for i in range(1001)))


@pytest.mark.parametrize("value", ["7", "x"])
def test_a_constant_column_is_kept_and_said(value: str, workspace: Workspace) -> None:
    fetched = fetch_column(workspace, [value] * 4)
    assert said(fetched, "constant") == ["c"]
    assert len(fetched.contract.columns) == 2


def test_a_column_without_values_is_numeric_and_said(workspace: Workspace) -> None:
    fetched = fetch_column(workspace, [None] * 4)
    assert said(fetched, "all_missing") == ["c"]
    assert isinstance(fetched.contract.columns[1], NumericColumn)
    assert np.isnan(load_table(workspace, CONFIG).X["c"]).all()


def test_two_columns_of_one_name_are_refused(workspace: Workspace) -> None:
    with pytest.raises(DataError, match="more than one column named 'a'"):
        fetch_text(workspace, "a,a,left\n1,2,no\n3,4,yes\n")


def test_a_column_without_a_name_is_refused(workspace: Workspace) -> None:
    with pytest.raises(DataError, match="column 1 of the table has no name"):
        fetch_text(workspace, ",a,left\n0,1,no\n1,2,yes\n")


def test_mixed_types_are_categories_by_their_texts(workspace: Workspace) -> None:
    fetched = fetch_column(workspace, ["x", "1", "true", "y", "2.5"])
    column = fetched.contract.columns[1]
    assert isinstance(column, CategoricalColumn)
    assert column.categories == ("1", "2.5", "true", "x", "y")


def test_texts_in_a_column_of_numbers_are_refused_until_somebody_decides(workspace: Workspace) -> None:
    values: list[object] = [*range(40), "unknown", "12 years"]
    told = refusal(workspace, values)
    assert "column 'c' holds numbers, and texts in 2 rows: mend them" in told
    assert "unknown" not in told
    numeric = fetch_column(workspace, values, Kind.numeric)
    assert [(v.column, v.rule, v.count, v.examples) for v in numeric.violations] == [("c", "not_a_number", 2, (40, 41))]
    assert isinstance(fetch_column(workspace, values, Kind.categorical).contract.columns[1], CategoricalColumn)


def test_few_numbers_among_texts_are_codes(workspace: Workspace) -> None:
    assert isinstance(fetch_column(workspace, [*range(9), "V1"] * 3).contract.columns[1], CategoricalColumn)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "2024-01-{}",
            "2024/1/{}",
            "{}.01.2024",
            "1/{}/24",
            "{} Jan 2024",
            "January {}, 2024",
            "{}-JAN-24",
            "2024年1月{}日",
        ),
        *(
            "2024-01-{}T10:00:00Z",
            "2024-01-{} 10:00:00.5+09:00",
            "1/{}/2024 10:00:00 PM",
            "Mon, {} Jan 2024 10:00:00 GMT",
        ),
    ],
)
def test_dates_are_refused_until_somebody_decides(value: str, workspace: Workspace) -> None:
    values: list[object] = [value.format(day) for day in range(10, 20)]
    told = refusal(workspace, [*values, None])
    assert "column 'c' holds dates" in told
    assert "24" not in told
    assert isinstance(fetch_column(workspace, values, Kind.categorical).contract.columns[1], CategoricalColumn)
    assert len(fetch(workspace, replace(CONFIG, drop=["c"])).contract.columns) == 1


@pytest.mark.parametrize("value", ["1.2.{}", "10-200-{}", "1/{}", "may {}", "0:{}"])
def test_versions_and_codes_are_no_dates(value: str, workspace: Workspace) -> None:
    values: list[object] = [value.format(number) for number in range(10, 20)]
    assert isinstance(fetch_column(workspace, values).contract.columns[1], CategoricalColumn)


@pytest.mark.parametrize(
    ("value", "told"), [("2024-01-{}", "holds dates"), ("{}.5", "holds numbers, and texts in 1 rows")]
)
def test_a_target_that_could_be_two_things_is_refused_until_the_task_is_set(
    value: str, told: str, workspace: Workspace
) -> None:
    text = "a,left\n" + "".join(f"{day},{value.format(day)}\n" for day in range(1, 29))
    text += "29,unknown\n" if "texts" in told else ""
    with pytest.raises(DataError, match=f"the target 'left' {told}") as caught:
        fetch_text(workspace, text)
    assert "unknown" not in str(caught.value)
    assert fetch_text(workspace, text, replace(CONFIG, task=TaskKind.multiclass)).contract.target.task == "multiclass"


def test_a_row_with_fewer_fields_than_the_header_is_missing_in_the_rest(workspace: Workspace) -> None:
    fetched = fetch_text(workspace, "a,c,left\n1,x,no\n2\n3,y,yes\n")
    assert [(v.column, v.rule, v.examples) for v in fetched.violations] == [("left", "missing", (1,))]


def test_a_file_of_csv_with_nul_is_refused_before_a_text_is_cut_short(workspace: Workspace) -> None:
    with pytest.raises(SourceError, match="holds the sign NUL"):
        fetch_text(workspace, "a,c,left\n1,x\0y,no\n2,x\0z,yes\n")


def test_moments_of_parquet_are_dates_too(workspace: Workspace) -> None:
    rows = pd.DataFrame({"a": range(4), "at": pd.date_range("2024-01-01", periods=4), "left": LABELS})
    rows.to_parquet(workspace.root / "rows.parquet")
    config = replace(CONFIG, source="parquet:rows.parquet")
    with pytest.raises(DataError, match="column 'at' holds dates"):
        fetch(workspace, config)
    assert len(fetch(workspace, replace(config, drop=["at"])).contract.columns) == 1


def test_more_categories_than_a_model_can_learn_are_refused(workspace: Workspace) -> None:
    names: list[object] = [f"n{i}" for i in range(CATEGORIES_AT_MOST)]
    fetched = fetch_column(workspace, names)
    assert said(fetched, "row_names") == ["c"]
    assert "has more than 10000 categories" in refusal(workspace, [*names, "one more"])


def test_identifiers_are_no_prose_and_sentences_of_any_script_are(workspace: Workspace) -> None:
    for values, kind in (
        ([f"4c5b8e0a-0000-4000-8000-{i:012}" for i in range(9)], CategoricalColumn),
        ([f"parcel {i} never came" for i in range(9)], TextColumn),
        ([f"荷物{i}が届きません" for i in range(9)], TextColumn),
        ([f"東京{i}" for i in range(9)], CategoricalColumn),
        (["parcel one never came"] * 9, CategoricalColumn),
    ):
        assert isinstance(fetch_column(workspace, list(values)).contract.columns[1], kind), values[0]


def test_rows_that_repeat_are_kept_and_said(workspace: Workspace) -> None:
    fetched = fetch_text(workspace, "a,c,left\n" + "1,x,no\n" * 3 + "1,x,yes\n")
    assert fetched.snapshot.rows == 4
    assert [f.text for f in fetched.findings if f.rule == "duplicate_rows"] == [
        "2 rows repeat an earlier row in every column: they are kept"
    ]


def test_infinite_numbers_are_missing_and_said(workspace: Workspace) -> None:
    fetched = fetch_column(workspace, [1, "inf", "-inf", 2])
    assert [(v.column, v.rule, v.examples) for v in fetched.violations] == [("c", "not_finite", (1, 2))]
    assert load_table(workspace, CONFIG).X["c"].fillna(0).tolist() == [1, 0, 0, 2]


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (None, "inferred from its values; task=binary or task=regression overrules it"),
        (TaskKind.multiclass, "as the configuration says"),
    ],
)
def test_the_task_is_said(task: TaskKind | None, told: str, workspace: Workspace) -> None:
    fetched = fetch_text(workspace, "a,left\n1,x\n2,y\n3,z\n", replace(CONFIG, task=task))
    assert fetched.findings[0].text.startswith(f"task multiclass: 'left' is one of 3 classes, {told}")
