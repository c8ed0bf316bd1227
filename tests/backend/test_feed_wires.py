"""The demo feed's wires: what it sends is what the adapters read."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from backend.broker import Broker
from backend.feed import encode
from backend.feed.bus import Position
from backend.feed.port import Fix, Vessel
from backend.feed.publisher import Publisher
from backend.feed.wires import MqttAndSockets
from layers import load_layers
from tests.backend.feed_city import NOON, new_city
from tests.conftest import free_ports, new_settings
from twin.report import Happening, Report


def read_one(layer: str, payload: bytes) -> Report:
    [report] = load_layers()[layer].adapt(payload, NOON)
    assert isinstance(report, Report), report
    return report


def test_ais_position_comes_back_as_it_was_sent() -> None:
    fix = Fix(Vessel(442_100_001, 3_000_005, "DEMO ARA 1", "DM01", 70, 150, 8.1), 126.5512, 35.9821, 8.4, 87.2, 88, 0)
    report = read_one("vessel", "\n".join(encode.ais_position(fix, NOON)).encode())
    assert report.asset == "442100001"
    assert report.position == pytest.approx((126.5512, 35.9821), abs=2e-6)
    assert report.results == {"sog": 8.4, "cog": 87.2, "heading": 88.0, "nav_status": "under_way"}
    assert report.phenomenon_time == NOON.replace(microsecond=0)


@pytest.mark.parametrize("is_class_b", [False, True])
def test_ais_static_data_come_back_as_they_were_sent(is_class_b: bool) -> None:
    vessel = Vessel(442_100_001, 3_000_005, "DEMO ARA 1", "DM01", 30 if is_class_b else 70, 150, 8.1, is_class_b)
    fix = Fix(vessel, 126.55, 35.98, 8.4, 87.2, 88, 0)
    lines = [*encode.ais_static(vessel, 3), *encode.ais_position(fix, NOON)]
    report = read_one("vessel", "\n".join(lines).encode())
    assert report.name == "DEMO ARA 1"
    assert report.attributes["callsign"] == "DM01"
    assert report.attributes["loa_m"] == 150
    if not is_class_b:
        assert (report.attributes["imo_number"], report.attributes["draught_m"]) == (3_000_005, 8.1)


def test_buses_come_back_as_they_were_sent() -> None:
    bus = Position("DEMO-BUS-001", "3", 126.7123, 35.9712, 91.0, 7.5, 2)
    report = read_one("bus", encode.vehicle_positions([bus], NOON))
    assert report.position == pytest.approx((126.7123, 35.9712), abs=1e-5)
    assert report.results["speed"] == pytest.approx(27.0)
    assert report.results["crowding"] == "few_seats"
    assert report.attributes == {"route": "3"}


def test_link_speeds_come_back_as_they_were_sent() -> None:
    report = read_one("traffic_speed", encode.link_speeds([("17", 36.0, 500.0)], NOON))
    assert report.results == {"speed": 36.0, "travel_time": 50.0}
    assert report.phenomenon_time == NOON.replace(microsecond=0)


@pytest.mark.parametrize(
    "kind", ["intrusion", "loitering", "abandoned_object", "entry_exit", "dangerous_crossing", "crowd_fight"]
)
def test_camera_events_come_back_as_they_were_sent(kind: str) -> None:
    for payload in (
        encode.onvif_event('CAM-"0001"', kind, NOON),
        encode.analytics_event('CAM-"0001"', kind, NOON, "x", "person"),
    ):
        [entry] = load_layers()["cctv"].adapt(payload, NOON)
        assert isinstance(entry, Happening)
        assert (entry.asset, entry.kind, entry.phenomenon_time) == ('CAM-"0001"', kind, NOON)


def test_rows_of_the_berth_plan_come_back_as_they_were_sent() -> None:
    port = new_city().port
    rows = port.rows(0.0)
    layer = load_layers()["berth"]
    reports = [entry for entry in layer.adapt(encode.calls(rows, NOON), NOON) if isinstance(entry, Report)]
    assert len(reports) == 31
    for row, report in zip(rows, reports, strict=True):
        assert report.results["state"] == row["state"]
        for name in ("eta", "etb", "atb", "etd", "atd"):
            assert (name in row) == (name in report.results)
            if name in row:
                assert abs(report.results[name] - row[name]) < timedelta(seconds=1)  # type: ignore[operator]
        if "vessel" in row:
            assert report.attributes["imo_number"] == row["vessel"]["imo"]


async def test_ais_goes_over_tcp_and_udp_and_survives_a_receiver_that_was_away() -> None:
    port, heard = free_ports(1), asyncio.Queue[bytes]()

    class Datagrams(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            heard.put_nowait(data)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            heard.put_nowait(line)
        writer.close()

    wires = MqttAndSockets("127.0.0.1", 1, "", "127.0.0.1", port)
    await wires.ais(["!lost"], is_class_b=False)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Datagrams, ("127.0.0.1", port))
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    async with asyncio.timeout(5):
        await wires.ais(["!A", "!B"], is_class_b=False)
        assert [await heard.get(), await heard.get()] == [b"!A\r\n", b"!B\r\n"]
        await wires.ais(["!C"], is_class_b=True)
        assert await heard.get() == b"!C\r\n"
    transport.close()
    wires.stop()
    server.close()


class Listening:
    """A real broker and somebody who listens to all of it."""

    def __init__(self) -> None:
        self.settings = new_settings()
        self.password = self.settings.secrets().broker_password
        self._broker = Broker(self.settings)
        self._broker.make()
        self.heard = asyncio.Queue[tuple[str, bytes]]()
        self._ready = asyncio.Event()
        loop = asyncio.get_running_loop()
        listener = self._listener = Client(CallbackAPIVersion.VERSION2, client_id="test")
        listener.username_pw_set("ingest", self.password)
        listener.reconnect_delay_set(1, 1)
        listener.on_connect = lambda client, *_: client.subscribe("gunsan/#", qos=1)
        listener.on_subscribe = lambda *_: loop.call_soon_threadsafe(self._ready.set)
        listener.on_message = lambda _client, _data, message: loop.call_soon_threadsafe(
            self.heard.put_nowait, (message.topic, message.payload)
        )
        listener.connect_async("127.0.0.1", self.settings.mqtt_port)
        listener.loop_start()

    async def start(self) -> None:
        """Start the broker, and wait until the listener hears."""
        self._ready.clear()
        self.server = subprocess.Popen(self._broker.command(), cwd="/")
        await self._ready.wait()

    def kill(self) -> None:
        """Kill the broker before it has saved anything."""
        self.server.kill()
        self.server.wait()
        for file in (self.settings.data_dir / "broker").glob("mosquitto.db*"):
            file.unlink()

    def close(self) -> None:
        """End it all."""
        self._listener.disconnect()
        self._listener.loop_stop()
        self.server.terminate()
        self.server.wait()
        shutil.rmtree(self.settings.data_dir)


@pytest.fixture
async def listening() -> AsyncIterator[Listening]:
    one = Listening()
    yield one
    one.close()


async def test_messages_go_through_a_real_broker_under_the_feeds_name(listening: Listening) -> None:
    wires = MqttAndSockets("127.0.0.1", listening.settings.mqtt_port, listening.password, "127.0.0.1", 1)
    wires.start()
    wires.publish("rain", b"[1]")  # before the broker is there: it waits
    async with asyncio.timeout(20):
        await listening.start()
        wires.publish("parking", b"[2]")
        while await listening.heard.get() != ("gunsan/parking", b"[2]"):
            pass
    wires.stop()


async def relay(port: int, to: int) -> asyncio.Server:
    """Pass bytes on from a port to another: who is cut off stays so until the next relay."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

    return await asyncio.start_server(serve, "127.0.0.1", port)


async def test_what_a_killed_broker_had_acknowledged_and_not_saved_is_published_again(listening: Listening) -> None:
    publisher, port = Publisher("gunsan-feed", listening.password), free_ports(1)
    async with asyncio.timeout(20):
        await listening.start()
        way = await relay(port, listening.settings.mqtt_port)
        publisher.start("127.0.0.1", port)
        publisher.publish("rain", b"[1]")
        assert await listening.heard.get() == ("gunsan/rain", b"[1]")
        second = publisher.publish("rain", b"[2]")
        await asyncio.to_thread(second.wait_for_publish, 10)
        assert await listening.heard.get() == ("gunsan/rain", b"[2]")
        way.close()
        listening.kill()
        await listening.start()
        way = await relay(port, listening.settings.mqtt_port)  # only now, so that the listener hears it all
        while await listening.heard.get() != ("gunsan/rain", b"[2]"):
            pass
    publisher.stop()
    way.close()
