"""A flag system chooses arms; where it does not, the policy's own hash does, and that is counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tabi.errors import ConfigError
from tabi.policy import Arm, Assigned, Routing
from tabi.serving.steering.flag_providers import provider_of

ROUTING = Routing("tabi-adult-prices", "salt", (Arm("a", Assigned(1, "1" * 64)), Arm("b", Assigned(2, "2" * 64))))
UNITS = [f"u{i}" for i in range(200)]

# what is set for a whole process, OpenFeature's providers, belongs into one
PROGRAM = """
import json, sys
from pathlib import Path
from tabi.policy import Arm, Assigned, Routing
from tabi.serving.steering.flags import Flags
from tabi.serving.telemetry.cells import Cells, read_all
routing = Routing("tabi-adult-prices", "salt", (Arm("a", Assigned(1, "1" * 64)), Arm("b", Assigned(2, "2" * 64))))
folder = Path(sys.argv[1])
flags = Flags.from_environment(Cells(folder, 0))
choose = flags.chooser("adult", routing)
places = [choose(f"u{i}") for i in range(200)]
flags.close()
counted = {dict(labels)["reason"]: int(cells.sum()) for (name, labels), cells in read_all(folder).items()}
print(json.dumps([places, counted]))
"""


def chosen(setting: str, folder: Path) -> tuple[list[int], dict[str, int]]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        env={**os.environ, "TABI_FLAGS": setting},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    places, counted = json.loads(done.stdout)
    return places, counted


def features(folder: Path, rules: list[dict[str, Any]], key: str = "tabi-adult-prices") -> str:
    file = folder / "features.json"
    file.write_text(json.dumps({"features": {key: {"defaultValue": "nobody", "rules": rules}}}))
    return f"growthbook:{file}"


def test_growthbook_divides_by_its_own_rules(tmp_path: Path) -> None:
    rules: list[dict[str, Any]] = [
        {"condition": {"id": "u7"}, "force": "b"},
        {"variations": ["a", "b"], "weights": [0.8, 0.2], "coverage": 1, "hashAttribute": "id", "key": "prices"},
    ]
    places, counted = chosen(features(tmp_path, rules), tmp_path / "cells")
    assert counted == {}
    assert places[7] == 1
    # 40 are expected, of a binomial with a deviation of 5.7
    assert 20 <= sum(places) <= 62
    assert places != [ROUTING.place(unit) for unit in UNITS]


@pytest.mark.system
def test_without_an_answer_the_policys_own_hash_chooses_and_is_counted(tmp_path: Path) -> None:
    own = [ROUTING.place(unit) for unit in UNITS]
    assert chosen(features(tmp_path, [{"force": "somebody"}]), tmp_path / "1") == (own, {"no_arm": 200})
    assert chosen(features(tmp_path, [], "another"), tmp_path / "2") == (own, {"flag_not_found": 200})
    # nobody listens there, and nobody waits for it
    assert chosen("unleash://127.0.0.1:9/api", tmp_path / "3") == (own, {"provider_not_ready": 200})


@pytest.mark.parametrize("setting", ["", "launchdarkly://x", "unleash:", "growthbook:/nowhere", "growthbook:/dev/null"])
def test_a_setting_that_names_none_is_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match="TABI_FLAGS"):
        provider_of(setting, "")
