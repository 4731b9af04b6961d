"""What a deployment is applied to. Everything that differs between a laptop and ECS stands behind this protocol.

A target's revision is a text, the target's own word for what it runs: a task definition's ARN, the number of a local
revision. The way of every deployment, in `deploy/run.py`: `current`, `apply`, `wait`, the smoke test at `address`,
then `keep`; or after any failure `back`.

To add a target: a module of its name in this package, with `open_target(workspace, name, environment) -> Target`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

Kind = Literal["local", "compose", "ecs", "kubernetes"]

Ask = Callable[..., Any]
"""Asks a server: `ask(path)` or `ask(path, body)`; what its JSON holds, `DeployError` for any other answer."""

Tell = Callable[[str], None]
"""Told of progress, a line at a time."""


@dataclass(frozen=True)
class Plan:
    """What is to run. `image`: REPOSITORY@sha256:… or an image's id; empty where the target keeps the one it has.

    `version`: None where the bundle has no number here.
    """

    name: str
    environment: str
    image: str
    version: int | None
    bundle: str


@dataclass(frozen=True)
class Applied:
    """What a target runs, or begins to run. `address`: where it is asked, as http://127.0.0.1:8000.

    `probe`: asks it alone, where what ran before shares the address until `keep`. `anew`: it differs in nothing from
    what ran before, and was started once more.
    """

    revision: str
    image: str
    address: str
    probe: Ask | None = field(default=None, compare=False)
    anew: bool = False


class Target(Protocol):
    """One service on one target. An error is a `DeployError`, one line that says what to do."""

    kind: Kind

    def check(self, plan: Plan) -> None:
        """Refuse, before anything is written, a plan that can not be applied here, such as an image that is missing."""

    def current(self) -> Applied | None:
        """What runs now; None where nothing does. What a killed deployment left beside it does not count."""

    def apply(self, plan: Plan, tell: Tell) -> Applied:
        """Begin to run the plan beside what runs. The revision of now, if it is that already."""

    def wait(self, applied: Applied, tell: Tell) -> None:
        """Return once it is well; `DeployError` once it is plain that it will not be."""

    def keep(self, applied: Applied, tell: Tell) -> None:
        """It passed its smoke test: what ran before may go."""

    def back(self, revision: str, tell: Tell) -> Applied | None:
        """Run an earlier revision again, and return once it is well. Empty: nothing is to run, as before."""


@runtime_checkable
class Remembers(Protocol):
    """A target that knows by itself what it ran, whoever deployed it."""

    def earlier(self) -> str:
        """The revision that ran before the one of now; empty where none is known."""

    def unfinished(self) -> str:
        """The revision that it is on its way to by itself, since a deployment was cut; empty where it is not."""
