"""A workspace whose model has two versions of real bundles: the first is live, the second waits."""

from __future__ import annotations

import shutil
import socket
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from tabi.bundle import Bundle
from tabi.evidence import now
from tabi.registry.promote import promote
from tabi.registry.room import Room
from tabi.registry.traffic import publish_numbers
from tabi.registry.versions import Version, add
from tabi.workspace import Workspace
from tests.registry.governed import CLOSED
from tests.serving.conftest import ROW, Harbour, make_bundle

NAME = "voyage"
PREDICT = f"/models/{NAME}/predict"
BODY = msgspec.json.encode({"features": ROW})


@dataclass(frozen=True)
class Home:
    """`bundles`: of the versions 1, 2 …"""

    workspace: Workspace
    bundles: tuple[str, ...]

    @property
    def environ(self) -> dict[str, str]:
        """What a command is told by."""
        return {"TABI_HOME": str(self.workspace.root), "TABI_TRACKING_URI": CLOSED}


def make_home(root: Path, harbour: Harbour, *more: str) -> Home:
    """`more`: ids of bundles of the store that are versions 3, 4 …"""
    workspace = replace(Workspace.find(root, {"TABI_HOME": str(root)}), tracking_uri=CLOSED)
    (workspace.projects / NAME).mkdir(parents=True)
    (workspace.projects / NAME / "config.yaml").write_text("source: csv:rows.csv\ntarget: arrived\n")
    if not workspace.store.exists():
        shutil.copytree(harbour.store.root, workspace.store)
    room, bundles = Room.open(workspace), (harbour.older, harbour.newer, *more)
    with room.database.writing() as connection:
        for number, bundle in enumerate(bundles, 1):
            row = Version(NAME, number, bundle, "run", "2" * 64, "candidate", "{}", "tom", "ann", now())
            add(connection, row)
    publish_numbers(room, NAME)
    promote(workspace, NAME, 1, "the first")
    return Home(workspace, bundles)


def unloadable(harbour: Harbour, root: Path) -> str:
    """A whole bundle of the store that no server can load: its graph is none."""
    contract = Bundle.open(harbour.path()).contract()
    return harbour.store.put_bundle(make_bundle(root / "broken", NAME, b"no graph", contract))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
