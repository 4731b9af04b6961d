"""What people write becomes a metric, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.errors import ConfigError
from tabi.experiments.metric import TERMS, Metric, Size, read_guardrail, read_metric, read_size

labels = st.text("ab=% 東.", min_size=1, max_size=8).map(lambda text: f"label={text.strip() or 'yes'}")


@given(st.sampled_from(TERMS) | labels, st.none() | st.sampled_from(TERMS), st.sampled_from(["up", "down"]))
def test_a_metric_is_read_back_from_its_text(numerator: str, denominator: str | None, better: str) -> None:
    metric = Metric(numerator, denominator, better)  # type: ignore[arg-type]
    assert read_metric(str(metric)) == metric


@given(st.sampled_from(TERMS), st.sampled_from([0.001, 0.05, 2.0]), st.booleans())
def test_a_guardrail_is_read_back_from_its_text(term: str, amount: float, relative: bool) -> None:
    guardrail = Metric(term, None, "down", Size(amount, relative))
    assert read_guardrail(str(guardrail)) == guardrail


def test_short_names_and_usual_directions() -> None:
    assert read_metric("accuracy") == Metric("correct", "labelled", "up")
    assert read_metric("latency") == Metric("ms", "predictions", "down")
    assert read_metric("label=a/b:c").numerator == "label=a/b:c"
    assert read_metric("value/predictions").kind == "ratio"
    assert read_metric("label=yes").kind == read_metric("feedback").kind == "proportion"
    assert read_metric("value").kind == "mean"


def test_what_comes_from_feedback_is_told_from_what_the_server_measured() -> None:
    assert read_metric("value/predictions").needs_feedback
    assert read_metric("label=yes").needs_feedback
    assert not read_metric("latency").needs_feedback


@pytest.mark.parametrize("text", ["revenue", "label=", "value/label=yes/", "value:5%", ""])
def test_what_is_no_metric_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        read_metric(text)


@pytest.mark.parametrize("text", ["latency", "latency:0%", "latency:-5%", "speed:5%"])
def test_a_guardrail_needs_a_margin(text: str) -> None:
    with pytest.raises(ConfigError):
        read_guardrail(text)


def test_a_size_is_absolute_or_a_share_of_the_control() -> None:
    assert read_size("5%").of(-200) == pytest.approx(10)
    assert read_size("0.01").of(200) == 0.01
    for text in ("0", "-1", "much", "5 %%"):
        with pytest.raises(ConfigError):
            read_size(text)
