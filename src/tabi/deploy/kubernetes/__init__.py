"""Deployment to Kubernetes: a Deployment that `infra/kubernetes` has made, by kubectl."""

from __future__ import annotations

from tabi.deploy.target import Target
from tabi.workspace import Workspace


def open_target(_workspace: Workspace, _name: str, environment: str) -> Target:
    """The Deployment of an environment; the cluster is asked when there is work to do."""
    from tabi.deploy.kubernetes.place import place_of
    from tabi.deploy.kubernetes.target import KubernetesTarget

    return KubernetesTarget(place_of(environment))
