"""The one command on real parts: a whole city starts, survives the fall of its parts, and leaves nothing behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from backend.cli import running
from backend.supervisor import ROLES, environment, is_healthy, require_ports
from tests.conftest import LiveCity, new_settings
from twin.errors import Unavailable
from twin.settings import ROOT, Settings

START_S = 180.0
BACK_S = 60.0
"""Where half of the suite computes beside it; `bench crash` tells how fast it is on an idle machine."""


def processes_of(settings: Settings) -> dict[int, str]:
    """Return pid and command of every process that knows the data folder."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            known = (
                str(settings.data_dir) in command
                or str(settings.data_dir).encode() in (folder / "environ").read_bytes()
            )
        except OSError:
            continue
        if known and int(folder.name) != os.getpid():
            found[int(folder.name)] = command
    return found


def up(settings: Settings, *more: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "backend.cli", "up", "--data-dir", str(settings.data_dir)]
    with (settings.data_dir / "up.log").open("ab") as out:
        return subprocess.Popen(
            [*command, "--port", str(settings.port), *more], stdout=out, stderr=out, env=environment(settings)
        )


def wait_healthy(settings: Settings, limit_s: float) -> float:
    start = time.monotonic()
    while not is_healthy(settings):
        assert time.monotonic() - start < limit_s, (settings.data_dir / "up.log").read_text()
        time.sleep(0.05)
    return time.monotonic() - start


def wait_for_all(settings: Settings) -> None:
    """Wait until every process of our own runs; some start only once the city is healthy."""
    end = time.monotonic() + START_S
    while not all(any(f"{sys.executable} -m backend {role} " == one for one in processes_of(settings).values())
                  for role in ROLES):  # fmt: skip
        assert time.monotonic() < end, processes_of(settings)
        time.sleep(0.1)


def test_city_starts_cold_and_warm_and_a_killed_supervisor_leaves_no_orphan() -> None:
    settings = new_settings()
    first = up(settings)
    wait_healthy(settings, START_S)
    wait_for_all(settings)
    first.kill()
    first.wait()
    end = time.monotonic() + 30
    while processes_of(settings):
        assert time.monotonic() < end, processes_of(settings)
        time.sleep(0.1)
    second = up(settings, "--no-feed")
    wait_healthy(settings, START_S)
    second.send_signal(signal.SIGINT)
    assert second.wait(20) == 0
    assert processes_of(settings) == {}


def test_ingest_ends_at_once_while_messages_flow(live_city: LiveCity) -> None:
    settings = live_city.settings
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set("feed", settings.secrets().broker_password)
    client.connect(settings.broker_host, settings.mqtt_port)
    client.loop_start()
    for _ in range(5):
        for _ in range(2000):
            client.publish("gunsan/rain", b"[]", qos=1)
        victim = pid_of(live_city, "ingest")
        assert victim is not None
        os.kill(victim, signal.SIGTERM)
        end = time.monotonic() + 5
        while pid_of(live_city, "ingest") in (None, victim) or not is_healthy(settings):
            assert time.monotonic() < end + 10
            assert pid_of(live_city, "ingest") != victim or time.monotonic() < end
            time.sleep(0.05)
    client.disconnect()
    client.loop_stop()


BY_THE_CLOCK = "flood_forecast"
"""Layer of the nowcast, which comes every ten minutes and is off in these tests."""


def test_every_live_layer_is_heard(live_city: LiveCity) -> None:
    end = time.monotonic() + BACK_S
    while True:
        layers = layers_of(live_city)
        silent = [layer["id"] for layer in layers if layer["latest"] is None and layer["id"] != BY_THE_CLOCK]
        if not silent:
            break
        assert time.monotonic() < end, silent
        time.sleep(0.5)
    assert len(layers) >= 12


def bearer(city: LiveCity) -> dict[str, str]:
    return {"Authorization": f"Bearer {city.key}"}


def test_demo_data_is_taken_without_a_reject(live_city: LiveCity) -> None:
    test_every_live_layer_is_heard(live_city)
    found = httpx.get(f"{live_city.url}/api/ingest/rejects", headers=bearer(live_city), timeout=30).json()
    assert found["counts"] == []


