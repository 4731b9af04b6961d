"""Which Deployment of which cluster.

| variable             | default             | meaning                                                   |
|----------------------|---------------------|-----------------------------------------------------------|
| KUBECONFIG           | kubectl's own       | the file of clusters and credentials                      |
| TABI_KUBE_CONTEXT    | the current one     | the context in that file                                  |
| TABI_KUBE_NAMESPACE  | tabi-<environment>  | the namespace                                             |
| TABI_KUBE_DEPLOYMENT | tabi                | the Deployment                                            |
| TABI_KUBE_CONTAINER  | server              | the container of it that is the server                    |
| TABI_KUBE_URL        | –                   | where the service answers, for the smoke test             |
| TABI_KUBE_SECONDS    | 300                 | how long a rollout may take; the Deployment has a bound too |
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tabi.errors import ConfigError

LIMIT_S = 300.0
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Place:
    """One Deployment. An empty context is kubectl's own choice."""

    context: str
    namespace: str
    deployment: str
    container: str
    url: str
    limit_s: float = LIMIT_S


def place_of(environment: str, environ: Mapping[str, str] = os.environ) -> Place:
    """What the variables say. `ConfigError` for what can be no name, and without an address for the smoke test."""
    url = environ.get("TABI_KUBE_URL", "").rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise ConfigError(
            "a deployment to Kubernetes is smoke-tested: say where the service answers, TABI_KUBE_URL=https://…, or "
            "http://127.0.0.1:PORT of a kubectl port-forward service/tabi"
        )
    return Place(
        context=environ.get("TABI_KUBE_CONTEXT", ""),
        namespace=_named(environ, "TABI_KUBE_NAMESPACE", f"tabi-{environment}"),
        deployment=_named(environ, "TABI_KUBE_DEPLOYMENT", "tabi"),
        container=_named(environ, "TABI_KUBE_CONTAINER", "server"),
        url=url,
        limit_s=_seconds(environ.get("TABI_KUBE_SECONDS", "")),
    )


def _named(environ: Mapping[str, str], variable: str, default: str) -> str:
    name = environ.get(variable) or default
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{variable} is no name of Kubernetes: small letters, digits, '-' and '.', such as {default}")
    return name


def _seconds(text: str) -> float:
    try:
        value = float(text) if text else LIMIT_S
    except ValueError:
        value = 0
    if not 1 <= value < 86_400:
        raise ConfigError(f"TABI_KUBE_SECONDS is not a number of seconds: write one such as {LIMIT_S:.0f}")
    return value
