"""A Prometheus and an Alertmanager of our own, with the rules that are in use or the same rules in seconds."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from loadtest.slo import Slo
from scripts.observability.clock import Clock
from scripts.observability.drill.debian import programs
from scripts.observability.drill.inbox import Inbox
from scripts.observability.drill.program import answering, free_ports
from scripts.observability.files import alertmanager, rule_files
from scripts.observability.routing import RECEIVERS
from tabi.errors import TabiError

QUICK = Clock(minute_s=1 / 6, least_s=3, interval_s=1)
"""An hour takes ten seconds."""


@dataclass(frozen=True)
class Stack:
    """Two servers that answer."""

    prometheus: str
    alertmanager: str

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The result of an expression now; `TabiError` if it cannot be answered."""
        return list(self._ask("query", query=expr)["result"])

    def exemplars(self, expr: str) -> list[dict[str, Any]]:
        """The exemplars of series within the last minutes."""
        now = time.time()
        return list(self._ask("query_exemplars", query=expr, start=f"{now - 600}", end=f"{now + 60}"))

    def _ask(self, what: str, **given: str) -> Any:
        try:
            with urlopen(f"{self.prometheus}/api/v1/{what}?{urlencode(given)}", timeout=10) as response:  # noqa: S310
                return json.loads(response.read())["data"]
        except (URLError, OSError) as error:
            raise TabiError(f"Prometheus does not answer {given.get('query', what)} ({error})") from error


@contextmanager
def watching(server_port: int, inbox: Inbox, folder: Path, slo: Slo, clock: Clock = QUICK) -> Iterator[Stack]:
    """Watch a server of this machine, and tell the inbox. Nothing is left running."""
    found = programs()
    own, other = free_ports(2)
    stack = Stack(f"http://127.0.0.1:{own}", f"http://127.0.0.1:{other}")
    (folder / "rules").mkdir(parents=True)
    for name, text in both(slo, clock).items():
        (folder / "rules" / name).write_text(text, encoding="utf-8")
    receivers = {
        name: {"webhook_configs": [{"url": f"{inbox.url}/{name}", "send_resolved": True}]} for name in RECEIVERS
    }
    (folder / "alertmanager.yml").write_text(alertmanager(clock, receivers), encoding="utf-8")
    (folder / "prometheus.yml").write_text(yaml.safe_dump(_configuration(server_port, other, folder)))
    commands = {
        "alertmanager": [
            found["prometheus-alertmanager"], f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alertmanager'}", f"--web.listen-address=127.0.0.1:{other}",
            "--cluster.listen-address=",
        ],
        "prometheus": [
            found["prometheus"], f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'prometheus'}", f"--web.listen-address=127.0.0.1:{own}",
            "--enable-feature=exemplar-storage", "--rules.alert.resend-delay=1s",
        ],
    }  # fmt: skip
    with ExitStack() as held:
        for (name, command), url in zip(commands.items(), (stack.alertmanager, stack.prometheus), strict=True):
            held.enter_context(answering(command, f"{url}/-/ready", folder / f"{name}.log"))
        yield stack


def both(slo: Slo, clock: Clock) -> dict[str, str]:
    """The rules with short windows, and what dashboards read: recorded series with the windows of every day."""
    short = rule_files(slo, clock)
    recorded = {rule.get("record") for text in short.values() for rule in _rules(text)}
    real = {
        "groups": [
            {"name": f"real-{name}", "interval": clock.interval, "rules": rules}
            for name, text in rule_files(slo).items()
            if (rules := [rule for rule in _rules(text) if "record" in rule and rule["record"] not in recorded])
        ]
    }
    return {**short, "real.yml": yaml.safe_dump(real)}


def _rules(text: str) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def _configuration(server_port: int, alertmanager_port: int, folder: Path) -> Mapping[str, Any]:
    def job(name: str, port: int) -> Mapping[str, Any]:
        return {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}

    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules" / "*.yml")],
        "storage": {"exemplars": {"max_exemplars": 10_000}},
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]}]},
        "scrape_configs": [job("tabi", server_port)],
    }
