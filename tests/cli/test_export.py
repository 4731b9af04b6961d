"""`tabi export` as a person meets it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tabi.cli.main import main
from tests.export.conftest import bundle_of

Tabi = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tabi(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Tabi:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("TABI_HOME", str(tmp_path))
        monkeypatch.setattr(sys, "argv", ["tabi", "export", *arguments])
        with pytest.raises(SystemExit) as leaving:
            main()
        out, err = capfd.readouterr()
        return int(leaving.value.code or 0), out, err

    return run


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    return str(bundle_of(tmp_path / "bundle", "multiclass").folder)


def test_onnx_prints_the_folder_that_it_wrote(tabi: Tabi, bundle: str, tmp_path: Path) -> None:
    assert tabi("onnx", bundle, str(tmp_path / "graph")) == (0, f"{tmp_path}/graph\n", "")
    assert (tmp_path / "graph" / "README.md").is_file()


def test_web_says_in_one_line_what_is_wrong_with_a_runtime(tabi: Tabi, bundle: str, tmp_path: Path) -> None:
    code, out, err = tabi("web", bundle, str(tmp_path / "page"), "--runtime", str(tmp_path))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "give --runtime a folder or package file of onnxruntime-web" in err
    assert not (tmp_path / "page").exists()


@pytest.mark.parametrize("verb", [("onnx",), ("web",)])
def test_a_name_that_was_never_released_is_told(verb: tuple[str, ...], tabi: Tabi, tmp_path: Path) -> None:
    code, _, err = tabi(*verb, "nothing", str(tmp_path / "out"))
    assert code == 2
    assert "no model nothing was released" in err
