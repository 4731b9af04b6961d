"""Each status is reached for real: by evidence that is there, was taken away, was changed, or is of something older."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from tabi.dod import CONDITIONS, LAYERS, Judged, evaluate
from tabi.dod.evaluate import age_of, judge
from tabi.dod.facts import Facts
from tabi.errors import ConfigError, NotFoundError
from tabi.evidence import Record, append, read
from tabi.project import load_config
from tabi.registry.release import release
from tabi.store import Store
from tabi.training.job import train
from tabi.workspace import Workspace
from tests.dod.conftest import NAME, Ask, git


def one(workspace: Workspace, key: str) -> Judged:
    """A single condition, in a moment."""
    return judge(Facts(workspace, NAME), CONDITIONS[key])


BY_MAIN_ROAD = {
    "hyperparameters_recorded",
    "results_comparable",
    "data_tied_to_model",
    "environment_locked",
    "data_automated",
    "ordered_by_dependency",
    "lineage_traceable",
    "data_quality_checked",
    "model_meets_thresholds",
    "fairness_verified",
    "fairness_report_generated",
    "model_card_generated",
}


def test_fetch_train_and_release_prove_what_they_did_and_nothing_else(home: Workspace, ask: Ask) -> None:
    judged = ask(home)
    done = {key for key, each in judged.items() if each.status == "done"}
    assert done - {"deployment_history_kept", "audit_log_kept"} == BY_MAIN_ROAD
    for key in done:
        at, link = judged[key].at, judged[key].link
        assert at is not None
        assert link is not None
        path, colon, line = link.partition(".jsonl:")
        file = home.root / (path + ".jsonl" if colon else path)
        assert file.is_file(), key
        if colon:
            assert json.loads(file.read_text(encoding="utf-8").splitlines()[int(line) - 1])["at"] == at


def test_there_are_44_conditions_and_each_layer_has_some() -> None:
    assert len(CONDITIONS) == 44
    assert {each.layer for each in CONDITIONS.values()} == set(range(len(LAYERS)))
    assert all(each.title and each.detail for each in CONDITIONS.values())


def test_what_no_evidence_tells_of_is_missing_with_the_command_that_would_tell(home: Workspace, ask: Ask) -> None:
    for path in home.evidence.iterdir():
        path.unlink()
    judged = ask(home)
    assert judged["data_automated"].status == "missing"
    assert judged["data_automated"].command == "tabi data fetch shop"
    assert judged["hyperparameters_recorded"].status == "missing"
    # what the bundle itself proves needs no record
    assert judged["data_quality_checked"].status == "done"


def test_a_flipped_byte_of_the_bundle_fails_whatever_it_proves(home: Workspace, ask: Ask) -> None:
    pointer = Store(home.store).latest(NAME)
    assert pointer is not None
    card = Store(home.store).open_path(NAME, pointer.id) / "MODEL_CARD.md"
    content = bytearray(card.read_bytes())
    content[50] ^= 1
    card.chmod(0o644)
    card.write_bytes(content)
    judged = ask(home)
    for key in ("model_card_generated", "data_quality_checked", "environment_locked"):
        assert judged[key].status == "failing"
        assert "MODEL_CARD.md" in judged[key].text
    # what rests on records alone stands
    assert judged["hyperparameters_recorded"].status == "done"


def test_a_flipped_byte_of_the_snapshot_fails_the_tie_of_data_and_model(home: Workspace, ask: Ask) -> None:
    (path,) = (home.store / "data" / NAME).glob("*.parquet")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 255
    path.chmod(0o644)
    path.write_bytes(content)
    judged = ask(home)
    assert judged["data_tied_to_model"].status == "failing"
    assert judged["lineage_traceable"].status == "failing"


def test_a_newer_snapshot_makes_the_bundle_stale(home: Workspace) -> None:
    from tabi.data import fetch

    rows = home.root / "rows.csv"
    rows.write_text("".join(rows.read_text().splitlines(keepends=True)[:-1]))
    fetch(home, load_config(home, NAME))
    assert one(home, "data_automated").status == "stale"


def test_evidence_of_another_bundle_is_stale(home: Workspace) -> None:
    pointer = Store(home.store).latest(NAME)
    assert pointer is not None
    works = {"c1": {"p95_ms": 1.0}}
    measured = Record(
        kind="bench", subject=NAME, verdict="pass", inputs={"bundle": pointer.id}, figures={"works": works, "errors": 0}
    )
    append(home.evidence, measured)
    assert one(home, "api_meets_sla").status == "done"
    train(home, load_config(home, NAME, ["params.max_leaf_nodes=3"]))
    assert release(home, NAME).bundle != pointer.id
    stale = one(home, "api_meets_sla")
    assert stale.status == "stale"
    assert pointer.id[:12] in stale.text
    assert one(home, "rollback_points_kept").status == "done"


def test_a_server_slower_than_its_service_level_fails_it(home: Workspace) -> None:
    pointer = Store(home.store).latest(NAME)
    assert pointer is not None
    works = {"c1": {"p95_ms": 1.0}, "c32": {"p95_ms": 50.5}}
    record = Record(
        kind="bench", subject=NAME, verdict="pass", inputs={"bundle": pointer.id}, figures={"works": works, "errors": 0}
    )
    append(home.evidence, record)
    judged = one(home, "api_meets_sla")
    assert (judged.status, judged.text) == ("failing", "p95 50.50 ms, at most 50 ms asked")


def test_a_deployment_of_the_bundle_is_history_and_one_that_failed_is_not(home: Workspace) -> None:
    pointer = Store(home.store).latest(NAME)
    assert pointer is not None

    def deployed(bundle: str, verdict: Literal["pass", "fail"]) -> None:
        figures = {"target": "local", "seconds": 1.5, "revision": 99}
        inputs = {"bundle": bundle}
        append(home.evidence, Record(kind="deploy", subject=NAME, verdict=verdict, inputs=inputs, figures=figures))

    deployed(pointer.id, "pass")
    deployed("0" * 64, "fail")
    judged = one(home, "deployment_history_kept")
    assert judged.status == "done"
    assert "1 of them deployments" in judged.text
    deployed("0" * 64, "pass")
    assert one(home, "deployment_history_kept").status == "stale"


@pytest.mark.parametrize(
    ("commit", "dirty", "verdict", "status"),
    [
        ("HEAD", "false", "pass", "done"),
        ("HEAD", "true", "pass", "stale"),
        ("HEAD~0^{tree}", "false", "pass", "stale"),
        ("HEAD", "false", "fail", "failing"),
    ],
)
def test_tests_prove_the_commit_that_is_checked_out(
    home: Workspace, commit: str, dirty: str, verdict: str, status: str
) -> None:
    sha = git(home.root, "rev-parse", commit)
    record = Record(
        kind="tests",
        subject="unit",
        verdict=verdict,  # type: ignore[arg-type]
        inputs={"git_commit": sha, "git_dirty": dirty},
        figures={"passed": 3, "ci": True},
    )
    append(home.evidence, record)
    assert one(home, "tests_on_every_commit").status == status


def test_a_training_that_failed_proves_nothing_against_the_run_before(home: Workspace, ask: Ask) -> None:
    append(home.evidence, Record(kind="training", subject=NAME, verdict="fail", figures={"reason": "no rows"}))
    append(home.evidence, Record(kind="fetch", subject=NAME, verdict="fail", figures={"reason": "no network"}))
    judged = ask(home)
    assert judged["hyperparameters_recorded"].status == "done"
    assert (judged["data_automated"].status, judged["data_automated"].text) == (
        "failing",
        "the last fetch failed: no network",
    )


def test_a_tracking_database_that_is_broken_fails_what_it_would_prove(home: Workspace, ask: Ask) -> None:
    broken = home.root / "broken.db"
    broken.write_bytes(b"no database" * 1000)
    judged = ask(replace(home, tracking_uri=f"sqlite:///{broken}"))
    assert judged["hyperparameters_recorded"].status == "failing"
    assert "broken.db" not in judged["hyperparameters_recorded"].text
    assert judged["data_quality_checked"].status == "done"


def test_nothing_is_done_in_an_empty_workspace(workspace: Workspace) -> None:
    (workspace.projects / "new").mkdir()
    (workspace.projects / "new" / "config.yaml").write_text("source: csv:rows.csv\ntarget: y\n")
    report = evaluate(workspace)
    assert (report.name, report.bundle) == ("new", None)
    assert report.counts == {"done": 0, "stale": 0, "failing": 0, "missing": 44}
    assert report.score.final == 0
    # asking leaves nothing behind
    assert sorted(path.name for path in workspace.root.iterdir()) == ["projects"]


def test_without_a_name_it_is_the_project_that_was_released_last(home: Workspace) -> None:
    assert evaluate(home).name == NAME


def test_a_name_that_nobody_has_is_refused(home: Workspace, workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match="known: shop"):
        evaluate(home, "shpo")
    with pytest.raises(ConfigError, match="tabi dod NAME"):
        evaluate(workspace)


def test_every_operation_of_the_main_road_left_a_record(home: Workspace) -> None:
    kinds = {record.kind for record in read(home.evidence)}
    assert {"fetch", "training", "release"} <= kinds


def test_an_age_has_one_unit() -> None:
    moment = "2026-11-21T12:00:00+00:00"
    assert age_of("2026-11-21T11:59:30+00:00", moment) == "30 s"
    assert age_of("2026-11-21T11:00:01+00:00", moment) == "59 min"
    assert age_of("2026-11-20T13:00:00+00:00", moment) == "23 h"
    assert age_of("2026-11-11T12:00:00", moment) == "10 d"


def test_a_broken_pointer_is_told_and_ends_nothing(home: Workspace, ask: Ask) -> None:
    pointer: Path = home.store / "models" / NAME / "latest" / "manifest.json"
    pointer.chmod(0o644)
    pointer.write_text("{")
    judged = ask(home)
    assert judged["data_quality_checked"].status == "failing"
    assert judged["hyperparameters_recorded"].status == "done"
