"""A server that trusts a key answers with nothing else."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tabi.bundle.keys import KeyPair, new_key_pair
from tabi.bundle.signature import Signer, sign
from tabi.bundle.trust import Trust
from tabi.cli.main import main
from tabi.errors import SignatureError
from tabi.serving.model import Model
from tests.serving.conftest import ROW, Harbour, MakeWorker, asking


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[KeyPair, KeyPair]:
    """Ours, and another's."""
    folder = tmp_path_factory.mktemp("keys")
    return new_key_pair(folder / "ours"), new_key_pair(folder / "others")


def put_signature(harbour: Harbour, version: str, pair: KeyPair) -> None:
    signer = Signer.from_environment({"TABI_SIGNING_KEY": str(pair.private)})
    assert signer is not None
    harbour.store.put_signature("voyage", version, sign(harbour.path("voyage", version), signer))


def trust(pair: KeyPair, mode: str = "enforce") -> Trust:
    found = Trust.from_environment({"TABI_VERIFY_KEY": str(pair.public), "TABI_VERIFY": mode})
    assert found is not None
    return found


def release(harbour: Harbour, version: str) -> None:
    harbour.store.set_latest("voyage", version, harbour.store.latest("voyage"))


def test_a_reload_to_an_unsigned_bundle_keeps_the_old_one_and_says_why(
    own_harbour: Harbour, make_worker: MakeWorker, keys: tuple[KeyPair, KeyPair]
) -> None:
    put_signature(own_harbour, own_harbour.older, keys[0])
    worker = make_worker(own_harbour.store, "voyage", trust=trust(keys[0]))
    ask = asking(worker)
    release(own_harbour, own_harbour.newer)
    worker.follow()
    status, _, ready = ask("GET", "/readyz")
    assert (status, ready["status"]) == (200, "degraded")
    (found,) = ready["models"]
    assert found["version"] == own_harbour.older
    assert found["problem"].startswith("model.sig is missing: the bundle …/models/voyage/snapshots/")
    assert ask("POST", "/reload")[0] == 409
    assert ask("GET", "/health")[2]["version"] == own_harbour.older
    # once it is signed it is loaded
    put_signature(own_harbour, own_harbour.newer, keys[0])
    assert ask("POST", "/reload")[0] == 200
    assert ask("GET", "/health")[2]["version"] == own_harbour.newer
    assert ask("GET", "/readyz")[2]["status"] == "ready"


def test_a_warning_is_told_by_readyz_and_the_bundle_answers(
    own_harbour: Harbour,
    make_worker: MakeWorker,
    keys: tuple[KeyPair, KeyPair],
    caplog: pytest.LogCaptureFixture,
) -> None:
    put_signature(own_harbour, own_harbour.older, keys[1])
    worker = make_worker(own_harbour.store, "voyage", trust=trust(keys[0], "warn"))
    ask = asking(worker)
    body = json.dumps({"features": ROW}).encode()
    assert ask("POST", "/predict", body, {"content-type": "application/json"})[0] == 200
    status, _, ready = ask("GET", "/readyz")
    assert (status, ready["status"]) == (200, "degraded")
    assert f"model.sig is by the key {keys[1].fingerprint[:16]}" in ready["problems"][0]
    assert str(own_harbour.store.root) not in ready["problems"][0]
    worker.follow()
    worker.follow()
    assert sum("without a trusted signature" in record.message for record in caplog.records) == 1


def tamper(folder: Path, what: str) -> None:
    file = folder / "gates.json"
    if what == "changed":
        file.write_bytes(b"[]\n")
    elif what == "added":
        (folder / "reports").mkdir()
        (folder / "reports" / "more.svg").write_text("")
    elif what == "removed":
        file.unlink()
    elif what == "renamed":
        file.rename(folder / "MODEL_CARD.md")
    elif what == "manifest":
        manifest = folder / "manifest.json"
        manifest.write_text(manifest.read_text().replace("c0ffee", "decade"))
    elif what == "unsigned":
        (folder / "model.sig").unlink()
    elif what == "garbage":
        (folder / "model.sig").write_bytes(b"\x00")


