"""From a policy and loaded versions to the steering of a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from tabi.policy import CHAMPION, Assigned, BlueGreen, Policy, Routing, Shadow
from tabi.serving.slot import Slot
from tabi.serving.steering.flags import Flags
from tabi.serving.steering.shadow import Shadows
from tabi.serving.steering.steering import PINNED, Choose, LoadedArm, Steering
from tabi.serving.telemetry.cells import Cells
from tabi.serving.telemetry.hooks import ArmMetrics


def held_here(policy: Policy) -> tuple[Assigned, ...]:
    """The versions that a worker holds itself beside the champion: a shadow's challenger has a process of its own."""
    if isinstance(policy, Shadow):
        return ()
    return tuple(dict.fromkeys(each for each in policy.beside if each != policy.champion))


class Steerer:
    """Makes the steerings of one worker. `flags`: who chooses arms instead of the policy's own hash, if anybody."""

    def __init__(self, cells: Cells, shadows: Shadows, flags: Flags | None) -> None:
        self.shadows = shadows
        self._cells = cells
        self._flags = flags
        self._making = Lock()

    def steering(self, policy: Policy, slots: Mapping[Assigned, Slot], challenger: Path | None) -> Steering | None:
        """How requests are divided; None where the champion answers all of them and nothing is copied.

        `slots`: of the champion and of all versions of `held_here`. `challenger`: the folder of a shadow's.
        """
        champion = slots[policy.champion]
        if not isinstance(policy, Shadow):
            self.released(policy.name)
        if isinstance(policy, Shadow) and challenger is not None:
            copies = self.shadows.to(policy.name, challenger, policy.challenger.bundle)
            arm = self._arm(CHAMPION, champion)
            return Steering([arm], [], lambda _unit: 0, copies, policy.copies)
        routing = policy.routing
        if routing is None or isinstance(policy, BlueGreen):
            return None
        arms = [self._arm(arm.name, slots[arm.assigned]) for arm in routing.arms]
        pinned = [self._arm(PINNED, slot) for slot in dict.fromkeys(arm.slot for arm in arms)]
        return Steering(arms, pinned, self._chooser(policy.name, routing))

    def released(self, name: str) -> None:
        """A model's requests are not copied any more."""
        self.shadows.release(name)

    def _chooser(self, name: str, routing: Routing) -> Choose:
        return routing.place if self._flags is None else self._flags.chooser(name, routing)

    def _arm(self, name: str, slot: Slot) -> LoadedArm:
        model = slot.model
        return LoadedArm(name, slot, ArmMetrics(self._cells, model.name, model.version, name))
