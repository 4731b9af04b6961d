"""Increments of counters, over replicas that come, go and begin again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.deploy.canary.meter import Increments, Prometheus, Replicas, Sample
from tabi.deploy.canary.words import arms_of, seconds_of, share_of, steps_of
from tabi.errors import ConfigError, DeployError
from tabi.registry.steer import ArmPlan

A, B = "a" * 64, "b" * 64


def requests(version: str, value: float, status: str = "200", arm: str = "challenger") -> Sample:
    labels = {"model": "adult", "version": version, "arm": arm, "status": status}
    return "tabi_arm_requests_total", labels, value


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=12), st.integers(0, 1000))
def test_what_a_counter_grew_by_is_counted_though_its_process_begins_again(
    steps: Sequence[tuple[int, bool]], begin: int
) -> None:
    increments, value, expected = Increments("adult"), begin, 0
    increments.add("one", [requests(A, value)])
    for grown, restarts in steps:
        # one that began again and is past where it was cannot be told from one that went on
        restarted = restarts and grown < value
        value = grown if restarted else value + grown
        expected += grown
        increments.add("one", [requests(A, value)])
    assert increments.counts()[A].requests == expected


def test_replicas_are_added_and_a_series_that_appears_later_began_from_nothing() -> None:
    increments = Increments("adult")
    increments.add("one", [requests(A, 100)])
    increments.add("two", [requests(A, 1000)])
    increments.add("one", [requests(A, 110), requests(B, 3), requests(B, 2, "500")])
    # the second was started again: its counter is below the one before
    increments.add("two", [requests(A, 7), requests(B, 4, "422")])
    found = increments.counts()
    assert (found[A].requests, found[B].requests, found[B].errors) == (17, 9, 2)


def test_other_models_and_requests_that_named_their_version_do_not_count() -> None:
    increments = Increments("other")
    increments.add("one", [])
    increments.add("one", [requests(A, 5)])
    assert increments.counts() == {}
    pinned = Increments("adult")
    pinned.add("one", [])
    pinned.add("one", [requests(A, 5, arm="pinned")])
    assert pinned.counts()[A].requests == 0


def test_a_server_that_does_not_answer_and_an_address_that_is_none_are_told() -> None:
    with pytest.raises(DeployError, match=r"http://127\.0\.0\.1:9/metrics did not answer"):
        Replicas("adult", ["http://127.0.0.1:9/"])
    with pytest.raises(DeployError, match=r"http://127\.0\.0\.1:9/api/v1/query did not answer"):
        Prometheus("adult", "http://127.0.0.1:9/")
    with pytest.raises(ConfigError, match="are addresses as"):
        Prometheus("adult", "file:///etc/passwd")


def test_words_of_shares_times_and_arms() -> None:
    assert [share_of(each) for each in ("5%", "5", "100 %".replace(" ", ""), "0.5%")] == [0.05, 0.05, 1.0, 0.005]
    assert steps_of("10%", "5,25,50,100") == (0.1, 0.25, 0.5, 1.0)
    assert [seconds_of(each) for each in ("10m", "90s", "1h", "5", "250ms")] == [600, 90, 3600, 5, 0.25]
    assert arms_of(["control=3", "new=4:2.5"]) == [ArmPlan("control", 3, 1.0), ArmPlan("new", 4, 2.5)]


@pytest.mark.parametrize("wrong", ["", "0%", "101%", "many", "nan", "-5"])
def test_what_is_no_share_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="no share"):
        share_of(wrong)


def test_what_is_no_time_and_no_arm_is_refused() -> None:
    for wrong in ("soon", "10 weeks", "-1s"):
        with pytest.raises(ConfigError, match="no time"):
            seconds_of(wrong)
    for wrong in ("3", "a=b", "A=3", "a=3:-1"):
        with pytest.raises(ConfigError, match="no arm"):
            arms_of([wrong])
