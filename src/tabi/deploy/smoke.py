"""The smoke test: is it alive, is it the contract that was released, and does it answer a row with that very bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPException
from time import monotonic, sleep
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tabi.bundle import Bundle
from tabi.deploy.target import Applied, Ask, Tell
from tabi.errors import DeployError
from tabi.export.typical import typical_row

ASK_SECONDS = 10.0
# a server looks at the store several times a second, and fetches what it finds there
FOLLOW_SECONDS = 60.0
LOOK_SECONDS = 0.05
# a store may be slow once; what stays wrong for so long stays wrong
FAILING_SECONDS = 1.0


def smoke(ask: Ask, bundle: Bundle, tell: Tell, limit_s: float = FOLLOW_SECONDS, *, schema: bool = True) -> None:
    """Ask /healthz, one /predict and /schema. `DeployError` says which did not answer as it must, and how it answered.

    The row is the contract's typical one. The server may need a moment until it has loaded the bundle. Without `schema`
    it is quicker: a server builds its pages with the first request for one of them.
    """
    ask("/healthz")
    _until_bundle(ask, bundle, limit_s)
    path = f"/models/{bundle.name}/schema"
    if schema and ask(path) != json.loads(bundle.document("schema.json")):
        raise DeployError(f"{path} is not the contract of the bundle: {bundle.id[:12]} is served by another server")
    asked = "/healthz, /schema and /predict" if schema else "/healthz and /predict"
    tell(f"smoke test passed: {asked}, by {bundle.id[:12]}")


def ask_of(applied: Applied) -> Ask:
    """How a server is asked alone, if it can be."""
    return applied.probe or asker(applied.address)


def asker(address: str) -> Ask:
    """Asks a server at an address."""

    def ask(path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        # S310: the address is the target's own
        request = Request(address + path, data, {"content-type": "application/json"})  # noqa: S310
        try:
            with urlopen(request, timeout=ASK_SECONDS) as response:  # noqa: S310
                return json.loads(response.read())
        except HTTPError as error:
            with error:
                raise refused(f"{address}{path}", error.code, error.read()) from None
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            raise DeployError(f"{address}{path} did not answer ({reason})") from None

    return ask


def refused(what: str, status: int, content: bytes) -> DeployError:
    """An answer that is no success, with what its problem document says, if it is one."""
    try:
        detail = f": {json.loads(content)['detail']}"[:300]
    except (ValueError, KeyError, TypeError):
        detail = ""
    return DeployError(f"{what} answered {status}{detail}")


def _until_bundle(ask: Ask, bundle: Bundle, limit_s: float) -> None:
    path, body = f"/models/{bundle.name}/predict", {"features": typical_row(bundle.contract())}
    began, failing = monotonic(), 0.0
    while True:
        found = ask(path, body)
        version = found.get("version") if isinstance(found, dict) else None
        if version == bundle.id:
            return
        problem = _problem(ask, bundle.name)
        failing = failing or monotonic() if problem else 0.0
        if problem and monotonic() - failing > FAILING_SECONDS:
            raise DeployError(f"{bundle.name} {bundle.id[:12]} is not loaded by the server: {problem}")
        if monotonic() - began > limit_s:
            raise DeployError(
                f"{path} still answers by {str(version)[:12]} after {limit_s:.0f} s, and not by {bundle.id[:12]}: "
                "/readyz says why"
            )
        sleep(LOOK_SECONDS)


def _problem(ask: Ask, name: str) -> str | None:
    """Why the server does not answer with what the store means, if it says so."""
    statuses = {each["name"]: each for each in ask("/models")["models"]}
    found: str | None = statuses.get(name, {}).get("problem")
    return found
