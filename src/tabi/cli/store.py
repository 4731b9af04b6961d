"""`tabi store`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tabi.workspace import Workspace

if TYPE_CHECKING:
    from tabi.store.exchange import Exchanged
    from tabi.store.gc import Removed

app = typer.Typer(help="The store of bundles.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The model.")]
Place = Annotated[str, typer.Argument(help="The other store: a folder, or s3://BUCKET/PREFIX.")]


@app.callback()
def _group() -> None:
    """The store of bundles."""


@app.command("verify")
def verify() -> None:
    """Check every pointer and digest; exit 1 if anything that is referred to is not whole."""
    from tabi.store import Store

    store = Store(Workspace.find().models)
    findings = store.verify()
    for finding in findings:
        typer.echo(f"{finding.severity:<9} {finding.path}: {finding.problem}")
    errors = sum(finding.severity == "error" for finding in findings)
    count = sum(len(store.snapshots(name)) for name in store.names())
    typer.echo(f"{count} bundles, {errors} errors, {len(findings) - errors} leftovers")
    raise typer.Exit(1 if errors else 0)


@app.command("push")
def push(name: Name, place: Place) -> None:
    """Bring a model to another store; its latest moves last, and only from where it was seen."""
    from tabi.registry.upkeep import push as push_model

    _say(push_model(Workspace.find(), name, place))


@app.command("pull")
def pull(name: Name, place: Place) -> None:
    """Bring a model from another store; its latest moves last, and only from where it was seen."""
    from tabi.registry.upkeep import pull as pull_model

    _say(pull_model(Workspace.find(), name, place))


@app.command("gc")
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    keep: Annotated[int, typer.Option(help="How many of the newest bundles of a model stay.", min=0)] = 5,
    grace: Annotated[float, typer.Option(help="Hours within which nothing is removed.", min=0)] = 24.0,
) -> None:
    """Remove what neither latest, an alias, a policy, a version nor the audit trail refers to."""
    from tabi.registry.upkeep import collect_garbage
    from tabi.store.gc import Rules

    def say(each: Removed) -> None:
        typer.echo(f"{'would remove' if dry_run else 'removed'} {each.key}: {each.why}")

    count = collect_garbage(Workspace.find(), Rules(keep, grace * 3600), say, dry_run=dry_run)
    typer.echo(f"{count} {'would be removed' if dry_run else 'removed'}")


def _say(found: Exchanged) -> None:
    for identity in found.snapshots:
        typer.echo(f"bundle   {identity}")
    typer.echo(f"latest   {found.latest or 'nothing was promoted yet'}")
