"""A deployment from its checks to its record. Whatever fails, what ran before runs again, and one line says so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tabi.deploy import history
from tabi.deploy.claim import held
from tabi.deploy.history import Deployment, Place
from tabi.deploy.report import Report, leave
from tabi.deploy.smoke import ask_of, smoke
from tabi.deploy.subject import Subject, require_digest, subject_of
from tabi.deploy.target import Applied, Plan, Target, Tell
from tabi.errors import DeployError, TabiError
from tabi.registry.identity import Identity, require_role, whoami
from tabi.registry.promote import promote
from tabi.registry.rollback import rollback
from tabi.registry.room import Room
from tabi.workspace import Workspace


@dataclass(frozen=True)
class Done:
    """A deployment that succeeded, where it is asked, and the files that it left beside the evidence."""

    deployment: Deployment
    address: str
    files: tuple[Path, ...]


@dataclass
class Work:
    """What one deployment or rollback works with. `before`: what ran when it began."""

    room: Room
    actor: Identity
    target: Target
    begun: Deployment
    before: Applied | None
    report: Report

    def failed(self, problem: str, returned: str) -> DeployError:
        """Write down that it failed; the error to raise."""
        ended = replace(self.begun, outcome="failed", seconds=self.report.seconds, problem=problem)
        self.report.note(f"failed: {problem}; {returned}")
        history.finish(self.room, self.actor, ended)
        leave(self.room.workspace, ended, self.report)
        return DeployError(f"{self.begun.kind} {self.begun.id} of {self.begun.place} failed: {problem}; {returned}")

    def succeeded(self, ended: Deployment, address: str) -> Done:
        """Write down that it succeeded."""
        ended = replace(ended, outcome="succeeded", seconds=self.report.seconds)
        self.report.note(f"{ended.kind} {ended.id} of {ended.place} succeeded: {ended.revision}")
        history.finish(self.room, self.actor, ended)
        return Done(ended, address, tuple(leave(self.room.workspace, ended, self.report)))


def deploy(
    workspace: Workspace,
    target: Target,
    place: Place,
    *,
    image: str = "",
    number: int | None = None,
    reason: str = "",
    tell: Tell,
) -> Done:
    """Bring a version, by default the champion, and an image to a target.

    `ForbiddenError` without the role operator; `ConfigError`, `NotFoundError`, `BundleError` and the like if it is
    refused: then nothing was touched. `DeployError` if it failed: then what ran before runs again.
    """
    actor = whoami(workspace)
    require_role(actor, "operator")
    require_digest(image)
    room, report = Room.open(workspace), Report(tell)
    with held(workspace, place):
        for note in history.close_cut(room, place, actor):
            report.tell(f"note: {note}")
        subject = subject_of(room, place.name, number)
        plan = Plan(place.name, place.environment, image, subject.number, subject.bundle.id)
        target.check(plan)
        before = target.current()
        report.tell(f"{place}: {before.revision if before else 'nothing'} runs now")
        drafted = Deployment(
            place.name,
            place.target,
            place.environment,
            "deploy",
            image=image,
            before=before.revision if before else "",
            version=subject.number,
            bundle=subject.bundle.id,
            policy=subject.policy,
            reason=" ".join(reason.split()),
        )
        begun = history.begin(room, actor, drafted)
        return _carry_out(Work(room, actor, target, begun, before, report), plan, subject)


def _carry_out(work: Work, plan: Plan, subject: Subject) -> Done:
    report, target = work.report, work.target
    try:
        with report.step("apply"):
            applied = target.apply(plan, report.tell)
        report.anew = applied.anew
        with report.step("healthy"):
            target.wait(applied, report.tell)
        with report.step("model"):
            _move(work, subject)
        with report.step("smoke"):
            smoke(ask_of(applied), subject.bundle, report.tell)
        with report.step("keep"):
            target.keep(applied, report.tell)
    except (TabiError, OSError, KeyboardInterrupt) as error:
        problem = str(error) or ("interrupted" if isinstance(error, KeyboardInterrupt) else type(error).__name__)
        raise work.failed(problem, _return(work, subject)) from error
    stored = work.room.store.policy(plan.name)
    ended = replace(
        work.begun,
        revision=applied.revision,
        image=applied.image,
        policy=stored.policy.revision if stored else 0,
    )
    return work.succeeded(ended, applied.address)


def _move(work: Work, subject: Subject) -> None:
    """Make the version the champion if it is not."""
    if subject.moves:
        moved = promote(work.room.workspace, subject.name, subject.number, f"deployment {work.begun.id}")
        for note in moved.notes:
            work.report.tell(f"note: {note}")
        work.report.tell(f"{subject.name}:{moved.version} is the champion")


def _return(work: Work, subject: Subject) -> str:
    """Bring back what ran before, model first; in words, were they that it could not be done."""
    with work.report.step("back"):
        try:
            _return_model(work, subject)
            work.target.back(work.begun.before, work.report.tell)
        except (TabiError, OSError) as error:
            return f"and what ran before could not be brought back: {error}"
    if work.before is None:
        return "nothing ran before, and nothing runs now"
    return f"returned to {work.before.revision}, which ran before"


def _return_model(work: Work, subject: Subject) -> None:
    stored = work.room.store.policy(subject.name)
    if subject.champion is None or stored is None or stored.policy.champion.version == subject.champion:
        return
    why = f"deployment {work.begun.id} failed"
    rollback(work.room.workspace, subject.name, subject.champion, why)
    work.report.tell(f"{subject.name}:{subject.champion} is the champion again")


def stop(workspace: Workspace, target: Target, place: Place, tell: Tell) -> str:
    """End what runs at a place; what was ended, in words. The history stays, and the model."""
    actor = whoami(workspace)
    require_role(actor, "operator")
    room = Room.open(workspace)
    with held(workspace, place):
        for note in history.close_cut(room, place, actor):
            tell(f"note: {note}")
        running = target.current()
        target.back("", tell)
        if running is None:
            return f"nothing runs: {place}"
        with room.transaction() as transaction:
            transaction.record(
                actor=actor, action="stop", object=place.name, before={"revision": running.revision, "at": str(place)}
            )
    return f"stopped {running.revision}: {place}"
