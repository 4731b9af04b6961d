"""The policy document of a model, one JSON object that is replaced whole.

Whoever replaces it decides, in that one write, which version is the champion and which versions get traffic: there is
no moment with two champions, and none without. Laws: `read_policy(policy.to_json(), …) == policy`; a successor has the
next revision; `uses` names every version that a server may need.

To add a kind: a struct with the kind as its tag, its name in `Policy`, and its versions in `_roles_beside`. A reader of
before refuses the document by its kind, and goes on with what it had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Annotated, NamedTuple

import msgspec

from tabi.errors import StoreError
from tabi.policy.assignment import assign

LIMIT = 1 << 16

CHAMPION, CHALLENGER, SHADOW = "champion", "challenger", "shadow"
"""Arms of the policies that have one version beside the champion."""

Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


class Assigned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version: its number, and the id of its bundle, so that nobody needs to look the number up."""

    version: Annotated[int, msgspec.Meta(ge=1)]
    bundle: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Arm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the traffic: what it is called, which version answers it, and its weight among all arms."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    assigned: Assigned
    weight: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 1.0


class Routing(NamedTuple):
    """Who gets which arm: `flag` is what an outside flag system knows it by."""

    flag: str
    salt: str
    arms: tuple[Arm, ...]

    def place(self, unit: str) -> int:
        """The place of a unit's arm."""
        return assign(self.salt, unit, self.weights)

    @property
    def weights(self) -> tuple[float, ...]:
        """Of the arms."""
        return tuple(arm.weight for arm in self.arms)


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every kind has.

    `previous`: the version to which a rollback returns. `revision`: 1, 2, 3 … `operation`: the id of the operation that
    wrote it, in the state database. `at`, `by`: when and by whom.
    """

    name: str
    champion: Assigned
    previous: Assigned | None = None
    revision: Annotated[int, msgspec.Meta(ge=1)] = 1
    operation: str = ""
    at: str = ""
    by: str = ""

    def to_json(self) -> bytes:
        """Indented UTF-8 JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    @property
    def kind(self) -> str:
        """What the document says under `kind`."""
        return str(type(self).__struct_config__.tag)

    @property
    def roles(self) -> tuple[tuple[str, Assigned], ...]:
        """What each version that the policy names is in it: the champion, those beside it, the one before."""
        named = ((CHAMPION, self.champion), *self._roles_beside(), ("previous", self.previous))
        return tuple((role, version) for role, version in named if version is not None)

    def _roles_beside(self) -> tuple[tuple[str, Assigned], ...]:
        return ()

    @property
    def beside(self) -> tuple[Assigned, ...]:
        """The versions that servers hold beside the champion."""
        return tuple(version for _, version in self._roles_beside())

    @property
    def routing(self) -> Routing | None:
        """How requests are divided; None where all go to the champion."""
        return None

    @property
    def uses(self) -> tuple[Assigned, ...]:
        """Every version that the policy needs, each once."""
        return tuple(dict.fromkeys(version for _, version in self.roles))


class Single(_Document, frozen=True, kw_only=True, tag="single"):
    """All traffic goes to the champion."""


class Canary(_Document, frozen=True, kw_only=True, tag="canary"):
    """A share of the units goes to the challenger, and grows step by step: `step` is the place of the one that holds.

    Whoever the challenger has keeps it while the share grows, for the salt stays.
    """

    challenger: Assigned
    steps: tuple[Share, ...]
    step: Annotated[int, msgspec.Meta(ge=0)] = 0
    salt: str

    def __post_init__(self) -> None:
        if not self.step < len(self.steps):
            raise ValueError("step names none of the steps")
        if any(later <= earlier for earlier, later in pairwise(self.steps)):
            raise ValueError("each step is greater than the one before")

    @property
    def weight(self) -> float:
        """The challenger's share now."""
        return self.steps[self.step]

    def _roles_beside(self) -> tuple[tuple[str, Assigned], ...]:
        return ((CHALLENGER, self.challenger),)

    @property
    def routing(self) -> Routing:
        """Champion and challenger."""
        arms = Arm(CHAMPION, self.champion, 1 - self.weight), Arm(CHALLENGER, self.challenger, self.weight)
        return Routing(f"tabi-{self.name}-canary", self.salt, arms)


class BlueGreen(_Document, frozen=True, kw_only=True, tag="blue-green"):
    """All traffic goes to the champion; `idle` is loaded and warm beside it, so that a switch takes no loading."""

    idle: Assigned

    def _roles_beside(self) -> tuple[tuple[str, Assigned], ...]:
        return (("idle", self.idle),)


class Shadow(_Document, frozen=True, kw_only=True, tag="shadow"):
    """The champion answers all; copies of a share of the units go to the challenger, whose answers nobody gets."""

    challenger: Assigned
    share: Share
    salt: str

    def _roles_beside(self) -> tuple[tuple[str, Assigned], ...]:
        return ((SHADOW, self.challenger),)

    def copies(self, unit: str) -> bool:
        """Whether a unit's requests are copied."""
        return assign(self.salt, unit, (1 - self.share, self.share)) == 1


class Split(_Document, frozen=True, kw_only=True, tag="split"):
    """The arms of an experiment divide the units by weight. Two arms may be one version: that is an A/A test."""

    experiment: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    arms: Annotated[tuple[Arm, ...], msgspec.Meta(min_length=2, max_length=32)]
    salt: str

    def __post_init__(self) -> None:
        if len({arm.name for arm in self.arms}) < len(self.arms):
            raise ValueError("two arms have one name")
        if not any(arm.weight for arm in self.arms):
            raise ValueError("no arm has a weight")

    def _roles_beside(self) -> tuple[tuple[str, Assigned], ...]:
        return tuple((f"arm {arm.name} of {self.experiment}", arm.assigned) for arm in self.arms)

    @property
    def routing(self) -> Routing:
        """The arms."""
        return Routing(f"tabi-{self.name}-{self.experiment}", self.salt, self.arms)


Policy = Single | Canary | BlueGreen | Shadow | Split
"""One of the kinds, told apart by `kind`."""

_decode: Callable[[bytes], Policy] = msgspec.json.Decoder(Policy).decode


def challenger_in(policy: Policy | None) -> Assigned | None:
    """The version that a policy tries beside its champion; None where there is none, or more than one."""
    if policy is None:
        return None
    tried: Sequence[Assigned] = tuple(dict.fromkeys(each for each in policy.beside if each != policy.champion))
    # what stands idle because it was replaced is no challenger
    tried = [each for each in tried if not (isinstance(policy, BlueGreen) and each == policy.previous)]
    return tried[0] if len(tried) == 1 else None


def read_policy(data: bytes, where: str) -> Policy:
    """The policy in a document's bytes; `StoreError` naming `where` if it is none, or of a kind that is not known."""
    try:
        return _decode(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise StoreError(f"{where} is no policy that this Tabi knows ({error}): update Tabi or restore it") from error
