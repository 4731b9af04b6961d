"""What the hot path calls: each call is an addition or two in place. To be used by the thread of the event loop."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from threading import Lock
from time import time_ns
from typing import Literal, get_args

from tabi.contract.values import Rule
from tabi.serving.telemetry.cells import Cells
from tabi.serving.telemetry.exemplars import Exemplars
from tabi.serving.telemetry.metrics import METRICS

OTHER = "other"
_DURATION = "tabi_request_duration_seconds"
_ARM_DURATION = "tabi_arm_request_duration_seconds"
_RELOAD = "tabi_reload_duration_seconds"
RULES: tuple[str, ...] = get_args(Rule)
Outcome = Literal["accepted", "duplicate", "refused", "failed"]
OUTCOMES: tuple[str, ...] = get_args(Outcome)


class RequestMetrics:
    """Requests by route and status, their durations, how many wait now, and how many were refused.

    A route that is not among `routes` counts as `other`, so that no caller can make up labels.
    """

    def __init__(self, cells: Cells, routes: Iterable[str]) -> None:
        self._cells = cells
        self._in_flight = cells.array("tabi_requests_in_flight", {}, 1)
        self._queued = cells.array("tabi_requests_queued", {}, 1)
        self._routes = {route: _Route(cells, route) for route in (*routes, OTHER)}
        self._rejected: dict[str, memoryview] = {}

    def begin(self) -> None:
        """A request arrived."""
        self._in_flight[0] += 1

    def end(self) -> None:
        """It was answered, or its sender went away."""
        self._in_flight[0] -= 1

    def queued(self, count: int) -> None:
        """So many large requests wait or are answered now."""
        self._queued[0] = count

    def observe(self, route: str, status: int, nanoseconds: int, trace_id: int = 0) -> None:
        """A request was answered. `trace_id`: of its span, if it is a sampled one."""
        found = self._routes.get(route) or self._routes[OTHER]
        try:
            found.statuses[status][0] += 1
        except KeyError:
            found.statuses[status] = self._status(route if route in self._routes else OTHER, status)
            found.statuses[status][0] += 1
        cells = found.durations
        bucket = bisect_left(_BOUNDS, nanoseconds)
        cells[bucket] += 1
        cells[_SUM] += nanoseconds
        if trace_id:
            found.exemplars.set(bucket, trace_id, nanoseconds)

    def reject(self, reason: str) -> None:
        """A request was refused to protect the others. `reason`: one of a few words of the code."""
        if reason not in self._rejected:
            self._rejected[reason] = self._cells.array("tabi_rejected_total", {"reason": reason}, 1)
        self._rejected[reason][0] += 1

    def _status(self, route: str, status: int) -> memoryview:
        return self._cells.array("tabi_requests_total", {"route": route, "status": str(status)}, 1)


_BOUNDS = METRICS[_DURATION].buckets
_SUM = len(_BOUNDS) + 1


class _Route:
    def __init__(self, cells: Cells, route: str) -> None:
        self.statuses: dict[int, memoryview] = {}
        self.durations = cells.array(_DURATION, {"route": route}, _SUM + 1)
        self.exemplars = Exemplars(cells, _DURATION, {"route": route}, _SUM)


class ModelMetrics:
    """The predictions and warnings of one version, and that it is loaded."""

    def __init__(self, cells: Cells, model: str, version: str, classes: tuple[str, ...], created: int = 0) -> None:
        """`created`: when the bundle was made, in nanoseconds since 1970."""
        self._created = created
        labels = {"model": model, "version": version}
        self._predictions = cells.array("tabi_predictions_total", labels, len(classes), classes)
        self._warnings = cells.array("tabi_warnings_total", labels, len(RULES), RULES)
        self._info = cells.array("tabi_model_info", labels, 1)
        self._created_at = cells.array("tabi_model_created_timestamp_seconds", labels, 1)
        self._loaded_at = cells.array("tabi_model_loaded_timestamp_seconds", labels, 1)
        self._label = {label: i for i, label in enumerate(classes)}
        self._rule = {rule: i for i, rule in enumerate(RULES)}

    def predicted(self, label: str, count: int = 1) -> None:
        """`count` rows were answered with a label."""
        self._predictions[self._label[label]] += count

    def warned(self, rule: str, count: int = 1) -> None:
        """`count` faults of a rule were let pass."""
        self._warnings[self._rule[rule]] += count

    def loaded(self) -> None:
        """The version answers from now on."""
        self._loaded_at[0] = time_ns()
        self._created_at[0] = self._created
        self._info[0] = 1

    def unloaded(self) -> None:
        """The version answers no more."""
        self._info[0] = 0
        self._loaded_at[0] = self._created_at[0] = 0


class FeedbackMetrics:
    """Feedback on one model by what became of it. Any thread may count."""

    def __init__(self, cells: Cells, model: str) -> None:
        self._cells = cells.array("tabi_feedback_total", {"model": model}, len(OUTCOMES), OUTCOMES)
        self._lock = Lock()

    def count(self, outcome: Outcome, count: int) -> None:
        """`count` pieces were taken, taken before, refused, or could not be kept."""
        with self._lock:
            self._cells[OUTCOMES.index(outcome)] += count


class ArmMetrics:
    """The requests that one arm of a policy answered."""

    def __init__(self, cells: Cells, model: str, version: str, arm: str) -> None:
        self._cells = cells
        self._labels = {"model": model, "version": version, "arm": arm}
        self._statuses: dict[int, memoryview] = {}
        self._durations = cells.array(_ARM_DURATION, self._labels, _SUM + 1)

    def observe(self, status: int, nanoseconds: int) -> None:
        """It answered one."""
        if status not in self._statuses:
            labels = {**self._labels, "status": str(status)}
            self._statuses[status] = self._cells.array("tabi_arm_requests_total", labels, 1)
        self._statuses[status][0] += 1
        self._durations[bisect_left(_BOUNDS, nanoseconds)] += 1
        self._durations[_SUM] += nanoseconds


class ReloadMetrics:
    """Tries to load another version of a model."""

    def __init__(self, cells: Cells, model: str) -> None:
        self._cells = cells
        self._model = model
        self._durations = cells.array(_RELOAD, {"model": model}, _SUM + 1)
        self._failing = cells.array("tabi_reload_failing_workers", {"model": model}, 1)

    def observe(self, outcome: str, nanoseconds: int) -> None:
        """A reload ended. `outcome`: one of a few words of the code, such as loaded, unchanged, failed."""
        self._cells.array("tabi_reloads_total", {"model": self._model, "outcome": outcome}, 1)[0] += 1
        self._durations[bisect_left(_BOUNDS, nanoseconds)] += 1
        self._durations[_SUM] += nanoseconds

    def failing(self, now: bool) -> None:
        """Whether this worker cannot load what it is to answer with."""
        self._failing[0] = now


class Counter:
    """A metric of the table that has no label: predictions that the log lost, workers that were restarted."""

    def __init__(self, cells: Cells, name: str) -> None:
        self._cell = cells.array(METRICS[name].name, {}, 1)

    def add(self, count: int = 1) -> None:
        """Count more of them."""
        self._cell[0] += count