REFUSED = {
    "changed": "gates.json was changed",
    "added": "reports/more.svg is not in the manifest",
    "removed": "gates.json is missing",
    "renamed": "MODEL_CARD.md is not in the manifest",
    "manifest": "model.sig is of another bundle: manifest.json is not what was signed",
    "unsigned": "model.sig is missing",
    "garbage": "model.sig is not a signature",
}


@pytest.fixture
def signed(own_harbour: Harbour, keys: tuple[KeyPair, KeyPair]) -> Harbour:
    put_signature(own_harbour, own_harbour.older, keys[0])
    return own_harbour


@pytest.mark.parametrize("what", REFUSED)
def test_check_refuses_by_name_what_is_not_what_was_signed(
    signed: Harbour, keys: tuple[KeyPair, KeyPair], what: str, run: Callable[..., str]
) -> None:
    assert "can be served" in run(signed, keys[0], 0)
    tamper(signed.path(), what)
    assert f": {REFUSED[what]}" in run(signed, keys[0], 78)


def test_check_refuses_another_key_and_a_signature_of_another_bundle(
    signed: Harbour, keys: tuple[KeyPair, KeyPair], run: Callable[..., str]
) -> None:
    assert f"by the key {keys[0].fingerprint[:16]}, and trusted here" in run(signed, keys[1], 78)
    put_signature(signed, signed.newer, keys[0])
    shutil.copy(signed.path("voyage", signed.newer) / "model.sig", signed.path() / "model.sig")
    said = run(signed, keys[0], 78)
    assert "model.sig is of another bundle: manifest.json is not what was signed; model.onnx is" in said


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """`tabi serve voyage --check` with a trusted key: what it says, after its exit code was looked at."""

    def check(harbour: Harbour, pair: KeyPair, code: int) -> str:
        monkeypatch.setenv("TABI_STORE", str(harbour.store.root))
        monkeypatch.setenv("TABI_VERIFY_KEY", str(pair.public))
        monkeypatch.setattr(sys, "argv", ["tabi", "serve", "voyage", "--port", "0", "--check"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert (ended.value.code or 0) == code
        told = capsys.readouterr()
        said = told.out + told.err
        assert said.count("\n") == 1
        return said

    return check


def test_predict_and_score_refuse_too_and_warn_once(
    signed: Harbour,
    keys: tuple[KeyPair, KeyPair],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "row.json").write_text(json.dumps({"features": ROW}))
    (tmp_path / "rows.csv").write_text("age,fare,sex,city\n39,7.25,male,Kyoto\n")
    predict = ["predict", "voyage", "--json", str(tmp_path / "row.json")]
    score = ["score", "voyage", str(tmp_path / "rows.csv"), str(tmp_path / "out.parquet"), "--jobs", "1"]
    monkeypatch.setenv("TABI_STORE", str(signed.store.root))
    monkeypatch.setenv("TABI_VERIFY_KEY", str(keys[0].public))

    def tabi(command: list[str]) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["tabi", *command])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().err

    for command in (predict, score):
        code, said = tabi(command)
        assert (code, "warning" in said) == (0, False)
    (signed.path() / "model.sig").unlink()
    for command in (predict, score):
        code, said = tabi(command)
        assert code == 1
        assert said.startswith("tabi: model.sig is missing")
    monkeypatch.setenv("TABI_VERIFY", "warn")
    for command in (predict, score):
        code, said = tabi(command)
        assert (code, said.count("tabi: warning: model.sig is missing")) == (0, 1)


def test_a_model_is_opened_by_the_trust_that_it_is_given(signed: Harbour, keys: tuple[KeyPair, KeyPair]) -> None:
    assert Model.open(signed.path(), trust(keys[0])).bundle.signed.by == keys[0].fingerprint
    with pytest.raises(SignatureError):
        Model.open(signed.path(), trust(keys[1]))
