"""The contract's JSON form."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.contract import (
    CategoricalColumn,
    CategoricalReference,
    Column,
    Contract,
    NumericColumn,
    NumericReference,
    Target,
    TextColumn,
)
from tabi.errors import BundleError

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
finite = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 10**12)


@st.composite
def numeric_columns(draw: st.DrawFn, name: str) -> NumericColumn:
    edges = tuple(sorted(draw(st.sets(finite, max_size=4))))
    bins = tuple(draw(st.lists(counts, min_size=len(edges) + 1, max_size=len(edges) + 1)))
    reference = draw(st.none() | st.just(NumericReference(edges, bins, draw(counts))))
    return NumericColumn(name, draw(st.booleans()), draw(st.none() | finite), draw(st.none() | finite), reference)


@st.composite
def categorical_columns(draw: st.DrawFn, name: str) -> CategoricalColumn:
    categories = tuple(draw(st.lists(names, unique=True, max_size=4)))
    seen = tuple(draw(st.lists(counts, min_size=len(categories), max_size=len(categories))))
    reference = draw(st.none() | st.just(CategoricalReference(seen, draw(counts), draw(counts))))
    return CategoricalColumn(name, categories, draw(st.booleans()), draw(st.booleans()), reference)


@st.composite
def targets(draw: st.DrawFn) -> Target:
    labels = tuple(draw(st.lists(names, unique=True, min_size=2, max_size=5)))
    if len(labels) == 2:
        return Target(draw(names), labels)
    if len(labels) == 3:
        return Target(draw(names), task="regression", reference=NumericReference((1.0,), (2, 3), 0))
    return Target(draw(names), labels, "multiclass")


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    columns: list[Column] = [
        draw(numeric_columns(name) | categorical_columns(name) | st.just(TextColumn(name)))
        for name in draw(st.lists(names, unique=True, min_size=1, max_size=5))
    ]
    return Contract(draw(names), tuple(columns), draw(targets()), draw(st.booleans()))


@given(contracts())
def test_reading_what_was_written_gives_the_same_contract(contract: Contract) -> None:
    assert Contract.from_json(contract.to_json()) == contract


@given(contracts())
def test_the_kinds_keep_the_contracts_order_and_lose_no_column(contract: Contract) -> None:
    assert [c for c in contract.columns if isinstance(c, NumericColumn)] == list(contract.numeric)
    assert [c for c in contract.columns if isinstance(c, CategoricalColumn)] == list(contract.categorical)
    assert [c for c in contract.columns if isinstance(c, TextColumn)] == list(contract.text)
    assert contract.strings == (*contract.categorical, *contract.text)
    assert len(contract.numeric) + len(contract.strings) == len(contract.columns)


CONTRACT = Contract(
    "people", (NumericColumn("age"), CategoricalColumn("job", ("cook",))), Target("left", ("no", "yes"))
)


def test_the_positive_class_is_the_last() -> None:
    assert CONTRACT.target.positive == "yes"


def test_the_document_is_readable_json_and_names_each_kind() -> None:
    document = json.loads(CONTRACT.to_json())
    assert [column["kind"] for column in document["columns"]] == ["numeric", "categorical"]
    assert b"\n  " in CONTRACT.to_json()


def test_a_contract_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        CONTRACT.name = "other"  # type: ignore[misc]


def changed(**change: object) -> bytes:
    return msgspec.json.encode({**json.loads(CONTRACT.to_json()), **change})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        changed(columns=3),
        changed(surprise=1),
        changed(target={"name": "left"}),
        changed(target={"name": "left", "classes": ["a", "b", "c"]}),
        changed(target={"name": "left", "classes": ["a", "b"], "task": "regression"}),
        changed(target={"name": "left", "classes": ["a", "b"], "task": "multiclass"}),
        changed(target={"name": "left", "classes": ["a", "b"], "task": "ranking"}),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match="is not a contract"):
        Contract.from_json(data)


def test_a_format_of_another_time_is_refused_with_what_to_do() -> None:
    with pytest.raises(BundleError, match="has format 3, this Tabi reads 2: update Tabi"):
        Contract.from_json(changed(format=3))


def test_the_first_format_is_still_read() -> None:
    first = b"""{"name": "people", "columns": [
        {"kind": "numeric", "name": "age", "nullable": true, "minimum": null, "maximum": null, "reference": null},
        {"kind": "categorical", "name": "job", "categories": ["cook"], "nullable": true, "closed": false,
         "reference": null}],
        "target": {"name": "left", "classes": ["no", "yes"]}, "strict": false, "format": 1}"""
    read = Contract.from_json(first)
    assert (read.columns, read.target, read.format) == (CONTRACT.columns, CONTRACT.target, 1)
