"""What is scraped parses, says what was counted, and tells the living from the dead."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Sample

from tabi.serving.telemetry.cells import Cells
from tabi.serving.telemetry.exposition import expose
from tabi.serving.telemetry.hooks import Counter, ModelMetrics, ReloadMetrics, RequestMetrics
from tabi.serving.telemetry.metrics import METRICS

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
TRACE = 0x4BF92F3577B34DA6A3CE929D0E0E4736

Found = dict[tuple[str, tuple[tuple[str, str], ...]], Sample]


def scrape(folder: Path, accept: str = "") -> Found:
    body, content_type = expose(folder, accept)
    parse = parse_openmetrics if content_type.startswith("application/openmetrics-text") else parse_text
    samples = [sample for family in parse(body.decode()) for sample in family.samples]
    found = {(sample.name, tuple(sorted(sample.labels.items()))): sample for sample in samples}
    assert len(found) == len(samples), "no series stands twice"
    return found


def value(found: Found, name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))].value


def busy(folder: Path, worker: int = 0) -> Cells:
    """A worker that used every hook."""
    cells = Cells(folder, worker)
    requests = RequestMetrics(cells, ["/predict"])
    requests.begin()
    requests.observe("/predict", 200, 1_000_000)
    requests.observe("/predict", 200, 3_000_000, TRACE)
    requests.reject("queue")
    model = ModelMetrics(cells, "m", "v", ("no", "yes"))
    model.loaded()
    model.predicted("yes", 5)
    model.warned("missing")
    ReloadMetrics(cells, "m").observe("loaded", 40_000_000)
    Counter(cells, "tabi_prediction_log_lost_total").add(2)
    Counter(cells, "tabi_worker_restarts_total").add()
    return cells


@pytest.mark.parametrize("accept", ["", OPENMETRICS], ids=["text", "openmetrics"])
def test_what_was_counted_is_scraped_in_the_metrics_units(tmp_path: Path, accept: str) -> None:
    busy(tmp_path)
    busy(tmp_path, 1)
    found = scrape(tmp_path, accept)
    assert value(found, "tabi_requests_total", route="/predict", status="200") == 4
    assert value(found, "tabi_requests_in_flight") == 2
    assert value(found, "tabi_request_duration_seconds_sum", route="/predict") == pytest.approx(0.008)
    assert value(found, "tabi_request_duration_seconds_count", route="/predict") == 4
    cumulated = {le: value(found, "tabi_request_duration_seconds_bucket", route="/predict", le=le) for le in LES}
    assert cumulated == {"0.0005": 0, "0.001": 2, "0.0025": 2, "0.005": 4, "10.0": 4, "+Inf": 4}
    assert value(found, "tabi_rejected_total", reason="queue") == 2
    assert value(found, "tabi_predictions_total", model="m", version="v", label="yes") == 10
    assert value(found, "tabi_predictions_total", model="m", version="v", label="no") == 0
    assert value(found, "tabi_warnings_total", model="m", version="v", rule="missing") == 2
    assert value(found, "tabi_reloads_total", model="m", outcome="loaded") == 2
    assert value(found, "tabi_prediction_log_lost_total") == 4
    assert value(found, "tabi_worker_restarts_total") == 2
    # of what each worker says alike there is one
    assert value(found, "tabi_model_info", model="m", version="v") == 1
    assert 1.7e9 < value(found, "tabi_model_loaded_timestamp_seconds", model="m", version="v") < 1e10


LES = ("0.0005", "0.001", "0.0025", "0.005", "10.0", "+Inf")


@pytest.mark.parametrize("accept", ["", OPENMETRICS], ids=["text", "openmetrics"])
def test_every_metric_of_the_table_is_described(tmp_path: Path, accept: str) -> None:
    text = expose(tmp_path, accept)[0].decode()
    for metric in METRICS.values():
        name = metric.name.removesuffix("_total") if accept else metric.name
        assert f"# TYPE {name} {metric.kind}\n" in text
        assert f"# HELP {name} {metric.help}\n" in text


def test_the_build_is_told_even_where_nothing_was_counted(tmp_path: Path) -> None:
    (found,) = scrape(tmp_path / "none").values()
    assert found.name == "tabi_build_info"
    assert set(found.labels) == {"version", "commit", "python", "onnxruntime"}
    assert all(found.labels.values())


def test_openmetrics_is_given_only_to_who_asks_for_it(tmp_path: Path) -> None:
    assert expose(tmp_path)[1].startswith("text/plain; version=0.0.4")
    body, content_type = expose(tmp_path, OPENMETRICS)
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert body.endswith(b"# EOF\n")


@given(st.text() | st.from_regex(r"application/openmetrics-text; ?(version|escaping)=[a-z0-9.;-]*", fullmatch=True))
def test_any_accept_header_is_answered(tmp_path_factory: pytest.TempPathFactory, accept: str) -> None:
    assert b"tabi_build_info" in expose(tmp_path_factory.getbasetemp() / "none", accept)[0]


def test_the_latest_sampled_request_of_each_bucket_is_its_exemplar(tmp_path: Path) -> None:
    busy(tmp_path)
    RequestMetrics(Cells(tmp_path, 1), ["/predict"]).observe("/predict", 200, 4_000_000, TRACE + 1)
    found = scrape(tmp_path, OPENMETRICS)
    exemplars = {key[1][0][1]: sample.exemplar for key, sample in found.items() if sample.exemplar}
    assert list(exemplars) == ["0.005"]
    assert exemplars["0.005"].labels == {"trace_id": f"{TRACE + 1:032x}"}
    assert exemplars["0.005"].value == pytest.approx(0.004)
    assert not any(sample.exemplar for sample in scrape(tmp_path).values())


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4, unique=True))
def test_any_text_is_a_label(tmp_path_factory: pytest.TempPathFactory, categories: list[str]) -> None:
    folder = tmp_path_factory.mktemp("cells")
    cells = Cells(folder, 0)
    ModelMetrics(cells, "m", "v", ("no", "yes")).loaded()
    labels = {"model": "m", "version": "v", "column": categories[0]}
    cells.array("tabi_feature_bins_total", labels, len(categories), categories)[0] = 3
    cells.close()
    # the parser of the plain text splits lines where Python does, which is at more than the format's own newline
    found = scrape(folder, OPENMETRICS)
    counts = [value(found, "tabi_feature_bins_total", bin=category, **labels) for category in categories]
    assert counts == [3] + [0] * (len(categories) - 1)


def test_a_version_that_is_loaded_nowhere_has_no_info_but_keeps_its_counts(tmp_path: Path) -> None:
    model = ModelMetrics(Cells(tmp_path, 0), "m", "v", ("no", "yes"))
    model.loaded()
    model.predicted("yes")
    model.unloaded()
    found = scrape(tmp_path)
    assert not {name for name, _ in found} & {"tabi_model_info", "tabi_model_loaded_timestamp_seconds"}
    assert value(found, "tabi_predictions_total", model="m", version="v", label="yes") == 1


def test_bins_are_told_of_versions_that_a_living_worker_has_loaded(tmp_path: Path) -> None:
    def bins(worker: Cells, version: str) -> ModelMetrics:
        labels = {"model": "m", "version": version}
        for name in ("tabi_feature_bins_total", "tabi_feature_reference_ratio"):
            worker.array(name, {**labels, "column": "c"}, 1, ["missing"])[0] = 1
        worker.array("tabi_score_bins_total", labels, 1, ["missing"])[0] = 1
        return ModelMetrics(worker, "m", version, ("no", "yes"))

    def told() -> list[str]:
        found = scrape(tmp_path)
        return sorted(dict(labels)["version"] for name, labels in found if dict(labels).get("bin") == "missing")

    first, second = Cells(tmp_path, 0), Cells(tmp_path, 1)
    one = [bins(first, "1"), bins(second, "1")]
    two = bins(first, "2")
    assert told() == []
    for model in (*one, two):
        model.loaded()
    assert told() == ["1"] * 3 + ["2"] * 3
    one[0].unloaded()
    assert told() == ["1"] * 3 + ["2"] * 3
    one[1].unloaded()
    assert told() == ["2"] * 3


BUSY = """
import sys, time
from pathlib import Path
from tests.serving.telemetry.test_exposition import busy
cells = busy(Path(sys.argv[1]), 1)
print("counted", flush=True)
time.sleep(60)
"""


@contextmanager
def busy_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    repository = str(Path(__file__).parents[3])
    command = [sys.executable, "-c", BUSY, str(folder)]
    # what is killed can leave only a broken record of its coverage
    kept = {name: text for name, text in os.environ.items() if not name.startswith("COV")}
    environment = {**kept, "PYTHONPATH": repository}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "counted\n"
        try:
            yield process
        finally:
            process.kill()


def test_of_a_dead_worker_counters_stay_and_gauges_go(tmp_path: Path) -> None:
    busy(tmp_path)
    with busy_process(tmp_path) as process:
        living = scrape(tmp_path)
        assert value(living, "tabi_requests_in_flight") == 2
        assert value(living, "process_resident_memory_bytes", worker="worker-1") > 1e6
        assert value(living, "process_open_fds", worker="worker-1") > 3
        process.kill()
        process.wait()
        dead = scrape(tmp_path)
    assert value(dead, "tabi_requests_in_flight") == 1
    assert value(dead, "tabi_requests_total", route="/predict", status="200") == 4
    assert value(dead, "process_open_fds", worker="worker-0") > 3
    assert not [labels for name, labels in dead if name.startswith("process_") and ("worker", "worker-1") in labels]


def test_the_library_is_not_imported_before_a_scrape() -> None:
    code = (
        "import sys, json\n"
        "from tabi.serving.telemetry import bins, cells, exposition, hooks, metrics, trace\n"
        "print(json.dumps([n for n in sys.modules if n.startswith(('prometheus', 'opentelemetry', 'google'))]))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(said) == []


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_say(tmp_path: Path) -> None:
    busy(tmp_path)
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=expose(tmp_path)[0], capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
