"""What one frame to one screen costs: our hub's writer, plain `send_bytes`, and mosquitto's WebSocket listener.

All send frames of about 2 kB at the same pace to the same number of local clients, which only drain. CPU time: of the
hub's flush (encoding included) and of the loop of `send_bytes` as that process counts it; of mosquitto from
`/proc/PID/stat`. A bare `os.write` to the same sockets shows what the kernel alone takes.
`python -m tests.benchmarks.fanout PORT` is the web process.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from backend.hub import Hub, Screen, Stand, ws_frame
from backend.routes.live import TRANSPORT, LiveProtocol
from layers import load_layers
from tests.benchmarks.machine import cpu_s
from tests.benchmarks.sockets import BINARY, Socket
from tests.benchmarks.table import Figure
from tests.conftest import free_ports
from twin.access import OPERATOR
from twin.crs import CITY_BBOX
from twin.settings import ROOT
from twin.state import LayerState

CLIENTS, HZ, ROWS = 200, 25, 75
FRAME_BYTES = 2_000
LAYERS = ("waste_bin", "air_quality", "bus_shelter", "rain")
"""What a screen watches; all of them, or one, change at each step."""


class Sender:
    """The web process: screens of a real hub without a store behind it, and plain WebSockets."""

    def __init__(self) -> None:
        self.hub = Hub("", [load_layers()[layer].spec for layer in LAYERS])
        for layer in self.hub.layers.values():
            state = self.hub.states[layer.id] = LayerState(layer)
            state._resize(list(range(1, 2501)))
            state.lon[:], state.lat[:] = 126.7, 35.97
        self.hub._ready.set()
        self.plain: list[WebSocket] = []

    async def screen(self, websocket: WebSocket) -> None:
        await websocket.accept()
        screen = Screen(websocket.scope["extensions"][TRANSPORT], OPERATOR, Stand(CITY_BBOX, dict.fromkeys(LAYERS, 0)))
        await self.hub.join(screen)
        try:
            await websocket.receive()
        finally:
            self.hub.leave(screen)

    async def socket(self, websocket: WebSocket) -> None:
        await websocket.accept()
        self.plain.append(websocket)
        try:
            await websocket.receive()
        except WebSocketDisconnect:
            pass

    async def send(self, request: Request) -> JSONResponse:
        """Send frames one way at a steady pace; answer the CPU time that the writing took [s]."""
        frames, way, some = int(request.query_params["frames"]), *request.query_params["way"].split("-")
        changing = LAYERS[: int(some)]
        rng, payload, used_s = np.random.default_rng(1), bytes(FRAME_BYTES), 0.0
        files = [screen.transport.get_extra_info("socket").fileno() for screen in self.hub._screens]
        started = time.perf_counter()
        for n in range(frames):
            await asyncio.sleep(max(0.0, started + n / HZ - time.perf_counter()))
            for layer in changing:
                assets = rng.integers(1, 2501, ROWS).astype(np.uint32)
                self.hub.states[layer].update(
                    assets, np.zeros(ROWS, np.uint16), np.full(ROWS, time.time()), np.full(ROWS, 50.0)
                )
            before = time.process_time()
            if way == "hub":
                self.hub._flush()
            elif way == "plain":
                for websocket in self.plain:
                    for _ in changing:
                        await websocket.send_bytes(payload)
            else:
                frame = ws_frame(payload, 2) * len(changing)
                for file in files:
                    os.write(file, frame)
            used_s += time.process_time() - before
        return JSONResponse(used_s)


def serve(port: int) -> None:
    """Serve until killed."""
    sender = Sender()
    app = Starlette(routes=[
        WebSocketRoute("/hub", sender.screen), WebSocketRoute("/plain", sender.socket), Route("/send", sender.send),
    ])  # fmt: skip
    config = uvicorn.Config(
        app, port=port, ws=LiveProtocol, ws_per_message_deflate=False, loop="uvloop", log_level="warning"
    )
    uvicorn.Server(config).run()


async def costs(repetitions: int, frames: int) -> list[Figure]:
    """Return CPU time per frame and client of all three."""
    port = free_ports(3)
    with tempfile.TemporaryDirectory(prefix="gt-") as folder:
        conf = Path(folder) / "mosquitto.conf"
        conf.write_text(
            f"user root\nallow_anonymous true\nlog_type error\nset_tcp_nodelay true\nlistener {port + 1} 127.0.0.1\n"
            f"listener {port + 2} 127.0.0.1\nprotocol websockets\n"
        )
        tied = ["setpriv", "--pdeathsig=KILL", "--"]
        broker = subprocess.Popen([*tied, "/usr/sbin/mosquitto", "-c", str(conf)], stderr=subprocess.DEVNULL)
        web = subprocess.Popen([*tied, sys.executable, "-m", "tests.benchmarks.fanout", str(port)], cwd=ROOT)
        try:
            await _until_open(port, port + 1, port + 2)
            return await _compare(port, broker.pid, repetitions, frames)
        finally:
            for process in (web, broker):
                process.kill()
                process.wait()


async def _compare(port: int, broker: int, repetitions: int, frames: int) -> list[Figure]:
    drained = {"hub": await _drain(port, "/hub"), "plain": await _drain(port, "/plain"),
               "mosquitto": await _drain(port + 2, "/mqtt", "Sec-WebSocket-Protocol: mqtt\r\n")}  # fmt: skip
    drained["bare"] = drained["hub"]
    for number, socket in enumerate(drained["mosquitto"]):
        socket.send(_connect(f"s{number}"), BINARY)
        socket.send(b"\x82\x06\x00\x01\x00\x01f\x00", BINARY)  # SUBSCRIBE f, QoS 0
    await asyncio.sleep(1)
    ways = [f"{way}-{some}" for some in (len(LAYERS), 1) for way in drained]
    found: dict[str, list[float]] = {way: [] for way in ways}
    for repetition in range(repetitions):
        for turn in range(len(ways)):
            way = ways[(repetition + turn) % len(ways)]
            name, some = way.split("-")
            seen = sum(socket.frames for socket in drained[name])
            used_s = await (
                _publish(port + 1, broker, frames, int(some)) if name == "mosquitto" else _ask(port, way, frames)
            )
            await asyncio.sleep(0.2)
            count = sum(socket.frames for socket in drained[name]) - seen
            assert count >= 0.99 * frames * CLIENTS * int(some), (way, count)
            found[way].append(used_s / count * 1e6)
    for sockets in drained.values():
        for socket in sockets:
            socket.transport.abort()
    return [figure for some in (len(LAYERS), 1) for figure in _figures(found, some)]


def _figures(found: dict[str, list[float]], some: int) -> list[Figure]:
    """Return the figures of the runs in which `some` layers changed at each step; the targets hold where all did."""
    when = f"{some} layer{'s' if some > 1 else ''} changing"
    ours = found[f"hub-{some}"]
    ratio = {
        peer: median(one / theirs for one, theirs in zip(ours, found[f"{peer}-{some}"], strict=True))
        for peer in ("mosquitto", "plain")
    }
    names = {
        "hub": "our hub",
        "mosquitto": "mosquitto's WebSockets",
        "plain": "plain send_bytes",
        "bare": "a bare write",
    }
    return [
        *(Figure(f"CPU per frame and screen, {when}: {name}", median(found[f"{way}-{some}"]), "us")
          for way, name in names.items()),
        Figure(f"our hub / mosquitto, {when}", ratio["mosquitto"], "x", at_most=1.0 if some > 1 else None),
        Figure(f"our hub / send_bytes, {when}", ratio["plain"], "x", at_most=0.5 if some > 1 else None),
    ]  # fmt: skip


async def _drain(port: int, path: str, headers: str = "") -> list[Socket]:
    return await asyncio.gather(*(Socket.open(port, path, None, headers) for _ in range(CLIENTS)))


def _connect(client: str) -> bytes:
    body = b"\x00\x04MQTT\x04\x02\x00\x00" + len(client).to_bytes(2) + client.encode()
    return bytes((0x10, len(body))) + body


async def _ask(port: int, way: str, frames: int) -> float:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /send?way={way}&frames={frames} HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    assert b" 200 " in answer, answer
    writer.close()
    return float(answer.rpartition(b"\r\n")[2])


async def _publish(port: int, broker: int, frames: int, some: int) -> float:
    """Publish frames at QoS 0 and the same pace; return the broker's CPU time [s]."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_connect("publisher"))
    await reader.readexactly(4)
    body = b"\x00\x01f" + bytes(FRAME_BYTES)
    packet = bytes((0x30, len(body) % 128 + 128, len(body) // 128)) + body
    before, started = cpu_s(broker), time.perf_counter()
    for n in range(frames):
        await asyncio.sleep(max(0.0, started + n / HZ - time.perf_counter()))
        writer.write(packet * some)
    await asyncio.sleep(0.3)
    writer.close()
    return cpu_s(broker) - before


async def _until_open(*ports: int) -> None:
    end = time.monotonic() + 20
    for port in ports:
        while True:
            try:
                (await asyncio.open_connection("127.0.0.1", port))[1].close()
                break
            except OSError:
                assert time.monotonic() < end, f"nobody listens on {port}"
                await asyncio.sleep(0.05)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
