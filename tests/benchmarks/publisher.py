"""`python -m tests.benchmarks.publisher PORT PASSWORD ASSETS RATE SECONDS`: reports of bins over MQTT, 25 a message."""

import sys
import time
from datetime import UTC, datetime

import orjson
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

GROUP = 25


def main(port: int, password: str, assets: int, rate: int, seconds: float) -> None:
    """Publish at a steady rate; each report bears the moment at which it is sent. Prints how many late sends."""
    client = Client(CallbackAPIVersion.VERSION2, client_id="bench", protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set("feed", password)
    client.max_inflight_messages_set(2000)
    client.connect("127.0.0.1", port)
    client.loop_start()
    while not client.is_connected():
        time.sleep(0.01)
    period = GROUP / rate
    count, late = int(seconds / period), 0.0
    started = time.perf_counter()
    for n in range(count):
        pause = started + n * period - time.perf_counter()
        if pause > 0:
            time.sleep(pause)
        late = max(late, -pause)
        at = datetime.now(UTC).isoformat()
        rows = [
            {"id": f"BIN-{(n * GROUP + m) % assets:05d}", "time": at, "fill": 10 + (n + m) % 60} for m in range(GROUP)
        ]
        sent = client.publish("gunsan/waste_bin", orjson.dumps(rows), qos=1)
    took = time.perf_counter() - started
    sent.wait_for_publish(30)
    client.disconnect()
    client.loop_stop()
    print(orjson.dumps({"reports": count * GROUP, "rate": count * GROUP / took, "late_ms": late * 1e3}).decode())


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
