"""A row whose values are rare, each for itself and all together, is answered with a warning by every door."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tabi.bundle import write_bundle
from tabi.bundle.manifest import Manifest
from tabi.bundle.read import Bundle
from tabi.bundle.reference import PATH, Reference, reference_of
from tabi.contract import CategoricalColumn, CategoricalReference, Contract, NumericColumn, NumericReference
from tabi.contract.rarity import RarityBound
from tabi.errors import BundleError
from tabi.predictions import LogReader
from tabi.serving.worker import Worker
from tabi.store import Store
from tests.serving.conftest import Ask, Harbour, MakeWorker, asking, contract, make_bundle

USUAL = {"age": 30, "fare": 7, "sex": "male", "city": "Kyoto"}
RARE = {"age": None, "fare": 99, "sex": "", "city": "Nara"}
SCORES = (40, 10, 10, 10, 10, 10, 5, 3, 1, 1, 0)


def referenced(*, strict: bool) -> Contract:
    """The contract of the harbour, with a reference of each column."""
    columns: list[Any] = []
    for column in contract(strict=strict).columns:
        if isinstance(column, NumericColumn):
            columns.append(
                msgspec.structs.replace(column, nullable=True, reference=NumericReference((50.0,), (99, 1), 0))
            )
        elif isinstance(column, CategoricalColumn):
            counts = (100,) + (0,) * (len(column.categories) - 1)
            columns.append(msgspec.structs.replace(column, reference=CategoricalReference(counts, 0, 0)))
    columns[1] = msgspec.structs.replace(columns[1], reference=CategoricalReference((0, 100), 0, 0))
    return msgspec.structs.replace(contract(strict=strict), columns=tuple(columns))


def bundle(folder: Path, harbour: Harbour, reference: bytes, *, strict: bool = False) -> Path:
    of = referenced(strict=strict)
    made = make_bundle(folder, "voyage", harbour.graph, of)
    (made / "reports").mkdir()
    (made / PATH).write_bytes(reference)
    manifest = msgspec.json.decode((made / "manifest.json").read_bytes(), type=Manifest)
    write_bundle(
        made,
        name=manifest.name,
        created=manifest.created,
        git_commit=manifest.git_commit,
        run=manifest.run,
        snapshot=manifest.snapshot,
        environment=manifest.environment,
        runtime=manifest.runtime,
    )
    return made


REFERENCE = Reference(SCORES, RarityBound(8.0, 0.999, 100))


@pytest.fixture
def watched(harbour: Harbour, make_worker: MakeWorker, tmp_path: Path) -> Worker:
    store = Store(tmp_path / "store")
    identity = store.put_bundle(bundle(tmp_path / "bundle", harbour, REFERENCE.to_json()))
    store.set_latest("voyage", identity, None)
    return make_worker(store, "voyage", log=tmp_path / "log")


@pytest.fixture
def ask(watched: Worker) -> Ask:
    return asking(watched)


def of_row(warnings: list[dict[str, str]]) -> list[str]:
    return [each["path"] for each in warnings if each["rule"] == "rare"]


def test_by_every_door_and_in_the_log_and_the_metrics(ask: Ask, tmp_path: Path) -> None:
    assert of_row(ask("POST", "/predict", json.dumps({"features": USUAL}).encode())[2]["warnings"]) == []
    assert of_row(ask("POST", "/predict", json.dumps({"features": RARE}).encode())[2]["warnings"]) == ["features"]
    body = json.dumps({"rows": [USUAL, RARE, USUAL]}).encode()
    assert of_row(ask("POST", "/predict_batch", body)[2]["warnings"]) == ["rows[1]"]
    lines = b"\n".join(json.dumps(row).encode() for row in (USUAL, RARE))
    found = ask("POST", "/predict_batch", lines, {"Content-Type": "application/x-ndjson"})[2].splitlines()
    assert [len(of_row(json.loads(line).get("warnings", []))) for line in found] == [0, 1]
    logged = [("", "rare") in [tuple(warning) for warning in line.warnings] for line in LogReader(tmp_path / "log")]
    assert sorted(logged) == [False] * 4 + [True] * 3
    text = ask("GET", "/metrics")[2].decode()
    (counted,) = [
        line for line in text.splitlines() if line.startswith("tabi_warnings_total") and 'rule="rare"' in line
    ]
    assert counted.endswith(" 3.0")


def test_the_scores_have_a_reference_in_the_metrics(ask: Ask) -> None:
    text = ask("GET", "/metrics")[2].decode()
    ratios = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith("tabi_score_reference_ratio{")]
    assert [float(ratio) for ratio in ratios] == pytest.approx([count / 100 for count in SCORES])
    assert any(line.startswith("tabi_score_reference_rows{") and line.endswith(" 100.0") for line in text.splitlines())


def test_a_strict_contract_refuses_no_row_for_being_rare(
    harbour: Harbour, make_worker: MakeWorker, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    low = Reference(SCORES, RarityBound(0.0, 0.999, 100))
    store.set_latest("voyage", store.put_bundle(bundle(tmp_path / "b", harbour, low.to_json(), strict=True)), None)
    ask = asking(make_worker(store, "voyage"))
    status, _, found = ask("POST", "/predict", json.dumps({"features": USUAL}).encode())
    assert (status, of_row(found["warnings"])) == (200, ["features"])


@pytest.mark.parametrize("content", [b"{", b'{"scores":[1,2]}', b'{"rarity":{"bound":"x"}}'])
def test_a_reference_that_does_not_fit_is_refused(content: bytes, harbour: Harbour, tmp_path: Path) -> None:
    found = Bundle.open(bundle(tmp_path / "b", harbour, content))
    with pytest.raises(BundleError, match="release again"):
        reference_of(found, found.contract())
