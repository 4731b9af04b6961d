"""What Prometheus reads: the cells of all workers as text, or as OpenMetrics with exemplars where it is asked for."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tabi import __version__
from tabi.serving.telemetry.cells import PROCESS, Counts, Key, Labels, WorkerCells, read_workers, total
from tabi.serving.telemetry.exemplars import SUFFIX, Exemplar, exemplars_of
from tabi.serving.telemetry.metrics import INFO, METRICS, NANO, Metric
from tabi.serving.telemetry.process import lives

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family

COMMIT = "TABI_COMMIT"
_BUILD = "tabi_build_info"


def expose(folder: Path, accept: str = "") -> tuple[bytes, str]:
    """The body of a scrape and its content type, by the scraper's Accept header.

    It reads files and takes milliseconds: call it in a thread.
    """
    from prometheus_client.exposition import choose_encoder

    try:
        encode, content_type = choose_encoder(accept)
    except (TypeError, ValueError):
        # a version that is no number
        encode, content_type = choose_encoder("")
    return encode(_Collector(read_workers(folder))), content_type


@cache
def built() -> dict[str, str]:
    """What this server was built from; an image knows its commit by `TABI_COMMIT`."""
    return {
        "version": __version__,
        "commit": os.environ.get(COMMIT) or "unknown",
        "python": platform.python_version(),
        "onnxruntime": version("onnxruntime"),
    }


class _Collector:
    """The families of one moment."""

    def __init__(self, workers: list[WorkerCells]) -> None:
        self._workers = workers
        self._living = [worker for worker in workers if _lives(worker)]
        infos = total(self._living, INFO).items()
        # the labels of an info are those of a version
        self._loaded = {labels for (_, labels), count in infos if count[0]}

    def collect(self) -> Iterator[Family]:
        """Every metric of the table, what was built, and the processes."""
        from prometheus_client.core import GaugeMetricFamily

        for metric in METRICS.values():
            yield self._family(metric)
        about = built()
        build = GaugeMetricFamily(_BUILD, "1, of what this server was built from.", labels=tuple(about))
        build.add_metric(tuple(about.values()), 1)
        yield build
        yield from _processes(self._living)

    def _family(self, metric: Metric) -> Family:
        from prometheus_client.metrics_core import Metric as Family

        name = metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name
        family = Family(name, metric.help, metric.kind, metric.unit)
        for key, counts in self._across(metric).items():
            labels = dict(key[1])
            if metric.while_loaded and _version_in(key) not in self._loaded:
                continue
            if metric.kind == "histogram":
                _add_histogram(family, metric, labels, counts, self._exemplars(key))
            elif metric.along:
                for value, count in zip(self._values(key), counts.tolist(), strict=True):
                    family.add_sample(metric.name, {**labels, metric.along: value}, _scaled(metric, count))
            elif metric.across != "latest" or counts[0]:
                # a version that is loaded nowhere has no info
                family.add_sample(metric.name, labels, _scaled(metric, int(counts[0])))
        return family

    def _across(self, metric: Metric) -> dict[Key, Counts]:
        workers = self._workers if metric.across == "sum" else self._living
        return total(workers, metric.name, np.maximum if metric.across == "latest" else np.add)

    def _values(self, key: Key) -> tuple[str, ...]:
        return next(worker.values[key] for worker in self._workers if key in worker.values)

    def _exemplars(self, key: Key) -> list[Exemplar | None]:
        """The latest of each bucket among the workers."""
        latest: list[Exemplar | None] = []
        for worker in self._workers:
            counts = worker.arrays.get((key[0] + SUFFIX, key[1]))
            if counts is not None:
                found = exemplars_of(counts)
                latest = [max(pair, key=_moment) for pair in zip(latest or found, found, strict=True)]
        return latest


def _version_in(key: Key) -> Labels:
    return tuple(label for label in key[1] if label[0] in {"model", "version"})


def _moment(exemplar: Exemplar | None) -> int:
    return exemplar.at if exemplar else 0


def _scaled(metric: Metric, count: int) -> float:
    return count if metric.scale == 1 else count * metric.scale


def _add_histogram(
    family: Family, metric: Metric, labels: dict[str, str], counts: Counts, exemplars: list[Exemplar | None]
) -> None:
    from prometheus_client.samples import Exemplar as Shown
    from prometheus_client.utils import floatToGoString

    bounds = [floatToGoString(bound * metric.scale) for bound in (*metric.buckets, math.inf)]  # type: ignore[no-untyped-call]
    cumulated = np.cumsum(counts[:-1]).tolist()
    for index, (bound, count) in enumerate(zip(bounds, cumulated, strict=True)):
        found = exemplars[index] if exemplars else None
        shown = Shown({"trace_id": found.trace_id}, found.value * metric.scale, found.at * NANO) if found else None
        family.add_sample(f"{metric.name}_bucket", {**labels, "le": bound}, count, exemplar=shown)
    family.add_sample(f"{metric.name}_count", labels, cumulated[-1])
    family.add_sample(f"{metric.name}_sum", labels, int(counts[-1]) * metric.scale)


def _lives(worker: WorkerCells) -> bool:
    owner = worker.arrays.get(PROCESS)
    return owner is not None and lives(*owner.tolist())


def _processes(workers: list[WorkerCells]) -> Iterator[Family]:
    """Memory, processor time and open files of each process that lives."""
    from prometheus_client import ProcessCollector

    families: dict[str, Family] = {}
    for worker in workers:
        pid = int(worker.arrays[PROCESS][0])
        for found in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():  # type: ignore[misc]
            family = families.setdefault(found.name, found)
            samples = [sample._replace(labels={"worker": worker.worker}) for sample in found.samples]
            family.samples = samples if family is found else family.samples + samples
    yield from families.values()
