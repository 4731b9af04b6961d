"""ECS as a target: a new revision of the task definition, and the service's own rolling deployment of it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from tabi.deploy.ecs import rollout
from tabi.deploy.ecs.calls import PassingError
from tabi.deploy.ecs.place import Place, find_place
from tabi.deploy.ecs.revision import Wanted, changed, container_of, image_of, in_registry, short
from tabi.deploy.ecs.service import Service
from tabi.deploy.images import require_reference
from tabi.deploy.target import Applied, Kind, Plan, Tell
from tabi.errors import ConfigError, DeployError

Json = dict[str, Any]

LIMIT_S = 900.0
"""A deployment of Fargate takes two to five minutes; the circuit breaker trips after ten failed tasks at the latest."""
LOOK_S = 5.0
# events shown with a failure
_SHOWN = 3


class EcsTarget:
    """One service. `TABI_ECS_SECONDS` and `TABI_ECS_LOOK_SECONDS` say how long is waited, and how often looked."""

    kind: Kind = "ecs"

    def __init__(self, environment: str, environ: Mapping[str, str] = os.environ) -> None:
        self._environment, self._environ = environment, environ
        self._limit_s = _seconds(environ, "TABI_ECS_SECONDS", LIMIT_S)
        self._look_s = _seconds(environ, "TABI_ECS_LOOK_SECONDS", LOOK_S)
        # of the deployment that was begun here: its id, and what the service had said before
        self._begun: tuple[str, rollout.Events] | None = None

    @cached_property
    def place(self) -> Place:
        """Which service."""
        return find_place(self._environment, self._environ)

    @cached_property
    def service(self) -> Service:
        """Its calls."""
        return Service(self.place)

    def check(self, plan: Plan) -> None:
        """The image is named by digest and in the registry, the service is there and can be read."""
        if plan.image:
            image = in_registry(require_reference(plan.image))
            if image is not None:
                self.service.require_image(image)
        service = self.service.describe()
        definition, _ = self.service.definition(service["taskDefinition"])
        container_of(definition, service)

    def current(self) -> Applied | None:
        """The revision that was completed last, though a newer one may have been begun and not be finished."""
        service = self.service.describe()
        return self._applied(service, rollout.settled(service))

    def apply(self, plan: Plan, tell: Tell) -> Applied:
        """Register what differs and update the service; where nothing differs, tasks are started anew."""
        self._say_where(tell)
        service = self.service.describe()
        definition, tags = self.service.definition(service["taskDefinition"])
        container = container_of(definition, service)
        made = changed(definition, container, self._wanted(plan), self.service.fields)
        image = image_of(made or definition, container)
        if made is None:
            revision = str(service["taskDefinition"])
            tell(f"nothing differs from {short(revision)}: its tasks are started anew")
        else:
            revision = self.service.register(made, tags)
            tell(f"registered {short(revision)}")
        self._begin(service, revision, force=made is None)
        return Applied(revision, image, self.place.url, anew=made is None)

    def wait(self, applied: Applied, tell: Tell) -> None:
        """Until ECS calls the deployment COMPLETED; `DeployError` if it FAILED, or time is out."""
        if self._begun is None:
            service = self.service.describe()
            self._begun = str(rollout.primary_of(service).get("id")), rollout.Events(service)
        deployment, events = self._begun
        end, told = time.monotonic() + self._limit_s, ""
        while True:
            service = self._look(end)
            for message in events.new(service):
                tell(f"ecs: {message}")
            found = rollout.read(service, deployment)
            if found.line != told and found.state == "going":
                told = found.line
                tell(told)
            if found.state == "completed":
                tell(f"{short(applied.revision)} is completed, {found.line}")
                return
            if found.state != "going":
                raise self._failed(applied, found, service)
            if time.monotonic() > end:
                raise DeployError(
                    f"{short(applied.revision)} is not completed after {self._limit_s:.0f} s ({found.line}): "
                    f"{self._where_to_look()}"
                )
            time.sleep(self._look_s)

    def keep(self, applied: Applied, tell: Tell) -> None:
        """ECS has stopped the tasks of the revision before; the revision itself stays, for a rollback."""

    def back(self, revision: str, tell: Tell) -> Applied | None:
        """The earlier revision again; where the circuit breaker brings it back already, that is only waited for."""
        if not revision:
            raise DeployError(f"{self.place.service} is ended by Terraform alone: set `tasks = 0` in 30-ecs-alb-mlops")
        self._say_where(tell)
        service = self.service.describe()
        applied, primary = self._applied(service, revision), rollout.primary_of(service)
        if primary.get("taskDefinition") == revision and primary.get("rolloutState") != "FAILED":
            how = "is on its way already" if rollout.is_going(primary) else "runs"
            tell(f"{short(revision)} {how}")
            self._begun = str(primary.get("id")), rollout.Events(service)
        else:
            self._begin(service, revision)
            tell(f"back to {short(revision)}")
        self.wait(applied, tell)
        return applied

    def earlier(self) -> str:
        """The revision that was completed before the present one, by ECS's own history; empty where it knows none."""
        now = rollout.settled(self.service.describe())
        return next((revision for revision in self.service.completed() if revision != now), "")

    def unfinished(self) -> str:
        """The revision of the newest deployment, while it is not completed and another one still answers."""
        service = self.service.describe()
        primary = rollout.primary_of(service)
        newest = str(primary.get("taskDefinition", ""))
        return newest if rollout.is_going(primary) and newest != rollout.settled(service) else ""

    def _say_where(self, tell: Tell) -> None:
        """What is left as evidence must not pass for AWS's own answers."""
        if any(self._environ.get(name) for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECS")):
            tell("note: AWS_ENDPOINT_URL is set, so what answers here is not AWS itself")

    def _begin(self, service: Json, revision: str, *, force: bool = False) -> None:
        events = rollout.Events(service)
        begun = self.service.update(revision, force=force)
        self._begun = str(rollout.primary_of(begun).get("id")), events

    def _look(self, end: float) -> Json:
        """The service; where AWS is busy, it is asked again until time is out."""
        while True:
            try:
                return self.service.describe()
            except PassingError:
                if time.monotonic() > end:
                    raise
                time.sleep(self._look_s)

    def _failed(self, applied: Applied, found: rollout.Rollout, service: Json) -> DeployError:
        said = [" ".join(event["message"].split()) for event in service.get("events", ())[:_SHOWN]]
        because = f"; ECS says: {' | '.join(said)}" if said else ""
        what = "was overtaken" if found.state == "overtaken" else "failed"
        return DeployError(f"{short(applied.revision)} {what}: {found.reason}{because}; {self._where_to_look()}")

    def _where_to_look(self) -> str:
        group = self.place.log_group
        return f"look at its containers' log: aws logs tail {group}" if group else "look at its containers' log"

    def _wanted(self, plan: Plan) -> Wanted:
        store = self._environ.get("TABI_ECS_STORE", "")
        return Wanted(
            image=plan.image,
            models=tuple(self._environ.get("TABI_ECS_MODELS", "").split()),
            variables={"TABI_STORE": store} if store else {},
        )

    def _applied(self, service: Json, revision: str) -> Applied:
        definition, _ = self.service.definition(revision)
        return Applied(revision, image_of(definition, container_of(definition, service)), self.place.url)


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = 0
    if not 0 < value < 86_400:
        raise ConfigError(f"{name} is not a number of seconds: write one such as {default:.0f}")
    return value
