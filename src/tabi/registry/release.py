"""Release: compile a run's pipeline, prove the graph, ask the gates, and put the bundle into the store."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import requires
from pathlib import Path

import msgspec
import numpy as np

from tabi.bundle import Bundle, Threshold, layout, write_bundle
from tabi.bundle.reference import PATH
from tabi.bundle.signature import Signer, sign
from tabi.bundle.signed import SHOWN
from tabi.compile import Compiled, Parity, compile_pipeline, prove
from tabi.data import Table, load_table, tensors_of
from tabi.errors import TabiError
from tabi.evidence import Record, append, now
from tabi.gates import Candidate, Champion, Judged, Verdict, find_champion, require, run_gates, to_json
from tabi.registry.approval import rules_of
from tabi.registry.card.write import write_card
from tabi.registry.explanation import explanation_document
from tabi.registry.identity import Identity, require_role, whoami
from tabi.registry.lineage import lineage_of_run
from tabi.registry.offer import heal_first, offer
from tabi.registry.override import override, refuse_overrides, refuse_own
from tabi.registry.promote import Moved
from tabi.registry.reference import reference_document
from tabi.registry.room import Room
from tabi.registry.same import same_bundle
from tabi.registry.signing import sign_snapshot
from tabi.registry.versions import Version
from tabi.store import Store
from tabi.store.listing import SIGNATURE
from tabi.training.plan import cut_table
from tabi.training.runs import Run, load_run
from tabi.workspace import Workspace

# a graph of this operator set needs this runtime; the rest of the server's requirements do not touch answers
RUNTIME = "onnxruntime"


@dataclass(frozen=True)
class Released:
    """What a release made: the bundle's id, folder and version, and what it rests on.

    `moved`: where traffic goes since then; None where the version waits for an approval.
    """

    bundle: str
    folder: Path
    run: Run
    parity: Parity
    verdicts: tuple[Verdict, ...]
    version: Version
    moved: Moved | None


def release(
    workspace: Workspace,
    name: str,
    run_id: str | None = None,
    say: Callable[[str], None] = lambda _: None,
    overrides: Mapping[str, str] | None = None,
) -> Released:
    """Release a run of the project `name`, its last one where `run_id` is None. `say` is told each step. `overrides`:
    by gate, why it is let through though it fails; that takes the approver's role.

    Raises `CompileError` for a step without exact form, `GateError` where a gate fails, `ExplanationError` where
    `explain` is asked for and there is no exact explanation: then the store is as before. `ConflictError` if somebody
    else moved traffic meanwhile: then the version waits.
    """
    actor = whoami(workspace)
    require_role(actor, "releaser")
    overrides = overrides or {}
    refuse_overrides(actor, overrides)
    # before anything that takes long: a key that cannot be used is the caller's fault
    signer = Signer.from_environment()
    run = load_run(workspace, name, run_id)
    if overrides:
        refuse_own(rules_of(workspace, name), actor, run)
    say(f"compile  run {run.run_id[:12]}, preset {run.config.preset}")
    compiled = compile_pipeline(run.pipeline, run.contract)
    say(f"prove    {compiled.node_count} nodes, {len(compiled.model):,} bytes")
    table = load_table(workspace, run.config, digest=run.snapshot_digest)
    parity = _prove(table, run, compiled)
    room = Room.open(workspace)
    ready = heal_first(room, name)
    with tempfile.TemporaryDirectory(prefix="tabi-release-") as scratch:
        folder = Path(scratch)
        _write_documents(folder, run, compiled, parity)
        (folder / layout.REPORTS).mkdir(exist_ok=True)
        (folder / PATH).write_bytes(reference_document(table, run, compiled))
        if run.config.explain:
            document = explanation_document(table, run, compiled)
            (folder / layout.EXPLANATION).write_bytes(document)
            say(f"explain  {len(document):,} bytes")
        (folder / layout.LINEAGE).write_bytes(lineage_of_run(run, table.snapshot).to_json())
        champion, fault = _champion(workspace, name)
        candidate = Candidate(workspace, run, table, compiled.model, parity, folder, champion, fault)
        verdicts = _judge(candidate, say, overrides, actor)
        (folder / layout.GATES).write_bytes(to_json(verdicts))
        write_card(candidate, verdicts, signer.fingerprint if signer else None)
        bundle = _put(room.store, folder, run, verdicts, signer)
    if signer is not None:
        sign_snapshot(bundle.folder, room.store, signer)
        say(f"sign     by the key {signer.fingerprint[:SHOWN]}")
    say(f"bundle   {bundle.id}")
    version, moved = offer(room, bundle, run, actor, ready, say)
    return Released(bundle.id, bundle.folder, run, parity, verdicts, version, moved)


def _put(store: Store, folder: Path, run: Run, verdicts: Sequence[Verdict], signer: Signer | None) -> Bundle:
    """Make a bundle of the documents and put it into the store, unless the same run has one there already."""
    manifest = write_bundle(
        folder,
        name=run.project,
        created=now(),
        git_commit=run.git_commit,
        run=run.run_id,
        snapshot=run.snapshot_digest,
        environment=run.environment_digest,
        runtime=_runtime(),
    )
    identity = same_bundle(store, manifest, verdicts, signer)
    if identity is None:
        if signer is not None:
            (folder / SIGNATURE).write_bytes(sign(folder, signer))
        identity = store.put_bundle(folder)
    return Bundle.open(store.open_path(run.project, identity))


def _champion(workspace: Workspace, name: str) -> tuple[Champion | None, str]:
    """The champion, or why it cannot be opened: a release is what mends a damaged one."""
    try:
        return find_champion(workspace, name), ""
    except TabiError as error:
        return None, str(error)


def _judge(
    candidate: Candidate, say: Callable[[str], None], overrides: Mapping[str, str], actor: Identity
) -> tuple[Verdict, ...]:
    """Ask the gates and leave their verdicts as evidence. `GateError` where one fails and is not overridden."""
    judged = []
    for each in run_gates(candidate):
        (verdict,) = override(candidate.workspace, candidate.run, [each.verdict], overrides, actor)
        say(f"gate     {verdict.gate}: {verdict.verdict}, {verdict.reason}")
        if verdict.override is not None:
            say(f"         overridden by {verdict.override.by}: {verdict.override.reason}")
        judged.append(each._replace(verdict=verdict))
    verdicts = tuple(each.verdict for each in judged)
    for gate in sorted(set(overrides) - {each.gate for each in verdicts if each.override is not None}):
        say(f"         {gate} did not fail: there is nothing to override")
    _record(candidate, judged)
    require(verdicts, candidate.run.project)
    return verdicts


def _prove(table: Table, run: Run, compiled: Compiled) -> Parity:
    rows = cut_table(table, run.config.split)
    test = tensors_of(table.X.iloc[rows.test], run.contract)
    # a target without any spread is a constant, told to the last digit
    spread = float(np.std(table.y[rows.train])) or 1.0
    bound, seed = run.config.gates.parity, run.config.seed
    return prove(run.pipeline, compiled, run.contract, test, bound=bound, seed=seed, spread=spread)


def _write_documents(folder: Path, run: Run, compiled: Compiled, parity: Parity) -> None:
    """What the bundle holds beside the gates' verdicts. Nothing here depends on the time."""
    (folder / layout.GRAPH).write_bytes(compiled.model)
    (folder / layout.SCHEMA).write_bytes(run.contract.to_json())
    (folder / layout.PARITY).write_bytes(msgspec.json.format(msgspec.json.encode(parity), indent=2) + b"\n")
    if run.threshold is not None:
        threshold = Threshold(run.threshold, run.config.threshold.criterion.value)
        (folder / layout.THRESHOLD).write_bytes(msgspec.json.format(msgspec.json.encode(threshold), indent=2) + b"\n")
    for path in (layout.METRICS, layout.ENVIRONMENT, layout.PIPELINE):
        (folder / path).write_bytes((run.artifacts / path).read_bytes())
    for report in sorted((run.artifacts / layout.REPORTS).glob("*")):
        target = folder / layout.REPORTS / report.name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(report.read_bytes())


def _runtime() -> dict[str, str]:
    """What a server must have to run the graph, as this package itself states it."""
    found = [r for r in requires("tabi") or [] if r.startswith(RUNTIME)]
    return {RUNTIME: found[0].removeprefix(RUNTIME)} if found else {}


def _record(candidate: Candidate, judged: Sequence[Judged]) -> None:
    """One record of the release, with every verdict, what it rests on and how long the gate took."""
    run, verdicts = candidate.run, [each.verdict for each in judged]
    champion = candidate.champion
    inputs = {"run": run.run_id, "snapshot": run.snapshot_digest}
    record = Record(
        kind="release",
        subject=run.project,
        verdict="fail" if any(v.verdict == "fail" for v in verdicts) else "pass",
        inputs=inputs if champion is None else {**inputs, "champion": champion.bundle.id},
        figures={
            "parity": candidate.parity.max_abs_diff,
            "rows": candidate.parity.rows,
            "gates": {v.gate: v.verdict for v in verdicts},
            "verdicts": msgspec.to_builtins(verdicts),
            "seconds": {each.verdict.gate: round(each.seconds, 3) for each in judged},
        },
    )
    append(candidate.workspace.evidence, record)
