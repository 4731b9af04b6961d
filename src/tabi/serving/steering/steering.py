"""How a model's requests are divided while its policy is not `single`. It never changes; another policy is another one.

A request is routed once, before it is decoded, so one request is one unit and one arm, whatever its protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import NamedTuple

from tabi.serving.batching import Done
from tabi.serving.endpoints import Asking
from tabi.serving.messages import Response
from tabi.serving.slot import Slot
from tabi.serving.steering.copies import Copies
from tabi.serving.telemetry.hooks import ArmMetrics

ARM, VERSION = "x-tabi-arm", "x-tabi-version"
PINNED = "pinned"
"""The arm of requests whose route names a version: nobody chose it for them, so no comparison counts them."""

_EXPLAIN = "/explain"

Choose = Callable[[str], int]
"""The place of a unit's arm."""


class LoadedArm:
    """An arm whose version is loaded."""

    def __init__(self, name: str, slot: Slot, metrics: ArmMetrics) -> None:
        self.name = name
        self.slot = slot
        self.headers = ((ARM, name), (VERSION, slot.model.version))
        self._metrics = metrics

    def answered(self, response: Response, began: int) -> Response:
        """Count an answer; it says by which arm and version it was given."""
        self.observe(response.status, began)
        return response._replace(headers=(*response.headers, *self.headers))

    def observe(self, status: int, began: int) -> None:
        """Count an answer that began at `began` (`perf_counter_ns`)."""
        self._metrics.observe(status, perf_counter_ns() - began)


class Routed(NamedTuple):
    """A request with the arm that was chosen for it."""

    asking: Asking
    arm: LoadedArm

    def watching(self, done: Done) -> Done:
        """`done`, that also counts."""
        began, arm = self.asking.began, self.arm
        return lambda response: done(arm.answered(response, began))


class Steering:
    """Arms and who gets which. `pinned`: the same versions, for routes that name one."""

    def __init__(
        self,
        arms: Sequence[LoadedArm],
        pinned: Sequence[LoadedArm],
        choose: Choose,
        copies: Copies | None = None,
        copied: Callable[[str], bool] | None = None,
    ) -> None:
        self.arms = tuple(arms)
        self._pinned = {arm.slot.model.version: arm for arm in pinned}
        self._choose = choose
        self._copies = copies
        self._copied = copied

    def route(self, asking: Asking, version: str | None = None) -> Routed:
        """Choose the arm of a request. `version`: the one that its route names, if it names one."""
        unit = asking.unit or asking.request_id
        arm = self._pinned.get(version) if version is not None else None
        if arm is None:
            arm = self.arms[self._choose(unit)]
        return Routed(asking._replace(unit=unit, arm=arm.name, slot=arm.slot), arm)

    def copying(self, label: str, unit: str) -> Copies | None:
        """Where copies of a unit's requests go, if they are copied. Of an explanation nothing is kept."""
        if self._copied is None or label == _EXPLAIN or not self._copied(unit):
            return None
        return self._copies
