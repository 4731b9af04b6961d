"""Every condition judged, and the ML Test Score beside it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import msgspec

import tabi.dod.layers  # noqa: F401 - registers the conditions
from tabi.dod.condition import CONDITIONS, Condition, Found, NotDoneError, Status
from tabi.dod.facts import Facts
from tabi.dod.rubric import Score, reason_of, score_of
from tabi.errors import ConfigError, NotFoundError, TabiError
from tabi.evidence import now
from tabi.workspace import Workspace

STATUSES: tuple[Status, ...] = ("done", "stale", "failing", "missing")


class Judged(msgspec.Struct, frozen=True):
    """A condition with what was found of it. `command` writes its evidence; None while nothing does."""

    key: str
    layer: int
    title: str
    status: Status
    text: str
    at: str | None
    link: str | None
    command: str | None


class Report(msgspec.Struct, frozen=True):
    """The Definition of Done of one project at one moment. `bundle`: None before the first release."""

    name: str
    bundle: str | None
    moment: str
    conditions: tuple[Judged, ...]
    score: Score

    @property
    def counts(self) -> dict[Status, int]:
        """How many conditions there are of each status."""
        found = Counter(each.status for each in self.conditions)
        return {status: found[status] for status in STATUSES}

    def of_layer(self, layer: int) -> tuple[Judged, ...]:
        """The conditions of one layer."""
        return tuple(each for each in self.conditions if each.layer == layer)


def evaluate(workspace: Workspace, name: str | None = None) -> Report:
    """Judge every condition for a project, by default the one that was released last."""
    facts = Facts(workspace, name or default_project(workspace))
    _refuse_unknown(facts)
    ordered = sorted(CONDITIONS.values(), key=lambda each: each.layer)
    judged = tuple(judge(facts, each) for each in ordered)
    score = score_of(facts, {each.key: each for each in judged})
    return Report(facts.name, _bundle_id(facts), now(), judged, score)


def default_project(workspace: Workspace) -> str:
    """The project that was released last, or the only one there is."""
    placed = Facts(workspace, "").last("release")
    if placed is not None:
        return placed.record.subject
    from tabi.project import project_names

    names = project_names(workspace)
    if len(names) != 1:
        known = ", ".join(names) or "none"
        raise ConfigError(f"nothing was released here yet: name a project, as in `tabi dod NAME`; known: {known}")
    return names[0]


def age_of(at: str, moment: str) -> str:
    """How long before the moment something was, in one unit."""
    seconds = max(0, int((_parsed(moment) - _parsed(at)).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _refuse_unknown(facts: Facts) -> None:
    from tabi.project import project_names

    known = sorted({*project_names(facts.workspace), *facts.store.names()})
    if facts.name not in known:
        listed = ", ".join(known) or "none"
        raise NotFoundError(f"there is neither a project nor a bundle {facts.name!r}; known: {listed}")


def _bundle_id(facts: Facts) -> str | None:
    try:
        return facts.bundle_id
    except (NotDoneError, TabiError):
        return None


def judge(facts: Facts, each: Condition) -> Judged:
    """Judge one condition. Nothing that it meets ends the others."""
    try:
        found = each.judge(facts)
    except NotDoneError as error:
        found = error.found
    except Exception as error:  # noqa: BLE001 - whatever a library raises, the other conditions are judged
        found = Found("failing", reason_of(error))
    command = each.command.format(name=facts.name) if each.command else None
    return Judged(each.key, each.layer, each.title, found.status, found.text, found.at, found.link, command)


def _parsed(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
