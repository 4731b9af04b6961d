"""Each call of the hot path counts what it says, and no caller can make up labels."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.contract.values import Rule
from tabi.serving.http.admission import Admission
from tabi.serving.settings import Limits
from tabi.serving.telemetry.cells import Cells, Counts, read_all
from tabi.serving.telemetry.exemplars import Exemplar, exemplars_of
from tabi.serving.telemetry.hooks import RULES, Counter, ModelMetrics, ReloadMetrics, RequestMetrics
from tabi.serving.telemetry.metrics import METRICS

BOUNDS = METRICS["tabi_request_duration_seconds"].buckets


def counts(folder: Path, name: str, **labels: str) -> Counts:
    return read_all(folder)[name, tuple(sorted(labels.items()))]


def test_a_request_is_counted_by_route_and_status(tmp_path: Path) -> None:
    requests = RequestMetrics(Cells(tmp_path, 0), ["/predict"])
    for status in (200, 200, 422):
        requests.observe("/predict", status, 1)
    assert counts(tmp_path, "tabi_requests_total", route="/predict", status="200").tolist() == [2]
    assert counts(tmp_path, "tabi_requests_total", route="/predict", status="422").tolist() == [1]


@given(st.lists(st.integers(0, 20_000_000_000) | st.sampled_from(BOUNDS), max_size=20))
def test_durations_fall_into_the_bucket_whose_bound_they_do_not_pass(
    tmp_path_factory: pytest.TempPathFactory, durations: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("cells")
    cells = Cells(folder, 0)
    requests = RequestMetrics(cells, ["/predict"])
    for duration in durations:
        requests.observe("/predict", 200, duration)
    found = counts(folder, "tabi_request_duration_seconds", route="/predict").tolist()
    cells.close()
    assert found[-1] == sum(durations)
    assert sum(found[:-1]) == len(durations)
    for index, bound in enumerate(BOUNDS):
        assert sum(found[: index + 1]) == sum(duration <= bound for duration in durations)


def test_a_route_that_is_not_known_counts_as_other(tmp_path: Path) -> None:
    requests = RequestMetrics(Cells(tmp_path, 0), ["/predict"])
    before = len(read_all(tmp_path))
    for i in range(50):
        requests.observe(f"/made/up/{i}", 404, 1)
    assert counts(tmp_path, "tabi_requests_total", route="other", status="404").tolist() == [50]
    assert len(read_all(tmp_path)) == before + 1


def test_requests_in_flight_go_up_and_down(tmp_path: Path) -> None:
    requests = RequestMetrics(Cells(tmp_path, 0), [])
    requests.begin()
    requests.begin()
    requests.end()
    assert counts(tmp_path, "tabi_requests_in_flight").tolist() == [1]


def test_what_was_refused_is_counted_by_reason(tmp_path: Path) -> None:
    requests = RequestMetrics(Cells(tmp_path, 0), [])
    for reason in ("queue", "queue", "drain"):
        requests.reject(reason)
    assert counts(tmp_path, "tabi_rejected_total", reason="queue").tolist() == [2]
    assert counts(tmp_path, "tabi_rejected_total", reason="drain").tolist() == [1]


@given(st.integers(1, 2**128 - 1), st.integers(0, 10**10))
def test_a_sampled_request_stands_for_its_bucket(
    tmp_path_factory: pytest.TempPathFactory, trace_id: int, duration: int
) -> None:
    folder = tmp_path_factory.mktemp("cells")
    cells = Cells(folder, 0)
    requests = RequestMetrics(cells, ["/predict"])
    before = time.time_ns()
    requests.observe("/predict", 200, duration)
    requests.observe("/predict", 200, duration, trace_id)
    found = exemplars_of(counts(folder, "tabi_request_duration_seconds:exemplars", route="/predict"))
    cells.close()
    (bucket,) = [i for i, exemplar in enumerate(found) if exemplar]
    exemplar = found[bucket]
    assert isinstance(exemplar, Exemplar)
    assert (exemplar.trace_id, exemplar.value) == (f"{trace_id:032x}", duration)
    assert before <= exemplar.at <= time.time_ns()
    assert counts(folder, "tabi_request_duration_seconds", route="/predict")[bucket] == 2


def test_predictions_are_counted_by_label_and_warnings_by_rule(tmp_path: Path) -> None:
    model = ModelMetrics(Cells(tmp_path, 0), "m", "v", ("no", "yes"))
    model.predicted("yes")
    model.predicted("no", 30)
    model.warned("not_a_number", 2)
    model.warned("no_probability")
    assert counts(tmp_path, "tabi_predictions_total", model="m", version="v").tolist() == [30, 1]
    warnings = counts(tmp_path, "tabi_warnings_total", model="m", version="v").tolist()
    assert {rule: count for rule, count in zip(RULES, warnings, strict=True) if count} == {
        "not_a_number": 2,
        "no_probability": 1,
    }


def test_every_rule_of_the_contract_has_a_place() -> None:
    found: tuple[str, ...] = Rule.__args__  # type: ignore[attr-defined]
    assert found == RULES


def test_a_version_says_whether_and_since_when_it_is_loaded(tmp_path: Path) -> None:
    model = ModelMetrics(Cells(tmp_path, 0), "m", "v", ("no", "yes"))
    info = {"model": "m", "version": "v"}
    assert counts(tmp_path, "tabi_model_info", **info).tolist() == [0]
    before = time.time_ns()
    model.loaded()
    assert counts(tmp_path, "tabi_model_info", **info).tolist() == [1]
    assert before <= counts(tmp_path, "tabi_model_loaded_timestamp_seconds", **info)[0] <= time.time_ns()
    model.unloaded()
    assert counts(tmp_path, "tabi_model_info", **info).tolist() == [0]


def test_reloads_are_counted_by_outcome_and_timed(tmp_path: Path) -> None:
    reloads = ReloadMetrics(Cells(tmp_path, 0), "m")
    reloads.observe("loaded", 50_000_000)
    reloads.observe("failed", 2)
    assert counts(tmp_path, "tabi_reloads_total", model="m", outcome="failed").tolist() == [1]
    durations = counts(tmp_path, "tabi_reload_duration_seconds", model="m").tolist()
    assert (sum(durations[:-1]), durations[-1]) == (2, 50_000_002)


def test_a_counter_without_labels_adds_up_over_workers(tmp_path: Path) -> None:
    for worker in range(2):
        Counter(Cells(tmp_path, worker), "tabi_prediction_log_lost_total").add(3)
    assert counts(tmp_path, "tabi_prediction_log_lost_total").tolist() == [6]
    with pytest.raises(KeyError):
        Counter(Cells(tmp_path, 3), "tabi_unheard_of_total")


def test_a_version_says_when_its_bundle_was_made_while_it_is_loaded(tmp_path: Path) -> None:
    metrics = ModelMetrics(Cells(tmp_path, 0), "voyage", "v1", ("no",), created=7)
    key = "tabi_model_created_timestamp_seconds", (("model", "voyage"), ("version", "v1"))
    found = []
    for step in (metrics.loaded, metrics.unloaded):
        step()
        found.append(read_all(tmp_path)[key].tolist())
    assert found == [[7], [0]]


def test_workers_that_cannot_load_a_model_are_counted_while_they_cannot(tmp_path: Path) -> None:
    workers = [ReloadMetrics(Cells(tmp_path, number), "voyage") for number in range(3)]
    for worker, failing in zip(workers, (True, False, True), strict=True):
        worker.failing(failing)
    key = "tabi_reload_failing_workers", (("model", "voyage"),)
    assert read_all(tmp_path)[key].tolist() == [2]
    workers[0].failing(False)
    assert read_all(tmp_path)[key].tolist() == [1]


def test_large_requests_that_wait_are_told_as_admission_counts_them(tmp_path: Path) -> None:
    requests = RequestMetrics(Cells(tmp_path, 0), ["/predict"])
    admission = Admission(Limits(in_flight=8), requests.queued)
    told = []
    for step in (admission.enter_large, admission.enter_large, admission.enter_large, admission.leave_large):
        step()
        told.append(read_all(tmp_path)["tabi_requests_queued", ()].tolist())
    assert told == [[1], [2], [2], [1]]
