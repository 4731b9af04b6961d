"""Commands that fail are told in one line, by the command's own last words."""

import os
from pathlib import Path

import pytest

from tabi.data.commands import find_dvc, run
from tabi.errors import SourceError


def test_what_a_command_says_comes_back(tmp_path: Path) -> None:
    assert run(["git", "--version"], tmp_path, "git cannot be asked").startswith("git version")


def test_an_error_is_told_by_its_line_and_without_a_password(tmp_path: Path) -> None:
    script = "echo first >&2; echo 'fatal: no https://me:hunter2@host/r.git' >&2; echo last >&2; exit 3"
    with pytest.raises(SourceError, match=r"^it failed: sh says: fatal: no https://me:\*\*\*@host/r\.git$"):
        run(["sh", "-c", script], tmp_path, "it failed")


def test_an_error_without_words_is_told_by_its_code(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="it failed: sh says: exit code 3"):
        run(["sh", "-c", "exit 3"], tmp_path, "it failed")


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="it failed: nosuchcommand cannot be run"):
        run(["nosuchcommand"], tmp_path, "it failed")


def test_dvc_is_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    assert find_dvc() is None
    (tmp_path / "dvc").write_text("#!/bin/sh\n")
    (tmp_path / "dvc").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_dvc() == str(tmp_path / "dvc")
