"""A bundle of every format that there ever was stays loadable and verifiable, and answers as it did."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tabi.bundle import Bundle, layout
from tabi.bundle.signature import verify
from tabi.errors import BundleError, SignatureError
from tabi.serving.model import Model
from tabi.store import Store

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
TRUST = {"TABI_VERIFY_KEY": str(GOLDEN / "golden.pub")}
RECORDED = json.loads((GOLDEN / "answers.json").read_text(encoding="utf-8"))
FORMATS = sorted(RECORDED["answers"])


def test_there_is_a_bundle_of_every_format() -> None:
    assert [f"format-{number}" for number in range(1, layout.FORMAT + 1)] == FORMATS
    for number, name in enumerate(FORMATS, 1):
        assert Bundle.open(GOLDEN / name).manifest.format == number


@pytest.mark.parametrize("name", FORMATS)
def test_it_is_verified_and_answers_as_it_did_when_it_was_made(name: str) -> None:
    model = Model(verify(GOLDEN / name, TRUST))
    answers: dict[str, Any] = RECORDED["answers"][name]
    assert model.bundle.signed.by == "b562520f1b04f998d50420cb537c6d1591090cfd1476d663d815bd0268b4c28b"
    assert model.version == answers["version"]
    assert model.bundle.threshold().threshold == answers["threshold"]
    predictions, _ = model.predict(RECORDED["rows"])
    assert [found.label for found in predictions] == [told["label"] for told in answers["predictions"]]
    # another runtime may add in another order
    told = [told["probability"] for told in answers["predictions"]]
    assert [found.probability for found in predictions] == pytest.approx(told, abs=1e-12)


@pytest.mark.parametrize("name", FORMATS)
def test_it_goes_through_a_store_with_its_signature(name: str, tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.set_latest("shop", store.put_bundle(GOLDEN / name), None)
    assert store.verify() == []
    assert verify(store.open_path("shop"), TRUST).id == RECORDED["answers"][name]["version"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_changed_byte_of_it_is_refused(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    shutil.copytree(GOLDEN / name, folder)
    manifest = folder / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"created": "2026', b'"created": "2027'))
    with pytest.raises(SignatureError, match=r"manifest\.json is not what was signed"):
        verify(folder, TRUST)
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes()[::-1])
    with pytest.raises(BundleError, match=r"^model\.onnx was changed"):
        verify(folder, TRUST)
