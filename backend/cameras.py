"""Pictures of cameras for an incident: at most four, chosen by the system, as long as the incident is open.

Nothing is recorded, nothing is stored, no sound. Without a demo there is no source yet: a real one (ONVIF, RTSP) takes
the place of `NotConnected`, and the screens say that it is not connected.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from math import radians, sin
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import rasterio
import shapely
from PIL import Image, ImageDraw, ImageFont
from rasterio.windows import Window

from twin.access import Caller, Right
from twin.clock import KST
from twin.crs import KOREA_CENTRAL, WGS84, transformer
from twin.errors import Conflict
from twin.incidents import Incidents
from twin.playbooks import playbooks
from twin.reader import Reader
from twin.resources import Resources
from twin.sight import MOST, Camera, Elevation, Floats, Obstacles, View, best

Record = dict[str, Any]
LAYER = "cctv"
REACH_DEG = 0.012
"""Cameras farther from the incident than this are not asked for [deg]."""
REACH_M = 1500.0
SIZE = (640, 360)


class Source(Protocol):
    """Where pictures come from."""

    name: str
    """`demo`, `onvif`, ...; `not_connected` for none."""

    async def picture(self, camera: Record, at: datetime) -> bytes | None:
        """Return the present picture of a camera as JPEG, or None when there is none."""
        ...


class NotConnected:
    """No source of pictures."""

    name = "not_connected"

    async def picture(self, camera: Record, at: datetime) -> bytes | None:
        """Return nothing."""
        return None


class DemoCameras:
    """Drawn pictures that say on themselves that they are drawn.

    Parameters
    ----------
    font
        A font file with Hangul; without it the label is Latin.
    """

    name = "demo"

    def __init__(self, font: Path | None) -> None:
        try:
            self._font: Any = ImageFont.truetype(str(font), 26)
        except OSError:
            self._font = None

    async def picture(self, camera: Record, at: datetime) -> bytes | None:
        """Return a schematic street, seen in the camera's direction, with a clock that runs."""
        width, height = SIZE
        image = Image.new("RGB", SIZE, "#171c21")
        draw = ImageDraw.Draw(image)
        horizon, middle = height * 0.42, width * (0.5 + 0.2 * sin(radians(camera["direction_deg"] or 0)))
        draw.rectangle((0, horizon, width, height), fill="#22282e")
        draw.polygon([(middle - 8, horizon), (middle + 8, horizon), (width * 0.9, height), (width * 0.1, height)],
                     fill="#2d343b")  # fmt: skip
        for n in range(9):
            left, tall = n * width / 9, 40 + (camera["asset"] * 31 + n * 47) % 90
            draw.rectangle((left, horizon - tall, left + width / 9 - 6, horizon), fill="#262d34")
        step = (at.timestamp() % 4) / 4
        draw.ellipse((middle - 6, horizon + step * 150, middle + 6, horizon + step * 150 + 12), fill="#6d7985")
        word = "합성 영상 · SYNTHETIC" if self._font else "SYNTHETIC PICTURE"
        font = self._font or ImageFont.load_default(24)
        draw.text((16, 12), word, font=font, fill="#f0e442")
        draw.text(
            (16, height - 42), f"{camera['key']}  {at.astimezone(KST):%Y-%m-%d %H:%M:%S}", font=font, fill="#d5dde4"
        )
        out = BytesIO()
        image.save(out, "JPEG", quality=60)
        return out.getvalue()


@dataclass(slots=True)
class Lease:
    """What one operator may look at for one incident."""

    incident: int
    cameras: list[Record]
    holders: int = 0


