from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tabi.errors import ConflictError, StoreError
from tabi.store.folder import Folder
from tabi.store.objects import tag_of


@pytest.fixture
def objects(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "store")


def test_what_is_written_is_read(objects: Folder) -> None:
    objects.write("a/b/c", [b"on", b"e"])
    assert objects.read("a/b/c", limit=3) == b"one"
    assert objects.children("a") == ["b"]
    assert objects.children(".tmp") == []


def test_reading_a_store_that_is_not_there_creates_nothing(objects: Folder) -> None:
    assert objects.read("a", limit=9) is None
    assert objects.children("a") == []
    assert not objects.root.exists()


def test_a_write_that_fails_on_the_way_leaves_the_old_object_and_no_temporary_file(objects: Folder) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("cut")

    objects.write("a", [b"old"])
    with pytest.raises(ValueError, match="cut"):
        objects.write("a", broken())
    assert objects.read("a", limit=9) == b"old"
    assert objects.children(".tmp") == []


def test_replace_writes_only_over_the_object_that_was_seen(objects: Folder) -> None:
    first = objects.replace("a", None, b"one")
    assert first == tag_of(b"one")
    second = objects.replace("a", first, b"two")
    for stale in (first, None):
        with pytest.raises(ConflictError, match="first"):
            objects.replace("a", stale, b"three")
    assert objects.read("a", limit=9) == b"two"
    with pytest.raises(ConflictError):
        objects.replace("b", second, b"three")


def test_an_object_over_the_limit_is_an_error(objects: Folder) -> None:
    objects.write("a", [b"four"])
    with pytest.raises(StoreError, match="larger than 3"):
        objects.read("a", limit=3)


def test_a_disk_that_refuses_is_told_in_one_line(objects: Folder, tmp_path: Path) -> None:
    objects.write("group/a", [b""])
    with pytest.raises(StoreError, match="cannot read group"):
        objects.read("group", limit=9)
    with pytest.raises(StoreError, match="cannot write group"):
        objects.write("group", [b""])
    (tmp_path / "file").write_bytes(b"")
    blocked = Folder(tmp_path / "file" / "store")
    with pytest.raises(StoreError, match="cannot write a"):
        blocked.write("a", [b""])
    with pytest.raises(StoreError, match="cannot lock") as caught:
        blocked.replace("a", None, b"")
    assert "\n" not in str(caught.value)


def test_names_too_long_for_the_disk_are_told_in_one_line(objects: Folder) -> None:
    objects.root.mkdir()
    with pytest.raises(StoreError, match="cannot list"):
        objects.children("x" * 300)