@pytest.mark.parametrize("part", ["web", "ingest", "broker", "database", "worker", "feed"])
def test_killed_part_comes_back_by_itself(live_city: LiveCity, part: str) -> None:
    before = newest(live_city)
    log = live_city.settings.data_dir / "up.log"
    victim = pid_of(live_city, part)
    os.kill(victim, signal.SIGKILL)
    end = time.monotonic() + BACK_S
    while True:
        time.sleep(0.05)
        if pid_of(live_city, part) not in (None, victim) and is_healthy(live_city.settings):
            break
        assert time.monotonic() < end, log.read_text()
    while newest(live_city) <= before:  # data flow again
        assert time.monotonic() < end + BACK_S, log.read_text()
        time.sleep(0.2)


def pid_of(city: LiveCity, part: str) -> int | None:
    word = {"database": "postgres -D", "broker": "mosquitto -c"}.get(part, f"-m backend {part}")
    found = [
        pid for pid, command in processes_of(city.settings).items() if word in command and "setpriv" not in command
    ]
    return min(found, default=None)


def newest(city: LiveCity) -> str:
    return max(layer["latest"] or "" for layer in layers_of(city))


def layers_of(city: LiveCity) -> list[dict[str, Any]]:
    """Return the layers, once the store that may have been killed answers again."""
    end = time.monotonic() + BACK_S
    while (answer := httpx.get(f"{city.url}/api/layers", headers=bearer(city), timeout=30)).status_code == 503:
        assert time.monotonic() < end, answer.text
        time.sleep(0.2)
    layers: list[dict[str, Any]] = answer.json()["layers"]
    return layers


def test_second_city_in_the_same_folder_is_refused(live_city: LiveCity) -> None:
    second = up(live_city.settings)
    assert second.wait(20) == 1
    assert "running already" in (live_city.settings.data_dir / "up.log").read_text()
    assert is_healthy(live_city.settings)


def test_port_in_use_is_named(live_city: LiveCity) -> None:
    with pytest.raises(Unavailable, match=f"web port .*{live_city.settings.port}"):
        require_ports(live_city.settings)


def test_status_names_the_address_and_tail_prints_live_changes(live_city: LiveCity) -> None:
    folder = str(live_city.settings.data_dir)
    env = environment(live_city.settings)
    run = [sys.executable, "-m", "backend.cli"]
    shown = subprocess.run([*run, "status", "--data-dir", folder], env=env, capture_output=True, text=True, check=True)
    assert live_city.console_url in shown.stdout
    tail = [*run, "tail", "rain", "-n", "3", "--data-dir", folder]
    lines = subprocess.run(tail, env=env, capture_output=True, text=True, check=True, timeout=30).stdout.splitlines()
    assert len(lines) == 3
    assert all(" rain #" in line for line in lines)


def test_replayed_file_goes_through_the_pipeline(live_city: LiveCity, tmp_path: Path) -> None:
    layers = httpx.get(f"{live_city.url}/api/layers/air_quality/items?limit=1", timeout=30).json()
    sample = json.loads((ROOT / "layers/air_quality/sample.json").read_text())
    row = sample[0] if isinstance(sample, list) else sample
    key = next(name for name, value in row.items() if isinstance(value, str) and "T" not in value)
    row[key] = layers["features"][0]["properties"]["key"]
    stamp = next(name for name, value in row.items() if isinstance(value, str) and "T" in value and ":" in value)
    row[stamp] = httpx.get(f"{live_city.url}/api/health", timeout=30).json()["at"]
    file = tmp_path / "air.jsonl"
    file.write_text(json.dumps(row) + "\n")
    run = [sys.executable, "-m", "backend.cli", "replay", "air_quality", str(file)]
    done = subprocess.run(
        [*run, "--data-dir", str(live_city.settings.data_dir)],
        env=environment(live_city.settings), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "1 accepted, 0 rejected", done.stdout + done.stderr


async def test_stopped_city_is_not_running() -> None:
    assert running(new_settings()) is None
    await asyncio.sleep(0)
