"""A model with versions, without training: tiny bundles, a real store, state database and MLflow database."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tabi.bundle import Bundle, write_bundle
from tabi.registry.heal import heal
from tabi.registry.identity import ROLES, Identity
from tabi.registry.mirror import mirror
from tabi.registry.register import register
from tabi.registry.room import Room
from tabi.registry.versions import Version
from tabi.training.tracking import tracking_client
from tabi.workspace import Workspace

NAME = "adult"
ANN = Identity("ann", "user", ROLES)
CONFIG = "source: csv:rows.csv\ntarget: income\n"
RUNS = 4
CLOSED = "http://127.0.0.1:9"
"""A tracking server that is down: nobody listens there."""


@dataclass(frozen=True)
class Tracked:
    """An MLflow database with runs, to be copied: it takes seconds to make."""

    database: Path
    runs: tuple[str, ...]


def make_tracked(folder: Path) -> Tracked:
    database = folder / "mlflow.db"
    client = tracking_client(Workspace.find(folder, {"TABI_TRACKING_URI": f"sqlite:///{database}"}))
    experiment = client.create_experiment(NAME, artifact_location=(folder / "artifacts").as_uri())
    return Tracked(database, tuple(client.create_run(experiment).info.run_id for _ in range(RUNS)))


def governed(root: Path, tracked: Tracked, config: str = "") -> Workspace:
    """An empty workspace with a project and runs."""
    workspace = Workspace.find(root, {"TABI_HOME": str(root)})
    (workspace.projects / NAME).mkdir(parents=True)
    (workspace.projects / NAME / "config.yaml").write_text(CONFIG + config)
    (root / "tracking").mkdir()
    shutil.copy(tracked.database, root / "tracking" / "mlflow.db")
    return workspace


def registered(workspace: Workspace, tracked: Tracked, seed: int, trained_by: str = "tom") -> Version:
    """A candidate: a bundle of its own in the store, registered under the next number, by Ann."""
    room = Room.open(workspace)
    heal(room, NAME)
    version = register(room, bundle_in_store(room, tracked.runs[seed % RUNS], seed), trained_by, ANN)
    mirror(room, NAME)
    return version


def bundle_in_store(room: Room, run: str, seed: int) -> Bundle:
    folder = room.workspace.root / "work" / str(seed)
    if not folder.exists():
        (folder / "reports").mkdir(parents=True)
        (folder / "model.onnx").write_bytes(Random(seed).randbytes(2000))
        for document in ("schema.json", "threshold.json", "parity.json", "gates.json"):
            (folder / document).write_text("{}\n")
        (folder / "metrics.json").write_text(f'{{"auc": 0.9{seed}}}\n')
        write_bundle(
            folder,
            name=NAME,
            created="2026-11-21T09:00:00+00:00",
            git_commit="c0ffee",
            run=run,
            snapshot="2" * 64,
            environment="3" * 64,
            runtime={"onnxruntime": ">=1.22"},
        )
    return Bundle.open(room.store.open_path(NAME, room.store.put_bundle(folder)))


@dataclass(frozen=True)
class Champions:
    """Which version each of the four places takes for the champion. `mlflow`: None too while it is down."""

    policy: int | None
    latest: int | None
    state: int | None
    mlflow: int | None = None

    @property
    def agreed(self) -> bool:
        return len({self.policy, self.latest, self.state, self.mlflow}) == 1


def champions(workspace: Workspace) -> Champions:
    """Looked up in each place by itself. More than one champion anywhere is an error here."""
    room = Room.open(workspace)
    known = room.versions(NAME)
    numbers = {version.bundle: version.version for version in known}
    live = [version.version for version in known if version.state == "live"]
    assert len(live) <= 1, f"{len(live)} versions are live"
    stored, pointer = room.store.policy(NAME), room.store.latest(NAME)
    down = workspace.tracking_uri == CLOSED
    aliases = {} if down else tracking_client(workspace).get_registered_model(NAME).aliases
    return Champions(
        None if stored is None else stored.policy.champion.version,
        None if pointer is None else numbers[pointer.id],
        live[0] if live else None,
        int(aliases["champion"]) if "champion" in aliases else None,
    )
