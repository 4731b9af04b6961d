"""Deployment to Amazon ECS: the service that infra/terraform/30-ecs-alb-mlops has made, behind its load balancer."""

from __future__ import annotations

from tabi.deploy.target import Target
from tabi.workspace import Workspace


def open_target(_workspace: Workspace, _name: str, environment: str) -> Target:
    """The service of an environment; AWS is asked when there is work to do."""
    from tabi.deploy.ecs.target import EcsTarget

    return EcsTarget(environment)
