from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tabi.deploy.history import Deployment
from tabi.deploy.way_back import State, before, ran_before, way_of
from tests.deploy.conftest import drafted


def went(kind: str, revision: str, version: int | None, outcome: str = "succeeded") -> Deployment:
    return drafted(kind, revision=revision, version=version, outcome=outcome)


def test_each_part_returns_to_the_newest_state_that_differs_in_it() -> None:
    way = way_of([went("deploy", "1", 1), went("deploy", "2", 1), went("deploy", "2", 2)])
    now = State("2", 2)
    assert before(way, now, "both") == State("2", 1)
    assert before(way, now, "image") == State("1", 1)
    assert before(way, now, "model") == State("2", 1)
    assert before(way_of([went("deploy", "1", 1)]), State("1", 1), "both") is None


def test_what_failed_was_cut_or_was_a_step_is_nothing_to_return_to() -> None:
    tried = [went("deploy", "2", 2, outcome) for outcome in ("begun", "failed", "cut")]
    assert way_of([went("deploy", "1", 1), *tried, went("step", "1", 1)]) == [State("1", 1)]


def test_a_promotion_after_the_last_deployment_is_what_is_rolled_away() -> None:
    assert before(way_of([went("deploy", "1", 1)]), State("1", 2), "both") == State("1", 1)


def test_what_one_part_alone_left_behind_is_not_returned_to_by_the_next_rollback() -> None:
    way = way_of([went("deploy", "1", 1), went("deploy", "2", 2), replace(went("rollback", "1", 2), before="2")])
    assert way == [State("1", 2)]
    way = way_of([went("deploy", "1", 1), went("deploy", "2", 2), replace(went("rollback", "2", 1), before="2")])
    assert way == [State("2", 1)]


def test_a_version_that_the_history_does_not_know_is_no_difference() -> None:
    way = way_of([went("deploy", "1", None), went("deploy", "2", None)])
    assert before(way, State("2", 5), "both") == State("1", None)
    assert before(way[1:], State("2", 5), "both") is None
    assert before(way, State("2", 5), "model") is None


def test_the_first_deployment_returns_to_what_it_found() -> None:
    first = replace(went("deploy", "8", 1), before="7")
    assert ran_before([first], "8") == "7"
    # to start anew what ran already is no way back
    assert ran_before([first, replace(went("deploy", "8", 1), before="8")], "8") == "7"
    assert ran_before([first], "9") == ""


def test_what_history_does_not_reach_is_known_from_what_its_first_deployment_found() -> None:
    first = replace(went("deploy", "2", 1), before="1")
    again = [first, replace(went("deploy", "3", 1), before="2"), replace(went("rollback", "2", 1), before="3")]
    assert ran_before(again, "2") == "1"
    assert ran_before([went("deploy", "2", 1), *again], "2") == ""
    assert ran_before([], "2") == ""


states = st.tuples(st.sampled_from("123"), st.integers(1, 3))


@given(st.lists(states, max_size=8))
def test_rolling_back_again_and_again_visits_each_state_of_the_way_once_and_ends(
    deployed: list[tuple[str, int]],
) -> None:
    done = [went("deploy", *state) for state in deployed]
    way = way_of(done)
    visited = []
    while way:
        visited.append(way[-1])
        aim = before(way[:-1], way[-1], "both")
        if aim is None:
            break
        done.append(replace(went("rollback", *aim), before=way[-1].revision))
        shorter = way_of(done)
        assert len(shorter) < len(way)
        assert shorter[-1] == aim
        way = shorter
    assert len(visited) <= len(deployed)
