from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.errors import StoreError
from tabi.policy import Arm, Assigned, BlueGreen, Canary, Policy, Shadow, Single, Split, challenger_in, read_policy

assigned = st.builds(
    Assigned, version=st.integers(1, 10**6), bundle=st.text("0123456789abcdef", min_size=64, max_size=64)
)
_texts = st.text(max_size=20)
_common = {
    "name": _texts,
    "champion": assigned,
    "previous": st.none() | assigned,
    "revision": st.integers(1, 10**9),
    "operation": _texts,
    "at": _texts,
    "by": _texts,
}
_share = st.floats(0.001, 1)
_steps = st.sets(_share, min_size=1, max_size=6).map(lambda found: tuple(sorted(found)))
_arms = st.lists(
    st.builds(Arm, name=st.from_regex(r"[a-z0-9][a-z0-9_-]{0,9}", fullmatch=True), assigned=assigned, weight=_share),
    min_size=2,
    max_size=5,
    unique_by=lambda arm: arm.name,
).map(tuple)
policies: st.SearchStrategy[Policy] = st.one_of(
    st.builds(Single, **_common),
    st.builds(Canary, challenger=assigned, steps=_steps, salt=_texts, **_common),
    st.builds(BlueGreen, idle=assigned, **_common),
    st.builds(Shadow, challenger=assigned, share=_share, salt=_texts, **_common),
    st.builds(Split, experiment=st.just("prices"), arms=_arms, salt=_texts, **_common),
)
ONE = Assigned(1, "1" * 64)
TWO = Assigned(2, "2" * 64)
THREE = Assigned(3, "3" * 64)


@given(policies)
def test_a_policy_read_back_is_the_same(policy: Policy) -> None:
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
        {"kind": "bandit"},
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


CANARY = Canary(name="adult", champion=ONE, challenger=TWO, steps=(0.05, 0.25, 1.0), step=1, salt="s")
BLUE_GREEN = BlueGreen(name="adult", champion=ONE, idle=TWO)
SHADOW = Shadow(name="adult", champion=ONE, challenger=TWO, share=0.1, salt="s")
SPLIT = Split(
    name="adult", champion=ONE, experiment="e", salt="s", arms=(Arm("a", ONE), Arm("b", TWO), Arm("c", THREE))
)


@pytest.mark.parametrize("policy", [CANARY, BLUE_GREEN, SHADOW, SPLIT])
def test_a_reader_of_before_refuses_a_kind_that_it_does_not_know(policy: Policy) -> None:
    with pytest.raises(msgspec.ValidationError, match=policy.kind):
        msgspec.json.decode(policy.to_json(), type=Single)


@pytest.mark.parametrize(
    ("policy", "uses"),
    [(CANARY, (ONE, TWO)), (BLUE_GREEN, (ONE, TWO)), (SHADOW, (ONE, TWO)), (SPLIT, (ONE, TWO, THREE))],
)
def test_a_policy_uses_every_version_that_gets_traffic_or_may(policy: Policy, uses: tuple[Assigned, ...]) -> None:
    assert policy.uses == uses


def test_each_version_has_its_roles_by_name() -> None:
    assert CANARY.roles == (("champion", ONE), ("challenger", TWO))
    assert BLUE_GREEN.roles == (("champion", ONE), ("idle", TWO))
    assert SHADOW.roles == (("champion", ONE), ("shadow", TWO))
    arms = (("arm a of e", ONE), ("arm b of e", TWO), ("arm c of e", THREE))
    assert SPLIT.roles == (("champion", ONE), *arms)
    assert Single(name="adult", champion=ONE, previous=TWO).roles == (("champion", ONE), ("previous", TWO))


def test_the_challenger_is_the_one_version_that_a_policy_tries() -> None:
    assert challenger_in(CANARY) == challenger_in(SHADOW) == challenger_in(BLUE_GREEN) == TWO
    assert challenger_in(None) is challenger_in(Single(name="adult", champion=ONE)) is challenger_in(SPLIT) is None
    replaced = BlueGreen(name="adult", champion=TWO, idle=ONE, previous=ONE)
    assert challenger_in(replaced) is None


def test_a_canary_gives_the_challenger_the_share_of_its_step() -> None:
    assert CANARY.weight == 0.25
    units = [f"u{i}" for i in range(4000)]
    before = msgspec.structs.replace(CANARY, step=0).routing
    theirs = {unit for unit in units if CANARY.routing.place(unit) == 1}
    # four standard errors
    assert abs(len(theirs) - 1000) < 4 * 27.4
    assert {unit for unit in units if before.place(unit) == 1} < theirs
    assert all(msgspec.structs.replace(CANARY, step=2).routing.place(unit) == 1 for unit in units)


def test_copies_are_made_of_a_share_of_the_units() -> None:
    copied = sum(SHADOW.copies(f"u{i}") for i in range(4000))
    assert abs(copied - 400) < 4 * 19
    assert msgspec.structs.replace(SHADOW, share=1.0).copies("anybody")


@pytest.mark.parametrize(
    ("policy", "change"),
    [
        (CANARY, {"step": 3}),
        (CANARY, {"steps": []}),
        (CANARY, {"steps": [0.5, 0.5]}),
        (CANARY, {"steps": [0.0]}),
        (CANARY, {"steps": [1.5]}),
        (SHADOW, {"share": 0}),
        (SPLIT, {"arms": [{"name": "a", "assigned": {"version": 1, "bundle": "1" * 64}}] * 2}),
        (SPLIT, {"arms": []}),
        (SPLIT, {"experiment": "../etc"}),
        (BLUE_GREEN, {"idle": None}),
    ],
)
def test_a_policy_that_breaks_its_own_rules_is_refused(policy: Policy, change: dict[str, object]) -> None:
    document = {**json.loads(policy.to_json()), **change}
    with pytest.raises(StoreError, match="is no policy"):
        read_policy(json.dumps(document).encode(), "policy.json")
