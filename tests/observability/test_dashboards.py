"""Every query of a dashboard names what a real server exposes or a rule records, and every panel can be shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from loadtest.slo import read_slo
from scripts.observability.dashboards.panels import SOURCE
from scripts.observability.files import DASHBOARDS, ROOT, dashboards
from tests.observability.conftest import OWN, Series
from tests.observability.promql import grouped, selectors
from tests.observability.test_rules import MONITOR

NAMES = ("service.json", "model.json", "drift.json", "experiment.json")
each = pytest.mark.parametrize("name", NAMES)


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / DASHBOARDS / name).read_text(encoding="utf-8"))
    return found


def queries(board: dict[str, Any]) -> Iterator[str]:
    for panel in board["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))


def test_there_is_one_for_each_purpose_and_the_same_code_gives_the_same_bytes() -> None:
    assert sorted(path.name for path in (ROOT / DASHBOARDS).iterdir()) == sorted(NAMES)
    assert dashboards(read_slo()) == dashboards(read_slo())
    assert len({load(name)["uid"] for name in NAMES}) == len(NAMES)


@each
def test_every_query_names_a_series_and_labels_that_there_are(name: str, exposed: Series, recorded: Series) -> None:
    known = {**exposed, **recorded, **MONITOR, **OWN}
    found = list(queries(load(name)))
    assert found
    for expr in found:
        named = list(selectors(expr))
        assert named, expr
        for each_one in named:
            assert each_one.series in known, f"{each_one.series} in {expr}"
            assert each_one.labels <= known[each_one.series], expr
        assert grouped(expr) <= set().union(*(known[one.series] for one in named)), expr


@each
def test_every_legend_names_labels_that_its_query_leaves(name: str, exposed: Series, recorded: Series) -> None:
    known = {**exposed, **recorded, **MONITOR, **OWN}
    for panel in load(name)["panels"]:
        for target in panel.get("targets", []):
            legend = target.get("legendFormat", "")
            labels = {part.partition("}}")[0] for part in legend.split("{{")[1:]}
            left = set().union(*(known[one.series] for one in selectors(target["expr"])))
            assert labels <= left, f"{legend} of {target['expr']}"


@each
def test_every_panel_has_a_place_an_id_a_source_and_targets_of_their_own_names(name: str) -> None:
    board = load(name)
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    places: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        if panel["type"] == "row":
            continue
        place = panel["gridPos"]
        assert place["w"] + place["x"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & places, "two panels lie on each other"
        places |= cells
        assert panel["datasource"] == {"type": SOURCE.type_val, "uid": SOURCE.uid}
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == sorted(set(letters))
        assert letters[0]
        assert panel["title"]


def test_grafana_is_given_the_source_and_the_folder_that_the_dashboards_mean() -> None:
    folder = ROOT / "infra" / "observability" / "grafana"
    source = yaml.safe_load((folder / "datasource.yaml").read_text())["datasources"][0]
    assert (source["type"], source["uid"]) == (SOURCE.type_val, SOURCE.uid)
    provider = yaml.safe_load((folder / "provider.yaml").read_text())["providers"][0]
    compose = yaml.safe_load((ROOT / "infra" / "compose" / "compose.yaml").read_text())
    mounted = dict(volume.split(":")[1::-1] for volume in compose["services"]["grafana"]["volumes"] if ":ro" in volume)
    place = Path(mounted[provider["options"]["path"]])
    assert (ROOT / "infra" / "compose" / place).resolve() == (ROOT / DASHBOARDS).resolve()


@each
def test_variables_are_taken_from_labels_that_there_are(name: str, exposed: Series) -> None:
    for variable in load(name).get("templating", {}).get("list", []):
        inner = variable["query"].removeprefix("label_values(").removesuffix(")")
        selector, _, label = inner.rpartition(", ")
        (named,) = selectors(selector)
        assert label in exposed[named.series]
        assert named.labels <= exposed[named.series]
