from __future__ import annotations

import importlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tabi import evidence
from tabi.errors import NotFoundError, StoreError
from tabi.registry.release import release
from tabi.registry.reproduce import lines_of, reproduce
from tabi.training.runs import Run
from tabi.workspace import Workspace
from tests.registry.conftest import Trained


@pytest.fixture
def fresh(trained: Trained, tmp_path: Path) -> Workspace:
    """The trained workspace with an empty store of its own; the snapshots are kept."""
    store = tmp_path / "store"
    shutil.copytree(trained.workspace.store / "data", store / "data")
    return replace(trained.workspace, store=store)


def test_a_bundle_is_rebuilt_to_the_last_bit_from_what_its_run_recorded(trained: Trained, fresh: Workspace) -> None:
    released = release(fresh, trained.name, trained.runs[0])
    found = reproduce(fresh, f"{trained.name}:{released.bundle[:12]}")
    assert (found.bundle, found.run) == (released.bundle, trained.runs[0])
    assert found.equal
    assert (found.metrics, found.predictions, found.environment) == ({}, 0.0, {})
    assert found.graph[0] == found.graph[1]
    *_, code, last = lines_of(found)
    assert code == "code         trained outside a repository: not compared"
    assert json.loads(last)["equal"] is True
    *_, record = evidence.read(fresh.evidence, "reproduction")
    assert (record.subject, record.verdict) == (trained.name, "pass")


def test_another_environment_and_another_model_are_named(
    trained: Trained, fresh: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(fresh, trained.name, trained.runs[0])

    def altered(workspace: Workspace, name: str, run_id: str) -> Run:
        """What the run would have recorded elsewhere: other packages, a model of another size, code of its own."""
        from tabi.training.runs import load_run

        run = load_run(workspace, name, run_id)
        config = replace(run.config, search=replace(run.config.search, space={"max_iter": [7]}))
        config = replace(config, code="def build(contract): ...\n")
        return replace(
            run, config=config, git_commit="0" * 40, environment_lock=run.environment_lock + "elsewhere==1.0\n"
        )

    monkeypatch.setattr(importlib.import_module("tabi.registry.reproduce"), "load_run", altered)
    found = reproduce(fresh, trained.name)
    assert not found.equal
    assert found.environment == {"elsewhere": ("1.0", None)}
    assert found.predictions > 0
    assert "auc" in found.metrics
    assert found.graph[0] != found.graph[1]
    lines = list(lines_of(found))
    assert "  elsewhere: 1.0, now none" in lines
    assert "graph        another digest" in lines
    assert found.data == {}
    assert set(found.record) == {"environment.lock", "pipeline.py"}
    assert set(found.code) == {"commit", "pipeline.py"}
    assert "  commit: 000000000000, now outside a repository" in lines


def test_a_value_that_was_changed_in_the_snapshot_is_named_and_left_as_evidence(
    trained: Trained, fresh: Workspace
) -> None:
    release(fresh, trained.name, trained.runs[0])
    (path,) = (fresh.store / "data" / trained.name).glob("*.parquet")
    rows = pd.read_parquet(path)
    rows["visits"] = rows["visits"] + (rows.index == 7)
    rows.to_parquet(path)
    with pytest.raises(StoreError, match=f"{path.name} was changed after it was written"):
        reproduce(fresh, trained.name)
    *_, record = evidence.read(fresh.evidence, "reproduction")
    assert (record.subject, record.verdict) == (trained.name, "fail")
    assert path.name in record.figures["reason"]


def test_a_bundle_whose_rows_are_gone_cannot_be_rebuilt(trained: Trained, fresh: Workspace) -> None:
    release(fresh, trained.name, trained.runs[0])
    shutil.rmtree(fresh.store / "data")
    with pytest.raises(NotFoundError, match="snapshot"):
        reproduce(fresh, trained.name)
    with pytest.raises(NotFoundError):
        reproduce(fresh, "nothing")
