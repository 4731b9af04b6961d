"""How a client calls: where, as whom, how long, how often."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

import httpx

from tabi import __version__
from tabi.client.errors import InputError
from tabi.client.retry import Retry

# a server of Tabi, and most of what stands before one, closes a connection that is idle for a minute
IDLE_S = 45.0

_visible = re.compile(r"[!-~]+").fullmatch


class Keywords(TypedDict, total=False):
    """The fields of `Options`, all of which may be left out."""

    token: str | None
    timeout: float
    deadline: float
    retry: Retry
    connections: int
    most_rows: int
    most_bytes: int
    headers: Mapping[str, str]
    verify: bool | ssl.SSLContext


@dataclass(frozen=True, kw_only=True)
class Options:
    """What holds for every call of a client.

    `token`: sent as a bearer token. `timeout`: seconds for the connection, and for each wait for bytes. `deadline`:
    seconds for a call as a whole, with all attempts and pauses. `connections`: the most that are open at a time.
    `most_rows`, `most_bytes`: where a batch is split into requests. `headers` go along with every request.
    `verify`: False trusts any certificate; an SSL context decides by itself and may hold a client's certificate.
    """

    token: str | None = field(default=None, repr=False)
    timeout: float = 10.0
    deadline: float = 60.0
    retry: Retry = field(default_factory=Retry)
    connections: int = 20
    most_rows: int = 10_000
    most_bytes: int = 16 * 1024 * 1024
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    verify: bool | ssl.SSLContext = True

    def __post_init__(self) -> None:
        if self.token is not None and not _visible(self.token):
            raise InputError("token: a token is of visible ASCII characters")
        if min(self.timeout, self.deadline) <= 0:
            raise InputError("timeout and deadline: seconds above 0")
        if min(self.connections, self.most_rows, self.most_bytes) < 1:
            raise InputError("connections, most_rows and most_bytes: at least 1")

    def common_headers(self) -> dict[str, str]:
        """What stands in every request."""
        known = {"accept": "application/json", "user-agent": f"tabi-client/{__version__}"}
        token = {} if self.token is None else {"authorization": f"Bearer {self.token}"}
        return {**known, **{name.lower(): value for name, value in self.headers.items()}, **token}

    def limits(self) -> httpx.Limits:
        """The pool of connections."""
        return httpx.Limits(
            max_connections=self.connections, max_keepalive_connections=self.connections, keepalive_expiry=IDLE_S
        )


def base_url(url: str) -> httpx.URL:
    """The address of a server, perhaps with the path below which it answers."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise InputError("the address of a server looks like http://host:8000") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InputError("the address of a server looks like http://host:8000")
    if parsed.query or parsed.fragment:
        raise InputError("the address of a server has no query and no fragment")
    return parsed
