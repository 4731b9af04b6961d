"""An outside flag system chooses the arms instead of the policy's own hash: OpenFeature is the seam.

`TABI_FLAGS=unleash://HOST[:PORT]/api` (`unleashs://` over TLS, its key in `TABI_FLAGS_TOKEN`), or
`TABI_FLAGS=growthbook:FILE`. The flag is `tabi-MODEL-canary` or `tabi-MODEL-EXPERIMENT`, its value the arm's name.

Both evaluate in this process over rules that a thread fetches, so no request waits for a flag server. Where there is
no answer, the policy's own hash chooses: the server is not there yet, the flag is off, its value is no arm, or the
evaluation failed. Each is counted.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from threading import Lock
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Self

from tabi.errors import ConfigError
from tabi.policy import Routing
from tabi.serving.telemetry.cells import Cells

if TYPE_CHECKING:
    from openfeature.client import OpenFeatureClient

SETTING, TOKEN = "TABI_FLAGS", "TABI_FLAGS_TOKEN"
# an evaluation is microseconds; after so many in a row that are not, the flag system is let rest: a single one may
# be the machine's, and who is asked another way gets another arm
SLOW_SECONDS = 0.02
MOST_SLOW = 5
REST_SECONDS = 10.0

_DOMAIN = "tabi"
_NO_ARM = ""
_METRIC = "tabi_flag_fallbacks_total"
_log = logging.getLogger("tabi.serving")


class Flags:
    """The flag system of a worker."""

    def __init__(self, setting: str, cells: Cells) -> None:
        """`ConfigError` for a setting that names none, or a file that cannot be read."""
        try:
            from openfeature import api
        except ImportError as error:
            raise ConfigError(f"{SETTING} needs openfeature-sdk: pip install 'tabi[flags]'") from error
        from tabi.serving.steering.flag_providers import provider_of

        # its own thread connects: a flag server that is down holds up no start
        api.set_provider(provider_of(setting, os.environ.get(TOKEN, "")), domain=_DOMAIN)
        self._client: OpenFeatureClient = api.get_client(_DOMAIN)
        self._close: Callable[[], None] = api.shutdown
        self._cells = cells
        self._counting = Lock()
        self._rest_until = 0.0
        self._slow = 0

    @classmethod
    def from_environment(cls, cells: Cells) -> Self | None:
        """Those that the setting names; None where it is not set."""
        setting = os.environ.get(SETTING)
        return cls(setting, cells) if setting else None

    def chooser(self, model: str, routing: Routing) -> Callable[[str], int]:
        """The place of a unit's arm, by the flag or else by the policy's own hash."""
        from openfeature.evaluation_context import EvaluationContext

        places = {arm.name: place for place, arm in enumerate(routing.arms)}
        client = self._client

        def choose(unit: str) -> int:
            if monotonic() < self._rest_until:
                return self._fall_back(model, "resting", routing, unit)
            began = perf_counter()
            try:
                found = client.get_string_details(routing.flag, _NO_ARM, EvaluationContext(targeting_key=unit))
            except Exception:  # noqa: BLE001  whatever it is, the request goes on
                return self._fall_back(model, "error", routing, unit, rest=True)
            self._slow = self._slow + 1 if perf_counter() - began > SLOW_SECONDS else 0
            if self._slow >= MOST_SLOW:
                self._rest_until = monotonic() + REST_SECONDS
            if found.error_code is not None:
                return self._fall_back(model, found.error_code.value.lower(), routing, unit)
            place = places.get(found.value)
            return self._fall_back(model, "no_arm", routing, unit) if place is None else place

        return choose

    def close(self) -> None:
        """Let the flag system go."""
        self._close()

    def _fall_back(self, model: str, reason: str, routing: Routing, unit: str, *, rest: bool = False) -> int:
        if rest:
            self._rest_until = monotonic() + REST_SECONDS
            _log.exception("the flag %s could not be evaluated", routing.flag)
        with self._counting:
            self._cells.array(_METRIC, {"model": model, "reason": reason}, 1)[0] += 1
        return routing.place(unit)
