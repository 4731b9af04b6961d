from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tabi.bundle import Bundle, Manifest, bundle_id, write_bundle
from tabi.errors import BundleError, ConfigError, StoreError

Writer = Callable[[Path], Manifest]


def test_the_manifest_lists_every_other_file_sorted_with_size_and_digest(files: Path, write: Writer) -> None:
    manifest = write(files)
    expected = sorted(path.relative_to(files).as_posix() for path in files.rglob("*") if path.is_file())
    expected.remove("manifest.json")
    assert [entry.path for entry in manifest.files] == expected
    for entry in manifest.files:
        content = (files / entry.path).read_bytes()
        assert (entry.size, entry.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert manifest.id == bundle_id(manifest.files)


def test_what_was_written_is_what_is_read(files: Path, write: Writer) -> None:
    manifest = write(files)
    assert Bundle.open(files).manifest == manifest
    document = json.loads((files / "manifest.json").read_bytes())
    assert document["format"] == 2
    assert document["runtime"] == {"onnxruntime": ">=1.22"}


def test_the_id_depends_on_the_files_alone_and_writing_again_gives_it_again(files: Path, write: Writer) -> None:
    first = write(files)
    assert write(files) == first
    (files / "metrics.json").write_text('{"AUC": 0.8}\n')
    assert write(files).id != first.id


def test_writing_leaves_no_temporary_file(files: Path, write: Writer) -> None:
    before = {path.name for path in files.iterdir()}
    write(files)
    assert {path.name for path in files.iterdir()} == before | {"manifest.json"}


def test_a_manifest_that_was_begun_and_killed_is_not_listed_but_refused(files: Path, write: Writer) -> None:
    (files / ".tmp-1-0").write_text("{")
    with pytest.raises(BundleError, match=r"\.tmp-1-0 has no place"):
        write(files)


@pytest.mark.parametrize("required", ["model.onnx", "schema.json", "metrics.json", "parity.json", "gates.json"])
def test_a_required_file_that_is_missing_is_named(files: Path, write: Writer, required: str) -> None:
    (files / required).unlink()
    with pytest.raises(BundleError, match=f"^{required} is missing"):
        write(files)
    assert not (files / "manifest.json").exists()


@pytest.mark.parametrize("stray", ["model.pkl", "notes.txt", "deep/model.onnx"])
def test_a_file_without_a_place_is_refused_by_name(files: Path, write: Writer, stray: str) -> None:
    (files / stray).parent.mkdir(exist_ok=True)
    (files / stray).write_bytes(b"")
    with pytest.raises(BundleError, match=f"^{stray} has no place in a bundle"):
        write(files)


def test_a_name_that_another_system_reads_otherwise_is_refused(files: Path, write: Writer) -> None:
    (files / "reports" / "..\\x").write_bytes(b"")
    with pytest.raises(BundleError, match="is not a POSIX path: rename it"):
        write(files)


def test_a_link_is_refused_by_name_even_if_it_stays_inside(files: Path, write: Writer) -> None:
    (files / "reports" / "again.svg").symlink_to(files / "reports" / "roc.svg")
    with pytest.raises(BundleError, match=r"^reports/again\.svg is a link"):
        write(files)


def test_a_document_over_its_limit_is_refused_before_it_is_hashed(files: Path, write: Writer) -> None:
    os.truncate(files / "metrics.json", (16 << 20) + 1)
    with pytest.raises(BundleError, match=r"^metrics\.json has 16777217 bytes"):
        write(files)
    (files / "metrics.json").write_text("{}")
    os.truncate(files / "model.onnx", (2 << 30) + 1)
    with pytest.raises(BundleError, match=r"^model\.onnx has 2147483649 bytes"):
        write(files)


def test_a_manifest_over_its_limit_is_refused(files: Path, write: Writer) -> None:
    for number in range(4000):
        (files / "reports" / f"{number:0200}").touch()
    with pytest.raises(BundleError, match=r"^manifest\.json of tiny would have"):
        write(files)


def test_a_folder_that_is_not_there_or_not_writable_is_told_in_one_line(files: Path, write: Writer) -> None:
    with pytest.raises(BundleError, match="cannot be read"):
        write(files / "nowhere")
    (files / "manifest.json").mkdir()
    with pytest.raises(StoreError, match=r"cannot write manifest\.json"):
        write(files)


def test_a_name_that_no_store_would_take_is_refused(files: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be a model's name"):
        write_bundle(files, name="../x", created="", git_commit="", run="", snapshot="", environment="", runtime={})
