from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tabi.bundle import Manifest
from tabi.store import Finding, Pointer, Store

BundleMaker = Callable[..., Manifest]


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1
    return findings[0]


def test_a_store_that_is_empty_or_sound_has_no_findings(store: Store, make_bundle: BundleMaker, tmp_path: Path) -> None:
    assert store.verify() == []
    for seed in range(2):
        make_bundle(tmp_path / str(seed), seed=seed)
        store.set_latest("adult", store.put_bundle(tmp_path / str(seed)), expected=store.latest("adult"))
    assert store.verify() == []


@pytest.mark.parametrize("path", ["model.onnx", "schema.json", "reports/curves.svg"])
def test_a_changed_a_missing_and_a_linked_file_are_errors_at_their_path(
    store: Store, released: Pointer, tmp_path: Path, path: str
) -> None:
    file = store.open_path("adult") / path
    content = file.read_bytes()
    told = {}
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    told["changed"] = only(store.verify())
    file.write_bytes(content + b" ")
    told["bytes, the manifest says"] = only(store.verify())
    file.unlink()
    told["missing"] = only(store.verify())
    file.symlink_to(tmp_path / "first" / path)
    told["link"] = only(store.verify())
    for word, finding in told.items():
        assert finding.severity == "error"
        assert finding.path == f"models/adult/snapshots/{released.id}/{path}"
        assert word in finding.problem
        assert "put the same bundle again" in finding.action


def test_an_extra_file_is_an_error(store: Store, released: Pointer) -> None:
    (store.open_path("adult") / "extra").write_text("")
    finding = only(store.verify())
    assert (finding.severity, Path(finding.path).name) == ("error", "extra")
    assert finding.action.startswith("remove it")


def test_a_pointer_to_a_snapshot_that_is_gone_is_an_error(store: Store, released: Pointer) -> None:
    shutil.rmtree(store.open_path("adult"))
    finding = only(store.verify())
    assert (finding.severity, finding.path) == ("error", "models/adult/latest/manifest.json")
    assert "missing or incomplete" in finding.problem


def test_a_pointer_to_a_snapshot_without_its_manifest_is_an_error(store: Store, released: Pointer) -> None:
    (store.open_path("adult") / "manifest.json").unlink()
    assert [finding.severity for finding in store.verify()] == ["error", "leftover"]


def test_a_pointer_that_cannot_be_read_is_an_error(store: Store, released: Pointer) -> None:
    (store.root / "models/adult/latest/manifest.json").write_text("[]")
    finding = only(store.verify())
    assert (finding.severity, finding.path) == ("error", "models/adult/latest/manifest.json")


def test_a_pointer_that_was_edited_is_an_error(store: Store, released: Pointer) -> None:
    pointer = store.root / "models/adult/latest/manifest.json"
    pointer.write_text(pointer.read_text().replace("c0ffee", "c0ffe0"))
    assert "not a copy" in only(store.verify()).problem


def test_a_manifest_that_is_unreadable_or_of_another_snapshot_is_an_error(
    store: Store, make_bundle: BundleMaker, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "b")
    manifest = store.open_path("adult", store.put_bundle(tmp_path / "b")) / "manifest.json"
    document = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**document, "name": "another"}))
    assert "belongs to another snapshot" in only(store.verify()).problem
    manifest.write_text(json.dumps({**document, "id": "0" * 64}))
    assert "not the digest of its files" in only(store.verify()).problem
    manifest.write_text("")
    assert "not a manifest" in only(store.verify()).problem


def test_what_a_killed_writer_left_is_a_leftover(store: Store, released: Pointer, make_bundle: BundleMaker) -> None:
    models = store.root / "models"
    (store.root / ".tmp" / ".tmp-1-0").write_text("half")
    (models / "adult" / "snapshots" / ("0" * 64)).mkdir()
    (models / "adult" / "snapshots" / ("0" * 64) / "model.onnx").write_text("whole")
    (models / "Not a model").write_text("")
    for stray in ("adult/notes", "adult/latest/notes", "adult/snapshots/notes"):
        (models / stray).write_text("")
    findings = store.verify()
    assert {finding.severity for finding in findings} == {"leftover"}
    assert [finding.path for finding in findings] == [
        ".tmp/.tmp-1-0",
        "models/Not a model",
        "models/adult/latest/notes",
        "models/adult/notes",
        f"models/adult/snapshots/{'0' * 64}",
        "models/adult/snapshots/notes",
    ]
    assert store.latest("adult") == released
