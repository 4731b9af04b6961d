"""What a version is, for people: its figures, and where it comes from as a tree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from tabi.bundle import Bundle, Trust, layout
from tabi.registry.lineage import Step, Walk, policies_of
from tabi.registry.models import governance_lines
from tabi.store import Store
from tabi.store.listing import SIGNATURE
from tabi.workspace import Workspace

DIGITS = 12


def version_lines(workspace: Workspace, ref: str) -> Iterator[str]:
    """What the bundle that `ref` names is, a line a fact."""
    store = Store(workspace.models)
    bundle = Bundle.open(store.resolve(ref))
    manifest, contract, target = bundle.manifest, bundle.contract(), bundle.contract().target
    pointer = store.latest(manifest.name) if manifest.name in store.names() else None
    latest = pointer is not None and pointer.id == bundle.id
    governed = list(governance_lines(workspace, manifest.name, bundle.id))
    yield f"model      {manifest.name}{' (latest)' if latest else ''}"
    yield f"version    {bundle.id}"
    yield f"created    {manifest.created}"
    yield from governed
    yield from policy_lines(store, bundle)
    what = f"{target.name}, one of {', '.join(target.classes)}" if target.classes else f"{target.name}, a number"
    yield f"predicts   {what} ({target.task})"
    kinds = {"numeric": contract.numeric, "categorical": contract.categorical, "text": contract.text}
    counts = ", ".join(f"{len(columns)} {kind}" for kind, columns in kinds.items() if columns)
    yield f"columns    {len(contract.columns)} ({counts})"
    if target.task == "binary":
        threshold = bundle.threshold()
        yield f"threshold  {threshold.threshold:.6f}, chosen for {threshold.criterion}"
    yield f"metrics    {_figures(json.loads(bundle.document(layout.METRICS)))}"
    for gate in json.loads(bundle.document(layout.GATES)):
        yield f"gate       {gate['gate']}: {gate['verdict']}, {gate['reason']}"
    size = sum(entry.size for entry in manifest.files)
    yield f"signature  {_signature(bundle)}"
    yield f"files      {len(manifest.files)}, {size:,} bytes, each what the manifest says"


def policy_lines(store: Store, bundle: Bundle) -> Iterator[str]:
    """The policies that use a bundle."""
    for step in policies_of(store, bundle):
        yield f"{'used by':<10} {step.what}: {step.found}"


def lineage_lines(walk: Walk) -> Iterator[str]:
    """The tree of what the bundle was made from, and what uses it."""
    yield _line(walk.bundle)
    yield from _below(walk.bundle.parents, "")
    yield "used by"
    yield from _below(walk.used_by or (Step("nothing in this store", ""),), "")


def _below(steps: Sequence[Step], indent: str) -> Iterator[str]:
    for index, step in enumerate(steps):
        last = index == len(steps) - 1
        yield f"{indent}{'└─' if last else '├─'} {_line(step)}"
        yield from _below(step.parents, indent + ("   " if last else "│  "))


def _line(step: Step) -> str:
    mark = {True: "✓ ", False: "✗ ", None: ""}[step.here]
    digest = step.digest if ":" in step.digest else step.digest[:DIGITS]
    return f"{mark}{' '.join(part for part in (step.what, digest) if part)}{f' – {step.found}' if step.found else ''}"


def _signature(bundle: Bundle) -> str:
    """Shown even where it is not trusted: that is what one looks for."""
    trust = Trust.from_environment()
    if trust is None:
        there = (bundle.folder / SIGNATURE).is_file()
        return "not verified, TABI_VERIFY_KEY names no key" if there else f"none, `tabi sign {bundle.name}` adds one"
    signed = Bundle.open(bundle.folder, Trust(trust.keys, "warn")).signed
    return signed.problem or f"by the trusted key {str(signed.by)[:16]}"


def _figures(metrics: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in metrics.items() if "rows" not in name)
