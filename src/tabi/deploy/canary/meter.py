"""What both arms did since a rollout began, from the servers' own counters: of each replica, or by their Prometheus.

A counter only grows, and begins again with its process: a sample below the one before is counted from 0.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from time import monotonic
from typing import Protocol
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from tabi.errors import ConfigError, DeployError

ASK_SECONDS = 5.0
LIMIT = 64 << 20
# of a server that only Prometheus knows, to load a version and to be scraped
LOAD_SECONDS = 120.0

LOADED = "tabi_model_info"
_BUCKET = "tabi_arm_request_duration_seconds_bucket"
NAMES = (
    "tabi_arm_requests_total",
    _BUCKET,
    "tabi_predictions_total",
    "tabi_warnings_total",
    "tabi_score_bins_total",
)
"""Of what both arms are compared by."""

Key = tuple[str, tuple[tuple[str, str], ...]]
Sample = tuple[str, Mapping[str, str], float]


@dataclass
class ArmCounts:
    """What one version did. `durations`: requests at most so slow, by the bound in seconds, cumulative as they come."""

    requests: float = 0
    errors: float = 0
    predictions: float = 0
    warnings: float = 0
    durations: dict[float, float] = field(default_factory=lambda: defaultdict(float))
    scores: dict[str, float] = field(default_factory=lambda: defaultdict(float))


class Meter(Protocol):
    """Where the counters are read. `silence`: seconds after which servers that tell nothing are as good as down."""

    silence: float

    def read(self) -> dict[str, ArmCounts]:
        """What each version did since the meter was made, by its bundle; `DeployError` if nobody answers."""

    def problem(self, bundle: str) -> str | None:
        """Why a server does not follow the policy, whose challenger is `bundle`, if that is known of one."""


class Increments:
    """Counters' increments since the first sample of each, over any number of sources."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._last: dict[tuple[str, Key], float] = {}
        self._sums: dict[Key, float] = defaultdict(float)
        self._known: set[str] = set()

    def add(self, source: str, samples: Iterable[Sample]) -> None:
        """Take what a source counts now."""
        first = source not in self._known
        self._known.add(source)
        for name, labels, value in samples:
            if name not in NAMES or labels.get("model") != self._model:
                continue
            key: Key = (name, tuple(sorted(labels.items())))
            # a series that appears later began from 0
            before = self._last.get((source, key), value if first else 0.0)
            self._sums[key] += value - before if value >= before else value
            self._last[source, key] = value

    def counts(self) -> dict[str, ArmCounts]:
        """By version."""
        return counts_of((name, dict(labels), value) for (name, labels), value in self._sums.items())


def counts_of(samples: Iterable[Sample]) -> dict[str, ArmCounts]:
    """What versions did, of increments."""
    found: dict[str, ArmCounts] = {}
    for name, labels, value in samples:
        arm = found.setdefault(labels["version"], ArmCounts())
        if labels.get("arm") == "pinned":
            # nobody chose the arm of these
            continue
        if name == "tabi_arm_requests_total":
            arm.requests += value
            arm.errors += value if labels["status"].startswith("5") else 0
        elif name == _BUCKET and labels["le"] != "+Inf":
            arm.durations[float(labels["le"])] += value
        elif name == "tabi_predictions_total":
            arm.predictions += value
        elif name == "tabi_warnings_total":
            arm.warnings += value
        elif name == "tabi_score_bins_total":
            arm.scores[labels["bin"]] += value
    return found


class Replicas:
    """The `/metrics` of servers, each asked by its own address: a balancer would show another one each time."""

    silence = 30.0

    def __init__(self, model: str, urls: Sequence[str], token: str = "") -> None:
        self._urls = [checked(url) for url in urls]
        self._model = model
        self._token = token
        self._increments = Increments(model)
        # where each stands now is where it begins
        self.read()

    def read(self) -> dict[str, ArmCounts]:
        """As the protocol says."""
        for url in self._urls:
            self._increments.add(url, _samples(fetch(f"{url}/metrics", self._token).decode()))
        return self._increments.counts()

    def problem(self, bundle: str) -> str | None:  # noqa: ARG002  a server says so itself
        """What a server's `/readyz` says of the policy."""
        for url in self._urls:
            try:
                said = json.loads(fetch(f"{url}/readyz"))["problems"]
            except (DeployError, ValueError, KeyError, TypeError):
                continue
            for each in said:
                if str(each).startswith(f"{self._model}: version "):
                    return f"{url}: {each}"
        return None


class Prometheus:
    """A Prometheus server that scrapes all replicas: the newest sample that it has of each counter of each of them.

    Not its `increase`, which begins with the second sample of a series: of errors that all come before it, which is
    how a bad version begins, it would see none.
    """

    silence = 120.0

    def __init__(self, model: str, url: str) -> None:
        self._url = checked(url)
        self._model = model
        self._increments = Increments(model)
        self._lacking: dict[str, float] = {}
        self.read()

    def read(self) -> dict[str, ArmCounts]:
        """As the protocol says."""
        if not self._loaded():
            raise DeployError(f"{self._url} knows no server of {self._model}: let it scrape /metrics of each")
        self._increments.add(self._url, list(self._samples("|".join(NAMES))))
        return self._increments.counts()

    def problem(self, bundle: str) -> str | None:
        """A server that has had the time to load the challenger, and has not."""
        loaded, now = self._loaded(), monotonic()
        lacking = [instance for instance, versions in loaded.items() if bundle not in versions]
        self._lacking = {instance: self._lacking.get(instance, now) for instance in lacking}
        for instance, since in self._lacking.items():
            if now - since > LOAD_SECONDS:
                return f"{instance} has not loaded version {bundle[:12]} of {self._model}: its /readyz says why"
        return None

    def _loaded(self) -> dict[str, set[str]]:
        """The versions that each server has loaded."""
        found: dict[str, set[str]] = defaultdict(set)
        for _, labels, _ in self._samples(LOADED):
            found[labels.get("instance", "")].add(labels["version"])
        return found

    def _samples(self, names: str) -> Iterator[Sample]:
        query = f'{{__name__=~"{names}",model="{self._model}"}}'
        content = fetch(f"{self._url}/api/v1/query?{urlencode({'query': query})}")
        try:
            for series in json.loads(content)["data"]["result"]:
                labels = dict(series["metric"])
                yield labels.pop("__name__"), labels, float(series["value"][1])
        except (ValueError, KeyError, TypeError) as error:
            raise DeployError(f"{self._url} answers as no Prometheus does ({type(error).__name__})") from None


def _samples(text: str) -> Iterator[Sample]:
    from prometheus_client.parser import text_string_to_metric_families

    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def checked(url: str) -> str:
    """An address without its last slash; `ConfigError` for none."""
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"--url and --prometheus are addresses as http://127.0.0.1:8000, not {url[:64]!r}")
    return url.rstrip("/")


def fetch(url: str, token: str = "") -> bytes:
    """What a server answers; `DeployError` if it does not."""
    # S310: the scheme was checked
    request = Request(url, headers={"authorization": f"Bearer {token}"} if token else {})  # noqa: S310
    try:
        with urlopen(request, timeout=ASK_SECONDS) as response:  # noqa: S310
            content: bytes = response.read(LIMIT)
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise DeployError(f"{url.partition('?')[0]} did not answer ({reason})") from None
    return content
