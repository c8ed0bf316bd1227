"""An MQTT source that loses nothing when the broker is killed."""

import logging
import threading
import time
from collections import deque

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

log = logging.getLogger(__name__)

REPEAT_S = 5.0
"""A broker may acknowledge a message before it is on its disk (mosquitto saves once a second). What was published
within this time before a cut is published again after it; the store takes a row only once."""
QUEUE_MESSAGES = 5_000
"""Messages kept while the broker is away; then the newest are refused."""


class Publisher:
    """Publishes to `gunsan/{layer}` at QoS 1, and after a cut publishes the last seconds again.

    Parameters
    ----------
    client_id
        Name at the broker.
    password
        Password of the MQTT user `feed`.
    """

    def __init__(self, client_id: str, password: str) -> None:
        client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
        client.username_pw_set("feed", password)
        client.reconnect_delay_set(1, 2)
        client.max_inflight_messages_set(500)
        client.max_queued_messages_set(QUEUE_MESSAGES)
        client.on_connect = self._connected
        self._client = client
        self._recent: deque[tuple[float, str, bytes]] = deque(maxlen=QUEUE_MESSAGES)
        self._lock = threading.Lock()
        self._was_connected = False

    def start(self, host: str, port: int) -> None:
        """Connect in the background; a broker that is not there yet is tried again."""
        self._client.connect_async(host, port, keepalive=20)
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, layer: str, payload: bytes) -> MQTTMessageInfo:
        """Send one message of a layer, at least once."""
        now = time.monotonic()
        with self._lock:
            while self._recent and self._recent[0][0] < now - REPEAT_S:
                self._recent.popleft()
            self._recent.append((now, layer, payload))
        return self._client.publish(f"gunsan/{layer}", payload, qos=1)

    def _connected(self, client: Client, _data: object, _flags: object, reason: object, _properties: object) -> None:
        with self._lock:
            recent = list(self._recent) if self._was_connected else []
            self._was_connected = True
        log.info("broker: %s; %d messages again", reason, len(recent))
        for _, layer, payload in recent:
            client.publish(f"gunsan/{layer}", payload, qos=1)
