from __future__ import annotations

from dataclasses import replace

import pytest

from tabi.deploy.history import at_place, begin, close_cut, deployments_of, finish, history
from tabi.errors import NotFoundError
from tabi.registry.audit import rows_of
from tabi.registry.protected import protected_ids
from tabi.registry.room import Room
from tests.deploy.conftest import ANN, PLACE, drafted


def test_a_deployment_is_there_from_its_beginning_and_its_end_is_written_once(room: Room) -> None:
    begun = begin(room, ANN, drafted(version=2, reason="new"))
    assert (begun.id, begun.outcome, begun.by) == (1, "begun", "ann")
    assert deployments_of(room) == [begun]
    ended = finish(room, ANN, replace(begun, outcome="succeeded", revision="local-1", seconds=0.5))
    finish(room, ANN, replace(begun, outcome="failed", problem="too late"))
    assert deployments_of(room, PLACE.name) == [ended]
    with room.database.reading() as connection:
        rows = list(rows_of(connection, PLACE.name))
    assert [(row.action, row.object, row.reason) for row in rows] == [("deploy succeeded", "adult:2", "new")]


def test_one_that_was_killed_is_told_once_and_stays_in_the_history_as_cut(room: Room) -> None:
    begin(room, ANN, drafted())
    elsewhere = begin(room, ANN, drafted(environment="prod"))
    (note,) = close_cut(room, PLACE, ANN)
    assert note.startswith("deploy 1 of adult on local, dev, begun ")
    assert note.endswith(" by ann, was cut")
    assert close_cut(room, PLACE, ANN) == []
    with room.database.reading() as connection:
        assert [each.outcome for each in at_place(connection, PLACE)] == ["cut"]
        assert history(connection)[-1] == elsewhere


def test_the_next_number_is_free_and_an_unknown_name_is_told_the_known_ones(room: Room) -> None:
    with pytest.raises(NotFoundError, match="adult was never deployed; deployed were: none yet"):
        deployments_of(room, "adult")
    assert [begin(room, ANN, drafted()).id for _ in range(3)] == [1, 2, 3]
    with pytest.raises(NotFoundError, match="deployed were: adult"):
        deployments_of(room, "other")


def test_a_bundle_that_was_deployed_is_never_removed(room: Room) -> None:
    begin(room, ANN, drafted(bundle="a" * 64))
    assert "a" * 64 in protected_ids(room.workspace)
