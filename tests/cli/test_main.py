from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tabi.cli import main as module
from tests.cli.conftest import Demonstrated, Tabi, run_process

PROJECT = "source: builtin:breast_cancer\ntarget: target\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "projects" / "p").mkdir(parents=True)
    (tmp_path / "projects" / "p" / "config.yaml").write_text(PROJECT)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["data", "fetch", "nothing"], 2, "there is no project 'nothing'"),
        (["data", "fetch", "p", "serch.mode=fast"], 2, "did you mean 'search.mode'?"),
        (["train"], 2, "Missing argument"),
        (["train", "seed=1"], 2, "name at least one project"),
        (["train", "p", "-m", "seed=1"], 2, "several values"),
        (["train", "p", "-m", "preset=native,forst", "seed=x"], 2, "seed: Value 'x'"),
        (["compare", "p", "p"], 2, "there is no finished run 'p'"),
        (["release", "p"], 2, "tabi train p"),
        (["serve", "nothing", "--port", "0"], 78, "nothing"),
        (["predict", "p", "--json", "absent.json"], 2, "cannot read absent.json"),
    ],
)
def test_an_error_is_one_line_with_an_exit_code(
    folder: Path, tabi: Tabi, arguments: list[str], code: int, says: str
) -> None:
    said = tabi(folder, *arguments)
    assert said.code == code
    assert says in said.err
    assert "Traceback" not in said.err
    if not says.startswith("Missing"):
        assert re.fullmatch(r"tabi: [^\n]+\n", said.err)


def test_an_unexpected_error_says_how_to_see_more_and_shows_no_traceback(
    folder: Path, tabi: Tabi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(module, "app", broken)
    said = tabi(folder, "envinfo")
    assert said.code == 1
    assert said.err == "tabi: unexpected ZeroDivisionError: run again with TABI_DEBUG=1 and report what it shows\n"


def test_a_command_that_needs_more_than_the_smallest_set_says_what_to_install(folder: Path) -> None:
    script = "import sys; sys.modules['pandas'] = None; from tabi.cli.main import main; main()"
    command = [sys.executable, "-c", script, "data", "fetch", "p"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("tabi: this command needs pandas, which is not installed: make init EXTRAS=[train]")
    assert done.stderr.count("\n") == 1


def test_an_interrupt_ends_with_the_shell_s_own_code(folder: Path, tabi: Tabi, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "app", interrupted)
    assert tabi(folder, "envinfo").code == 130


def test_fetch_prints_rows_digest_and_what_breaks_the_contract(folder: Path, tabi: Tabi) -> None:
    said = tabi(folder, "data", "fetch", "p", "columns.mean radius.maximum=20")
    assert said.code == 0
    assert "rows      569" in said.out
    assert re.search(r"digest    [0-9a-f]{64}", said.out)
    assert re.search(r"contract  mean radius: \S+ in \d+ rows \(such as row \d+", said.out)


def test_fetch_says_when_no_row_breaks_the_contract(folder: Path, tabi: Tabi) -> None:
    assert "no row breaks it" in tabi(folder, "data", "fetch", "p").out


def test_check_before_any_batch_is_not_started(folder: Path, tabi: Tabi) -> None:
    said = tabi(folder, "check")
    assert said.code == 2
    assert "tabi train NAME" in said.out


def test_envinfo_names_interpreter_versions_digest_store_and_database(folder: Path, tabi: Tabi) -> None:
    said = tabi(folder, "envinfo")
    assert said.code == 0
    for line in ("python ", "scikit-learn ", "onnxruntime ", "environment ", "store ", "tracking ", "data cache "):
        assert re.search(rf"^{line}", said.out, re.MULTILINE), line
    assert f"{folder}/store" in said.out


@pytest.mark.system
def test_a_training_ends_with_its_result_and_a_release_with_its_bundle(demonstrated: Demonstrated) -> None:
    trained = run_process(demonstrated.root, "train", "breast_cancer", "--mode", "fast", "params.max_iter=20")
    assert trained.returncode == 0, trained.stderr
    pattern = (
        r"\[RESULT\] ds=builtin_breast_cancer mode=fast AUC=0\.\d{4} ACC=0\.\d{4} best=\{'clf__.*\} elapsed_sec=\d+"
    )
    assert re.fullmatch(pattern, trained.stdout.splitlines()[-1])
    released = run_process(demonstrated.root, "release", "breast_cancer")
    assert released.returncode == 0, released.stderr
    assert re.fullmatch(r"[0-9a-f]{64}", released.stdout.splitlines()[-1])
    assert run_process(demonstrated.root, "check").returncode == 0


@pytest.mark.system
def test_a_failed_gate_ends_with_exit_code_1_and_one_line(demonstrated: Demonstrated) -> None:
    trained = run_process(
        demonstrated.root, "train", "breast_cancer", "--mode", "fast", "params.max_iter=1", "gates.auc_minimum=0.9999"
    )
    assert trained.returncode == 0, trained.stderr
    released = run_process(demonstrated.root, "release", "breast_cancer")
    assert released.returncode == 1
    assert re.fullmatch(r"tabi: no bundle of 'breast_cancer': gate metrics: [^\n]+\n", released.stderr)
