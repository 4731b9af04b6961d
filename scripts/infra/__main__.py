"""Checks of infra/terraform.

    python -m scripts.infra [form|layers|policies|actions|checkov|cycle …] [--evidence PAGE]

Without a name all of them, cheap ones first. `cycle` leaves records in the workspace's evidence, for `tabi dod`;
`--evidence` writes a page and needs all. Needs terraform, and for actions and checkov uv.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from scripts.infra import checks, evidence
from scripts.infra.command import CheckError
from scripts.infra.cycle import Cycle, CycleError, cycle
from scripts.infra.records import Notes

_CHECKS: dict[str, Callable[[Path], str]] = {
    "policies": lambda _: checks.check_policies(),
    "form": lambda _: checks.check_form(),
    "actions": lambda _: checks.check_actions(),
    "checkov": lambda _: checks.check_checkov(),
    "layers": checks.check_layers,
}
_CYCLE = "cycle"


def main() -> None:
    """What is named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.infra", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *_CHECKS, _CYCLE], metavar="NAME")
    parser.add_argument("--evidence", type=Path, metavar="PAGE", help="write what was done and measured")
    given = parser.parse_args()
    names = given.names or [*_CHECKS, _CYCLE]
    if given.evidence and set(names) != {*_CHECKS, _CYCLE}:
        parser.error("--evidence needs all checks")
    try:
        said, done = _work(names)
    except CheckError as error:
        sys.exit(str(error))
    if given.evidence and done:
        evidence.write(given.evidence, said, done)


def _work(names: list[str]) -> tuple[dict[str, str], Cycle | None]:
    said: dict[str, str] = {}
    for name in names:
        if name != _CYCLE:
            started = monotonic()
            with tempfile.TemporaryDirectory(prefix="tabi-infra-") as folder:
                said[name] = _CHECKS[name](Path(folder))
            _say(f"{name}: {said[name]} ({monotonic() - started:.0f} s)")
    if _CYCLE not in names:
        return said, None
    notes = Notes()
    with tempfile.TemporaryDirectory(prefix="tabi-infra-") as folder:
        try:
            done = cycle(Path(folder), _say)
        except CycleError as error:
            notes.failed(error)
            raise
    notes.passed(done)
    _say(f"cycle: all layers were applied, without drift, and destroyed ({done.seconds:.0f} s)")
    return said, done


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
