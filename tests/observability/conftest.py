"""What a real server exposes, and what the rules record: the series that rules and dashboards may name."""

from __future__ import annotations

import json

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from loadtest.slo import read_slo
from scripts.observability.files import rule_files
from tabi.contract import CategoricalColumn, CategoricalReference, Contract, NumericColumn, NumericReference, Target
from tabi.serving.settings import Settings
from tabi.serving.telemetry.metrics import METRICS
from tabi.serving.worker import Worker
from tabi.store import Store
from tests.observability.promql import grouped, selectors
from tests.serving.conftest import CITIES, ROW, SEXES, Harbour, asking, harbour, make_bundle

__all__ = ["harbour"]

Series = dict[str, set[str]]
"""Labels by the name of a series."""

# of Prometheus itself, and what a scrape adds
SCRAPED = {"job", "instance"}
OWN: Series = {"up": SCRAPED, "ALERTS": {"alertname", "alertstate", "severity", "job", "model", "column"}}


def referring() -> Contract:
    """The contract of voyage with references, so that drift is counted."""
    numbers = NumericReference((20.0, 40.0), (100, 100, 90), 10)
    columns = (
        NumericColumn("age", minimum=0, maximum=120, reference=numbers),
        CategoricalColumn("sex", SEXES, reference=CategoricalReference((150, 140), 0, 10)),
        NumericColumn("fare", reference=numbers),
        CategoricalColumn("city", CITIES, reference=CategoricalReference((100, 100, 90), 0, 10)),
    )
    return Contract("voyage", columns, Target("arrived", ("no", "yes")))


@pytest.fixture(scope="session")
def exposed(harbour: Harbour, tmp_path_factory: pytest.TempPathFactory) -> Series:
    """The series of a real scrape after requests, faults and a request that was turned away."""
    folder = tmp_path_factory.mktemp("observed")
    store = Store(folder / "store")
    store.set_latest(
        "voyage", store.put_bundle(make_bundle(folder / "voyage", "voyage", harbour.graph, referring())), None
    )
    worker = Worker(Settings(refs=("voyage",), store=store.root, log=folder / "log"), folder)
    try:
        worker.load()
        worker.open(None)
        return _scraped(worker)
    finally:
        worker.close()


def _scraped(worker: Worker) -> Series:
    ask = asking(worker)
    for features in (ROW, {**ROW, "age": "old"}, {}):
        assert ask("POST", "/predict", json.dumps({"features": features}).encode())[0] == 200
    worker.door.watch.reject("in_flight")
    status, _, text = ask("GET", "/metrics")
    assert status == 200
    found: Series = {}
    for family in text_string_to_metric_families(text if isinstance(text, str) else text.decode()):
        name = family.name + ("_total" if family.type == "counter" else "")
        if not family.samples and name in METRICS:
            # it is told of, and nothing was counted yet
            table = METRICS[name]
            labels = SCRAPED | {*table.labels, *([table.along] if table.along else [])}
            parts = ("_bucket", "_count", "_sum") if table.kind == "histogram" else ("",)
            found |= {f"{name}{part}": labels | ({"le"} if part == "_bucket" else set()) for part in parts}
        for sample in family.samples:
            found.setdefault(sample.name, set(SCRAPED)).update(sample.labels)
    return found


@pytest.fixture(scope="session")
def recorded() -> Series:
    """The series that rules record, with the labels that they are grouped by and those of what they are made of."""
    found: Series = {}
    for text in rule_files(read_slo()).values():
        for group in yaml.safe_load(text)["groups"]:
            for rule in group["rules"]:
                if "record" in rule:
                    labels = grouped(rule["expr"])
                    for named in selectors(rule["expr"]):
                        labels |= found.get(named.series, set())
                    found[rule["record"]] = labels
    return found
