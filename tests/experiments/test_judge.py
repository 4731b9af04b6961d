"""Each action is reached, by intervals that lie where it says."""

from __future__ import annotations

from tabi.experiments.design import Arm, Design, Plan
from tabi.experiments.effect import Effect, Pair, effect_of
from tabi.experiments.judge import Guarded, Judgement, guarded, judge
from tabi.experiments.metric import read_guardrail, read_metric, read_size

DESIGN = Design(
    hypothesis="b sells more",
    unit="customer",
    arms=(Arm("a", 1, "0" * 64, 1), Arm("b", 2, "1" * 64, 1)),
    primary=read_metric("value"),
    effect=read_size("5%"),
    plan=Plan(units=(1000, 1000), fixed=1200, baseline=10, deviation=5, per_day=200, days=10, typical=6),
    guardrails=(read_guardrail("latency:5%"),),
)


def effect(treatment: float, error: float = 0.1, metric: str = "value") -> Effect:
    return effect_of(Pair("b", metric, (900, 900), 10.0, treatment, error, error / 10, 8.0, 0.0), 0.05)


def judged(primary: Effect | None, latency: Effect | None, units: int = 1800, broken: str | None = None) -> Judgement:
    rails: list[Guarded] = [guarded(DESIGN.arms[1], DESIGN.guardrails[0], latency)]
    return judge(DESIGN, [primary], rails, broken=broken, units=units, day=9.0)


SAME = effect(10.0, metric="latency")


def test_a_broken_split_is_told_before_any_effect() -> None:
    found = judged(effect(20.0), SAME, broken="the arms have 900 and 500 units")
    assert (found.action, found.arm) == ("broken", None)
    assert "read no effect" in found.line
    assert "+100" not in found.line


def test_a_better_arm_whose_guardrails_are_kept_wins() -> None:
    found = judged(effect(11.0), SAME)
    assert (found.action, found.arm) == ("win", "b")
    assert found.line.startswith("stop: win, ship b: value +10.0%")
    assert found.line.endswith("kept: latency")


def test_a_better_arm_waits_for_its_guardrails() -> None:
    assert judged(effect(11.0), None).action == "go on"
    wide = effect(10.0, 0.3, metric="latency")
    waiting = judged(effect(11.0), wide)
    assert waiting.action == "go on"
    assert waiting.line.endswith("latency is not shown to be kept")
    late = judged(effect(11.0), wide, units=2000)
    assert late.action == "futile"
    assert "latency is not shown to be kept" in late.line


def test_a_worse_arm_or_a_broken_guardrail_is_harm() -> None:
    assert judged(effect(9.0), SAME).action == "harm"
    slow = judged(effect(11.0), effect(12.0, metric="latency"))
    assert slow.action == "harm"
    assert "breaks latency" in slow.line


def test_an_interval_below_the_wished_effect_is_futile_before_the_plan_ends() -> None:
    found = judged(effect(10.05), SAME, units=1000)
    assert found.action == "futile"
    assert "no arm has an effect of 5%" in found.line


def test_an_interval_with_zero_and_the_wished_effect_goes_on_until_the_plan_ends() -> None:
    open_one = effect(10.2, 0.2)
    going = judged(open_one, SAME)
    assert going.action == "go on"
    assert "1,800 of 2,000 units, day 9.0 of 10" in going.line
    assert judged(open_one, SAME, units=2000).action == "futile"
    assert judged(None, None, units=50).line.endswith("too few units or events to read")
