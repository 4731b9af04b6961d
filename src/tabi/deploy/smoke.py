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
from tabi.deploy.target import Tell
from tabi.errors import DeployError
from tabi.export.typical import typical_row

ASK_SECONDS = 10.0
# a server looks at the store several times a second, and fetches what it finds there
FOLLOW_SECONDS = 60.0
LOOK_SECONDS = 0.05


def smoke(address: str, bundle: Bundle, tell: Tell, limit_s: float = FOLLOW_SECONDS) -> None:
    """Ask /healthz, /schema and one /predict. `DeployError` says which did not answer as it must, and how it answered.

    The row is the contract's typical one. The server may need a moment until it has loaded the bundle.
    """
    ask(address, "/healthz")
    _until_bundle(address, bundle, limit_s)
    if ask(address, f"/models/{bundle.name}/schema") != json.loads(bundle.document("schema.json")):
        raise DeployError(f"smoke test: {address}/models/{bundle.name}/schema is not the contract of the bundle")
    tell(f"smoke test passed: /healthz, /schema and /predict, by {bundle.id[:12]}")


def ask(address: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """The JSON that a server answers with; `DeployError` for anything else."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(address + path, data, {"content-type": "application/json"})  # noqa: S310 - the target's own address
    try:
        with urlopen(request, timeout=ASK_SECONDS) as response:  # noqa: S310
            return json.loads(response.read())
    except HTTPError as error:
        with error:
            raise DeployError(f"smoke test: {address}{path} answered {error.code}{_detail(error)}") from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise DeployError(f"smoke test: {address}{path} did not answer ({reason})") from None


def _detail(error: HTTPError) -> str:
    """What a problem document says, without the row."""
    try:
        return f": {json.loads(error.read())['detail']}"[:300]
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _until_bundle(address: str, bundle: Bundle, limit_s: float) -> None:
    path, body = f"/models/{bundle.name}/predict", {"features": typical_row(bundle.contract())}
    end = monotonic() + limit_s
    while True:
        found = ask(address, path, body)
        version = found.get("version") if isinstance(found, dict) else None
        if version == bundle.id:
            return
        if monotonic() > end:
            raise DeployError(
                f"smoke test: {address}{path} still answers by {str(version)[:12]} after {limit_s:.0f} s, "
                f"and not by {bundle.id[:12]}: /readyz says why"
            )
        sleep(LOOK_SECONDS)
