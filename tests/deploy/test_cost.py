"""The calculator: its arithmetic, its laws, and prices that say how old they are."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tabi.cli.main import app
from tabi.deploy.cost import HOURS, MEANINGS, SIZES, Assumptions, assume, estimate
from tabi.deploy.cost_report import as_json, stated, tables
from tabi.deploy.prices import STALE_DAYS, Price, Prices, read_prices
from tabi.errors import ConfigError, NotFoundError

TODAY = datetime.date(2026, 11, 21)
# one of everything costs one
ONE = Prices(*[Price(1.0, "the test", TODAY)] * len(Prices.__struct_fields__))

loads = st.floats(0.01, 1e6)


def item(name: str, of: Assumptions, prices: Prices = ONE) -> tuple[float, float]:
    found = {each.name: each for each in estimate(of, prices).items}[name]
    return found.low, found.high


def test_tasks_are_as_many_as_the_load_needs() -> None:
    of = assume(rps=900, peak=2, rps_per_vcpu=1000, load=0.5, cpu=1024, memory=2048, minimum=1)
    found = estimate(of, ONE)
    # 500 requests a second each: 900 take 2, 1800 take 4; a task is one vCPU and two GB
    assert (found.tasks_low, found.tasks_high) == (2, 4)
    assert item("tasks (Fargate)", of) == (2 * 3 * HOURS, 4 * 3 * HOURS)


def test_a_load_balancer_is_paid_by_the_dimension_that_asks_most() -> None:
    by_connections = assume(rps=250, new_connections=1, request_bytes=1, answer_bytes=1)
    assert item("load balancer", by_connections)[0] == pytest.approx(HOURS * (1 + 10))
    by_bytes = assume(rps=100, new_connections=0.001, request_bytes=5000, answer_bytes=5000)
    assert item("load balancer", by_bytes)[0] == pytest.approx(HOURS * (1 + 3.6))


def test_what_is_sent_to_the_internet_is_the_answers() -> None:
    assert item("answers to the internet", assume(rps=10, answer_bytes=1000))[0] == pytest.approx(26.28)


def test_endpoints_are_paid_by_zone() -> None:
    assert item("endpoints of the VPC", assume(rps=1, endpoints=3, zones=3, log_mb=0)) == (9 * HOURS, 9 * HOURS)


@given(loads, st.floats(1, 100))
def test_a_month_ready_for_the_peak_costs_no_less(rps: float, peak: float) -> None:
    found = estimate(assume(rps=rps, peak=peak), ONE)
    assert found.low <= found.high
    assert all(0 <= each.low <= each.high for each in found.items)


@given(loads, loads)
def test_more_load_costs_no_less(one: float, other: float) -> None:
    less, more = (estimate(assume(rps=rps), ONE) for rps in sorted((one, other)))
    assert less.low <= more.low
    assert less.high <= more.high


def test_every_assumption_is_told_and_can_be_changed() -> None:
    assert list(MEANINGS) == list(Assumptions.__struct_fields__)
    assert stated(7, ["peak=5", "zones=3"]) == assume(rps=7, peak=5, zones=3)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["peek=3"], "did you mean 'peak'"),
        (["peak=much"], "assumption peak: give a number"),
        (["peak=0.5"], "peak"),
        (["load=1.5"], "load"),
        (["cpu=300"], "256, 512"),
        (["cpu=256", "memory=4096"], "512 to 2048 MiB"),
        (["zones=1.5"], "zones"),
        (["rps_per_vcpu=nan"], "rps_per_vcpu"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(options: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        stated(1, options)


@pytest.mark.parametrize("rps", [0.0, -1.0, float("inf"), float("nan")])
def test_a_load_is_a_positive_number(rps: float) -> None:
    with pytest.raises(ConfigError, match="rps"):
        stated(rps, [])


def test_every_price_has_a_source_and_none_is_free() -> None:
    for region in ("us-east-1", "ap-northeast-1"):
        for price in msgspec.structs.asdict(read_prices(region)).values():
            assert price.price > 0
            assert price.source
            assert price.dated is None or price.dated <= TODAY


def test_a_price_gets_old_and_one_without_a_date_is() -> None:
    last = TODAY + datetime.timedelta(days=STALE_DAYS)
    assert not Price(1, "", TODAY).stale(last)
    assert Price(1, "", TODAY).stale(last + datetime.timedelta(days=1))
    assert Price(1, "").stale(TODAY)


def test_the_tables_name_what_is_stale_and_only_that() -> None:
    prices = msgspec.structs.replace(ONE, logs_gb=Price(1, "", datetime.date(2020, 1, 1)))
    lines = tables(estimate(assume(rps=1), prices), prices, "ecs", TODAY)
    assert lines[-1].strip() == "logs_gb"
    fresh = tables(estimate(assume(rps=1), ONE), ONE, "ecs", TODAY)
    assert not any("look up" in line for line in fresh)
    assert all(any(line.startswith(f"{name} ") for line in fresh) for name in MEANINGS)


def test_the_document_holds_every_price_with_its_source() -> None:
    found = json.loads(as_json(estimate(assume(rps=1), ONE), ONE, "ecs", TODAY))
    assert found["prices"].keys() == set(Prices.__struct_fields__)
    assert all(price["source"] for price in found["prices"].values())
    assert found["low"] == pytest.approx(sum(each["low"] for each in found["items"]), abs=0.01)


def test_prices_of_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "prices.toml"
    line = f'= {{price = 1.0, dated = {TODAY}, source = "the test"}}'
    own.write_text("\n".join(["[mars]", *(f"{name} {line}" for name in Prices.__struct_fields__)]))
    assert read_prices("mars", own) == ONE
    with pytest.raises(NotFoundError, match="no prices of region 'venus': there are mars"):
        read_prices("venus", own)
    own.write_text("[mars]\nlogs_gb = 1")
    with pytest.raises(ConfigError, match="no file of prices"):
        read_prices("mars", own)
    with pytest.raises(NotFoundError, match="cannot be read"):
        read_prices("mars", tmp_path / "none.toml")


def test_the_command_prints_tables_or_one_document() -> None:
    told = CliRunner().invoke(app, ["cost", "--target", "ecs", "--rps", "50"])
    assert told.exit_code == 0
    assert told.output.startswith("USD a month on ecs, ap-northeast-1")
    document = CliRunner().invoke(app, ["cost", "--rps", "50", "--region", "us-east-1", "--json", "--assume", "peak=4"])
    assert json.loads(document.stdout)["assumptions"]["peak"] == 4


def test_the_sizes_of_the_terraform_layer_are_fargates() -> None:
    layer = Path(__file__).resolve().parents[2] / "infra" / "terraform" / "30-ecs-alb-mlops"
    found = [
        (int(cpu), int(memory))
        for path in sorted(layer.glob("*.tfvars"))
        for cpu, memory in re.findall(r"size\s*=\s*\{ cpu = (\d+), memory = (\d+) \}", path.read_text(encoding="utf-8"))
    ]
    assert all(SIZES[cpu][0] <= memory <= SIZES[cpu][1] for cpu, memory in found)
    assert not layer.exists() or len(found) >= 2
