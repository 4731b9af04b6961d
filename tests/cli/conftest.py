"""A workspace in which the demo has run, and ways to call the command line in this process and as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tabi.cli.main import main


class Said(NamedTuple):
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


Tabi = Callable[..., Said]


def run_process(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `tabi` as a process of its own in `folder`, with no TABI_ variable set."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TABI_")}
    return subprocess.run(
        [sys.executable, "-m", "tabi", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


class Demonstrated(NamedTuple):
    """The workspace that a demo left, and what it said."""

    root: Path
    output: str


@pytest.fixture(scope="session")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> Demonstrated:
    """An empty folder in which `tabi demo` was called."""
    root = tmp_path_factory.mktemp("demo")
    done = run_process(root, "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return Demonstrated(root, done.stdout)


@pytest.fixture
def tabi(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tabi:
    """Call the command line in this process, in a folder."""
    for variable in [v for v in os.environ if v.startswith("TABI_")]:
        monkeypatch.delenv(variable)

    def call(folder: Path, *arguments: str) -> Said:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["tabi", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        code = ended.value.code
        return Said(code if isinstance(code, int) else int(code is not None), said.out, said.err)

    return call
