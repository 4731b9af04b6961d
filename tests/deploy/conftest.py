"""A model with two versions, of which the first is live, in a workspace without a tracking server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tabi.deploy.history import Deployment, Place
from tabi.registry.room import Room
from tabi.workspace import Workspace
from tests.registry.governed import ANN, CLOSED, NAME

PLACE = Place(NAME, "local", "dev")


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room.open(replace(Workspace.find(tmp_path, {"TABI_HOME": str(tmp_path)}), tracking_uri=CLOSED))


def drafted(kind: str = "deploy", **fields: object) -> Deployment:
    return replace(Deployment(PLACE.name, PLACE.target, PLACE.environment, kind), **fields)  # type: ignore[arg-type]


__all__ = ["ANN", "NAME", "PLACE", "drafted", "room"]
