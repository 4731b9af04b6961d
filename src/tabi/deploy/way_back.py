"""`tabi rollback NAME --target …`: back to the revision and the model that were there before, together or either alone.

Where it returns to is read from the history: each deployment that succeeded adds a state to the way, each rollback
takes away all behind the one that it came to. What runs now is the way's end even if no deployment tells of it, as
after a promotion or after one that was cut.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal, NamedTuple

from tabi.bundle import Bundle
from tabi.bundle.trust import Trust
from tabi.deploy import history
from tabi.deploy.claim import held
from tabi.deploy.history import Deployment, Place
from tabi.deploy.report import Report
from tabi.deploy.run import Done, Work
from tabi.deploy.smoke import ask_of, smoke
from tabi.deploy.target import Remembers, Target, Tell
from tabi.errors import NotFoundError, TabiError
from tabi.registry.approval import require_reason
from tabi.registry.identity import require_role, whoami
from tabi.registry.rollback import rollback
from tabi.registry.room import Room
from tabi.registry.versions import version_of
from tabi.workspace import Workspace

Part = Literal["both", "image", "model"]


class State(NamedTuple):
    """What ran at a place: the target's revision and the version that answered."""

    revision: str
    version: int | None


def way_of(deployments: Iterable[Deployment]) -> list[State]:
    """The states of a place that can be returned to, the last of them the newest."""
    way: list[State] = []
    for each in deployments:
        if each.outcome != "succeeded" or each.kind == "step":
            continue
        state = State(each.revision, each.version)
        if each.kind == "rollback":
            _cut(way, state, each.before)
        if not way or way[-1] != state:
            way.append(state)
    return way


def _cut(way: list[State], aim: State, left: str) -> None:
    """Take away what was rolled away. Where one part alone returned, its aim may be no state that there ever was."""
    while way and way[-1] != aim:
        if aim not in way and (
            way[-1].revision == aim.revision if aim.revision != left else way[-1].version == aim.version
        ):
            way.pop()
            return
        way.pop()


def before(way: list[State], now: State, part: Part) -> State | None:
    """The state to return to: the newest one that differs from what runs in the part that is to return."""
    for state in reversed(way):
        # where the state database does not know the bundles, the history knows no versions
        differs = (state.revision != now.revision, state.version not in {None, now.version})
        if {"both": any(differs), "image": differs[0], "model": differs[1]}[part]:
            return state
    return None


def ran_before(deployments: Iterable[Deployment], revision: str) -> str:
    """What the first deployment of a revision found at its place; empty where none tells of it, or nothing was there.

    Not a later one: what it found may have been rolled away since.
    """
    found = next((each for each in deployments if each.kind == "deploy" and each.revision == revision), None)
    return found.before if found is not None and found.before != revision else ""


def roll_back(
    workspace: Workspace, target: Target, place: Place, *, reason: str, part: Part = "both", tell: Tell
) -> Done:
    """Return to what was there before. It needs neither the bundle that answers now nor its image.

    `NotFoundError` if nothing was there before; then nothing is touched. `DeployError` if it fails.
    """
    said = require_reason(reason)
    actor = whoami(workspace)
    require_role(actor, "operator")
    room, report = Room.open(workspace), Report(tell)
    with held(workspace, place):
        for note in history.close_cut(room, place, actor):
            report.tell(f"note: {note}")
        current, stored = target.current(), room.store.policy(place.name)
        now = State(current.revision if current else "", stored.policy.champion.version if stored else None)
        aim = _aim(room, target, place, now, part)
        drafted = Deployment(
            place.name,
            place.target,
            place.environment,
            "rollback",
            before=now.revision,
            version=aim.version,
            reason=said,
        )
        begun = history.begin(room, actor, drafted)
        return _carry_out(Work(room, actor, target, begun, current, report), now, aim)


def _aim(room: Room, target: Target, place: Place, now: State, part: Part) -> State:
    with room.database.reading() as connection:
        known = history.at_place(connection, place)
    if part != "model" and isinstance(target, Remembers) and target.unfinished():
        # a deployment that was cut goes on without us: what still runs is to stay
        return now
    found = before(way_of(known), now, part)
    if found is None and part != "model":
        # what no deployment from here has made: Terraform's first revision, or one of another machine
        revision = ran_before(known, now.revision)
        if not revision and isinstance(target, Remembers):
            revision = target.earlier()
        if revision:
            return State(revision, now.version)
    if found is None and part != "image":
        # promotions are a way of their own
        stored = room.store.policy(place.name)
        if stored is not None and stored.policy.previous is not None:
            return State(now.revision, stored.policy.previous.version)
    if found is None:
        raise NotFoundError(
            f"nothing was on {place.target} before {now.revision or 'nothing'}, {place}: deploy another with "
            f"`tabi deploy {place.name} --target {place.target}`"
        )
    if part == "both":
        return found
    return State(found.revision, now.version) if part == "image" else State(now.revision, found.version)


def _bundle(room: Room, name: str, number: int | None) -> Bundle | None:
    if number is None:
        return None
    stored = room.store.policy(name)
    if stored is not None and stored.policy.champion.version == number:
        return Bundle.open(room.store.open_path(name, stored.policy.champion.bundle), Trust.from_environment())
    with room.database.reading() as connection:
        return room.bundle(version_of(connection, name, number))


def _carry_out(work: Work, now: State, aim: State) -> Done:
    report, begun = work.report, work.begun
    applied = work.before
    try:
        with report.step("model"):
            if aim.version is not None and aim.version != now.version:
                rollback(work.room.workspace, begun.name, aim.version, begun.reason)
                report.tell(f"{begun.name}:{aim.version} is the champion again")
        with report.step("back"):
            if aim.revision != now.revision or aim == now:
                applied = work.target.back(aim.revision, report.tell)
        bundle = _bundle(work.room, begun.name, aim.version)
        if applied is not None and bundle is not None:
            with report.step("smoke"):
                smoke(ask_of(applied), bundle, report.tell, schema=False)
    except (TabiError, OSError, KeyboardInterrupt) as error:
        runs = work.target.current()
        raise work.failed(str(error) or "interrupted", f"{runs.revision if runs else 'nothing'} runs") from error
    stored = work.room.store.policy(begun.name)
    ended = replace(
        begun,
        revision=aim.revision,
        image=applied.image if applied else "",
        bundle=stored.policy.champion.bundle if stored else "",
        policy=stored.policy.revision if stored else 0,
    )
    return work.succeeded(ended, applied.address if applied else "")
