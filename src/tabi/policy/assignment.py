"""Which arm a unit gets: a pure function of the salt, the unit and the arms' weights.

Weighted rendezvous hashing (Thaler and Ravishankar 1998; weights by the race of exponential clocks, Schindelhauer and
Schomaker 2005): each arm draws u in (0, 1) from a hash of salt, unit and its place, and the arm with the smallest
-ln(u) / weight has the unit. That is exponential with the arm's weight as its rate, so arm i wins with probability
weight i / sum of weights.

Laws: sticky, the same arguments give the same arm on every machine; exact within binomial error; stable, when weights
grow or an arm is added behind the others a unit moves only into an arm that grew, for no other arm's draw changed
(cut points of cumulative weights would all move instead); independent between salts. Weights count by their ratio.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from struct import unpack

from tabi.errors import ConfigError

# one call of BLAKE2b gives the draws of so many arms
_PER_CALL = 8
_DRAWS = "<8Q"
# a double holds 53 bits: the half keeps a draw away from 0 and 1
_SHIFT, _UNIT = 11, 2.0**-53


def assign(salt: str, unit: str, weights: Sequence[float]) -> int:
    """The place of the arm that a unit gets. An arm of weight 0 gets none.

    `ConfigError` if no weight is positive, or one is negative or not finite.
    """
    _require(weights)
    best, winner = math.inf, -1
    for place, (draw, weight) in enumerate(zip(_draws(salt, unit, len(weights)), weights, strict=True)):
        if weight > 0:
            # a weight near the smallest double makes it infinite, and an arm must win all the same
            time = -math.log(draw) / weight
            if winner < 0 or time < best:
                best, winner = time, place
    return winner


def _draws(salt: str, unit: str, count: int) -> list[float]:
    text = unit.encode("utf-8", "surrogatepass")
    found: list[float] = []
    for block in range(-(-count // _PER_CALL)):
        state = _salted(salt, block).copy()
        state.update(text)
        found += [((number >> _SHIFT) + 0.5) * _UNIT for number in unpack(_DRAWS, state.digest())]
    return found[:count]


@lru_cache(256)
def _salted(salt: str, block: int) -> blake2b:
    """A hash that has taken the salt: of a fixed length, so that no other salt and unit make the same text."""
    key = blake2b(salt.encode("utf-8", "surrogatepass")).digest()
    return blake2b(block.to_bytes(8, "little") + key)


def _require(weights: Sequence[float]) -> None:
    if not all(weight >= 0 and math.isfinite(weight) for weight in weights) or not any(weights):
        raise ConfigError("weights of arms are numbers from 0 on, and one of them at least is greater: mend the policy")
