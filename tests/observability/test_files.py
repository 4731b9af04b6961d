"""What is committed is what slo.yaml gives, and another slo.yaml changes all of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import yaml

from loadtest.slo import Slo, read_slo
from scripts.observability.files import ROOT, TFVARS, alerts, generated
from tabi.errors import ConfigError

SLO = read_slo()


def other() -> Slo:
    objectives = msgspec.structs.replace(SLO.objectives, availability=0.99, p95_ms=250)
    return msgspec.structs.replace(SLO, objectives=objectives, window_days=28)


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return generated(SLO)


def test_what_is_committed_is_what_is_generated(files: dict[str, str]) -> None:
    different = [path for path, text in files.items() if (ROOT / path).read_text(encoding="utf-8") != text]
    assert not different, "make slo"


def test_no_rule_or_dashboard_is_committed_that_is_not_generated(files: dict[str, str]) -> None:
    folders = {Path(path).parent for path in files if path.startswith("infra/observability/")}
    there = {path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).iterdir()}
    assert there == {path for path in files if path.startswith("infra/observability/")}


def test_another_objective_reaches_every_reader(files: dict[str, str]) -> None:
    changed = {path for path, text in generated(other()).items() if files[path] != text}
    for part in ("rules/slo.yml", "rules/service.yml", "dashboards/service.json", "collector.yaml", TFVARS, "docs/"):
        assert any(part in path for path in changed), part
    assert json.loads(generated(other())[TFVARS]) == {"slo": {"error_percent": 10.0, "p95_seconds": 0.25}}


def test_the_factors_of_30_days_are_those_of_the_workbook() -> None:
    found = {alert.window: alert.expr for alert in alerts(SLO) if alert.name == "TabiErrorBudgetBurn"}
    assert {window: expr.split(" and ")[0].split(" > ")[1] for window, expr in found.items()} == {
        "1h": "0.0144",
        "6h": "0.006",
        "3d": "0.001",
    }


def test_an_objective_between_two_buckets_is_refused() -> None:
    objectives = msgspec.structs.replace(SLO.objectives, p95_ms=120)
    with pytest.raises(ConfigError, match=r"p95_ms 120 is no bound of the histogram: take one of .*100, 250"):
        generated(msgspec.structs.replace(SLO, objectives=objectives))


def test_the_command_says_what_differs_and_writes_it(tmp_path: Path) -> None:
    spoilt = tmp_path / "slo.yaml"
    spoilt.write_text((ROOT / "slo.yaml").read_text(encoding="utf-8").replace("p95_ms: 100", "p95_ms: 50"))
    command = [sys.executable, "-m", "scripts.observability", "--slo", str(spoilt)]
    checked = subprocess.run([*command, "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 1
    assert "differs: infra/observability/prometheus/rules/slo.yml" in checked.stdout
    receivers = tmp_path / "receivers.yaml"
    receivers.write_text("page: {webhook_configs: [{url: 'http://127.0.0.1:1/page'}]}\n")
    written = subprocess.run(
        [*command, "--into", str(tmp_path), "--receivers", str(receivers)], cwd=ROOT, capture_output=True, check=False
    )
    assert written.returncode == 0, written.stderr
    routing = yaml.safe_load((tmp_path / "infra/observability/alertmanager/alertmanager.yml").read_text())
    assert routing["receivers"][0] == {"name": "page", "webhook_configs": [{"url": "http://127.0.0.1:1/page"}]}
    assert 'le="0.05"' in (tmp_path / "infra/observability/prometheus/rules/slo.yml").read_text()
