from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tabi.errors import ConfigError
from tabi.serving.addresses import listening
from tabi.serving.handover import offering, take
from tabi.serving.settings import Settings

HOST = "127.0.0.1"
LIMIT_S = 10


def taken(port: int) -> socket.socket:
    """What the offer gives, once it is there."""
    end = time.monotonic() + LIMIT_S
    while (found := take(HOST, port)) is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def test_who_follows_has_the_same_queue_and_nobody_in_it_is_lost() -> None:
    with socket.create_server((HOST, 0)) as first, offering(first, HOST):
        port = first.getsockname()[1]
        second = taken(port)
        with socket.create_connection((HOST, port)) as client:
            # it waits in the queue, and the server that it came to ends
            first.close()
            second.settimeout(LIMIT_S)
            with second, second.accept()[0] as answering:
                answering.sendall(b"here")
                assert client.recv(4) == b"here"


def test_the_one_that_follows_offers_the_port_once_the_first_has_ended() -> None:
    first = socket.create_server((HOST, 0))
    port = first.getsockname()[1]
    with offering(first, HOST):
        second = taken(port)
        offer = offering(second, HOST)
        offer.__enter__()
    first.close()
    try:
        with taken(port) as third:
            assert third.getsockname() == second.getsockname()
    finally:
        offer.__exit__(None, None, None)
        second.close()


def test_without_a_server_that_hands_over_there_is_nothing_to_take() -> None:
    with socket.create_server((HOST, 0)) as listener:
        assert take(HOST, listener.getsockname()[1]) is None


def test_two_servers_with_the_option_have_one_port_and_without_it_the_second_is_refused() -> None:
    with listening(Settings(refs=(), store=Path(), handover=True, port=0, admin_port=None)) as first:
        port = first.sockets[0].getsockname()[1]
        taken(port).close()
        again = Settings(refs=(), store=Path(), handover=True, port=port, admin_port=None)
        with listening(again) as second:
            assert second.url == first.url
        alone = Settings(refs=(), store=Path(), port=port, admin_port=None)
        with pytest.raises(ConfigError, match="Address already in use"), listening(alone):
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user for a moment")
def test_another_user_is_given_nothing() -> None:
    with socket.create_server((HOST, 0)) as listener, offering(listener, HOST):
        port = listener.getsockname()[1]
        taken(port).close()
        script = (
            "import os, socket;os.setuid(65534);s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET);"
            f"s.settimeout(5);s.connect('\\0tabi-listener-{HOST}-{port}');print(socket.recv_fds(s, 1, 1)[1])"
        )
        # without our variables: what measures coverage could write nowhere as somebody else
        done = subprocess.run(
            [sys.executable, "-I", "-c", script], env={}, capture_output=True, text=True, timeout=30, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
