"""What an experiment is, fixed before its first unit. JSON is its only form that is kept."""

from __future__ import annotations

import msgspec

from tabi.errors import ConfigError, StateError
from tabi.experiments.metric import Metric, Size


class Arm(msgspec.Struct, frozen=True):
    """A name, the version that answers under it, and its share of the units. The first arm is the control."""

    name: str
    version: int
    bundle: str
    weight: float


class Plan(msgspec.Struct, frozen=True):
    """What the design needs. `units`: of every arm, in the arms' order.

    `fixed`: of all arms, if one looked only once, at the end. `days`: None where the traffic is not known.
    `typical`: days after which one stops in the mean if the effect is the one that was asked for.
    `baseline`, `deviation`: of the control, per unit. `per_day`: units of all arms.
    """

    units: tuple[int, ...]
    fixed: int
    baseline: float
    deviation: float
    per_day: float | None = None
    days: int | None = None
    typical: float | None = None

    @property
    def total(self) -> int:
        """Units of all arms."""
        return sum(self.units)


class Design(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The question and how it will be answered.

    `unit`: what the header X-Unit-Id names, in words. `effect`: the smallest that is worth a change. `window_hours`:
    a unit is read so long after its first answer, and by what happened in that time; 0 reads all at any moment.
    `before_days`: how far before the start a covariate is looked for; 0 does without.
    """

    hypothesis: str
    unit: str
    arms: tuple[Arm, ...]
    primary: Metric
    effect: Size
    plan: Plan
    guardrails: tuple[Metric, ...] = ()
    alpha: float = 0.05
    power: float = 0.8
    window_hours: float = 0.0
    before_days: float = 28.0

    @property
    def control(self) -> Arm:
        """What the others are compared with."""
        return self.arms[0]

    @property
    def treatments(self) -> tuple[Arm, ...]:
        """What is compared with it."""
        return self.arms[1:]

    @property
    def level(self) -> float:
        """The level of one comparison where each is tested at the strictest step of Holm's correction."""
        return self.alpha / len(self.treatments)

    def planned(self, arm: Arm) -> int:
        """Units of an arm and the control together that were planned."""
        return self.plan.units[0] + self.plan.units[self.arms.index(arm)]

    def to_json(self) -> str:
        """One line of JSON."""
        return msgspec.json.encode(self).decode()


def read_design(text: str, where: str) -> Design:
    """The design in its JSON; `StateError` naming `where` if it is none that this Tabi knows."""
    try:
        return msgspec.json.decode(text, type=Design)
    except msgspec.MsgspecError as error:
        raise StateError(f"{where} has no design that this Tabi knows ({error}): update Tabi") from error


def require_levels(alpha: float, power: float) -> None:
    """`ConfigError` for an alpha or a power that no test has."""
    if not 1e-6 <= alpha <= 0.5:
        raise ConfigError("--alpha is the share of false alarms, from 0.000001 to 0.5: 0.05 is usual")
    if not alpha < power <= 0.999:
        raise ConfigError("--power is the share of effects that are found, above alpha and up to 0.999: 0.8 is usual")
