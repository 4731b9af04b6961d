"""Make the passwords of infra/compose once: `python3 scripts/compose_secrets.py FOLDER`. What is there already stays.

The folder is its owner's alone. A container reads its file under a user of its own, so the files can be read by all who
can enter the folder.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

NAMES = ("postgres_password", "grafana_password")


def main() -> None:
    """One file a password."""
    if len(sys.argv) != 2:
        sys.exit("usage: compose_secrets.py FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in NAMES:
        path = folder / name
        if not path.exists():
            path.write_text(secrets.token_hex(24), encoding="utf-8")
            path.chmod(0o444)


if __name__ == "__main__":
    main()
