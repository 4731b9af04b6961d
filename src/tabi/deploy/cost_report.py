"""An estimate as tables for a person, or as one JSON document."""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Sequence

import msgspec

from tabi.deploy.cost import MEANINGS, Assumptions, Estimate, assume
from tabi.deploy.prices import STALE_DAYS, Price, Prices
from tabi.errors import ConfigError


def stated(rps: float, options: Sequence[str]) -> Assumptions:
    """The assumptions of `NAME=VALUE` options; `ConfigError` names the nearest known one."""
    found = {"rps": rps}
    for option in options:
        name, _, value = option.partition("=")
        if name not in MEANINGS:
            close = difflib.get_close_matches(name, MEANINGS, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(MEANINGS)}"
            raise ConfigError(f"unknown assumption {name[:40]!r}; {hint}")
        try:
            found[name] = float(value)
        except ValueError:
            raise ConfigError(f"assumption {name}: give a number, such as {name}=2") from None
    return assume(**found)


def tables(found: Estimate, prices: Prices, where: str, today: datetime.date) -> list[str]:
    """What is paid for, what it rests on, and how old the prices are."""
    width = max(len(item.name) for item in found.items)
    lines = [f"USD a month on {where}, without tax", ""]
    lines += [f"{'':<{width}}  {'follows the load':>16}  {'ready for the peak':>18}"]
    lines += [f"{item.name:<{width}}  {item.low:>16.2f}  {item.high:>18.2f}" for item in found.items]
    lines += [f"{'total':<{width}}  {found.low:>16.2f}  {found.high:>18.2f}"]
    lines += [f"{'tasks':<{width}}  {found.tasks_low:>16g}  {found.tasks_high:>18g}", "", "assumption       value"]
    values = msgspec.structs.asdict(found.assumptions)
    lines += [f"{name:<15} {values[name]:>6g}  {meaning}" for name, meaning in MEANINGS.items()]
    return [*lines, "", *_age(prices, today)]


def _age(prices: Prices, today: datetime.date) -> list[str]:
    each: dict[str, Price] = msgspec.structs.asdict(prices)
    dates = [price.dated for price in each.values() if price.dated]
    said = [f"sources of the prices bear dates from {min(dates)} to {max(dates)}" if dates else "no price has a date"]
    stale = [name for name, price in each.items() if price.stale(today)]
    if stale:
        said.append(f"older than {STALE_DAYS} days or without a date; look up before money depends on it:")
        said.append(f"  {', '.join(stale)}")
    return said


def as_json(found: Estimate, prices: Prices, where: str, today: datetime.date) -> bytes:
    """The same, with the source of every price."""
    each: dict[str, Price] = msgspec.structs.asdict(prices)
    return msgspec.json.encode(
        {
            "where": where,
            "currency": "USD",
            "low": round(found.low, 2),
            "high": round(found.high, 2),
            "tasks": {"low": found.tasks_low, "high": found.tasks_high},
            "items": found.items,
            "assumptions": found.assumptions,
            "prices": each,
            "stale": [name for name, price in each.items() if price.stale(today)],
        }
    )
