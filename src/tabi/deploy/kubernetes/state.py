"""What a Deployment and its ReplicaSets say of what runs.

A revision is the name of a ReplicaSet: it stays the same when Kubernetes returns to it, while the number in its
annotation is the highest one again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
NUMBER = "deployment.kubernetes.io/revision"


@dataclass(frozen=True)
class Revision:
    """One ReplicaSet."""

    name: str
    number: int
    image: str
    ready: int


def revisions(deployment: Json, sets: Json, container: str) -> list[Revision]:
    """Those of the Deployment, newest first."""
    owner = deployment["metadata"]["uid"]
    found = [
        Revision(
            each["metadata"]["name"],
            int(each["metadata"].get("annotations", {}).get(NUMBER, 0)),
            image_of(each, container),
            each.get("status", {}).get("readyReplicas", 0),
        )
        for each in sets["items"]
        if any(reference.get("uid") == owner for reference in each["metadata"].get("ownerReferences", ()))
    ]
    return sorted(found, key=lambda each: each.number, reverse=True)


def image_of(workload: Json, container: str) -> str:
    """The image of a container; empty where there is no such container."""
    containers = workload["spec"]["template"]["spec"]["containers"]
    return next((str(each["image"]) for each in containers if each["name"] == container), "")


def is_seen(deployment: Json) -> bool:
    """Whether the controller has looked at the newest template; before that its status is of the one before."""
    return bool(
        deployment.get("status", {}).get("observedGeneration", 0) >= deployment["metadata"].get("generation", 1)
    )


def is_complete(deployment: Json) -> bool:
    """Whether all pods are of the newest template and available, by the rule of `kubectl rollout status`."""
    status, wanted = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
    counts = [status.get(key, 0) for key in ("updatedReplicas", "replicas", "availableReplicas")]
    return is_seen(deployment) and counts == [wanted] * 3


def settled(deployment: Json, found: list[Revision]) -> Revision | None:
    """What answers: the newest if its rollout is complete, else the one before that still has ready pods."""
    if not found or is_complete(deployment):
        return found[0] if found else None
    return next((each for each in found[1:] if each.ready), found[0])
