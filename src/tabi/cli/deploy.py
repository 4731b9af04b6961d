"""`tabi deploy`, `tabi deployments`, and the part of `tabi rollback` that has a target."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tabi.cli import traffic
from tabi.errors import ConfigError
from tabi.workspace import Workspace

if TYPE_CHECKING:
    from tabi.deploy.run import Done


class TargetName(StrEnum):
    """Where a model is served."""

    LOCAL = "local"
    COMPOSE = "compose"
    ECS = "ecs"
    KUBERNETES = "kubernetes"


Environment = Annotated[str, typer.Option("--env", help="The environment, such as dev or prod.", envvar="TABI_ENV")]
AsJson = Annotated[bool, typer.Option("--json", help="For a program.")]


def deploy(
    name: Annotated[str, typer.Argument(help="The model.")],
    target: Annotated[TargetName, typer.Option(help="Where it is to run.")] = TargetName.LOCAL,
    image: Annotated[str, typer.Option(help="REPOSITORY@sha256:… or an image's id; default: the one of now.")] = "",
    version: Annotated[
        int | None, typer.Option(help="The version that is to answer; default: the champion.", min=1)
    ] = None,
    environment: Environment = "dev",
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "",
    stop: Annotated[bool, typer.Option("--stop", help="End what runs there, and deploy nothing.")] = False,
    canary: traffic.CanaryShare = "",
    steps: traffic.Steps = "5,25,50,100",
    bake: traffic.Bake = "10m",
    least: traffic.Least = 200,
    blue_green: traffic.IsBlueGreen = False,
    shadow: traffic.ShadowShare = "",
    split: traffic.Split = None,
    experiment: traffic.Experiment = "split",
    end_trial: traffic.IsEnd = False,
    resume: traffic.Resume = False,
    urls: traffic.Urls = None,
    prometheus: traffic.PrometheusUrl = "",
    as_json: AsJson = False,
) -> None:
    """Bring a version and an image to a target, wait until it is well, and smoke-test it; after a failure go back.

    With --canary, --blue-green, --shadow or --split: divide the traffic of servers that follow the model instead.
    """
    from tabi.deploy.history import Place
    from tabi.deploy.run import deploy as run
    from tabi.deploy.run import stop as end
    from tabi.deploy.targets import target_of

    workspace = Workspace.find()
    place = Place(name, target.value, environment)
    asked = traffic.Traffic(
        canary,
        steps,
        bake,
        least,
        blue_green,
        shadow,
        split or [],
        experiment,
        end_trial,
        resume,
        urls or [],
        prometheus,
    )
    if asked.asked:
        traffic.steer_traffic(workspace, place, asked, version, reason)
        return
    found = target_of(workspace, target.value, name, environment)
    if stop:
        typer.echo(end(workspace, found, place, _tell))
        return
    _say(run(workspace, found, place, image=image, number=version, reason=reason, tell=_tell), as_json=as_json)


def deployments(
    name: Annotated[str | None, typer.Argument(help="One model; default: all.")] = None,
    as_json: AsJson = False,
) -> None:
    """The history of deployments and rollbacks, one a line, the newest last."""
    from tabi.deploy.history import deployments_of
    from tabi.deploy.page import table_of
    from tabi.registry.room import Room

    found = deployments_of(Room.open(Workspace.find()), name)
    for line in [each.to_json() for each in found] if as_json else table_of(found):
        typer.echo(line)


def roll_back_target(
    name: str,
    target: TargetName,
    environment: str,
    reason: str,
    *,
    to: int | None,
    image_only: bool,
    model_only: bool,
) -> None:
    """`tabi rollback NAME --target …`."""
    from tabi.deploy.history import Place
    from tabi.deploy.targets import target_of
    from tabi.deploy.way_back import Part, roll_back

    if image_only and model_only:
        raise ConfigError("--image-only and --model-only exclude each other: leave both out to return both")
    if to is not None:
        raise ConfigError("--to is of the model alone: leave --target out, servers follow the store")
    workspace = Workspace.find()
    found = target_of(workspace, target.value, name, environment)
    part: Part = "image" if image_only else "model" if model_only else "both"
    _say(roll_back(workspace, found, Place(name, target.value, environment), reason=reason, part=part, tell=_tell))


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def _say(done: Done, *, as_json: bool = False) -> None:
    made = done.deployment
    if as_json:
        typer.echo(made.to_json())
        return
    for file in done.files:
        typer.echo(f"written: {file}", err=True)
    typer.echo(f"{made.kind} {made.id}: {made.name}:{made.version} on {made.target} as {made.revision}, {done.address}")
