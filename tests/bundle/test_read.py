from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from tabi.bundle import Bundle, FileEntry, Manifest, bundle_id
from tabi.contract import Contract
from tabi.errors import BundleError

Writer = Callable[[Path], Manifest]

FILES = [
    "MODEL_CARD.md",
    "gates.json",
    "metrics.json",
    "model.onnx",
    "parity.json",
    "reports/roc.svg",
    "schema.json",
    "threshold.json",
]


def refusal(folder: Path) -> str:
    with pytest.raises(BundleError) as caught:
        Bundle.open(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def edit(folder: Path, **fields: Any) -> None:
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **fields}))


def relist(folder: Path, entries: list[dict[str, Any]]) -> None:
    """A manifest that agrees with itself, as a forger would write it."""
    entries = sorted(entries, key=lambda entry: str(entry["path"]))
    edit(folder, files=entries, id=bundle_id(FileEntry(**entry) for entry in entries))


def listed(folder: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((folder / "manifest.json").read_text())["files"]
    return entries


def test_an_open_bundle_gives_its_contract_threshold_documents_and_a_graph_that_runs(bundle: Path) -> None:
    opened = Bundle.open(bundle)
    assert (opened.name, opened.id, opened.folder) == ("tiny", opened.manifest.id, bundle)
    assert opened.contract() == Contract.from_json((bundle / "schema.json").read_bytes())
    assert (opened.threshold().threshold, opened.threshold().criterion) == (0.4, "f1")
    assert json.loads(opened.document("metrics.json")) == {"AUC": 0.9}
    session = onnxruntime.InferenceSession(opened.graph_bytes(), providers=["CPUExecutionProvider"])
    (probability,) = session.run(None, {"numeric": np.array([[0.5, 1.5], [0.0, 0.0]])})
    assert probability.tolist() == pytest.approx([1 / (1 + np.exp(-2)), 0.5], abs=1e-15)


def test_the_files_of_the_fixture_are_all_there(bundle: Path) -> None:
    assert [entry["path"] for entry in listed(bundle)] == FILES


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("position", [0, -1])
def test_one_flipped_bit_is_refused_by_name(bundle: Path, path: str, position: int) -> None:
    content = bytearray((bundle / path).read_bytes())
    content[position] ^= 1
    (bundle / path).write_bytes(content)
    assert refusal(bundle).startswith(f"{path} was changed")


@pytest.mark.parametrize("path", FILES)
def test_a_file_that_is_gone_cut_or_grown_is_refused_by_name(bundle: Path, path: str) -> None:
    content = (bundle / path).read_bytes()
    for changed in (content[:-1], content + b"\n", b""):
        (bundle / path).write_bytes(changed)
        assert refusal(bundle).startswith(f"{path} has {len(changed)} bytes")
    (bundle / path).unlink()
    assert refusal(bundle).startswith(f"{path} is missing")


@pytest.mark.parametrize("path", ["model.pkl", "reports/more.svg", ".hidden", "model.onnx.sig"])
def test_an_added_file_is_refused_by_name(bundle: Path, path: str) -> None:
    (bundle / path).write_bytes(b"")
    assert refusal(bundle).startswith(f"{path} is not in the manifest")


def test_a_renamed_file_is_refused_by_name(bundle: Path) -> None:
    (bundle / "MODEL_CARD.md").rename(bundle / "reports" / "card.md")
    assert refusal(bundle).startswith("reports/card.md is not in the manifest")


def test_two_files_that_changed_places_are_refused_even_with_a_manifest_that_agrees(bundle: Path) -> None:
    true_id = Bundle.open(bundle).id
    first, second = bundle / "gates.json", bundle / "parity.json"
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)
    assert refusal(bundle).startswith("gates.json ")
    entries = {entry["path"]: entry for entry in listed(bundle)}
    gates, parity = entries["gates.json"], entries["parity.json"]
    gates["path"], parity["path"] = "parity.json", "gates.json"
    edit(bundle, files=sorted(entries.values(), key=lambda entry: entry["path"]))
    assert "id that is not the digest of its files" in refusal(bundle)
    relist(bundle, list(entries.values()))
    assert Bundle.open(bundle).id != true_id


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"id": "0" * 64}, "not the digest of its files"),
        ({"id": "short"}, "is not a manifest"),
        ({"files": []}, "not the digest of its files"),
        ({"files": "model.onnx"}, "is not a manifest"),
        ({"name": 7}, "is not a manifest"),
        ({"trusted": True}, "is not a manifest"),
        ({"format": 3}, "bundle format 3, this Tabi reads 2"),
        ({"format": None}, "is not a manifest"),
    ],
)
def test_an_edited_manifest_is_refused(bundle: Path, fields: dict[str, Any], told: str) -> None:
    edit(bundle, **fields)
    assert told in refusal(bundle)


@pytest.mark.parametrize("field", ["size", "sha256"])
def test_a_manifest_edited_to_agree_with_itself_is_still_refused_by_the_files(bundle: Path, field: str) -> None:
    entries = listed(bundle)
    entries[3][field] = {"size": entries[3]["size"] + 1, "sha256": "0" * 64}[field]
    relist(bundle, entries)
    assert refusal(bundle).startswith("model.onnx ")


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b"\xff\xfe", b"{}", b'{"format": 1}'])
def test_what_is_not_a_manifest_is_refused(bundle: Path, content: bytes) -> None:
    (bundle / "manifest.json").write_bytes(content)
    assert refusal(bundle).startswith("manifest.json is not a manifest")


