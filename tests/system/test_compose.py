"""compose.yaml on a real engine: what it refuses, and the services that can be stood in for, seen by each other."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from tests.infra.recipe import built
from tests.serving.conftest import ROW, Harbour, harbour, own_harbour
from tests.system.conftest import give_up
from tests.system.engine import BUILD_LIMIT_S, REPOSITORY, Engine
from tests.system.test_image import ask

pytestmark = pytest.mark.system
__all__ = ["harbour", "own_harbour"]

FILE = REPOSITORY / "infra" / "compose" / "compose.yaml"
DIGEST = "tabi@sha256:" + "0" * 64
LIMIT_S = 180
PORTS = ("TABI_PORT", "TABI_PROMETHEUS_PORT", "TABI_ALERTMANAGER_PORT", "TABI_MLFLOW_PORT")
# how the programs of Debian are called, in place of what the official images call
COMMANDS = {
    "postgres": ["/usr/local/bin/postgres.sh"],
    "prometheus": ["/usr/bin/prometheus"],
    "alertmanager": ["/usr/bin/prometheus-alertmanager"],
}
UP = ("server", *COMMANDS)


@dataclass(frozen=True)
class Compose:
    """`docker compose` over our file, as a project of its own."""

    engine: Engine
    files: tuple[Path, ...] = (FILE,)

    def run(self, *arguments: str, limit_s: float = LIMIT_S) -> subprocess.CompletedProcess[str]:
        files = [word for file in self.files for word in ("--file", str(file))]
        return self.engine.run("compose", "--project-name", "tabi-test", *files, *arguments, limit_s=limit_s)

    def must(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, f"{done.stdout[-2000:]}{done.stderr[-3000:]}"
        return done.stdout


@pytest.fixture
def compose(engine: Engine, tmp_path: Path) -> Compose:
    if engine.run("compose", "version").returncode:
        give_up("the engine has no compose: apt-get install docker-compose-v2")
    secrets = tmp_path / "secrets"
    subprocess.run(["python3", str(REPOSITORY / "scripts" / "compose_secrets.py"), str(secrets)], check=True)
    with ExitStack() as held:
        free = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in PORTS]
        ports = {name: str(server.getsockname()[1]) for name, server in zip(PORTS, free, strict=True)}
    variables = {"TABI_IMAGE": DIGEST, "TABI_TRAIN_IMAGE": DIGEST, "TABI_SECRETS": str(secrets), **ports}
    return Compose(Engine({**engine.environ, **variables}))


def test_every_profile_is_valid_and_no_image_is_guessed(compose: Compose) -> None:
    for profiles in ([], ["--profile", "grafana"], ["--profile", "logs"], ["--profile", "*"]):
        compose.must(*profiles, "config", "--quiet")
    environ = {name: text for name, text in compose.engine.environ.items() if name != "TABI_IMAGE"}
    refused = Compose(Engine(environ)).run("config", "--quiet")
    assert refused.returncode != 0
    assert "name the image of the server by digest or id" in refused.stderr


@pytest.fixture
def stand_in(compose: Compose, image: str, own_harbour: Harbour, tmp_path: Path) -> Compose:
    """Our compose.yaml, unchanged but for the images: those of others are made of Debian's packages."""
    base = built((REPOSITORY / "Dockerfile").read_text(encoding="utf-8")).base
    folder = Path(__file__).with_name("standin")
    made = compose.engine.run("build", "--quiet", "--build-arg", f"BASE={base}", str(folder), limit_s=BUILD_LIMIT_S)
    if made.returncode:
        give_up(f"no stand-in can be made of Debian's packages: {made.stderr[-800:]}")
    stood_in = {name: {"image": made.stdout.strip(), "entrypoint": command} for name, command in COMMANDS.items()}
    over = tmp_path / "over.yaml"
    over.write_text(yaml.safe_dump({"services": stood_in}), encoding="utf-8")
    own_harbour.store.root.chmod(0o755)
    told = {"TABI_IMAGE": image, "TABI_MODELS": "voyage linear", "TABI_STORE_FOLDER": str(own_harbour.store.root)}
    return Compose(Engine({**compose.engine.environ, **told}), (FILE, over))


@pytest.fixture
def standing(stand_in: Compose) -> Iterator[Compose]:
    """Up and well."""
    try:
        stand_in.must("up", "--detach", "--wait", "--wait-timeout", "120", *UP)
        yield stand_in
    except AssertionError:
        print(stand_in.run("logs", "--tail", "20").stdout)
        raise
    finally:
        stand_in.run("down", "--volumes", "--timeout", "10")


def test_the_services_are_well_and_see_each_other(standing: Compose) -> None:
    environ = standing.engine.environ
    port = int(environ["TABI_PORT"])
    for name in ("voyage", "linear"):
        assert ask(port, "POST", f"/models/{name}/predict", {"features": ROW})[0] == 200
    assert {model["name"] for model in ask(port, "GET", "/readyz")[1]["models"]} == {"voyage", "linear"}

    prometheus = f"http://127.0.0.1:{environ['TABI_PROMETHEUS_PORT']}/api/v1"
    end = time.monotonic() + LIMIT_S
    while up(prometheus) != {"tabi": "1", "prometheus": "1", "alertmanager": "1"}:
        assert time.monotonic() < end, get(f"{prometheus}/targets")
        time.sleep(1)
    assert get(f"{prometheus}/alertmanagers")["data"]["activeAlertmanagers"]

    # only who knows the password is let in
    ask_postgres = "psql --host 127.0.0.1 --username mlflow --no-password --tuples-only --command 'SELECT 6 * 7' mlflow"
    known = f'PGPASSWORD="$(cat /run/secrets/postgres_password)" {ask_postgres}'
    assert standing.must("exec", "-T", "postgres", "sh", "-c", known).strip() == "42"
    assert standing.run("exec", "-T", "postgres", "sh", "-c", f"PGPASSWORD=guessed {ask_postgres}").returncode != 0

    passwords = [path.read_text() for path in Path(environ["TABI_SECRETS"]).iterdir()]
    for name in UP:
        told = standing.engine.inspect(standing.must("ps", "--quiet", name).strip())
        assert told["HostConfig"]["ReadonlyRootfs"]
        assert told["HostConfig"]["Memory"] > 0
        assert not any(password in json.dumps(told) for password in passwords)
    standing.must("stop", "server")
    container = standing.must("ps", "--all", "--quiet", "server").strip()
    assert standing.engine.inspect(container)["State"]["ExitCode"] == 0


def get(address: str) -> Any:
    with urlopen(address, timeout=10) as response:  # noqa: S310 - our own server
        return json.loads(response.read())


def up(prometheus: str) -> dict[str, str]:
    """What Prometheus last found of each job."""
    found = get(f"{prometheus}/query?{urlencode({'query': 'up'})}")["data"]["result"]
    return {each["metric"]["job"]: each["value"][1] for each in found}


def test_a_store_that_is_not_there_starts_nothing(compose: Compose, image: str, tmp_path: Path) -> None:
    told = {"TABI_IMAGE": image, "TABI_STORE_FOLDER": str(tmp_path / "absent")}
    found = Compose(Engine({**compose.engine.environ, **told}))
    try:
        done = found.run("up", "--detach", "server")
        assert done.returncode != 0
        assert "absent" in done.stderr
        assert not (tmp_path / "absent").exists()
    finally:
        found.run("down", "--volumes", "--timeout", "10")
