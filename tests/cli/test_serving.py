"""`tabi serve` and `tabi predict` as a person meets them: exit codes, and one line when something is wrong."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tabi.cli.main import main
from tests.serving.conftest import ROW, Harbour, Server, serving
from tests.serving.conftest import harbour as harbour  # noqa: PLC0414 - the same store serves both rooms' tests
from tests.serving.conftest import own_harbour as own_harbour  # noqa: PLC0414
from tests.serving.conftest import server as server  # noqa: PLC0414

Tabi = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tabi(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Tabi:
    """Exit code, stdout and stderr of one command, run in this process."""

    def run(harbour: Harbour, *arguments: str, given: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setenv("TABI_STORE", str(harbour.store.root))
        monkeypatch.setattr(sys, "argv", ["tabi", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        with pytest.raises(SystemExit) as leaving:
            main()
        out, err = capfd.readouterr()
        return int(leaving.value.code or 0), out, err

    return run


def is_one_line(text: str) -> bool:
    return text.startswith("tabi: ") and text.count("\n") == 1 and "Traceback" not in text


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_check_proves_that_it_can_start_and_leaves(tabi: Tabi, harbour: Harbour) -> None:
    for ref in ("voyage", "voyage@latest", f"voyage:{harbour.older[:8]}", str(harbour.path())):
        code, out, err = tabi(harbour, "serve", ref, "--check", "--port", "0")
        assert (code, out, err) == (0, f"voyage {harbour.older} can be served\n", "")


def test_check_names_all_models(tabi: Tabi, harbour: Harbour) -> None:
    code, out, err = tabi(harbour, "serve", "linear", "voyage", "--check", "--port", "0", "--workers", "3")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == ["linear", "voyage"]


# what is asked for, and a word of the line that says why it cannot be
WRONG = [
    (["voyage", "voyage"], "twice"),
    (["voyage", "voyage@latest"], "twice"),
    (["voyage:xyz"], "8 digits"),
    (["voyage", "--host", "no-such-host.invalid"], "--host"),
    (["voyage", "--host", "a..b"], "--host"),
    (["voyage", "--host", "192.0.2.1"], "--port"),
    (["voyage", "--workers", "2", "--grpc-port", "0"], "--grpc-port"),
    (["voyage", "--tokens", "absent.txt"], "absent.txt"),
    (["voyage", "--limit", "bodie=1"], "body"),
]


@pytest.mark.parametrize("check", [["--check"], []])
@pytest.mark.parametrize(("arguments", "word"), WRONG)
def test_what_cannot_be_is_one_line_and_exit_2(
    tabi: Tabi, harbour: Harbour, arguments: list[str], word: str, check: list[str]
) -> None:
    code, out, err = tabi(harbour, "serve", "--port", "0", *arguments, *check)
    assert (code, out) == (2, "")
    assert is_one_line(err)
    assert word in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "65536"],
        ["--port", "x"],
        ["--admin-port", "-2"],
        ["--workers", "0"],
        ["--workers", "257"],
        ["--metrics", "all"],
        ["--require", "some"],
        ["--no-such-option"],
    ],
)
def test_a_wrong_option_is_exit_2_and_no_traceback(tabi: Tabi, harbour: Harbour, arguments: list[str]) -> None:
    code, out, err = tabi(harbour, "serve", "voyage", *arguments)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert arguments[0] in err


def test_workers_that_cannot_start_are_one_line_and_the_exit_code_of_their_error(own_harbour: Harbour) -> None:
    environment = {**os.environ, "TABI_STORE": str(own_harbour.store.root)}
    command = [sys.executable, "-m", "tabi", "serve", "--port", "0", "--workers", "3"]

    def run(ref: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, ref], env=environment, capture_output=True, text=True, timeout=60, check=False)

    unknown = run("nobody")
    assert (unknown.returncode, unknown.stdout) == (78, "")
    assert is_one_line(unknown.stderr)
    graph = own_harbour.path() / "model.onnx"
    graph.write_bytes(b"\0" * graph.stat().st_size)
    damaged = run("voyage")
    assert (damaged.returncode, damaged.stdout) == (78, "")
    assert is_one_line(damaged.stderr)
    assert "model.onnx" in damaged.stderr


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become somebody else")
def test_a_port_that_is_for_root_only_is_one_line(harbour: Harbour) -> None:
    """The capability is dropped, not the user, who must still read the store."""
    code = """
