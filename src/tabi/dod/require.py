"""`--require 0-5,9`: layers whose every condition must be done."""

from __future__ import annotations

from collections.abc import Collection

from tabi.dod.condition import LAYERS
from tabi.dod.evaluate import Judged, Report
from tabi.errors import ConfigError


def required_layers(text: str) -> frozenset[int]:
    """The numbers that a list of numbers and ranges names, as in `0-5,9`; `all` is every layer."""
    if text.strip() == "all":
        return frozenset(range(len(LAYERS)))
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ConfigError(f"--require {text!r}: give layers as in 0-5,9")
        low, high = int(first), int(last or first)
        if low > high or high >= len(LAYERS):
            raise ConfigError(f"--require {text!r}: layers go from 0 to {len(LAYERS) - 1}")
        found |= set(range(low, high + 1))
    return frozenset(found)


def unmet(report: Report, layers: Collection[int]) -> tuple[Judged, ...]:
    """The conditions of these layers that are not done."""
    return tuple(each for each in report.conditions if each.layer in layers and each.status != "done")
