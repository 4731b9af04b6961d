"""Rules name what there is, and every alert tells whom, what and where to read on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from loadtest.slo import read_slo
from scripts.observability.clock import REAL, Clock
from scripts.observability.files import ROOT, alerts, rule_files
from scripts.observability.rules import Alert
from tabi.monitoring.textfile import FIGURE, STATE, TIME
from tests.observability.conftest import OWN, Series
from tests.observability.promql import grouped, selectors

SLO = read_slo()
ALERTS = alerts(SLO)
TESTS = ROOT / "infra" / "observability" / "prometheus" / "tests"
MONITOR: Series = {TIME: {"model"}, STATE: {"model", "section"}, FIGURE: {"model", "section", "figure"}}

each = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert.name}-{alert.window}")


@each
def test_an_alert_says_whom_what_and_where_to_read_on(alert: Alert) -> None:
    built = alert.built()
    assert built["labels"]["severity"] in {"page", "ticket", "heartbeat"}
    assert all(built["annotations"][name] for name in ("summary", "description"))
    page = (ROOT / built["annotations"]["runbook_url"]).read_text(encoding="utf-8")
    assert alert.name in page, "the runbook does not name its alert"
    assert "## " in page


@each
def test_an_alert_has_a_case_in_which_it_sounds_and_one_in_which_it_does_not(alert: Alert) -> None:
    sounds = quiet = False
    for path in TESTS.glob("*.test.yml"):
        for case in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for asked in case["promql_expr_test"]:
                named = re.search(r'alertname=~?"([^"]+)"', asked["expr"])
                if named and re.fullmatch(named[1], alert.name):
                    labels = " ".join(sample["labels"] for sample in asked["exp_samples"])
                    burns = f'severity="{alert.severity}"' in labels and f'window="{alert.window}"' in labels
                    sounds |= burns if alert.slo and alert.window else alert.name in labels
                    quiet |= alert.name not in labels
                # of two series only one sounds
                quiet |= "ALERTS{" in asked["expr"] and len(asked["exp_samples"]) == 1 and alert.name in case["name"]
    assert sounds
    # the heartbeat is never quiet
    assert quiet or alert.severity == "heartbeat"


def test_rules_name_series_that_a_real_server_exposes_or_that_are_recorded(exposed: Series, recorded: Series) -> None:
    known = {**exposed, **recorded, **MONITOR, **OWN}
    rules = [
        rule for text in rule_files(SLO).values() for group in yaml.safe_load(text)["groups"] for rule in group["rules"]
    ]
    assert len(rules) > 90
    for rule in rules:
        found = list(selectors(rule["expr"]))
        assert found or rule["expr"] == "vector(1)"
        for named in found:
            assert named.series in known, named.series
            assert named.labels <= known[named.series], f"{named} in {rule['expr']}"
        everything = set().union(*(known[named.series] for named in found))
        assert grouped(rule["expr"]) <= everything | {"le"}


def test_no_series_is_recorded_twice() -> None:
    names = [
        rule["record"]
        for text in rule_files(SLO).values()
        for group in yaml.safe_load(text)["groups"]
        for rule in group["rules"]
        if "record" in rule
    ]
    assert sorted(names) == sorted(set(names))


def test_the_same_rules_run_in_seconds() -> None:
    short = Clock(minute_s=1 / 3, least_s=3, interval_s=1)
    slow, quick = (Path(name).stem for name in ("slo.yml", "slo.yml"))
    assert slow == quick
    real, fast = rule_files(SLO), rule_files(SLO, short)
    assert real.keys() == fast.keys()
    assert "[1h]" in real["slo.yml"]
    assert "[20s]" in fast["slo.yml"]
    # thresholds stay what they are
    assert "> 0.0144" in real["slo.yml"]
    assert "> 0.0144" in fast["slo.yml"]


@pytest.mark.parametrize(
    ("minutes", "told"), [(0, "0s"), (0.5, "30s"), (5, "5m"), (60, "1h"), (90, "90m"), (1440, "24h"), (4320, "3d")]
)
def test_durations_are_written_as_prometheus_reads_them(minutes: float, told: str) -> None:
    assert REAL.of(minutes) == told
