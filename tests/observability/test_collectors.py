"""Configurations of what carries metrics, logs and traces away: that they hold together, and name what there is.

None of these programs can be had here: what only they know is not checked.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from loadtest.slo import read_slo
from scripts.observability.clock import REAL
from scripts.observability.files import COLLECTOR, ROOT
from scripts.observability.routing import RECEIVERS, routing
from tabi.predictions.log import SUFFIX
from tests.observability.conftest import Series

FOLDER = ROOT / "infra" / "observability"


def loaded(path: str) -> Any:
    text = (FOLDER / path).read_text(encoding="utf-8")
    return json.loads(text) if path.endswith(".json") else yaml.safe_load(text)


def test_every_part_of_the_collector_that_a_pipeline_names_is_there_and_every_part_is_used() -> None:
    found = yaml.safe_load((ROOT / COLLECTOR).read_text())
    for kind in ("receivers", "processors", "exporters"):
        used = {name for pipeline in found["service"]["pipelines"].values() for name in pipeline[kind]}
        assert used == set(found[kind])
    assert set(found["service"]["extensions"]) == set(found["extensions"])
    # memory is refused before anything else is done, and batches are made last
    order = found["service"]["pipelines"]["traces"]["processors"]
    assert (order[0], order[-1]) == ("memory_limiter", "batch")


def test_the_collector_keeps_what_failed_and_what_slo_calls_slow() -> None:
    policies = {
        each["name"]: each
        for each in yaml.safe_load((ROOT / COLLECTOR).read_text())["processors"]["tail_sampling"]["policies"]
    }
    assert policies["failed"]["status_code"]["status_codes"] == ["ERROR"]
    assert policies["slow"]["latency"]["threshold_ms"] == read_slo().objectives.p95_ms


def test_the_agent_of_the_cloud_declares_metrics_and_dimensions_that_a_server_exposes(exposed: Series) -> None:
    declared = loaded("cloudwatch/agent.json")["logs"]["metrics_collected"]["prometheus"]["emf_processor"]
    for declaration in declared["metric_declaration"]:
        for selector in declaration["metric_selectors"]:
            matched = [name for name in exposed if re.search(selector, name)]
            assert matched, selector
            for dimensions in declaration["dimensions"]:
                assert all(set(dimensions) <= exposed[name] for name in matched)
        assert set(declaration["source_labels"]) == {"job"}
    assert set(declared["metric_unit"]) <= set(exposed)
    scraped = loaded("cloudwatch/prometheus.yaml")["scrape_configs"][0]
    assert scraped["job_name"] == "tabi"
    dropped = re.compile(scraped["metric_relabel_configs"][0]["regex"])
    kept = {selector.strip("^$") for each in declared["metric_declaration"] for selector in each["metric_selectors"]}
    assert not any(dropped.fullmatch(name) for name in kept)
    assert any(dropped.fullmatch(name) for name in exposed)


def test_lines_of_the_prediction_log_are_carried_as_they_are() -> None:
    found = loaded("fluent-bit/predictions.yaml")["pipeline"]
    (tail,), (out,) = found["inputs"], found["outputs"]
    assert tail["path"] == f"/predictions/*{SUFFIX}"
    # what was read is remembered, or a restart would double it
    assert tail["db"]
    assert tail["read_from_head"] is True
    assert out["match"] == tail["tag"]
    assert out["log_key"] == "log"


def test_the_lines_of_the_server_are_parsed_as_json() -> None:
    found = loaded("fluent-bit/fluent-bit.yaml")["pipeline"]
    (parser,) = found["filters"]
    assert (parser["key_name"], parser["parser"]) == ("log", "json")


def test_every_severity_has_a_receiver_and_an_unknown_one_is_not_lost() -> None:
    found = routing(REAL)
    assert {receiver["name"] for receiver in found["receivers"]} == set(RECEIVERS)
    routed = {route["matchers"][0]: route["receiver"] for route in found["route"]["routes"]}
    assert routed == {'severity="page"': "page", 'severity="heartbeat"': "heartbeat"}
    assert found["route"]["receiver"] == "ticket"


def test_prometheus_of_compose_keeps_its_data_for_the_window_of_the_objectives() -> None:
    compose = yaml.safe_load((ROOT / "infra" / "compose" / "compose.yaml").read_text())
    (kept,) = [word for word in compose["services"]["prometheus"]["command"] if "retention.time" in word]
    assert int(kept.partition("=")[2].removesuffix("d")) >= read_slo().window_days
    assert "--enable-feature=exemplar-storage" in compose["services"]["prometheus"]["command"]
