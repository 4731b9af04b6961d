"""A real PostgreSQL with a password, for as long as a test needs it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.system.conftest import give_up
from tests.system.debian import install_in_ci

PASSWORD = "hunter2-of-the-database"  # noqa: S105 - of a server that lives as long as the test


@contextmanager
def postgresql() -> Iterator[int]:
    """A server of its own on loopback: its port. The user is `tabi`, the database `postgres`."""
    commands = _commands()
    # it refuses to run as root
    owner = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    folder = Path(tempfile.mkdtemp(prefix="tabi-postgresql-"))
    secret = folder / "password"
    secret.write_text(PASSWORD)
    if os.geteuid() == 0:
        for path in (folder, secret):
            shutil.chown(path, owner)
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]

    def run(*command: str) -> None:
        user = owner if os.geteuid() == 0 else None
        # the server keeps what it is given as its output open
        subprocess.run(command, user=user, cwd=folder, stdout=subprocess.DEVNULL, check=True, timeout=60)

    data = str(folder / "data")
    try:
        run(str(commands / "initdb"), "-D", data, "-U", "tabi", "-A", "scram-sha-256", "--pwfile", str(secret), "-N")
        options = f"-p {number} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c log_statement=all"
        run(str(commands / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield number
        finally:
            run(str(commands / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _commands() -> Path:
    """The folder of PostgreSQL's commands; in CI, whose machine is bare, from Debian's packages."""
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        install_in_ci("postgresql")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        give_up("there is no PostgreSQL")
    return found[-1].parent
