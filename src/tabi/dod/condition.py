"""A condition: one small function whose docstring states it. `condition` registers it.

To add one, write its function into the module of its layer:

    @condition(4, "tabi release {name}")
    def data_quality(facts: Facts) -> Found:
        '''Data quality is checked automatically.

        The gate `data_quality` judged the current bundle's rows.
        '''
        return by_gate(facts, "data_quality")

The first line is what tables show, the rest is what `docs/dod.md` adds.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

if TYPE_CHECKING:
    from tabi.dod.facts import Facts

Status = Literal["done", "stale", "failing", "missing"]

LAYERS = (
    "Infrastructure",
    "CI/CD",
    "Experiments",
    "Data pipeline",
    "Validation",
    "Deployment",
    "Observability",
    "Model monitoring",
    "A/B tests",
    "Governance",
    "Retraining",
)
"""The layers by their numbers."""


class Found(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a condition finds. `at`: when its evidence was written. `link`: where it lies, below the workspace."""

    status: Status
    text: str
    at: str | None = None
    link: str | None = None


class NotDoneError(Exception):
    """Carries what was found past the rest of a condition, once it is plain that it is not done."""

    def __init__(self, status: Status, text: str, at: str | None = None, link: str | None = None) -> None:
        super().__init__(text)
        self.found = Found(status, text, at, link)


Judge = Callable[["Facts"], Found]


class Condition(NamedTuple):
    """`command`: what writes its evidence, with {name} for the project; None while nothing does."""

    key: str
    layer: int
    title: str
    detail: str
    command: str | None
    judge: Judge


CONDITIONS: dict[str, Condition] = {}
"""All conditions by their key, layer by layer."""


def condition(layer: int, command: str | None) -> Callable[[Judge], Judge]:
    """Register a function as a condition of a layer."""

    def register(judge: Judge) -> Judge:
        title, detail = stated(judge)
        key = judge.__name__
        if key in CONDITIONS:
            raise ValueError(f"there are two conditions named {key}")
        CONDITIONS[key] = Condition(key, layer, title, detail, command, judge)
        return judge

    return register


def stated(function: Callable[..., object]) -> tuple[str, str]:
    """The first line of a docstring without its full stop, and the rest on one line."""
    title, _, detail = (inspect.getdoc(function) or "").partition("\n")
    return title.rstrip("."), " ".join(detail.split())
