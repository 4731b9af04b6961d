"""What people write: shares, steps, times, arms."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tabi.errors import ConfigError
from tabi.registry.steer import ArmPlan

_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
_ARM = re.compile(r"([a-z0-9][a-z0-9_-]{0,63})=(\d{1,7})(?::(\d+(?:\.\d+)?))?")


def share_of(said: str) -> float:
    """`5%` or `5` is a twentieth; `ConfigError` for what is no share from above 0 to 100 %."""
    try:
        share = float(said.strip().removesuffix("%")) / 100
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise ConfigError(f"{said[:16]!r} is no share of the traffic: say it in percent, as 5%")
    return share


def steps_of(first: str, said: str) -> tuple[float, ...]:
    """The shares of a canary: the first and the greater ones of a list in percent."""
    begin = share_of(first)
    shares = [share_of(each) for each in said.split(",") if each.strip()]
    return (begin, *(share for share in shares if share > begin))


def seconds_of(said: str) -> float:
    """`10m`, `90s`, `1h`; `ConfigError` for what is no time."""
    found = _TIME.fullmatch(said.strip())
    if found is None:
        raise ConfigError(f"{said[:16]!r} is no time: say it as 90s, 10m or 1h")
    return float(found[1]) * _SECONDS[found[2] or ""]


def arms_of(said: Sequence[str]) -> list[ArmPlan]:
    """`control=3` or `control=3:2` each: an arm, its version and its weight."""
    plans = []
    for each in said:
        found = _ARM.fullmatch(each.strip())
        if found is None:
            raise ConfigError(f"{each[:32]!r} is no arm: say NAME=VERSION or NAME=VERSION:WEIGHT, as control=3:2")
        plans.append(ArmPlan(found[1], int(found[2]), float(found[3] or 1)))
    return plans
