"""What an experiment measures of a unit, as people write it: `value`, `accuracy`, `value/predictions`, `latency:5%`.

A metric is a term, or one term by another. A term is a number of each unit, over all that the log has of it:

| term          | of a unit                                                    |
|---------------|--------------------------------------------------------------|
| `value`       | the sum of the values that feedback gave it                  |
| `feedback`    | 1 if there was any feedback, else 0                          |
| `label=TEXT`  | 1 if a feedback had this label, else 0                       |
| `labelled`    | its predictions that feedback gave a label                   |
| `correct`     | those of them whose label is the one that was predicted      |
| `predictions` | its predictions                                              |
| `ms`          | the sum of the milliseconds that they took                   |

A unit without feedback counts as 0, so every unit that was exposed is read, and arms cannot differ by whom they lose.
Law: `read_metric(str(metric)) == metric`.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from tabi.errors import ConfigError

SHORT = {"accuracy": "correct/labelled", "latency": "ms/predictions"}
"""Names of what is asked for most."""

TERMS = ("value", "feedback", "labelled", "correct", "predictions", "ms")
LABEL = "label="
FROM_FEEDBACK = ("value", "feedback", "labelled", "correct")

_MARGIN = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(%?)")

Better = Literal["up", "down"]
Kind = Literal["proportion", "mean", "ratio"]


class Size(msgspec.Struct, frozen=True):
    """A difference between arms: of the metric itself, or, where relative, as a share of the control's."""

    amount: float
    relative: bool = False

    def __str__(self) -> str:
        return f"{100 * self.amount:g}%" if self.relative else f"{self.amount:g}"

    def of(self, control: float) -> float:
        """In units of the metric, for the control's value."""
        return self.amount * abs(control) if self.relative else self.amount


class Metric(msgspec.Struct, frozen=True):
    """A metric and the direction that is better. `margin`: how much worse a guardrail may become."""

    numerator: str
    denominator: str | None = None
    better: Better = "up"
    margin: Size | None = None

    def __str__(self) -> str:
        usual = "" if self.better == _usual(self.numerator) else f":{self.better}"
        return f"{self.name}{usual}{f':{self.margin}' if self.margin else ''}"

    @property
    def name(self) -> str:
        """What tables call it."""
        text = self.numerator if self.denominator is None else f"{self.numerator}/{self.denominator}"
        return next((short for short, long in SHORT.items() if long == text), text)

    @property
    def kind(self) -> Kind:
        """How it is distributed: a share of units, a mean of units, or a ratio of two sums over units."""
        if self.denominator is not None:
            return "ratio"
        return "proportion" if self.numerator == "feedback" or self.numerator.startswith(LABEL) else "mean"

    @property
    def terms(self) -> tuple[str, ...]:
        """Its terms, the numerator first."""
        return (self.numerator,) if self.denominator is None else (self.numerator, self.denominator)

    @property
    def needs_feedback(self) -> bool:
        """Whether it is of what happened after the answer."""
        return any(term in FROM_FEEDBACK or term.startswith(LABEL) for term in self.terms)

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.better == "up" else -1


def read_metric(text: str) -> Metric:
    """The metric of `METRIC[:up|down]`; `ConfigError` where it is none."""
    name, better, margin = _parts(text)
    if margin is not None:
        raise ConfigError(f"metric {text[:60]!r}: only a guardrail has a margin")
    return _metric(name, better, None)


def read_guardrail(text: str) -> Metric:
    """The guardrail of `METRIC[:up|down]:MARGIN`, such as `latency:5%`; `ConfigError` where it is none."""
    name, better, margin = _parts(text)
    if margin is None or margin.amount <= 0:
        raise ConfigError(f"guardrail {text[:60]!r}: say how much worse it may become, such as latency:5%")
    return _metric(name, better, margin)


def read_size(text: str) -> Size:
    """`5%` or `0.01`; `ConfigError` for anything else."""
    found = _MARGIN.fullmatch(text.strip())
    if not found or float(found[1]) <= 0:
        raise ConfigError(f"{text[:40]!r} is no size of an effect: write 5% or 0.01")
    return Size(float(found[1]) / 100 if found[2] else float(found[1]), bool(found[2]))


def _parts(text: str) -> tuple[str, Better | None, Size | None]:
    name, better, margin = text.strip(), None, None
    head, colon, tail = name.rpartition(":")
    if colon and _MARGIN.fullmatch(tail):
        name, margin = head, read_size(tail) if float(tail.rstrip("%")) > 0 else Size(0.0)
    head, colon, tail = name.rpartition(":")
    if colon and tail in {"up", "down"}:
        name, better = head, tail
    return name, better, margin  # type: ignore[return-value]


def _metric(name: str, better: Better | None, margin: Size | None) -> Metric:
    head, slash, tail = SHORT.get(name, name).rpartition("/")
    numerator, denominator = (head, tail) if slash and _known(tail) else (SHORT.get(name, name), None)
    if not _known(numerator):
        raise ConfigError(f"unknown metric {name[:60]!r}: there are {', '.join((*SHORT, *TERMS))} and {LABEL}TEXT")
    return Metric(numerator, denominator, better or _usual(numerator), margin)


def _known(term: str) -> bool:
    return term in TERMS or (term.startswith(LABEL) and len(term) > len(LABEL))


def _usual(numerator: str) -> Better:
    return "down" if numerator == "ms" else "up"
