"""Which service of which cluster, and where it answers: what Terraform has handed over, or what variables say.

| variable            | default                       | meaning                                       |
|---------------------|-------------------------------|-----------------------------------------------|
| TABI_ECS_PARAMETERS | /tabi/<environment>/service   | path of the parameters that layer 30 wrote    |
| TABI_ECS_CLUSTER    | parameter `cluster`           | the cluster                                   |
| TABI_ECS_SERVICE    | parameter `service`           | the service                                   |
| TABI_ECS_URL        | parameter `url`               | where the load balancer answers               |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from tabi.deploy.ecs.calls import asking, client
from tabi.errors import ConfigError, NotFoundError

PARAMETERS = "TABI_ECS_PARAMETERS"
_NAMED = {"cluster": "TABI_ECS_CLUSTER", "service": "TABI_ECS_SERVICE", "url": "TABI_ECS_URL"}


@dataclass(frozen=True)
class Place:
    """One service. `log_group`: where its containers' logs are, if that is known."""

    cluster: str
    service: str
    url: str
    log_group: str | None = None


def find_place(environment: str, environ: Mapping[str, str] = os.environ) -> Place:
    """The service of an environment. `NotFoundError` where nothing says which it is.

    Parameters are read only for what no variable says.
    """
    named = {key: environ.get(variable, "") for key, variable in _NAMED.items()}
    path = environ.get(PARAMETERS) or f"/tabi/{environment}/service"
    if not path.startswith("/"):
        raise ConfigError(f"{PARAMETERS} is not a path: write /<project>/<environment>/service")
    handed = {} if all(named.values()) else _parameters(path)
    found = {key: text or handed.get(key, "") for key, text in named.items()}
    lacking = [key for key, text in found.items() if not text]
    if lacking:
        raise NotFoundError(
            f"no parameter of AWS says the {lacking[0]} of {environment} below {path}: apply 30-ecs-alb-mlops there, "
            f"or set {_NAMED[lacking[0]]}"
        )
    return Place(found["cluster"], found["service"], found["url"].rstrip("/"), handed.get("log_group"))


def _parameters(path: str) -> dict[str, str]:
    with asking(f"read the parameters below {path}"):
        pages = client("ssm").get_paginator("get_parameters_by_path").paginate(Path=path)
        return {one["Name"].rpartition("/")[2]: one["Value"] for page in pages for one in page["Parameters"]}
