"""A revision of a task definition that differs from another one in what was asked for, and in nothing else."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tabi.errors import DeployError

Json = dict[str, Any]

_ECR = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<name>[a-z0-9._/-]+)")
SERVE = "serve"


@dataclass(frozen=True)
class Wanted:
    """What the next revision is to have: an image, models that it serves, variables. What is empty stays as it is."""

    image: str = ""
    models: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class InRegistry:
    """An image of ECR: account, repository, digest."""

    account: str
    name: str
    digest: str


def in_registry(image: str) -> InRegistry | None:
    """Where an image lies in ECR; None if it lies in another registry."""
    repository, _, digest = image.partition("@")
    found = _ECR.fullmatch(repository)
    return InRegistry(found["account"], found["name"], digest) if found else None


def container_of(definition: Json, service: Json) -> str:
    """The container that the load balancer asks, or the only one. `DeployError` if it cannot be told."""
    names = [container["name"] for container in definition["containerDefinitions"]]
    asked = {balancer.get("containerName") for balancer in service.get("loadBalancers", ())} & set(names)
    if len(asked) == 1:
        return str(asked.pop())
    if len(names) == 1:
        return str(names[0])
    raise DeployError(
        f"{len(names)} containers of {short(definition['taskDefinitionArn'])} could be the server, and the service "
        "names none at its load balancer: name it there"
    )


def image_of(definition: Json, container: str) -> str:
    """The image of a container."""
    return str(_container(definition, container)["image"])


def changed(definition: Json, container: str, wanted: Wanted, accepted: frozenset[str]) -> Json | None:
    """What to register for the next revision; None where the definition has all that is wanted.

    `accepted`: the fields that a registration takes; what AWS adds when it describes one is left out by that.
    """
    made = {key: copy.deepcopy(value) for key, value in definition.items() if key in accepted}
    ours = _container(made, container)
    if wanted.image:
        ours["image"] = wanted.image
    if wanted.models:
        ours["command"] = [SERVE, *wanted.models]
    if wanted.variables:
        kept = {one["name"]: one["value"] for one in ours.get("environment", ())}
        ours["environment"] = [
            {"name": name, "value": value} for name, value in sorted({**kept, **wanted.variables}.items())
        ]
    return None if ours == _container(definition, container) else made


def short(arn: str) -> str:
    """FAMILY:REVISION of a task definition's ARN."""
    return arn.rpartition("/")[2]


def _container(definition: Json, name: str) -> Json:
    return next(one for one in definition["containerDefinitions"] if one["name"] == name)
