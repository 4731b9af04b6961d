"""The upkeep of stores: bring a model from one to another, remove what nothing refers to. Each leaves evidence."""

from __future__ import annotations

from collections.abc import Callable

from tabi.evidence import Record, append
from tabi.registry.protected import protected_ids
from tabi.store import Store
from tabi.store.exchange import Exchanged, exchange
from tabi.store.gc import Removed, Rules, collect
from tabi.workspace import Workspace


def push(workspace: Workspace, name: str, place: str) -> Exchanged:
    """Bring a model to the store at `place`: a folder or `s3://BUCKET/PREFIX`."""
    found = exchange(Store(workspace.models), Store(place), name)
    _record(workspace, "push", name, found, place)
    return found


def pull(workspace: Workspace, name: str, place: str) -> Exchanged:
    """Bring a model from the store at `place`."""
    found = exchange(Store(place), Store(workspace.models), name)
    _record(workspace, "pull", name, found, place)
    return found


def collect_garbage(
    workspace: Workspace, rules: Rules, say: Callable[[Removed], None], *, dry_run: bool = False
) -> int:
    """Remove what nothing refers to in the workspace's store, and tell of each; how much it was."""
    store = Store(workspace.models)
    removed: list[Removed] = []
    for each in collect(store.objects, protected_ids(workspace), rules, dry_run=dry_run):
        removed.append(each)
        say(each)
    if not dry_run:
        figures = {"removed": [each.key for each in removed], "keep": rules.keep, "grace": rules.grace}
        append(workspace.evidence, Record(kind="gc", subject="store", verdict="pass", figures=figures))
    return len(removed)


def _record(workspace: Workspace, kind: str, name: str, found: Exchanged, place: str) -> None:
    figures = {"snapshots": list(found.snapshots), "latest": found.latest, "place": place}
    append(workspace.evidence, Record(kind=kind, subject=name, verdict="pass", figures=figures))
