"""Lengths of time as people write them."""

from __future__ import annotations

import re
from datetime import timedelta

from tabi.errors import ConfigError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_span = re.compile(r"([0-9]{1,6})([smhdw])").fullmatch


def span_of(text: str, option: str) -> timedelta:
    """The length that `7d`, `36h` or `90m` says; `ConfigError` naming the option for anything else, and for none."""
    found = _span(text)
    if found is None or int(found[1]) == 0:
        raise ConfigError(f"{option} is a number and one of {', '.join(_UNITS)}, such as 7d or 36h")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
