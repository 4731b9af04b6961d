"""Short texts from a script's rows to an answer: trained, released, served side by side, and told in both languages."""

from __future__ import annotations

import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.system, pytest.mark.beside]

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = ("tickets-en", "tickets-ja")
SMALL = ("search.mode=fast", "search.folds=3", "search.space={C: [10.0], text__chars__max_features: [1500]}")
STUDENT = ("search.mode=fast", "search.folds=3", "search.space={C: [10.0], text__chars__max_features: [300]}")


def row(name: str, body: str | None) -> dict[str, Any]:
    channel = "email" if name == "tickets-en" else "メール"
    return {"features": {"channel": channel, "body": body, "earlier_tickets": 1}}


CLEAR = {
    "tickets-en": {
        "My card was charged twice for the team plan.": "billing",
        "How do I get a return label?": "returns",
    },
    "tickets-ja": {"領収書を送ってください。": "請求", "荷物がまだ届きません。": "配送"},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which both projects are trained and released."""
    root = tmp_path_factory.mktemp("home")
    for name in PROJECTS:
        shutil.copytree(ROOT / "projects" / name, root / "projects" / name)
        tabi(root, "data", "fetch", name)
        told = tabi(root, "train", name, *SMALL)
        assert ("words and characters" in told) == (name == "tickets-en")
        tabi(root, "release", name)
    return root


def tabi(root: Path, *words: str, give: str = "") -> str:
    environment = {**os.environ, "TABI_HOME": str(root), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tabi", *words],
        cwd=root,
        env=environment,
        input=give,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


@contextmanager
def served(root: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tabi", "serve", *PROJECTS, "--port", str(port)]
    process = subprocess.Popen(command, cwd=root, env={**os.environ, "TABI_HOME": str(root)})
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_ready(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5) as answer:  # noqa: S310  our own server
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail("the server did not get ready")


def ask(address: str, name: str, body: str | None) -> dict[str, Any]:
    content = json.dumps(row(name, body)).encode()
    url, kind = f"{address}/models/{name}/predict", {"Content-Type": "application/json"}
    request = urllib.request.Request(url, content, kind)  # noqa: S310  our own server
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return dict(json.load(answer))


@pytest.mark.parametrize("name", PROJECTS)
def test_the_script_writes_the_rows_that_are_kept(name: str, tmp_path: Path) -> None:
    folder = ROOT / "projects" / name
    file = f"tickets_{name[-2:]}.csv"
    shutil.copy(folder / "make_data.py", tmp_path)
    subprocess.run([sys.executable, str(tmp_path / "make_data.py")], check=True, timeout=60)
    written = (tmp_path / file).read_bytes()
    assert written == (folder / file).read_bytes()
    assert len(written) <= 400_000
    rows = list(csv.DictReader(written.decode().splitlines(keepends=True)))
    assert len(rows) >= 3000
    assert len({r["category"] for r in rows}) == 5
    assert any(not r["body"] for r in rows)


def test_both_models_are_served_side_by_side_and_answer_as_on_the_command_line(home: Path) -> None:
    with served(home) as address:
        for name, clear in CLEAR.items():
            for body, category in clear.items():
                answer = ask(address, name, body)
                assert answer["label"] == category
            odd: tuple[str | None, ...] = ("", None, "İΣΑΣ ＡＢＣ 😀\u3000x", next(iter(clear)).upper())
            for text in odd:
                probabilities = ask(address, name, text)["probabilities"]
                assert sum(probabilities.values()) == pytest.approx(1.0)
                told = tabi(home, "predict", name, "--json", "-", give=json.dumps(row(name, text)))
                assert json.loads(told.splitlines()[0])["probabilities"] == probabilities


def test_a_student_is_smaller_than_its_teacher_and_nearly_as_good(home: Path) -> None:
    store = home / "store" / "models" / "tickets-en" / "snapshots"
    teacher = next(store.iterdir())
    tabi(home, "train", "tickets-en", *STUDENT, "text.words=false", "distill.teacher=tickets-en")
    student = tabi(home, "release", "tickets-en").splitlines()[-1].strip()
    sizes = [(folder / "model.onnx").stat().st_size for folder in (store / student, teacher)]
    assert sizes[0] < sizes[1] / 2
    metrics = json.loads((store / student / "metrics.json").read_bytes())
    own = json.loads((teacher / "metrics.json").read_bytes())
    assert metrics["teacher_auc"] == pytest.approx(own["auc"], abs=1e-9)
    assert metrics["auc"] > metrics["teacher_auc"] - 0.03
    assert teacher.name[:12] in tabi(home, "show", "tickets-en", "--lineage")
