"""What a row is hashed from, and that anybody can do it again."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabi.errors import ConfigError
from tabi.registry.audit.chain import ORIGIN, Act, Row, canonical, canonical_of, follow, hash_of

texts = st.text(st.characters(codec="utf-8"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(texts, values, max_size=4)
acts = st.builds(
    Act, texts, texts, texts, texts, before=documents.map(canonical), after=documents.map(canonical), reason=texts
)


@settings(max_examples=40)
@given(st.dictionaries(texts | st.integers() | st.booleans(), values, max_size=4))
def test_canonical_json_of_what_canonical_json_says_is_itself(document: dict[Any, Any]) -> None:
    once = canonical_of(document)
    assert canonical(json.loads(once)) == once


@settings(max_examples=20)
@given(acts, st.integers(0, 2**53), texts)
def test_a_row_hashes_to_its_own_hash_and_names_the_one_before(act: Act, number: int, at: str) -> None:
    row = follow(act, at, number, ORIGIN)
    assert hash_of(row) == row.hash
    assert (row.number, row.previous) == (number + 1, ORIGIN)


@settings(max_examples=40)
@given(acts, st.sampled_from([field for field in Row._fields if field != "hash"]), st.data())
def test_any_other_field_gives_another_hash(act: Act, field: str, data: st.DataObject) -> None:
    row = follow(act, "2026-11-21T00:00:00+00:00", 6, ORIGIN)
    if field == "number":
        other: object = data.draw(st.integers().filter(lambda number: number != row.number))
    elif field in {"before", "after"}:
        other = data.draw(documents.map(canonical).filter(lambda value: value != getattr(row, field)))
    else:
        other = data.draw(texts.filter(lambda value: value != getattr(row, field)))
    assert hash_of(Row(**(row._asdict() | {field: other}))) != row.hash


def test_an_exported_row_can_be_hashed_without_tabi() -> None:
    row = follow(Act("maria", "token", "approve", "adult:3", "{}", '{"auc":0.9,"state":"良い"}', "ok"), "at", 0, ORIGIN)
    exported = json.loads(canonical(row.document()))
    sealed = exported.pop("hash")
    again = json.dumps(exported, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(again.encode()).hexdigest() == sealed
    # a format that is kept: rows of years ago must verify
    assert sealed == "995e346041ddd23acc19244f630172fc3ec4b478605b40f3d2a03dff83d4254e"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object()])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match="cannot be recorded"):
        canonical_of({"value": value})


@pytest.mark.parametrize("before", ['{"b":1,"a":2}', '{"a": 1}', "not json", '{"a":NaN}', "[" * 100_000])
def test_a_document_that_is_not_canonical_has_no_hash(before: str) -> None:
    row = Row(1, "at", "maria", "token", "approve", "adult:3", before, "{}", "", ORIGIN, "")
    with pytest.raises((ValueError, RecursionError)):
        hash_of(row)
