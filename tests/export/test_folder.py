from __future__ import annotations

from pathlib import Path

import pytest

from tabi.errors import ConfigError
from tabi.export.folder import write_folder


def test_an_export_goes_over_an_earlier_one(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "deep"
    write_folder(folder, {"a": b"old", "b": b"same"})
    write_folder(folder, {"a": b"new", "b": b"same"})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a": b"new", "b": b"same"}


def test_it_does_not_touch_a_folder_with_anything_else(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("theirs")
    (tmp_path / "thesis.tex").write_text("theirs")
    with pytest.raises(ConfigError, match=r"thesis\.tex"):
        write_folder(tmp_path, {"a": b"ours"})
    assert (tmp_path / "a").read_text() == "theirs"


def test_what_a_killed_export_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".a.123").write_text("half")
    write_folder(tmp_path, {"a": b"whole"})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("theirs")
    with pytest.raises(ConfigError, match="name another folder"):
        write_folder(tmp_path / "file", {"a": b"ours"})
