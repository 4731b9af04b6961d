"""Where a server is asked: the sockets, taken once, by the process that outlives every worker."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from tabi.errors import ConfigError
from tabi.serving.handover import offering, take
from tabi.serving.settings import Settings

LOOPBACK = "127.0.0.1"
# connections that wait until they are taken
BACKLOG = 2048


class Addresses(NamedTuple):
    """The sockets that take connections, the public one first; `admin_port` is None where there is no second one."""

    sockets: list[socket.socket]
    url: str
    admin_port: int | None

    @property
    def admin_url(self) -> str | None:
        """Where operators ask, on loopback."""
        return None if self.admin_port is None else f"http://{LOOPBACK}:{self.admin_port}"


@contextmanager
def listening(settings: Settings) -> Iterator[Addresses]:
    """Take the addresses of a server; `ConfigError` if one cannot be had."""
    with ExitStack() as opened:
        public = opened.enter_context(_public(settings))
        sockets = [public]
        if settings.admin_port is not None:
            sockets.append(opened.enter_context(listening_alone(LOOPBACK, settings.admin_port, "--admin-port")))
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = f"http://{host}:{public.getsockname()[1]}"
        if settings.handover:
            opened.enter_context(offering(public, settings.host))
        yield Addresses(sockets, url, sockets[1].getsockname()[1] if len(sockets) > 1 else None)


def _public(settings: Settings) -> socket.socket:
    """The port that clients ask, from the server before if it hands it over."""
    taken = take(settings.host, settings.port) if settings.handover else None
    return taken or listening_alone(settings.host, settings.port, "--port")


def listening_alone(host: str, port: int, option: str) -> socket.socket:
    """A socket of a port; `ConfigError` names the option to change if it cannot be had."""
    try:
        # a name may be one of IPv6
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except UnicodeError as error:
        raise ConfigError("cannot listen on a name that is no host's: choose another --host") from error
    except socket.gaierror as error:
        raise ConfigError(f"cannot listen on {host} ({error.strerror}): choose another --host") from error
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}:{port} ({error.strerror}): choose another {option}") from error
