"""Rules, routing and alerts by the real Prometheus and Alertmanager, down to the receiver's webhook."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from loadtest.slo import read_slo
from scripts.observability.drill.debian import PACKAGES, PROGRAMS, programs
from scripts.observability.drill.drill import DRIFT, ERRORS, Drill, drill
from scripts.observability.files import ALERTMANAGER, ROOT, RULES, alerts
from tabi.bundle import Bundle
from tabi.store import Store
from tests.observability.conftest import referring
from tests.serving.conftest import Harbour, harbour, make_bundle
from tests.system.conftest import give_up
from tests.system.debian import install_in_ci

pytestmark = pytest.mark.system
__all__ = ["harbour"]

LIMIT_S = 120


@pytest.fixture(scope="module")
def debian() -> dict[str, str]:
    """The programs; in CI, whose machine is bare, from Debian's packages."""
    if not all(map(shutil.which, PROGRAMS)):
        install_in_ci(*PACKAGES)
    if not all(map(shutil.which, PROGRAMS)):
        give_up(f"there is no Prometheus: apt-get install {' '.join(PACKAGES)}")
    return programs()


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_every_rule_is_sound_and_sounds_in_the_cases_that_are_meant(debian: dict[str, str]) -> None:
    said = run(debian["promtool"], "check", "rules", *sorted((ROOT / RULES).glob("*.yml")))
    assert said.count("SUCCESS") == len(list((ROOT / RULES).glob("*.yml")))
    folder = ROOT / "infra" / "observability" / "prometheus" / "tests"
    files = sorted(path.name for path in folder.glob("*.test.yml"))
    assert run(debian["promtool"], "test", "rules", *files, cwd=folder).count("SUCCESS") == len(files)


def test_a_rule_that_is_broken_fails_its_case(debian: dict[str, str], tmp_path: Path) -> None:
    prometheus = ROOT / "infra" / "observability" / "prometheus"
    shutil.copytree(prometheus, tmp_path / "prometheus")
    rules = tmp_path / "prometheus" / "rules" / "service.yml"
    rules.write_text(rules.read_text().replace('up{job="tabi"} == 0', 'up{job="tabi"} == 2'))
    command = [debian["promtool"], "test", "rules", "service.test.yml"]
    done = subprocess.run(
        command, cwd=tmp_path / "prometheus" / "tests", capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode != 0
    assert "TabiDown" in done.stdout + done.stderr


def test_prometheus_takes_its_configuration(debian: dict[str, str], tmp_path: Path) -> None:
    # the paths are those of the container
    text = (ROOT / "infra" / "observability" / "prometheus" / "prometheus.yml").read_text()
    here = tmp_path / "prometheus.yml"
    here.write_text(text.replace("/etc/prometheus/rules", str(ROOT / RULES)).replace("/etc/prometheus", str(tmp_path)))
    said = run(debian["promtool"], "check", "config", here)
    assert "4 rule files found" in said


def test_every_alert_reaches_the_receiver_of_its_severity(debian: dict[str, str]) -> None:
    assert "SUCCESS" in run(debian["amtool"], "check-config", ROOT / ALERTMANAGER)
    for name, severity in {(alert.name, alert.severity) for alert in alerts(read_slo())}:
        labels = (f"alertname={name}", f"severity={severity}", "job=tabi")
        config = f"--config.file={ROOT / ALERTMANAGER}"
        run(debian["amtool"], "config", "routes", "test", config, f"--verify.receivers={severity}", *labels)


@pytest.fixture(scope="module")
def drilled(debian: dict[str, str], harbour: Harbour, tmp_path_factory: pytest.TempPathFactory) -> Drill:
    folder = tmp_path_factory.mktemp("drill")
    store = Store(folder / "store")
    bundle = make_bundle(folder / "voyage", "voyage", harbour.graph, referring())
    store.set_latest("voyage", store.put_bundle(bundle), None)
    opened = Bundle.open(store.resolve("voyage"))
    return drill("voyage", str(store.root), opened, folder / "run", read_slo(), print)


def test_drift_is_told_and_its_end_too_and_nothing_sounds_before(drilled: Drill) -> None:
    assert drilled.before == []
    assert (drilled.drift.name, drilled.drift.receiver) == (DRIFT, "ticket")
    assert drilled.drift.told_s > 0
    assert drilled.drift.over_s > 0


def test_failures_page_and_their_end_is_told(drilled: Drill) -> None:
    assert (drilled.errors.name, drilled.errors.receiver) == (ERRORS, "page")
    assert drilled.errors.over_s > 0


def test_the_cause_of_failures_is_found_by_one_request_id_in_metric_trace_and_log(drilled: Drill) -> None:
    cause = drilled.cause
    assert (cause.route, cause.status, cause.reason) == ("/predict_batch", "503", "in_flight")
    assert cause.line["request_id"] == cause.request_id
    assert (cause.line["route"], cause.line["status"], cause.line["level"]) == ("/predict_batch", 503, "error")


def test_dashboards_are_answered_and_the_service_is_seen_at_a_glance(drilled: Drill) -> None:
    empty = {(each.dashboard, each.panel) for each in drilled.answered if not each.series}
    # what only tabi monitor, a supervisor of several workers and a policy that divides tell
    elsewhere = {
        ("model.json", panel)
        for panel in (
            "Worst section of tabi monitor",
            "Verdict of each section",
            "Figures of live performance",
            "Looked at, ago",
        )
    }
    elsewhere |= {("service.json", "Workers started again")}
    elsewhere |= {
        ("experiment.json", panel) for panel in ("Requests that were divided, by arm", "Share that failed", "p95")
    }
    # a score of two classes, whose reference no bundle of ours has
    elsewhere |= {("drift.json", panel) for panel in ("Score", "PSI of the score", "Rows in the window")}
    elsewhere |= {("drift.json", "Rows that were counted"), ("experiment.json", "PSI of the score")}
    assert empty <= elsewhere
    assert len(drilled.answered) > 60
