from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from tabi.deploy.claim import held
from tabi.errors import ConflictError
from tabi.registry.room import Room
from tests.deploy.conftest import PLACE

HOLD = """
import sys, time
from tabi.deploy.claim import held
from tabi.deploy.history import Place
from tabi.workspace import Workspace
with held(Workspace.find(), Place("adult", "local", "dev")):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_place_is_held_by_one_and_free_again_once_that_one_is_killed(room: Room) -> None:
    environ = {"TABI_HOME": str(room.workspace.root), "PYTHONPATH": ":".join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", HOLD], env=environ, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with (
            pytest.raises(ConflictError, match="another deployment of adult on local, dev is under way"),
            held(room.workspace, PLACE),
        ):
            pass
        # elsewhere there is nothing in the way
        with held(room.workspace, replace(PLACE, environment="prod")):
            pass
        other.send_signal(signal.SIGKILL)
        other.wait()
    with held(room.workspace, PLACE):
        pass


def test_a_server_of_several_models_is_one_place_and_local_servers_are_one_each(room: Room) -> None:
    with held(room.workspace, PLACE), held(room.workspace, replace(PLACE, name="other")):
        pass
    shared = replace(PLACE, target="compose")
    with (
        held(room.workspace, shared),
        pytest.raises(ConflictError),
        held(room.workspace, replace(shared, name="other")),
    ):
        pass