def test_a_folder_without_a_manifest_is_refused(bundle: Path) -> None:
    (bundle / "manifest.json").unlink()
    assert refusal(bundle).startswith("manifest.json cannot be read")
    assert refusal(bundle / "nowhere").startswith("manifest.json cannot be read")


@pytest.mark.parametrize(
    "path", ["../secret.json", "reports/../../secret.json", "/secret.json", "reports//roc.svg", ""]
)
def test_a_path_that_leaves_the_folder_is_refused_before_it_is_opened(bundle: Path, path: str) -> None:
    secret = {"path": path, "size": 2, "sha256": "4" * 64}
    (bundle.parent / "secret.json").write_text("{}")
    relist(bundle, [*listed(bundle), secret])
    assert refusal(bundle).startswith(f"manifest.json names the path {path!r}, which ")


@pytest.mark.parametrize("path", ["model.onnx", "reports/roc.svg", "manifest.json"])
def test_a_link_is_refused_though_its_content_is_right(bundle: Path, path: str) -> None:
    (bundle / path).rename(bundle.parent / "elsewhere")
    (bundle / path).symlink_to(bundle.parent / "elsewhere")
    assert refusal(bundle).startswith(f"{path} ")


def test_a_linked_folder_is_refused_though_its_content_is_right(bundle: Path) -> None:
    (bundle / "reports").rename(bundle.parent / "elsewhere")
    (bundle / "reports").symlink_to(bundle.parent / "elsewhere")
    assert refusal(bundle).startswith("reports is a link")


def test_a_bundle_may_itself_be_reached_by_a_link(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(bundle)
    assert Bundle.open(tmp_path / "link").name == "tiny"


def test_an_oversized_manifest_is_refused_unread(bundle: Path) -> None:
    (bundle / "manifest.json").write_bytes(b" " * (1 << 20) + b"{}")
    assert refusal(bundle).startswith("manifest.json is larger than 1048576 bytes")


@pytest.mark.parametrize(("path", "limit"), [("metrics.json", 16 << 20), ("model.onnx", 2 << 30)])
def test_an_oversized_file_is_refused_by_its_declared_size_unread(bundle: Path, path: str, limit: int) -> None:
    entries = listed(bundle)
    for entry in entries:
        entry["size"] = limit + 1 if entry["path"] == path else entry["size"]
    relist(bundle, entries)
    assert refusal(bundle).startswith(f"{path} has {limit + 1} bytes, over the limit of {limit}")


def test_a_listed_file_without_a_place_is_refused(bundle: Path) -> None:
    (bundle / "model.pkl").write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    relist(bundle, [*listed(bundle), {"path": "model.pkl", "size": 0, "sha256": empty}])
    assert refusal(bundle).startswith("model.pkl has no place in a bundle")


def test_a_manifest_that_leaves_out_a_required_file_is_refused(bundle: Path) -> None:
    (bundle / "parity.json").unlink()
    relist(bundle, [entry for entry in listed(bundle) if entry["path"] != "parity.json"])
    assert refusal(bundle).startswith("manifest.json does not list parity.json")


def test_a_file_that_changes_after_opening_is_refused_not_used(bundle: Path) -> None:
    opened = Bundle.open(bundle)
    content = (bundle / "model.onnx").read_bytes()
    for changed in (content[:-1] + b"?", content + b"?", content[:-1]):
        (bundle / "model.onnx").write_bytes(changed)
        with pytest.raises(BundleError, match=r"^model\.onnx in .* was changed"):
            opened.graph_bytes()
    shutil.rmtree(bundle)
    with pytest.raises(BundleError, match=r"^schema\.json in .* cannot be read"):
        opened.contract()


def test_a_file_that_the_bundle_does_not_have_is_never_looked_for(bundle: Path) -> None:
    (bundle.parent / "secret").write_text("")
    opened = Bundle.open(bundle)
    for path in ("environment.lock", "../secret", "manifest.json"):
        with pytest.raises(BundleError, match="has no "):
            opened.document(path)


@pytest.mark.parametrize("content", ["{}", '{"threshold": 1.5, "criterion": "f1"}', '{"threshold": "x"}', "[]", "?"])
def test_a_threshold_that_is_no_probability_is_refused(files: Path, write: Writer, content: str) -> None:
    (files / "threshold.json").write_text(content)
    write(files)
    with pytest.raises(BundleError, match=r"^threshold\.json is not a threshold"):
        Bundle.open(files).threshold()


def test_reading_bundles_imports_no_training_library_and_nothing_that_opens_a_pickle() -> None:
    code = "import sys, tabi.bundle, tabi.store; print(sorted(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    for module in ("sklearn", "pandas", "mlflow", "onnx'", "onnxruntime", "joblib", "skops", "scipy"):
        assert f"'{module}" not in modules


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize("path", ["manifest.json", "schema.json", "threshold.json", "lineage.json"])
def test_json_that_is_nested_too_deep_is_refused(files: Path, write: Writer, path: str) -> None:
    if path != "manifest.json":
        (files / path).write_bytes(b'{"x": ' + DEEP + b"}")
    write(files)
    if path == "manifest.json":
        (files / path).write_bytes(b'{"format": 2, "x": ' + DEEP + b"}")

    def read() -> None:
        opened = Bundle.open(files)
        opened.lineage()
        opened.threshold()
        opened.contract()

    with pytest.raises(BundleError, match=f"^{path} is not a ") as caught:
        read()
    assert "\n" not in str(caught.value)
