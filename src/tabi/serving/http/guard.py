"""Who may use an operator's route: whoever comes by the admin port, which is on loopback, or brings a token."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from tabi.serving.http.origins import Origins
from tabi.serving.http.tokens import Tokens
from tabi.serving.messages import Response
from tabi.serving.problems import problem

Scope = MutableMapping[str, Any]


class Guard:
    """Asked before every operator's route."""

    def __init__(self, admin_port: int | None, tokens: Tokens, origins: Origins) -> None:
        self._admin_port = admin_port
        self._tokens = tokens
        self._origins = origins

    def refusal(self, scope: Scope, needed: str, request_id: str) -> Response | None:
        """None if the request may pass. `needed`: the scope of a token that would do."""
        if self._origins.foreign(scope):
            # a page that a browser shows must not operate the server behind its reader's back, on no port
            return problem(403, "pages of other origins may not use this route", request_id)
        server = scope.get("server")
        if self._admin_port is not None and server is not None and server[1] == self._admin_port:
            return None
        if not self._tokens.configured:
            return problem(403, "this route is for operators: use the admin port", request_id)
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scopes = self._tokens.scopes_of(given) if given else None
        if scopes is None:
            fault = ', error="invalid_token"' if given else ""
            challenge = ("www-authenticate", f'Bearer realm="tabi"{fault}')
            return problem(401, f"this route needs a token with the scope {needed}", request_id, challenge)
        if scopes.isdisjoint((needed, "admin")):
            return problem(403, f"this token may not do that: it needs the scope {needed}", request_id)
        return None
