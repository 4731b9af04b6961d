"""The routes that must answer whatever else goes on: probes and metrics. They need no web framework."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, Literal

from tabi.serving.codec import encode
from tabi.serving.http.guard import Guard
from tabi.serving.messages import Health, Response
from tabi.serving.models import Models
from tabi.serving.problems import RETRY, problem

Scope = MutableMapping[str, Any]
Plain = Callable[[Scope, str], Awaitable[Response]]
"""Takes the scope and the request id."""


def plain_routes(models: Models, guard: Guard, folder: Path, metrics: Literal["public", "admin"]) -> dict[str, Plain]:
    """GET routes by path. `folder`: where the workers count."""

    async def live(_scope: Scope, _request_id: str) -> Response:
        return Response(b'{"status":"ok"}')

    async def ready(_scope: Scope, _request_id: str) -> Response:
        found = models.readiness()
        status, headers = (503, RETRY) if found.status == "not_ready" else (200, ())
        return Response(encode(found), status=status, headers=headers)

    async def health(scope: Scope, request_id: str) -> Response:
        only = models.only
        if only is None:
            return await ready(scope, request_id)
        if not only.ready:
            return problem(503, f"no version of {only.name} is loaded yet: try again in a moment", request_id, *RETRY)
        return Response(encode(Health("ok", only.name, only.slot.model.version)))

    async def ping(_scope: Scope, _request_id: str) -> Response:
        ready_now = models.readiness().status != "not_ready"
        return Response(b"\n", "text/plain", 200 if ready_now else 503)

    async def scrape(scope: Scope, request_id: str) -> Response:
        refused = guard.refusal(scope, "metrics", request_id) if metrics == "admin" else None
        return await asyncio.to_thread(_expose, models, folder, scope) if refused is None else refused

    return {
        "/livez": live,
        "/readyz": ready,
        "/health": health,
        "/healthz": health,
        "/ping": ping,
        "/metrics": scrape,
    }


def _expose(models: Models, folder: Path, scope: Scope) -> Response:
    from tabi.serving.telemetry.exposition import expose

    for served in models:
        served.flush()
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    content, content_type = expose(folder, accept.decode("latin-1"))
    return Response(content, content_type)
