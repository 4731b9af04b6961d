from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.errors import StoreError
from tabi.policy import Assigned, Single, read_policy

assigned = st.builds(
    Assigned, version=st.integers(1, 10**6), bundle=st.text("0123456789abcdef", min_size=64, max_size=64)
)
policies = st.builds(
    Single,
    name=st.text(max_size=20),
    champion=assigned,
    previous=st.none() | assigned,
    revision=st.integers(1, 10**9),
    operation=st.text(max_size=40),
    at=st.text(max_size=40),
    by=st.text(max_size=40),
)
ONE = Assigned(1, "1" * 64)
TWO = Assigned(2, "2" * 64)


@given(policies)
def test_a_policy_read_back_is_the_same(policy: Single) -> None:
    assert read_policy(policy.to_json(), "policy.json") == policy


def test_the_document_says_its_kind_and_the_champion_by_number_and_bundle() -> None:
    document = json.loads(Single(name="adult", champion=TWO, previous=ONE).to_json())
    assert document["kind"] == Single(name="adult", champion=TWO).kind == "single"
    assert document["champion"] == {"version": 2, "bundle": "2" * 64}


def test_a_policy_uses_each_version_once() -> None:
    assert Single(name="adult", champion=TWO, previous=ONE).uses == (TWO, ONE)
    assert Single(name="adult", champion=TWO, previous=TWO).uses == (TWO,)
    assert Single(name="adult", champion=TWO).uses == (TWO,)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "canary"},
        {"share": 0.1},
        {"revision": 0},
        {"champion": {"version": 0, "bundle": "1" * 64}},
        {"champion": {"version": 1, "bundle": "../../etc"}},
        {"champion": None},
    ],
)
def test_what_is_no_policy_that_is_known_is_refused_in_one_line(change: dict[str, object]) -> None:
    document = {**json.loads(Single(name="adult", champion=ONE).to_json()), **change}
    with pytest.raises(StoreError, match=r"models/adult/policy\.json is no policy") as caught:
        read_policy(json.dumps(document).encode(), "models/adult/policy.json")
    assert "\n" not in str(caught.value)
