"""Rows and configuration -> the contract."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabi.contract import CategoricalColumn, CategoricalReference, Column, NumericColumn, NumericReference, Target
from tabi.contract.columns import logged_of
from tabi.data import check_rows, findings_of, infer_contract
from tabi.data.kinds import CATEGORIES_AT_MOST
from tabi.data.quantiles import reference_of
from tabi.data.rows import StoredRows
from tabi.data.stored import stored_frame
from tabi.errors import ConfigError, DataError
from tabi.project import ColumnConfig, ProjectConfig
from tabi.project.config import Kind, TaskKind
from tabi.project.log import LogConfig, LogInputs

ROWS = pd.DataFrame(
    {
        "age": [33, 41, None, 20],
        "job": ["cook", None, "clerk", "cook"],
        "code": [1, 2, 2, 1],
        "left": ["no", "yes", "no", "no"],
    }
)


def numeric_reference(series: pd.Series) -> NumericReference:
    return reference_of(lambda: iter([series.to_numpy(dtype=float)]))


def config(**fields: Any) -> ProjectConfig:
    return ProjectConfig(**{"name": "p", "source": "csv:a.csv", "target": "left", **fields})


def column(name: str, settings: ColumnConfig, rows: pd.DataFrame = ROWS) -> Column:
    contract = infer_contract(rows, config(columns={name: settings}))
    return next(c for c in contract.columns if c.name == name)


def test_kinds_come_from_the_rows_and_nothing_is_assumed_of_ranges() -> None:
    contract = infer_contract(ROWS, config(strict=True))
    assert (contract.name, contract.strict) == ("p", True)
    assert contract.columns == (
        NumericColumn("age", reference=NumericReference((20.0, 33.0, 41.0), (1, 1, 1, 0), 1)),
        CategoricalColumn("job", ("clerk", "cook"), reference=CategoricalReference((1, 2), 0, 1)),
        NumericColumn("code", reference=NumericReference((1.0, 2.0), (2, 2, 0), 0)),
    )


def test_the_same_rows_in_other_dtypes_have_the_same_contract() -> None:
    other = ROWS.astype({"age": "Int64", "job": "category", "code": "float64", "left": "string[pyarrow]"})
    assert infer_contract(other, config()) == infer_contract(ROWS, config())


def test_the_configuration_goes_before_the_rows() -> None:
    assert column("code", ColumnConfig(kind=Kind.categorical)) == CategoricalColumn(
        "code", ("1", "2"), reference=CategoricalReference((2, 2), 0, 0)
    )
    assert column("age", ColumnConfig(minimum=0, maximum=150, nullable=False)) == NumericColumn(
        "age", False, 0.0, 150.0, NumericReference((20.0, 33.0, 41.0), (1, 1, 1, 0), 1)
    )
    assert column("job", ColumnConfig(categories=["cook", "king", "cook"], closed=True)) == CategoricalColumn(
        "job", ("cook", "king"), closed=True, reference=CategoricalReference((2, 0), 1, 1)
    )
    assert column("code", ColumnConfig(categories=["1"])) == CategoricalColumn(
        "code", ("1",), reference=CategoricalReference((2,), 2, 0)
    )
    text_as_number = column("job", ColumnConfig(kind=Kind.numeric))
    assert text_as_number.reference == NumericReference((), (0,), 4)


def test_what_may_be_logged_is_said_by_column_or_for_all() -> None:
    contract = infer_contract(
        ROWS, config(log=LogConfig(LogInputs.hashed), columns={"job": ColumnConfig(log=LogInputs.none)})
    )
    assert [logged_of(column) for column in contract.columns] == ["hashed", "none", "hashed"]
    opened = infer_contract(
        ROWS, config(log=LogConfig(LogInputs.none), columns={"age": ColumnConfig(log=LogInputs.full)})
    )
    assert [logged_of(column) for column in opened.columns] == ["full", "none", "none"]


def test_dropped_columns_are_gone() -> None:
    contract = infer_contract(ROWS, config(drop=["job", "code"]))
    assert [c.name for c in contract.columns] == ["age"]


@pytest.mark.parametrize(
    ("fields", "error", "told"),
    [
        ({"target": "leftt"}, DataError, "no target column 'leftt'; did you mean 'left'?"),
        ({"columns": {"agee": ColumnConfig()}}, ConfigError, "a column 'agee' .* did you mean 'age'?"),
        ({"drop": ["jobs"]}, ConfigError, "a column 'jobs' .* did you mean 'job'?"),
        ({"drop": ["zzz"]}, ConfigError, "a column 'zzz' that the rows do not have$"),
        ({"drop": ["left"]}, ConfigError, "column 'left' is the target"),
        ({"drop": ["age", "job", "code"]}, DataError, "no column is left"),
        ({"target": "job", "positive": "king"}, ConfigError, "positive: 'king' is no class of 'job'"),
        ({"target": "age", "task": TaskKind.binary}, DataError, "'age' has 3 classes: a binary task needs exactly two"),
        ({"target": "code", "task": TaskKind.multiclass}, DataError, "a multiclass task needs three or more"),
        ({"target": "age", "positive": "33"}, ConfigError, "only a binary target has a positive class"),
        ({"columns": {"job": ColumnConfig(minimum=0)}}, ConfigError, "'job' is categorical and cannot have a minimum"),
        ({"columns": {"age": ColumnConfig(closed=True)}}, ConfigError, "'age' is numeric and cannot have categories"),
        (
            {"columns": {"age": ColumnConfig(minimum=2, maximum=1)}},
            ConfigError,
            "'age' has a minimum above its maximum",
        ),
    ],
)
def test_what_cannot_be_is_told_with_what_to_do(fields: dict[str, Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        infer_contract(ROWS, config(**fields))


def target_of(labels: list[Any], positive: str | None = None) -> Target:
    return infer_contract(pd.DataFrame({"a": range(len(labels)), "left": labels}), config(positive=positive)).target


def test_the_rarer_class_is_positive_and_of_two_equal_ones_the_last() -> None:
    assert target_of(["b", "a", "b"]).classes == ("b", "a")
    assert target_of(["b", "a"]).classes == ("a", "b")
    assert target_of(["a", "b"]).classes == ("a", "b")
    assert target_of(["a", "b", "b", None]).classes == ("b", "a")


def test_the_configuration_names_the_positive_class() -> None:
    assert target_of(["b", "a", "b"], positive="b").classes == ("a", "b")


@pytest.mark.parametrize(("labels", "classes"), [([0, 1, 0], ("0", "1")), ([True, False, False], ("false", "true"))])
def test_classes_are_texts_whatever_the_target_is(labels: list[Any], classes: tuple[str, str]) -> None:
    assert target_of(labels).classes == classes


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        (["a", "b", "a"], "binary"),
        ([1.5, 2.5, 1.5], "binary"),
        (["a", "b", "c"], "multiclass"),
        ([3, 1, 2, 10], "multiclass"),
        (list(range(20)), "multiclass"),
        (list(range(21)), "regression"),
        ([0.5, 1.0, 2.0], "regression"),
    ],
)
def test_the_task_is_inferred_from_the_target(labels: list[Any], task: str) -> None:
    assert target_of(labels).task == task


def test_the_classes_of_several_are_sorted_and_a_regression_has_the_reference_of_its_numbers() -> None:
    assert target_of(["c", "a", None, "b"]).classes == ("a", "b", "c")
    numbers = target_of([0.5, 1.0, 2.5, None])
    assert (numbers.classes, numbers.reference) == ((), NumericReference((0.5, 1.0, 2.5), (1, 1, 1, 0), 1))


def test_the_configuration_overrules_the_task() -> None:
    rows = pd.DataFrame({"a": range(4), "left": [1, 2, 3, 4]})
    assert infer_contract(rows, config(task=TaskKind.regression)).target.task == "regression"


def test_long_texts_that_differ_are_no_categories() -> None:
    prose = [f"the parcel number {i} did not arrive in time" for i in range(6)]
    rows = pd.DataFrame({"said": prose, "long": [prose[0]] * 6, "short": list("abcdef"), "left": list("xyxyxy")})
    contract = infer_contract(rows, config())
    assert [c.name for c in contract.text] == ["said"]
    assert contract.text[0].reference == numeric_reference(pd.Series([float(len(text)) for text in prose]))
    overruled = infer_contract(rows, config(columns={"said": ColumnConfig(kind=Kind.categorical)}))
    assert overruled.text == ()


@pytest.mark.parametrize("labels", [["a", "a"], [None, None]])
def test_fewer_than_two_classes_are_refused(labels: list[Any]) -> None:
    with pytest.raises(DataError, match=f"has {len({v for v in labels if v})} classes"):
        target_of(labels)


def test_a_column_that_names_rows_is_refused_with_what_to_do() -> None:
    count = CATEGORIES_AT_MOST + 1
    rows = pd.DataFrame({"id": [f"r{i}" for i in range(count)], "a": 1.0, "left": ["x", "y"] + ["x"] * (count - 2)})
    with pytest.raises(DataError, match=r"column 'id' has more than 10000 categories: .* add it to `drop`"):
        infer_contract(rows, config())
    assert len(infer_contract(rows, config(drop=["id"])).columns) == 1
    assert len(infer_contract(rows.head(CATEGORIES_AT_MOST), config()).columns) == 2


def test_a_constant_column_and_one_without_values_are_allowed() -> None:
    assert numeric_reference(pd.Series([7.0] * 5)) == NumericReference((7.0,), (5, 0), 0)
    assert numeric_reference(pd.Series([np.nan] * 3)) == NumericReference((), (0,), 3)
    assert numeric_reference(pd.Series([np.inf, 1.0])) == NumericReference((1.0,), (1, 0), 1)


@given(st.lists(st.none() | st.floats(), min_size=1, max_size=60))
def test_every_row_falls_into_the_bin_that_the_rule_names(values: list[float | None]) -> None:
    numbers = np.array(values, dtype=float)
    reference = numeric_reference(pd.Series(numbers))
    edges = [-np.inf, *reference.edges, np.inf]
    present = numbers[np.isfinite(numbers)]
    assert len(reference.edges) <= 10
    assert list(reference.edges) == sorted(set(reference.edges))
    assert set(reference.edges) <= set(present.tolist())
    expected = [int(((low < present) & (present <= high)).sum()) for low, high in pairwise(edges)]
    assert list(reference.counts) == expected
    assert reference.missing == len(numbers) - len(present)


def test_bins_of_many_different_values_hold_about_equally_many() -> None:
    counts = numeric_reference(pd.Series(np.random.default_rng(0).normal(size=1100))).counts
    assert len(counts) == 11
    assert set(counts) <= {99, 100, 101}


def batches_of(frame: pd.DataFrame, size: int) -> StoredRows:
    stored = stored_frame(frame)
    whole = StoredRows.of_frame(stored)
    parts = range(0, len(stored), size)
    return StoredRows(whole.count, whole.texts, lambda names: (stored[list(names)].iloc[p : p + size] for p in parts))


@settings(max_examples=25)
@given(
    st.lists(st.tuples(*[st.none() | st.sampled_from(["a", "b", "1", "2.5", "inf"])] * 3), min_size=3, max_size=30),
    st.integers(1, 7),
)
def test_contract_checks_and_findings_do_not_depend_on_the_batches(
    table: list[tuple[str | None, ...]], size: int
) -> None:
    frame = pd.DataFrame(table, columns=["x", "y", "z"]).assign(left=[f"k{i % 3}" for i in range(len(table))])
    project = config(
        columns={
            "x": ColumnConfig(kind=Kind.numeric, unique=True, minimum=2),
            "y": ColumnConfig(categories=["a", "1"], closed=True, nullable=False),
            "z": ColumnConfig(kind=Kind.text),
        }
    )
    contract = infer_contract(frame, project)
    cut = batches_of(frame, size)
    assert infer_contract(cut, project) == contract
    assert check_rows(cut, contract, project) == check_rows(frame, contract, project)
    whole = StoredRows.of_frame(stored_frame(frame))
    assert findings_of(cut, contract, project) == findings_of(whole, contract, project)
