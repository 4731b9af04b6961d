"""What is written for compose: every service bounded, asked whether it is well, without rights; no password."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "infra" / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# the image of the first has a check of its own; the second has no program that could ask
CHECKED_OTHERWISE = {"server", "fluent-bit"}

each = pytest.mark.parametrize("name", SERVICES)


def test_there_is_all_that_one_machine_needs() -> None:
    always = {name for name, service in SERVICES.items() if "profiles" not in service}
    assert always == {"gate", "server", "postgres", "mlflow", "prometheus", "alertmanager"}
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        "grafana": ["grafana"],
        "fluent-bit": ["logs"],
    }


@each
def test_a_service_has_no_right_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "pid", "devices"} & set(service)
    # no service is in the network of the machine
    assert service.get("network_mode") == ("service:gate" if name == "server" else None)
    # our own images say it themselves
    assert name in {"gate", "server", "mlflow"} or re.fullmatch(r"[1-9]\d*:\d+", service["user"])
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", []))


@each
def test_a_service_has_bounds_and_time_to_end(name: str) -> None:
    service = SERVICES[name]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert re.fullmatch(r"\d+s", service["stop_grace_period"])
    # one that cannot start is not started for ever
    assert service["restart"] == "on-failure:3"


@each
def test_a_service_is_asked_whether_it_is_well(name: str) -> None:
    check = SERVICES[name].get("healthcheck", {})
    if name in CHECKED_OTHERWISE:
        assert "test" not in check
    else:
        # one that is disabled ends `up --wait` with an error
        assert check["test"][0] == "CMD"
        assert {"interval", "timeout", "retries", "start_period"} <= set(check)


@each
def test_a_port_is_published_on_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@each
def test_what_a_service_writes_is_in_a_named_volume_and_a_folder_of_the_host_is_read_only(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        if isinstance(volume, dict):
            assert volume["read_only"] is True
            # a folder that is not there would be made, empty, by root
            assert volume["bind"]["create_host_path"] is False
        else:
            source, _, *mode = volume.split(":")
            assert mode == ["ro"] if source.startswith(".") else source in COMPOSE["volumes"]


def test_no_password_is_in_a_file_that_is_committed() -> None:
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASS|SECRET|TOKEN|KEY", variable):
                assert re.match(r"/run/secrets/|/tmp/pgpass$", value), variable
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    text = "\n".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*") if path.is_file())
    assert not re.search(r"://[^/\s:]+:[^@\s$]+@", text)
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", "infra/compose/secrets/postgres_password"], cwd=REPOSITORY, check=False
    )
    assert ignored.returncode == 0


def test_passwords_are_made_once_in_a_folder_of_their_owner(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    command = [sys.executable, str(REPOSITORY / "scripts" / "compose_secrets.py"), str(folder)]
    subprocess.run(command, check=True, timeout=60)
    made = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert set(made) == {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    # neither a passfile of libpq nor a URL needs an escape for it
    assert all(re.fullmatch(r"[0-9a-f]{48}", password) for password in made.values())
    assert len(set(made.values())) == len(made)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    subprocess.run(command, check=True, timeout=60)
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == made


def test_prometheus_asks_services_that_there_are() -> None:
    configuration = yaml.safe_load(
        (REPOSITORY / "infra" / "observability" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    )
    jobs = {
        job["job_name"]: job["static_configs"][0]["targets"]
        for job in configuration["scrape_configs"]
        if "static_configs" in job
    }
    assert jobs["tabi"] == ["server:8000"]
    hosts = {target.partition(":")[0] for targets in jobs.values() for target in targets} - {"localhost"}
    assert hosts <= set(SERVICES)
