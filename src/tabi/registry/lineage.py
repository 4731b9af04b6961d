"""Where a bundle comes from and what uses it, each step looked for by its digest."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tabi.bundle import Ancestor, Bundle, Lineage
from tabi.data import Snapshot, read_snapshot
from tabi.errors import TabiError
from tabi.store import Store
from tabi.training.environment import environment_lock, lock_digest
from tabi.training.runs import Run, load_run
from tabi.workspace import Workspace


@dataclass(frozen=True)
class Step:
    """One thing on the way. `digest`: its name, in full. `found`: what was seen of it here, in words.

    `here`: whether it is here and is what its digest says; None where that cannot be looked at.
    """

    what: str
    digest: str
    found: str = ""
    here: bool | None = None
    parents: tuple[Step, ...] = field(default=())


@dataclass(frozen=True)
class Walk:
    """The bundle with its parents below it, and what uses the bundle."""

    bundle: Step
    used_by: tuple[Step, ...]


def lineage_of_run(run: Run, snapshot: Snapshot) -> Lineage:
    """What a bundle of this run is made from. Nothing in it depends on the time."""
    code = run.config.code
    ancestors = tuple(msgspec.convert(msgspec.to_builtins(parent), Ancestor) for parent in snapshot.parents)
    return Lineage(
        run=run.run_id,
        snapshot=snapshot.digest,
        source=snapshot.source,
        query=snapshot.query,
        ancestors=ancestors,
        config=_sha256((run.artifacts / "config.yaml").read_bytes()),
        code=_sha256(code.encode()) if code else None,
        environment=run.environment_digest,
        commit=run.git_commit,
        dirty=run.git_dirty,
        teacher=run.teacher or None,
    )


def walk(workspace: Workspace, ref: str) -> Walk:
    """From the bundle that `ref` names back to its source, and forward to what uses it.

    Every step is looked for in this workspace; one that is not here, or is no longer what its digest says, is told and
    ends nothing. Raises as `Store.resolve` and `Bundle.open` do.
    """
    store = Store(workspace.models)
    bundle = Bundle.open(store.resolve(ref))
    lineage = bundle.lineage() or _of_first_format(bundle)
    name = bundle.manifest.name
    run = _run_of(workspace, name, lineage.run)
    made_by = Step("run", lineage.run, "tracked here" if run else "not tracked here", run is not None)
    steps = (made_by, *_made_from(workspace, name, lineage, run))
    return Walk(
        Step(f"bundle of {name}", bundle.id, "every file is what the manifest says", True, steps), _uses(store, bundle)
    )


def _made_from(workspace: Workspace, name: str, lineage: Lineage, run: Run | None) -> Iterator[Step]:
    yield _snapshot(workspace, name, lineage)
    yield _commit(workspace.root, lineage)
    if lineage.config:
        held = None if run is None else _sha256((run.artifacts / "config.yaml").read_bytes())
        yield _compared("config.yaml", lineage.config, held)
    if lineage.code:
        yield _compared("pipeline.py", lineage.code, None if run is None else _sha256(run.config.code.encode()))
    same = lock_digest(environment_lock()) == lineage.environment
    yield Step("environment", lineage.environment, "this one" if same else "another than this one", same)
    if lineage.teacher:
        taught = Store(workspace.models)
        found = next((n for n in taught.names() if lineage.teacher in taught.snapshots(n)), None)
        yield Step(
            "teacher", lineage.teacher, f"released here as {found}" if found else "not in this store", found is not None
        )


def _snapshot(workspace: Workspace, name: str, lineage: Lineage) -> Step:
    query = (Step("query", lineage.query),) if lineage.query else ()
    parents = tuple(Step(f"{a.kind} {a.name}", a.digest or "", a.revision or "") for a in lineage.ancestors)
    source = Step(f"source {lineage.source}", "", parents=(*query, *parents))
    try:
        found, _ = read_snapshot(workspace, name, lineage.snapshot)
    except TabiError as error:
        return Step("snapshot", lineage.snapshot, str(error), False, (source,))
    return Step("snapshot", lineage.snapshot, f"here, {found.rows:,} rows of {found.columns} columns", True, (source,))


def _commit(root: Path, lineage: Lineage) -> Step:
    changed = ", with changes that were not committed" if lineage.dirty else ""
    if not lineage.commit:
        return Step("code", "", "trained outside a repository", None)
    asked = ["git", "-C", str(root), "cat-file", "-e", f"{lineage.commit}^{{commit}}"]
    try:
        here = subprocess.run(asked, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return Step("code", lineage.commit, f"git is not installed{changed}", None)
    where = "in this repository" if here else "not in this repository"
    return Step("code", lineage.commit, where + changed, here and not lineage.dirty)


def _compared(what: str, recorded: str, held: str | None) -> Step:
    if held is None:
        return Step(what, recorded, "its run is not here", None)
    return Step(what, recorded, "kept with the run" if held == recorded else "changed since", held == recorded)


def _uses(store: Store, bundle: Bundle) -> tuple[Step, ...]:
    """The pointers and policies that name the bundle, and the bundles that learnt from it."""
    found = list(policies_of(store, bundle))
    for name in store.names():
        pointer = store.latest(name)
        if name == bundle.manifest.name and pointer is not None and pointer.id == bundle.id:
            found.append(Step(f"{name}@latest", bundle.id, "what servers answer with", True))
        found += [
            Step(f"student {name}", other, "learnt from its probabilities", True)
            for other in store.snapshots(name)
            if _teacher_of(store, name, other) == bundle.id
        ]
    return tuple(found)


def policies_of(store: Store, bundle: Bundle) -> Iterator[Step]:
    """The policies that name the bundle, once for each role that it has: traffic, copies of it, or the way back."""
    for name in store.names():
        try:
            stored = store.policy(name)
        except TabiError as error:
            yield Step(f"policy of {name}", "", str(error), False)
            continue
        if stored is None:
            continue
        for role, version in stored.policy.roles:
            if version.bundle == bundle.id:
                what = f"{role}, version {version.version}, revision {stored.policy.revision} ({stored.policy.kind})"
                yield Step(f"policy of {name}", bundle.id, what, True)


def _teacher_of(store: Store, name: str, identity: str) -> str | None:
    """The teacher of another bundle. One that is not whole says nothing that could be relied on."""
    try:
        lineage = Bundle.open(store.open_path(name, identity)).lineage()
    except TabiError:
        return None
    return None if lineage is None else lineage.teacher


def _run_of(workspace: Workspace, name: str, run_id: str) -> Run | None:
    try:
        return load_run(workspace, name, run_id)
    except TabiError:
        return None


def _of_first_format(bundle: Bundle) -> Lineage:
    """What the manifest alone says."""
    manifest = bundle.manifest
    return Lineage(
        run=manifest.run,
        snapshot=manifest.snapshot,
        source="not recorded",
        config="",
        environment=manifest.environment,
        commit=manifest.git_commit,
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