@dataclass
class CameraDesk:
    """Leases of pictures, by operator and incident."""

    source: Source
    reader: Reader
    incidents: Incidents
    resources: Resources
    terrain: Path
    """Raster of the ground; without the file the ground is flat."""
    _leases: dict[tuple[str, int], Lease] = field(default_factory=dict)
    _written: set[tuple[str, int]] = field(default_factory=set)

    async def open(self, caller: Caller, incident: int, now: datetime) -> Lease:
        """Lease the cameras of an incident; who shows the same on two screens holds one lease.

        Raises
        ------
        Refused
            The caller may not look at cameras.
        Conflict
            The incident is closed, or the caller looks at as many feeds as one may.
        """
        caller.require(Right.CAMERAS, "looking at cameras")
        key = (caller.name, incident)
        if (lease := self._leases.get(key)) is None:
            chosen = await self.best(caller, incident)
            if (lease := self._leases.get(key)) is None:  # nobody was faster
                in_use = sum(len(one.cameras) for (name, _), one in self._leases.items() if name == caller.name)
                room = MOST - in_use
                if room <= 0:
                    raise Conflict(f"{caller.name} looks at {in_use} cameras already; the limit is {MOST}")
                lease = self._leases[key] = Lease(incident, chosen[:room])
        lease.holders += 1
        if key not in self._written:
            self._written.add(key)
            seen = [camera["key"] for camera in lease.cameras]
            detail = {"cameras": seen, "purpose": "incident", "source": self.source.name}
            await self.incidents.record(caller.name, incident, "cameras", now, detail)
        return lease

    def close(self, caller: Caller, lease: Lease) -> None:
        """Give a lease back; the last holder ends it."""
        lease.holders -= 1
        if lease.holders <= 0:
            self._leases.pop((caller.name, lease.incident), None)

    async def is_open(self, caller: Caller, incident: int) -> bool:
        """Tell whether an incident is still worked on."""
        return (await self.incidents.get(caller, incident))["state"] not in ("closed", "merged")

    async def best(self, caller: Caller, incident: int) -> list[Record]:
        """Return the cameras for an incident that may be looked through, at most four, the best first."""
        layer = self.reader.layer(caller, LAYER)
        found = await self.incidents.get(caller, incident)
        if found["state"] in ("closed", "merged"):
            raise Conflict(f"incident {incident} is {found['state']}; its cameras are closed with it")
        if found["lon"] is None:
            return []
        lon, lat = found["lon"], found["lat"]
        bbox = (lon - REACH_DEG, lat - REACH_DEG, lon + REACH_DEG, lat + REACH_DEG)
        told = {one["id"]: one for one in (await self.reader.items(caller, LAYER, bbox, limit=1000))["features"]}
        health = next(prop for prop in layer.properties if prop.id == "health")
        online = health.values.index("online")
        to_metres = transformer(WGS84, KOREA_CENTRAL)
        x, y = to_metres.transform(lon, lat)
        cameras = [camera_of(one, to_metres, online) for one in told.values()]
        near = (x - REACH_M, y - REACH_M, x + REACH_M, y + REACH_M)
        shapes = await self.resources.buildings(near)
        playbook = playbooks().get(found["topic"])
        views = await asyncio.to_thread(
            _views, cameras, (x, y), playbook.purposes if playbook else (), self.terrain, shapes, near
        )
        return [_told(view, told[view.camera.id]) for view in views]


def camera_of(feature: Record, to_metres: Any, online: int) -> Camera:
    """Return a camera of the register in metres.

    Parameters
    ----------
    online
        Index of the state of a camera that works.
    """
    given, (lon, lat) = feature["properties"]["attributes"], feature["geometry"]["coordinates"]
    x, y = to_metres.transform(lon, lat)
    return Camera(
        feature["id"], x, y, given.get("direction_deg"), given.get("field_of_view_deg", 60), given.get("range_m", 100),
        given.get("height_m", 5), tuple(given.get("purposes", ())),
        feature["properties"]["results"].get("health") == online,
    )  # fmt: skip


def _views(
    cameras: list[Camera], place: tuple[float, float], purposes: tuple[str, ...], terrain: Path,
    shapes: list[tuple[bytes, float]], box: tuple[float, float, float, float],
) -> list[View]:  # fmt: skip
    """Work out the views; takes a while, so it runs beside the event loop."""
    obstacles = Obstacles(shapely.from_wkb([shape for shape, _ in shapes]), [height for _, height in shapes])
    return best(cameras, place, purposes, elevation_in(terrain, box), obstacles)


def elevation_in(path: Path, box: tuple[float, float, float, float]) -> Elevation:
    """Return the ground of a box [m]; flat where there is no terrain."""
    if not path.is_file():
        return lambda x, y: np.zeros(len(x))
    with rasterio.open(path) as raster:
        window = raster.window(*box).intersection(Window(0, 0, raster.width, raster.height))
        height, at = raster.read(1, window=window), raster.window_transform(window)

    def elevation(x: Floats, y: Floats) -> Floats:
        column = np.clip(((x - at.c) / at.a).astype(int), 0, height.shape[1] - 1)
        row = np.clip(((y - at.f) / at.e).astype(int), 0, height.shape[0] - 1)
        ground: Floats = height[row, column].astype(np.float64)
        return ground

    return elevation


def _told(view: View, feature: Record) -> Record:
    facts, (lon, lat) = feature["properties"], feature["geometry"]["coordinates"]
    return {
        "asset": feature["id"], "key": facts["key"], "name_ko": facts["name_ko"], "name_en": facts["name_en"],
        "direction_deg": view.camera.direction_deg, "distance_m": round(view.distance_m),
        "sees": view.is_clear and view.is_in_view, "is_clear": view.is_clear, "is_in_view": view.is_in_view,
        "works": view.camera.works, "purposes": list(view.camera.purposes), "longitude": lon, "latitude": lat,
    }  # fmt: skip
