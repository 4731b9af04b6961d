"""What was asked and decided is kept, once, and told to the audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tabi.errors import ConflictError, NotFoundError, StateError
from tabi.experiments import history
from tabi.registry.audit import rows_of, verify
from tabi.registry.identity import ROLES, Identity
from tabi.registry.room import Room
from tabi.workspace import Workspace
from tests.experiments.test_judge import DESIGN

ANN = Identity("ann", "user", ROLES)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    opened = Room.open(Workspace.find(tmp_path, {}))
    yield opened
    opened.database.engine.dispose()


def test_an_experiment_is_kept_from_its_design_to_its_decision(room: Room) -> None:
    kept = history.started(room, history.begin(room, "shop", DESIGN, ANN), ANN)
    assert kept.plan == DESIGN
    history.stopped(room, kept, ANN, "b", "it sells more", '{"action": "win"}')
    found = history.one(room, "shop")
    assert (found.ref, found.state, found.decision, found.reason) == ("experiment-1", "stopped", "b", "it sells more")
    assert found.document()["result"] == {"action": "win"}
    assert found.at <= found.started_at <= found.ended_at
    with room.database.reading() as connection:
        told = [(row.action, row.reason) for row in rows_of(connection, "shop")]
    assert told == [
        ("experiment create", "b sells more"),
        ("experiment start", ""),
        ("experiment stop", "it sells more"),
    ]
    assert not verify(room.workspace).findings


def test_a_model_has_one_open_experiment_and_each_has_a_salt_of_its_own(room: Room) -> None:
    first = history.begin(room, "shop", DESIGN, ANN)
    with pytest.raises(ConflictError, match="experiment-1 of shop is begun"):
        history.begin(room, "shop", DESIGN, ANN)
    assert history.begin(room, "other", DESIGN, ANN).number == 1
    history.stopped(room, first, ANN, "", "no", "")
    second = history.begin(room, "shop", DESIGN, ANN)
    assert second.number == 2
    assert second.salt != first.salt
    assert [kept.number for kept in history.listed(room, "shop")] == [1, 2]
    assert len(history.listed(room)) == 3


def test_who_comes_second_does_not_decide_again(room: Room) -> None:
    kept = history.begin(room, "shop", DESIGN, ANN)
    history.stopped(room, kept, ANN, "a", "first", "")
    with pytest.raises(ConflictError, match="somebody else"):
        history.stopped(room, kept, ANN, "b", "second", "")
    assert history.one(room, "shop", 1).reason == "first"


def test_what_is_not_there_is_told_with_what_is(room: Room) -> None:
    with pytest.raises(NotFoundError, match="has no experiment"):
        history.one(room, "shop")
    kept = history.begin(room, "shop", DESIGN, ANN)
    with pytest.raises(NotFoundError, match="it has 1"):
        history.one(room, "shop", 7)
    with pytest.raises(StateError, match="update Tabi"):
        _ = replace(kept, design='{"hypothesis": 1}').plan
