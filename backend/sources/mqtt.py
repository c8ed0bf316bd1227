"""Messages from an MQTT broker: topic `gunsan/{layer}`, QoS 1, acknowledged to the broker after the commit."""

import asyncio
import logging

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from backend.intake import Message, Outcome
from backend.pipeline import Pipeline
from twin import clock

log = logging.getLogger(__name__)

TOPIC = "gunsan/+"
SESSION_EXPIRY_S = 7 * 86400
"""How long the broker keeps messages for an ingest process that is down."""
RECEIVE_MAXIMUM = 20_000
"""Messages under way without acknowledgement; the broker holds the rest, and may lose it when it is killed."""


class MqttSource:
    """A durable subscription. paho's thread receives; the event loop handles and acknowledges."""

    def __init__(self, host: str, port: int, password: str, pipeline: Pipeline) -> None:
        self._address = (host, port)
        self._pipeline = pipeline
        self._loop = asyncio.get_running_loop()
        self.is_connected = False
        client = Client(
            CallbackAPIVersion.VERSION2, client_id="gunsan-ingest", protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True
        )
        client.username_pw_set("ingest", password)
        client.reconnect_delay_set(1, 2)
        client.on_connect, client.on_disconnect, client.on_message = self._connected, self._disconnected, self._message
        self._client = client

    def start(self) -> None:
        """Connect in the background; a broker that is not there yet is tried again."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self._client.connect_async(*self._address, keepalive=20, clean_start=False, properties=properties)
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect; what is not acknowledged comes again.

        paho's thread (a daemon) is not joined: it may be waiting for the very loop that calls this.
        """
        self._client.disconnect()

    def _connected(self, client: Client, _data: object, _flags: object, reason: object, _properties: object) -> None:
        self.is_connected = True
        log.info("broker: %s", reason)
        client.subscribe(TOPIC, qos=1)

    def _disconnected(self, _client: Client, _data: object, _flags: object, reason: object, _props: object) -> None:
        self.is_connected = False
        log.warning("broker is gone: %s", reason)

    def _message(self, client: Client, _data: object, message: MQTTMessage) -> None:
        layer = message.topic.removeprefix("gunsan/")

        def acknowledge(_outcome: Outcome) -> None:
            client.ack(message.mid, message.qos)

        handed = Message(layer, bytes(message.payload), "mqtt", clock.now(), acknowledge)
        # not waited for: what stays unread in the socket is lost when the broker is killed; RECEIVE_MAXIMUM bounds it
        self._loop.call_soon_threadsafe(self._pipeline.put_now, handed)
