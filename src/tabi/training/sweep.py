"""What a batch trains: a project with its overrides; in a sweep every combination of the values that overrides list."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from tabi.errors import ConfigError


class Item(NamedTuple):
    """One training of a batch. `label`: how check and the log name it."""

    name: str
    overrides: tuple[str, ...]
    label: str


def plain_items(names: Sequence[str], overrides: Sequence[str]) -> list[Item]:
    """Each project once, with the same overrides."""
    return [Item(name, tuple(overrides), name) for name in dict.fromkeys(names)]


def sweep_items(names: Sequence[str], overrides: Sequence[str]) -> list[Item]:
    """Each project with every combination; `preset=logistic,forest` and `seed=range(1,4)` list values.

    Raises `ConfigError` where no override lists more than one.
    """
    choices = [_values(override) for override in overrides]
    if all(len(values) == 1 for values in choices):
        raise ConfigError("-m needs an override with several values, such as preset=logistic,forest")
    swept = [len(values) > 1 for values in choices]
    items = []
    for name in dict.fromkeys(names):
        for chosen in product(*choices):
            own = [override for override, varies in zip(chosen, swept, strict=True) if varies]
            items.append(Item(name, chosen, " ".join([name, *own])))
    return items


def _values(override: str) -> list[str]:
    if override.startswith("columns."):  # these names may hold blanks, which Hydra's grammar does not take
        return [override]
    try:
        parsed = OverridesParser.create().parse_override(override)
        values = list(parsed.sweep_string_iterator()) if parsed.is_sweep_override() else []
    except HydraException as error:
        raise ConfigError(f"{override!r} cannot be read as key=value: put quotes around what holds blanks") from error
    return [f"{parsed.get_key_element()}={value}" for value in values] or [override]