import ctypes, sys
class Header(ctypes.Structure): _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]
sets = (ctypes.c_uint32 * 6)()
assert ctypes.CDLL(None).capset(ctypes.byref(Header(0x20080522, 0)), sets) == 0
from tabi.cli.main import main
main()
"""
    start = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if not start.exists() or int(start.read_text()) <= 81:
        pytest.skip("every port is for everybody here")
    done = subprocess.run(
        [sys.executable, "-c", code, "serve", "voyage", "--port", "81"],
        env={**os.environ, "TABI_STORE": str(harbour.store.root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert is_one_line(done.stderr)
    assert "Permission denied" in done.stderr


def test_without_an_admin_port_operators_routes_are_refused_to_everybody(harbour: Harbour) -> None:
    with serving(harbour.store.root, "voyage", options=("--admin-port", "-1")) as alone:
        assert alone.ask("POST", "/reload")[0] == 403
        assert alone.ask("GET", "/healthz")[0] == 200
        assert alone.stop()[0] == 0


def test_a_stated_limit_holds_in_the_server(harbour: Harbour) -> None:
    with serving(harbour.store.root, "voyage", options=("--limit", "row_body=100", "--limit", "grace=5")) as bounded:
        assert bounded.ask("POST", "/predict", json.dumps({"features": {"unknown": "x" * 200}}).encode())[0] == 413
        assert bounded.ask("POST", "/predict", b'{"features": {}}')[0] == 200
        assert bounded.stop()[0] == 0


# what is asked for, the place that was looked at, and a word of what was found there
ABSENT = [
    (["nobody"], "models/nobody", "no model nobody"),
    (["voyage", "nobody"], "models/nobody", "no model nobody"),
    (["voyage:00000000"], "models/voyage", "snapshot"),
    (["voyage@champion"], "models/voyage", "no champion"),
    (["./absent"], "./absent", "neither"),
]


@pytest.mark.parametrize("check", [["--check"], []])
@pytest.mark.parametrize(("refs", "place", "found"), ABSENT)
def test_a_model_that_is_not_there_is_exit_78_with_the_place_and_two_ways_to_mend_it(
    tabi: Tabi, harbour: Harbour, refs: list[str], place: str, found: str, check: list[str]
) -> None:
    code, out, err = tabi(harbour, "serve", "--port", "0", *refs, *check)
    assert (code, out) == (78, "")
    assert is_one_line(err)
    assert place in err
    assert found in err
    assert "mount the store there, or set TABI_STORE" in err


@pytest.mark.parametrize("check", [["--check"], []])
def test_an_occupied_port_is_one_line_and_exit_2(
    tabi: Tabi, harbour: Harbour, taken_port: int, check: list[str]
) -> None:
    code, out, err = tabi(harbour, "serve", "voyage", "--port", str(taken_port), *check)
    assert (code, out) == (2, "")
    assert is_one_line(err)
    assert f"127.0.0.1:{taken_port}" in err


def test_a_bundle_for_another_runtime_is_exit_78(tabi: Tabi, own_harbour: Harbour) -> None:
    manifest = own_harbour.path() / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(">=1.22", ">=99"), encoding="utf-8")
    code, out, err = tabi(own_harbour, "serve", "voyage", "--port", "0", "--check")
    assert (code, out) == (78, "")
    assert is_one_line(err)
    assert "needs onnxruntime>=99" in err


@pytest.mark.parametrize("check", [["--check"], []])
def test_a_corrupt_bundle_is_exit_78_with_the_file_and_two_ways_to_mend_it(
    tabi: Tabi, own_harbour: Harbour, check: list[str]
) -> None:
    graph = own_harbour.path() / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"\0")
    code, out, err = tabi(own_harbour, "serve", "voyage", "--port", "0", *check)
    assert (code, out) == (78, "")
    assert is_one_line(err)
    assert "model.onnx" in err
    assert "copy the bundle there again, or serve another version such as voyage@previous" in err


@pytest.mark.parametrize(
    "content",
    [
        {"features": ROW},
        {"features": {"age": "39", "sex": "unknown", "zone": 1}},
        {"rows": [ROW, {}, {"age": "x"}]},
        {"rows": []},
    ],
)
def test_predict_answers_as_the_server_does(
    tabi: Tabi, harbour: Harbour, server: Server, tmp_path: Path, content: dict[str, object]
) -> None:
    body = json.dumps(content).encode()
    path = "/predict" if "features" in content else "/predict_batch"
    served = server.ask("POST", path, body)[2]
    (tmp_path / "body.json").write_bytes(body)
    for arguments, given in ((("--json", str(tmp_path / "body.json")), b""), (("--json", "-"), body)):
        code, out, err = tabi(harbour, "predict", "voyage", *arguments, given=given)
        assert (code, err) == (0, "")
        answered = json.loads(out)
        assert len(answered.pop("request_id")) == 32
        assert answered == {name: value for name, value in served.items() if name != "request_id"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not valid JSON"),
        (b'{"features":{"age":[]}}', "features.age"),
        (b'{"rows":[{"age":1e400}]}', "rows[0].age"),
        (b"[]", "an object was expected"),
    ],
)
def test_a_body_that_does_not_fit_is_one_line_with_the_place_and_exit_2(
    tabi: Tabi, harbour: Harbour, body: bytes, words: str
) -> None:
    code, out, err = tabi(harbour, "predict", "voyage", "--json", "-", given=body)
    assert (code, out) == (2, "")
    assert is_one_line(err)
    assert words in err


def test_a_file_that_cannot_be_read_is_one_line_and_exit_2(tabi: Tabi, harbour: Harbour, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.json"):
        code, out, err = tabi(harbour, "predict", "voyage", "--json", str(path))
        assert (code, out) == (2, "")
        assert is_one_line(err)


def test_a_real_process_says_one_line_and_no_traceback(harbour: Harbour) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tabi", "serve", "nobody", "--port", "0"],
        env={**os.environ, "TABI_STORE": str(harbour.store.root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (78, "")
    assert is_one_line(done.stderr)
