"""The compose file says the same as the code: settings, roles, ports; and holds no secret."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from typing import Any

import pytest
import yaml

from backend.__main__ import ROLES
from tests.conftest import new_settings
from twin.settings import ROOT, Settings

FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "gunsan-twin"}
OF_THE_IMAGE = {"db": {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "GUNSAN_PASSWORD"}}
REQUIRED = re.compile(r"\$\{(\w+):\?[^}]+\}")


def started(role: str, settings: Settings) -> "subprocess.Popen[bytes]":
    given = {name.upper(): str(value) for name, value in settings.model_dump().items() if value is not None}
    return subprocess.Popen([sys.executable, "-m", "backend", role], cwd=ROOT, env=os.environ | given)


def test_every_role_has_its_container():
    assert {name: service["command"] for name, service in OURS.items()} == {role: [role] for role in ROLES}
    assert set(COMPOSE["services"]) - set(OURS) == {"db"}


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(name):
    environment = OURS[name]["environment"]
    assert set(environment) <= {field.upper() for field in Settings.model_fields}
    given = {key.lower(): REQUIRED.sub("word", str(value)) for key, value in environment.items()}
    settings = Settings.model_validate(given)
    assert settings.dsn() == "postgresql://gunsan:word@db:5432/city"
    assert OURS[name]["volumes"] == [f"data:{settings.data_dir}"]


def test_the_database_is_the_one_that_is_asked():
    db = COMPOSE["services"]["db"]
    assert set(db["environment"]) == OF_THE_IMAGE["db"]
    assert db["environment"]["POSTGRES_DB"] == "city"
    assert db["environment"]["GUNSAN_PASSWORD"] in COMPOSE["x-settings"]["DATABASE_URL"]
    role = COMPOSE["configs"]["app_role"]["content"]
    assert "CREATE ROLE gunsan LOGIN NOSUPERUSER" in role
    assert not re.search(r"(?<!\$)\$(?!\$)", role), "a single dollar would be filled in by compose"


def test_no_secret_has_a_default():
    secrets = [
        str(value)
        for service in COMPOSE["services"].values()
        for key, value in service["environment"].items()
        if "PASSWORD" in key or "URL" in key
    ]
    assert secrets
    for value in secrets:
        assert REQUIRED.search(value), value
        assert not re.search(r":[^/$@]+@", value), value
    assert not re.search(r"\$\{\w+(:?-|\})", FILE.read_text())


def test_the_secrets_are_documented():
    page = (ROOT / "docs" / "how-to" / "docker.md").read_text()
    for name in set(REQUIRED.findall(FILE.read_text())):
        assert f"`{name}`" in page
        assert f"{name}=" in page


def test_ports_are_those_of_the_settings():
    settings = Settings()
    wanted = {
        "web": {f"127.0.0.1:{settings.port}:{settings.port}"},
        "broker": {f"127.0.0.1:{settings.mqtt_port}:{settings.mqtt_port}"},
        "ingest": {f"127.0.0.1:{settings.nmea_port}:{settings.nmea_port}/{kind}" for kind in ("tcp", "udp")},
    }
    published = {name: set(service["ports"]) for name, service in COMPOSE["services"].items() if "ports" in service}
    assert published == wanted
    assert f":{settings.port}/api/health" in json.dumps(OURS["web"]["healthcheck"])


def test_containers_find_each_other():
    for name, service in OURS.items():
        settings = Settings.model_validate({key.lower(): value for key, value in service["environment"].items()})
        assert settings.broker_host == ("0.0.0.0" if name == "broker" else "broker")
        assert settings.host == ("ingest" if name == "feed" else "0.0.0.0")


def test_everything_waits_for_the_setup():
    for name, service in OURS.items():
        needs = service["depends_on"]
        if name == "setup":
            assert needs == {"db": {"condition": "service_healthy"}}
        else:
            assert needs["setup"] == {"condition": "service_completed_successfully"}


def test_the_image_holds_every_package():
    recipe = (ROOT / "Dockerfile").read_text()
    for package in ("twin", "layers", "gisdata", "simulations", "frontend", "backend"):
        assert f"COPY {package} ./{package}" in recipe
        assert f"!{package}" in (ROOT / ".dockerignore").read_text().splitlines()
    assert f"mkdir {COMPOSE['x-settings']['DATA_DIR']}" in recipe
    assert 'ENTRYPOINT ["python", "-m", "backend"]' in recipe


def test_setup_ends_well_on_a_city_that_is_there(settings):
    assert started("setup", settings).wait(60) == 0
    assert settings.run_dir.is_dir()
    assert settings.secrets()


def test_broker_role_answers_on_its_port():
    settings = new_settings()
    broker = started("broker", settings)
    try:
        end = time.monotonic() + 20
        while True:
            with socket.socket() as probe:
                if probe.connect_ex((settings.broker_host, settings.mqtt_port)) == 0:
                    break
            assert time.monotonic() < end
            assert broker.poll() is None
    finally:
        broker.terminate()
        broker.wait(10)


def test_an_unknown_role_is_refused_with_the_known_ones():
    done = subprocess.run(
        [sys.executable, "-m", "backend", "mayor"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert all(role in done.stderr for role in ROLES)
