"""Which pages of other origins a browser may let ask: none, unless they are named."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tabi.serving.messages import Response

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Origins:
    """The origins that are allowed (CORS). `*` is every one, for what everybody may ask."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self._allowed = frozenset(origin.encode() for origin in allowed)
        self._every = b"*" in self._allowed

    def asks(self, scope: Scope) -> bool:
        """Whether a page of an allowed origin asks what it may do."""
        origin = self._origin(scope)
        return origin is not None and (self._every or origin in self._allowed)

    def foreign(self, scope: Scope) -> bool:
        """Whether a page asks whose origin is not allowed by its name."""
        origin = self._origin(scope)
        return origin is not None and origin not in self._allowed

    def preflight(self) -> Response:
        """What such a page may do."""
        allow = (
            ("access-control-allow-methods", "GET, POST"),
            ("access-control-allow-headers", "content-type, x-request-id, authorization"),
            ("access-control-max-age", "600"),
        )
        return Response(b"", "text/plain", 200, allow)

    def allowing(self, scope: Scope, send: Send) -> Send:
        """`send` with the header that lets the page read the answer, if it may."""
        if not self._allowed or not self.asks(scope):
            return send
        origin = self._origin(scope) or b""

        async def send_allowed(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                allow = [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]
                allow.append((b"access-control-expose-headers", b"x-request-id, retry-after"))
                message["headers"] = [*message["headers"], *allow]
            await send(message)

        return send_allowed

    @staticmethod
    def _origin(scope: Scope) -> bytes | None:
        return next((value for name, value in scope["headers"] if name == b"origin"), None)
