"""The part of `tabi deploy` that divides traffic instead of bringing something to a target."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from tabi.errors import ConfigError

if TYPE_CHECKING:
    from tabi.deploy.canary.meter import Meter
    from tabi.deploy.history import Place
    from tabi.policy import Policy
    from tabi.workspace import Workspace

CanaryShare = Annotated[str, typer.Option("--canary", help="Give this share to the challenger first, as 5%.")]
Steps = Annotated[str, typer.Option(help="With --canary: the shares after it, in percent.")]
Bake = Annotated[str, typer.Option(help="With --canary: how long each share is watched at the least, as 10m.")]
Least = Annotated[int, typer.Option(help="With --canary: requests of the challenger that a step needs.", min=1)]
IsBlueGreen = Annotated[
    bool, typer.Option("--blue-green", help="Load it beside the champion, then switch; again: back.")
]
ShadowShare = Annotated[
    str, typer.Option("--shadow", help="Copy this share of requests to it; nobody gets its answers.")
]
Split = Annotated[list[str] | None, typer.Option(help="An arm, as control=3 or control=3:2; once for each.")]
Experiment = Annotated[str, typer.Option(help="With --split: the experiment's name.")]
IsEnd = Annotated[bool, typer.Option("--end", help="End what is being tried: the champion answers everything.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a canary whose process ended.")]
Urls = Annotated[list[str] | None, typer.Option("--url", help="A server whose /metrics are read; once for each.")]
PrometheusUrl = Annotated[str, typer.Option("--prometheus", help="Instead: the Prometheus that scrapes all of them.")]


@dataclass(frozen=True)
class Traffic:
    """What was asked for."""

    canary: str
    steps: str
    bake: str
    least: int
    blue_green: bool
    shadow: str
    split: list[str]
    experiment: str
    end: bool
    resume: bool
    urls: list[str]
    prometheus: str

    @property
    def asked(self) -> bool:
        """Whether traffic is to be divided, or not to be any more."""
        ways = (self.canary, self.blue_green, self.shadow, self.split, self.end, self.resume)
        if sum(map(bool, ways)) > 1 and not (self.canary and self.resume):
            raise ConfigError("--canary, --blue-green, --shadow, --split and --end exclude each other: name one")
        return any(ways)


def steer_traffic(workspace: Workspace, place: Place, asked: Traffic, version: int | None, reason: str) -> None:
    """Do it, and say what holds now."""
    from tabi.deploy.canary import modes
    from tabi.deploy.canary.words import arms_of, share_of
    from tabi.registry import steer

    name = place.name
    if asked.canary or asked.resume:
        _canary(workspace, place, asked, version, reason)
        return
    if asked.blue_green:
        policy = modes.blue_green(workspace, place, version, asked.urls, reason, _tell)
    elif asked.shadow:
        share = share_of(asked.shadow)
        policy = modes.once(
            workspace, place, reason, lambda: steer.shadow(workspace, name, share, version, reason), _tell
        )
    elif asked.split:
        arms = arms_of(asked.split)
        policy = modes.once(
            workspace, place, reason, lambda: steer.split(workspace, name, asked.experiment, arms, reason=reason), _tell
        )
    else:
        policy = modes.once(workspace, place, reason, lambda: steer.end(workspace, name, reason), _tell)
    typer.echo(_told(policy))


def _canary(workspace: Workspace, place: Place, asked: Traffic, version: int | None, reason: str) -> None:
    from tabi.deploy.canary.judge import Bounds
    from tabi.deploy.canary.meter import Prometheus, Replicas
    from tabi.deploy.canary.run import Plan, run
    from tabi.deploy.canary.words import seconds_of, steps_of

    if bool(asked.urls) == bool(asked.prometheus):
        raise ConfigError("a canary watches its servers: name each with --url, or their Prometheus with --prometheus")
    steps = steps_of(asked.canary, asked.steps) if asked.canary else ()
    plan = Plan(steps, seconds_of(asked.bake), version, reason, Bounds(least=asked.least))

    def meter() -> Meter:
        if asked.urls:
            return Replicas(place.name, asked.urls, os.environ.get("TABI_METRICS_TOKEN", ""))
        return Prometheus(place.name, asked.prometheus)

    typer.echo(run(workspace, place, plan, meter, _tell, resume=asked.resume))


def _told(policy: Policy) -> str:
    beside = ", ".join(f"{policy.name}:{each.version}" for each in policy.beside)
    return f"{policy.name}:{policy.champion.version} is the champion, policy {policy.kind}" + (
        f" with {beside}" if beside else ""
    )


def _tell(line: str) -> None:
    typer.echo(line, err=True)
