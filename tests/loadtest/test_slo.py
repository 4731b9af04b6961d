"""What the service promises is one file, and it is checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loadtest.run import SCENARIOS
from loadtest.slo import SLO_FILE, read_slo
from tabi.errors import ConfigError

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_file_has_a_load_for_each_scenario_and_each_has_a_script() -> None:
    slo = read_slo()
    assert sorted(slo.load) == sorted(SCENARIOS)
    assert all((REPOSITORY / "loadtest" / f"{name}.js").exists() for name in SCENARIOS)
    assert slo.load["peak"].rps > slo.load["steady"].rps


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("availability: 0.999", "availability: 99.9", "availability"),
        ("p95_ms:", "p59_ms:", "p59_ms"),
        ("window_days: 30", "window_days: 0", "window_days"),
        ("rps: 40", "rps: many", "rps"),
    ],
)
def test_a_mistake_in_it_is_told_by_its_place(old: str, new: str, told: str, tmp_path: Path) -> None:
    text = SLO_FILE.read_text(encoding="utf-8")
    assert old in text
    spoilt = tmp_path / "slo.yaml"
    spoilt.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"slo\.yaml cannot be used .*{told}"):
        read_slo(spoilt)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"slo\.yaml cannot be used"):
        read_slo(tmp_path / "slo.yaml")


def test_alarms_of_the_cloud_are_set_by_the_same_figures() -> None:
    generated = REPOSITORY / "infra" / "terraform" / "40-observability" / "slo.auto.tfvars.json"
    figures = json.loads(generated.read_text(encoding="utf-8"))["slo"]
    assert figures["p95_seconds"] * 1000 == read_slo().objectives.p95_ms
