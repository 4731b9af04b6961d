"""`make slo`: write everything that follows from slo.yaml. With `--check` nothing is written: 1 if a file differs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

from loadtest.slo import SLO_FILE, read_slo
from scripts.observability.files import ROOT, generated
from tabi.errors import TabiError


def main() -> int:
    """Write, or compare."""
    parser = argparse.ArgumentParser(prog="python -m scripts.observability", description=__doc__)
    parser.add_argument("--slo", type=Path, default=SLO_FILE)
    parser.add_argument("--into", type=Path, default=ROOT, help="the root that the files are written below")
    parser.add_argument("--receivers", type=Path, help="YAML: integrations of Alertmanager for page, ticket, heartbeat")
    parser.add_argument("--check", action="store_true", help="write nothing, and say what differs")
    given = parser.parse_args()
    try:
        receivers = yaml.safe_load(given.receivers.read_bytes()) if given.receivers else None
        files = generated(read_slo(given.slo), receivers)
    except TabiError as error:
        sys.exit(f"slo: {error}")
    different = [path for path, text in files.items() if _there(given.into / path) != text]
    for path in different:
        print(f"differs: {path}" if given.check else f"written: {path}")
        if not given.check:
            (given.into / path).parent.mkdir(parents=True, exist_ok=True)
            (given.into / path).write_text(files[path], encoding="utf-8")
    return int(given.check and bool(different))


def _there(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
