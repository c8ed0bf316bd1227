"""Pictures of cameras say what they are."""

import json
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import httpx
import pytest
import websockets
from PIL import Image

from backend.cameras import DemoCameras, NotConnected
from tests.conftest import LiveCity

AT = datetime(2026, 5, 1, tzinfo=UTC)


async def test_a_demo_picture_is_small_and_moves() -> None:
    source = DemoCameras(Path("there is no such font"))
    facts = {"asset": 7, "key": "CAM-0007", "direction_deg": 90.0}
    first, second = [await source.picture(facts, AT.replace(second=s)) for s in (0, 1)]
    assert first
    assert first != second
    assert len(first) < 40_000
    assert Image.open(BytesIO(first)).size == (640, 360)


async def test_without_a_source_there_is_no_picture() -> None:
    assert await NotConnected().picture({}, AT) is None


async def drain(socket: websockets.ClientConnection) -> None:
    while True:
        await socket.recv()


async def test_pictures_end_with_their_incident_and_each_lease_is_on_record(live_city: LiveCity) -> None:
    headers = {"Authorization": f"Bearer {live_city.key}"}
    body = {"topic": "fire", "title": "영상 시험", "severity": "caution", "lon": 126.7203, "lat": 35.9832}
    address = live_city.url.replace("http", "ws") + "/ws/cameras?purpose=test&ground=within_purpose&incident="
    async with httpx.AsyncClient(base_url=live_city.url, headers=headers, timeout=30) as client:
        number = (await client.post("/api/incidents", json=body)).json()["id"]
        async with websockets.connect(f"{address}{number}", additional_headers=headers) as socket:
            told = json.loads(await socket.recv())
            assert 1 <= len(told["cameras"]) <= 4
            seen = set()
            while len(seen) < len(told["cameras"]):
                frame = await socket.recv()
                length = int.from_bytes(frame[:4], "little")
                seen.add(json.loads(frame[4 : 4 + length])["asset"])
                assert frame[4 + length :].startswith(b"\xff\xd8"), "a JPEG"
            assert seen == {camera["asset"] for camera in told["cameras"]}
            timeline = (await client.get(f"/api/incidents/{number}")).json()["timeline"]
            assert [one["detail"]["cameras"] for one in timeline if one["kind"] == "cameras"] == [
                [camera["key"] for camera in told["cameras"]]
            ]
            await client.post(f"/api/incidents/{number}/close", json={"reason": "시험"})
            with pytest.raises(websockets.ConnectionClosed):
                await drain(socket)
            assert socket.close_code == 4409
        async with websockets.connect(f"{address}{number}") as socket:
            with pytest.raises(websockets.ConnectionClosed) as refused:
                await socket.recv()
            assert refused.value.rcvd is not None
            assert refused.value.rcvd.code == 4403, "a stranger sees no camera"
