"""Starting: the folder that workers share is held while its server lives, and no longer."""

from __future__ import annotations

import gc
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tabi.errors import ConfigError
from tabi.serving.serve import HELD, PREFIX, check, serve, shared_folder
from tabi.serving.settings import Settings
from tests.serving.conftest import Harbour

HOLD = """
import time
from tabi.serving.serve import shared_folder
with shared_folder() as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_the_folder_is_there_for_as_long_as_it_is_used(temporary: Path) -> None:
    with shared_folder() as folder, shared_folder() as other:
        assert folder != other
        assert {path.name for path in folder.iterdir()} == {HELD}
        assert folder.stat().st_mode & 0o077 == 0
    assert list(temporary.iterdir()) == []


def test_what_a_killed_server_left_is_removed_by_the_next_and_what_lives_is_not(temporary: Path) -> None:
    def hold() -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    (killed, left), (living, held) = hold(), hold()
    killed.kill()
    killed.communicate()
    with shared_folder():
        assert not left.exists()
        assert held.exists()
    living.send_signal(signal.SIGKILL)
    living.communicate()


def test_nothing_is_removed_but_folders_of_servers(temporary: Path) -> None:
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / HELD).touch()
    (temporary / f"{PREFIX}link").symlink_to(elsewhere)
    (temporary / f"{PREFIX}file").write_text("a file")
    (temporary / f"{PREFIX}empty").mkdir()
    before = sorted(temporary.rglob("*"))
    with shared_folder():
        pass
    assert sorted(temporary.rglob("*")) == before


def test_check_names_each_version_and_gives_everything_back(harbour: Harbour, temporary: Path) -> None:
    settings = Settings(refs=("voyage", "linear"), store=harbour.store.root, port=0, workers=4)
    # what is imported with the first may stay open
    check(settings)
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    names = [name for name, _ in check(settings)]
    assert names == ["voyage", "linear"]
    assert list(temporary.iterdir()) == []
    # maps of counts hold theirs until they are collected
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_several_workers_cannot_share_a_free_port_of_grpc(harbour: Harbour) -> None:
    settings = Settings(refs=("voyage",), store=harbour.store.root, port=0, workers=2, grpc_port=0)
    for attempt in (check, lambda asked: serve(asked, lambda _serving: None)):
        with pytest.raises(ConfigError, match="--grpc-port"):
            attempt(settings)


def test_a_port_of_grpc_that_is_taken_is_told_before_anything_is_loaded(harbour: Harbour) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings(refs=("nobody",), store=harbour.store.root, port=0, grpc_port=port)
        for attempt in (check, lambda asked: serve(asked, lambda _serving: None)):
            with pytest.raises(ConfigError, match="--grpc-port"):
                attempt(settings)


def test_without_grpcio_a_port_of_grpc_is_refused(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tabi.serving.serve.find_spec", lambda name: None if name == "grpc" else object())
    with pytest.raises(ConfigError, match=r"tabi\[grpc\]"):
        check(Settings(refs=("voyage",), store=harbour.store.root, port=0, grpc_port=0))
