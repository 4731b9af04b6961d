"""The rules name only what a server exposes, and each what was recorded before it."""

from __future__ import annotations

import re

import yaml

from tabi.monitoring.rules import FEATURE, SCORE, drifted, recording_rules, rules_yaml
from tabi.serving.telemetry.metrics import METRICS

_name = re.compile(r"(?:\b(?:column|version):)?\btabi_\w+(?::\w+)?")


def test_every_name_is_a_metric_or_recorded_before() -> None:
    known = set(METRICS)
    for group in recording_rules(["1h", "6h"])["groups"]:
        for rule in group["rules"]:
            assert set(_name.findall(rule["expr"])) <= known, rule["record"]
            assert rule["record"] not in known
            known.add(rule["record"])
    for family in (FEATURE, SCORE):
        assert set(_name.findall(drifted(family, "6h"))) <= known


def test_the_labels_are_those_of_the_metrics() -> None:
    for family in (FEATURE, SCORE):
        for name in (family.bins, family.ratio):
            assert METRICS[name].labels == family.labels
        assert METRICS[family.rows].labels == ("model", "version")


def test_the_file_is_the_rules() -> None:
    assert yaml.safe_load(rules_yaml(["1h"], keep=["environment"])) == recording_rules(["1h"], keep=["environment"])
