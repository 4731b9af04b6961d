from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tabi.errors import BundleError
from tabi.store.listing import (
    FileEntry,
    bundle_id,
    differences,
    entry_of,
    list_problem,
    path_problem,
    read_bounded,
    verified_chunks,
)

hex_digests = st.text("0123456789abcdef", min_size=64, max_size=64)
paths = st.text(min_size=1, max_size=20).filter(lambda path: path_problem(path) is None)
entries = st.builds(FileEntry, path=paths, size=st.integers(0, 2**53), sha256=hex_digests)
listings = st.lists(entries, min_size=1, max_size=6, unique_by=lambda entry: entry.path)


@given(listings)
def test_the_id_is_the_sha256_of_canonical_json_that_any_language_can_write(files: list[FileEntry]) -> None:
    rows = sorted([entry.path, entry.size, entry.sha256] for entry in files)
    canonical = json.dumps(rows, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
    assert bundle_id(files) == hashlib.sha256(canonical).hexdigest()


@given(listings, st.randoms(use_true_random=False))
def test_the_order_of_the_files_does_not_change_the_id(files: list[FileEntry], random: object) -> None:
    shuffled = list(files)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert bundle_id(shuffled) == bundle_id(files)


@given(listings.filter(lambda files: len(files) > 1))
def test_swapping_the_names_of_two_files_changes_the_id(files: list[FileEntry]) -> None:
    first, second, *rest = files
    assume((first.size, first.sha256) != (second.size, second.sha256))
    swapped = [
        FileEntry(second.path, first.size, first.sha256),
        FileEntry(first.path, second.size, second.sha256),
        *rest,
    ]
    assert bundle_id(swapped) != bundle_id(files)


@given(listings, entries)
def test_adding_or_changing_a_file_changes_the_id(files: list[FileEntry], other: FileEntry) -> None:
    assume(other not in files)
    assert bundle_id([*files, other]) != bundle_id(files)
    assert bundle_id([other, *files[1:]]) != bundle_id(files)


@given(st.text(max_size=30) | st.lists(st.sampled_from(["..", ".", "", "a", "b c"]), max_size=5).map("/".join))
def test_a_path_without_a_problem_stays_inside_the_folder(path: str) -> None:
    if path_problem(path) is None:
        joined = os.path.normpath(Path("/bundle") / path)
        assert joined == f"/bundle/{path}"
        assert path.encode().decode() == path


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/", "a\\b", "c:x", "a\nb", "a\x00", "manifest.json"],
)
def test_a_path_that_could_leave_or_deceive_has_a_problem(path: str) -> None:
    assert path_problem(path) is not None


def test_a_list_out_of_order_twice_named_or_of_another_id_is_refused() -> None:
    a, b = FileEntry("a", 1, "0" * 64), FileEntry("b", 1, "1" * 64)
    assert list_problem((a, b), bundle_id([a, b])) is None
    for files in [(b, a), (a, a)]:
        problem = list_problem(files, bundle_id(files))
        assert problem is not None
        assert "twice or out of order" in problem.problem
    assert list_problem((a, b), bundle_id([a])) is not None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "deep" / "er" / "b").write_bytes(b"two")
    (tmp_path / "manifest.json").write_bytes(b"{}")
    return tmp_path


def listed(folder: Path) -> list[FileEntry]:
    return [entry_of(folder, "a"), entry_of(folder, "deep/er/b")]


def test_a_folder_does_not_differ_from_its_own_list(folder: Path) -> None:
    assert list(differences(folder, listed(folder))) == []


@pytest.mark.timeout(10)
def test_a_named_pipe_is_neither_waited_for_nor_read(folder: Path) -> None:
    files = listed(folder)
    (folder / "a").unlink()
    os.mkfifo(folder / "a")
    assert [difference.path for difference in differences(folder, files)] == ["a"]
    with pytest.raises(BundleError, match=r"^a in"):
        list(verified_chunks(folder, files[0]))


def test_a_link_to_a_folder_is_named_and_not_entered(folder: Path) -> None:
    files = listed(folder)
    with tempfile.TemporaryDirectory() as outside:
        (folder / "linked").symlink_to(outside)
        (Path(outside) / "secret").write_bytes(b"")
        assert [difference.path for difference in differences(folder, files)] == ["linked"]


def test_a_link_is_never_followed_to_its_content(folder: Path) -> None:
    entry = listed(folder)[0]
    (folder / "a").rename(folder / "moved")
    (folder / "a").symlink_to(folder / "moved")
    with pytest.raises(OSError, match="symbolic links"):
        read_bounded(folder / "a", 3)
    with pytest.raises(OSError, match="symbolic links"):
        entry_of(folder, "a")
    with pytest.raises(BundleError, match=r"^a in .* cannot be read"):
        list(verified_chunks(folder, entry))


def test_verified_chunks_refuse_a_file_that_grew_shrank_changed_or_went(folder: Path) -> None:
    entry = listed(folder)[0]
    assert b"".join(verified_chunks(folder, entry)) == b"one"
    for content in (b"one more", b"on", b"eno"):
        (folder / "a").write_bytes(content)
        with pytest.raises(BundleError, match=r"^a in .* changed"):
            list(verified_chunks(folder, entry))
    (folder / "a").unlink()
    with pytest.raises(BundleError, match=r"^a in .* cannot be read"):
        list(verified_chunks(folder, entry))


def test_a_file_over_the_limit_is_not_read(folder: Path) -> None:
    assert read_bounded(folder / "a", 3) == b"one"
    assert read_bounded(folder / "a", 2) is None
