"""`python -m tests.benchmarks.senders SETTINGS FILE`: sources that keep sending while the city is being killed.

MQTT at QoS 1 with acknowledgements tracked, HTTP with answers tracked, events of cameras over MQTT; what was not
acknowledged is sent again, as any source does. Runs until a line comes on stdin and everything is acknowledged, then
writes what was sent and acknowledged to `FILE`.
"""

import http.client
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import orjson
from paho.mqtt.client import MQTTMessageInfo

from backend.feed.publisher import Publisher
from twin.settings import Settings

BINS = 200
"""Bins 0-99 report over MQTT, 100-199 over HTTP."""
MQTT_HZ, HTTP_HZ, EVENT_HZ = 600, 100, 20
POSTERS = 4


Identity = tuple[str, int]
"""Key and time [us] of a row; key of an event and 0."""


def report(number: int) -> tuple[Identity, bytes]:
    """Return a row's identity and its message."""
    now = time.time_ns() // 1000
    key = f"BIN-{number:05d}"
    at = datetime.fromtimestamp(now // 1_000_000, UTC).replace(microsecond=now % 1_000_000)
    return (key, now), orjson.dumps({"id": key, "time": at.isoformat(), "fill": 10 + now % 60})


def detection(number: int) -> tuple[Identity, bytes]:
    """Return an event's identity and its message."""
    event = {"id": f"crash-{number}", "camera": "A-1", "label": "person", "start_time": time.time(),
             "entered_zones": ["intrusion"]}  # fmt: skip
    return (f"A-1|intrusion|crash-{number}", 0), orjson.dumps({"type": "new", "after": event})


class Mqtt:
    """A source that speaks MQTT as the demo feed does, and keeps account."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._sent: list[tuple[Identity, MQTTMessageInfo]] = []
        self._publisher = Publisher(name, settings.secrets().broker_password)
        self._publisher.start(settings.broker_host, settings.mqtt_port)

    def publish(self, layer: str, identity: Identity, payload: bytes) -> None:
        """Send one message."""
        self._sent.append((identity, self._publisher.publish(layer, payload)))

    def found(self) -> dict[str, list[Identity]]:
        """Return what was sent, and what of it had its PUBACK, after a last wait."""
        end = time.monotonic() + 30
        while not all(info._published for _, info in self._sent) and time.monotonic() < end:
            time.sleep(0.2)
        return {
            "sent": [one for one, _ in self._sent],
            "acknowledged": [one for one, info in self._sent if info._published],
        }


def post(settings: Settings, sent: dict[str, list[Identity]], first: int, stop: threading.Event) -> None:
    """Post one report after the other; one that gets no 200 is posted again until it does."""
    head = {"Authorization": f"Bearer {settings.secrets().ingest_key}"}
    connection: http.client.HTTPConnection | None = None
    number = 0
    while not stop.is_set():
        identity, body = report(BINS // 2 + (first + POSTERS * number) % (BINS // 2))
        number += 1
        sent["sent"].append(identity)
        while True:
            try:
                connection = connection or http.client.HTTPConnection(settings.host, settings.port, timeout=5)
                connection.request("POST", "/api/ingest/waste_bin", body, head)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status == 200:
                    assert orjson.loads(text)["accepted"] == 1, text
                    sent["acknowledged"].append(identity)
                    break
            except (OSError, http.client.HTTPException):
                connection = None
            time.sleep(0.05)
        time.sleep(POSTERS / HTTP_HZ)


def main(settings: Settings, file: Path) -> None:
    """Send until told to stop."""
    reports, events = Mqtt(settings, "bench-reports"), Mqtt(settings, "bench-events")
    posted: dict[str, list[Identity]] = {"sent": [], "acknowledged": []}
    stop = threading.Event()
    posters = [threading.Thread(target=post, args=(settings, posted, n, stop)) for n in range(POSTERS)]
    told = threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()))
    for thread in (*posters, told):
        thread.start()
    started, number = time.perf_counter(), 0
    while not stop.is_set():
        reports.publish("waste_bin", *report(number % (BINS // 2)))
        if number % (MQTT_HZ // EVENT_HZ) == 0:
            events.publish("cctv", *detection(number))
        number += 1
        time.sleep(max(0.0, started + number / MQTT_HZ - time.perf_counter()))
    for thread in posters:
        thread.join()
    file.write_bytes(orjson.dumps({"mqtt": reports.found(), "http": posted, "events": events.found()}))


if __name__ == "__main__":
    main(Settings.model_validate_json(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
