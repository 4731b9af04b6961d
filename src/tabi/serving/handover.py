"""Handing a port over: the server that has it gives its listening socket to the one that follows.

Both then take from one queue of connections, which outlives either of them, so that no client is turned away: a port
that two servers bind (SO_REUSEPORT) has a queue each, and what waits in the first one's is reset when that one ends.
The socket goes over an abstract socket of the system: its name ends with the process that has it, and it is seen within
one network, so that containers that share one can hand over too. Only the same user is given anything, or believed.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from tabi.errors import ConfigError

# for a server to answer who asks it for its socket
ANSWER_SECONDS = 2.0
LOOK_SECONDS = 0.1
_CREDENTIALS = struct.Struct("3i")


def take(host: str, port: int) -> socket.socket | None:
    """The listening socket of the server that has the port and hands it over; None if there is no such server."""
    if sys.platform != "linux":
        raise ConfigError("--handover needs Linux: leave it out, and stop the server before you start another")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
        asking.settimeout(ANSWER_SECONDS)
        try:
            asking.connect(_name(host, port))
            if not _is_ours(asking):
                return None
            _, descriptors, _, _ = socket.recv_fds(asking, 1, 1)
        except OSError:
            return None
    return socket.socket(fileno=descriptors[0]) if descriptors else None


@contextmanager
def offering(listener: socket.socket, host: str) -> Iterator[None]:
    """Hand the socket over to whoever asks for it. While the server before it still does so, wait for its end."""
    ended = Event()
    port: int = listener.getsockname()[1]
    thread = Thread(target=_offer, args=(listener, _name(host, port), ended), name="handover", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(ANSWER_SECONDS)


def _offer(listener: socket.socket, name: str, ended: Event) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as offer:
        while not _bound(offer, name):
            if ended.wait(LOOK_SECONDS):
                return
        offer.listen(1)
        offer.settimeout(LOOK_SECONDS)
        while not ended.is_set():
            # who asks may go away at any moment
            with suppress(OSError):
                asking, _ = offer.accept()
                with asking:
                    asking.settimeout(ANSWER_SECONDS)
                    if _is_ours(asking):
                        socket.send_fds(asking, [b"\0"], [listener.fileno()])


def _bound(offer: socket.socket, name: str) -> bool:
    try:
        offer.bind(name)
    except OSError:
        return False
    return True


def _is_ours(peer: socket.socket) -> bool:
    """Whether the other side is of our own user."""
    found = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    user: int = _CREDENTIALS.unpack(found)[1]
    return user == os.geteuid()


def _name(host: str, port: int) -> str:
    return f"\0tabi-listener-{host}-{port}"
