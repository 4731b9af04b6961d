"""`tabi models`, `tabi approve`, `tabi reject`, `tabi promote` and `tabi rollback`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from tabi.cli.deploy import Environment, TargetName, roll_back_target
from tabi.errors import ConfigError
from tabi.workspace import Workspace

if TYPE_CHECKING:
    from tabi.registry.promote import Moved

Name = Annotated[str, typer.Argument(help="The model.")]
Number = Annotated[int, typer.Argument(metavar="VERSION", help="The version's number.", min=1)]
Reason = Annotated[str, typer.Option(help="Why; it is kept.")]


def models(
    name: Annotated[str | None, typer.Argument(help="One model; default: all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
) -> None:
    """All versions with their states and aliases; what was cut before is finished first."""
    from tabi.registry.models import models as list_models
    from tabi.registry.models import table_of

    listed, notes = list_models(Workspace.find(), name)
    _note(notes)
    if as_json:
        typer.echo(json.dumps([each.document() for each in listed]))
        return
    for line in table_of(listed):
        typer.echo(line)


def approve(name: Name, version: Number, reason: Reason) -> None:
    """Let a version be promoted."""
    from tabi.registry.approval import approve as approve_version

    done = approve_version(Workspace.find(), name, version, reason)
    _note(done.notes)
    typer.echo(f"{done.version.ref} is approved by {done.by}: `tabi promote {name} {version}` makes it champion")


def reject(name: Name, version: Number, reason: Reason) -> None:
    """Forbid a version to be promoted."""
    from tabi.registry.approval import reject as reject_version

    done = reject_version(Workspace.find(), name, version, reason)
    _note(done.notes)
    typer.echo(f"{done.version.ref} is rejected by {done.by}")


def promote(
    name: Name,
    version: Annotated[int | None, typer.Argument(help="The version's number; default: the challenger.", min=1)] = None,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Finish what was cut, and no more.")] = False,
) -> None:
    """Make a version the champion, which servers answer with."""
    from tabi.registry.promote import promote as promote_version
    from tabi.registry.promote import resume as resume_cut

    if resume:
        notes = resume_cut(Workspace.find(), name)
        _note(notes)
        typer.echo(f"{name} is whole" if notes else f"nothing of {name} was cut")
        return
    moved = promote_version(Workspace.find(), name, version, reason)
    _note(moved.notes)
    typer.echo(_told(moved))


def rollback(
    name: Name,
    reason: Reason,
    to: Annotated[
        int | None, typer.Option(help="A version that was live; default: the one before the champion.", min=1)
    ] = None,
    target: Annotated[
        TargetName | None, typer.Option(help="Return what runs there as well, to the revision before.")
    ] = None,
    environment: Environment = "dev",
    image_only: Annotated[bool, typer.Option("--image-only", help="With --target: leave the model.")] = False,
    model_only: Annotated[bool, typer.Option("--model-only", help="With --target: leave what runs it.")] = False,
) -> None:
    """Return to the version that was live before, and with --target to what ran it."""
    if target is not None:
        roll_back_target(name, target, environment, reason, to=to, image_only=image_only, model_only=model_only)
        return
    if image_only or model_only:
        raise ConfigError("--image-only and --model-only are of a target: name it with --target")
    from tabi.registry.rollback import rollback as roll_back

    moved = roll_back(Workspace.find(), name, to, reason)
    _note(moved.notes)
    typer.echo(_told(moved))


def _told(moved: Moved) -> str:
    if not moved.changed:
        return f"{moved.name}:{moved.version} is the champion already"
    before = f", before it {moved.before}" if moved.before else ""
    return f"{moved.name}:{moved.version} {moved.bundle[:12]} is the champion{before}"


def _note(notes: Iterable[str]) -> None:
    for note in notes:
        typer.echo(f"note: {note}", err=True)
