"""The synthetic city's day as pure functions of time and seed: car parks, traffic, market, cameras.

Water, port and buses have files of their own. Time is `t`, city seconds since the start of the feed (negative before
it); at speed 1 they are real seconds. The story of the first minutes (a cloudburst on high tide, a market fire) comes
back every seven days.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from twin.clock import KST
from twin.register import AssetFact, Roads

Floats = NDArray[np.float64]

DAY_S = 86_400.0
STORY_PERIOD_S = 7 * DAY_S
PUFF_S = 30.0
"""A whiff of smoke in one shop; it lasts less than the 5 s of an alarm [s]."""
PUFF_LENGTH_S = 4.0
FIRE_S = 60.0
"""The fire begins to smoke [s]."""
FIRE_LENGTH_S = 1200.0
INTRUSION_S = 40.0
CAMERA_LOSS_S = 1200.0
"""Before this no camera is lost; later one at a time [s]."""
CAMERA_LOSS_PERIOD_S = 7200.0
SLOT_S = 60.0
PORT = (126.600, 35.976)
EVENTS_PER_H = {
    "entry_exit": 20.0,
    "loitering": 6.0,
    "dangerous_crossing": 6.0,
    "intrusion": 1.0,
    "abandoned_object": 0.7,
    "crowd_fight": 0.2,
}
"""Camera events of the whole city an hour, by class."""
OBJECT_OF = {"abandoned_object": "suitcase", "dangerous_crossing": "person", "entry_exit": "car"}


@dataclass(frozen=True, slots=True)
class CityClock:
    """How the demo's time maps onto the real one.

    Parameters
    ----------
    start
        Real time at which t is 0; aware.
    speed
        City seconds in a real second.
    """

    start: datetime
    speed: float = 1.0

    def t(self, real: datetime) -> float:
        """Return the city time [s] of a real time."""
        return (real - self.start).total_seconds() * self.speed

    def real(self, t: float) -> datetime:
        """Return the real time of a city time [s]."""
        return self.start + timedelta(seconds=t / self.speed)

    def hour(self, t: float) -> float:
        """Return the city's hour of the day (KST), 0 to 24."""
        local = self.start.astimezone(KST)
        since_midnight = local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6
        return ((since_midnight + t) % DAY_S) / 3600

    def is_weekend(self, t: float) -> bool:
        """Tell whether the city's day is a Saturday or a Sunday (KST)."""
        return (self.start.astimezone(KST) + timedelta(seconds=t)).weekday() >= 5


def story_time(t: float) -> float:
    """Return the time since the story last began [s]; the day before it begins counts down from -86,400."""
    return (t + DAY_S) % STORY_PERIOD_S - DAY_S


def rng_of(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator of one part of the day, the same at every start with this seed."""
    return np.random.default_rng([seed, *(n % 2**32 if isinstance(n, int) else crc32(n.encode()) for n in names)])


class Wander:
    """n values that wander in -1..1: three sines each, of periods between `fastest_s` and `slowest_s`."""

    def __init__(self, n: int, rng: np.random.Generator, fastest_s: float = 600, slowest_s: float = 14_400) -> None:
        self._speed = 2 * np.pi / np.exp(rng.uniform(np.log(fastest_s), np.log(slowest_s), (3, n)))
        self._phase = rng.uniform(0, 2 * np.pi, (3, n))
        self._weight = np.array([[0.5], [0.3], [0.2]])

    def at(self, t: float) -> Floats:
        """Return the values at a time [s], shape (n,)."""
        waves: Floats = (self._weight * np.sin(self._speed * t + self._phase)).sum(axis=0)
        return waves


def plateau(hour: float, rise: float, fall: float, slope: float = 1.2) -> float:
    """Return 0..1: about 1 between the hours `rise` and `fall`, about 0 outside."""
    return float(1 / (1 + np.exp(-(hour - rise) / slope * 3)) / (1 + np.exp((hour - fall) / slope * 3)))


def rush(hour: float) -> float:
    """Return how far the hour is a rush hour, 0..1 (08:15 and 18:15)."""
    return float(np.exp(-(((hour - 8.25) / 0.9) ** 2)) + np.exp(-(((hour - 18.25) / 1.2) ** 2)))


class Parking:
    """Occupancy of the car parks that stream it, by kind of lot."""

    def __init__(self, seed: int, lots: list[AssetFact], clock: CityClock) -> None:
        rng = rng_of(seed, "parking")
        self._clock = clock
        self.lots = [lot for lot in lots if lot.attributes.get("is_live", True) and _spaces(lot) > 0]
        n = len(self.lots)
        self.total = np.array([_spaces(lot) for lot in self.lots])
        self._wander = Wander(n, rng)
        self._full = rng.uniform(0.7, 0.99, n)
        self._empty = rng.uniform(0.05, 0.25, n)
        kinds = [str(lot.attributes.get("kind")) for lot in self.lots]
        lives_there = rng.random(n) < 0.4
        self._use = [self.use_of(kind, bool(home)) for kind, home in zip(kinds, lives_there, strict=True)]
        self._order = {
            i: rng.permutation(int(self.total[i])) for i, lot in enumerate(self.lots) if lot.attributes.get("bays")
        }

    @staticmethod
    def use_of(kind: str, is_home: bool) -> str:
        """Return whose cars stand in a lot: `home`, `office`, or `town` for public ones."""
        if kind != "attached":
            return "town"
        return "home" if is_home else "office"

    def occupancy(self, t: float) -> Floats:
        """Return the share of spaces taken, shape (n,)."""
        hour, is_weekend = self._clock.hour(t), self._clock.is_weekend(t)
        day = {
            "town": max(plateau(hour, 10, 19), 0.35 * plateau(hour, 18, 22.5)) * (1.05 if is_weekend else 1.0),
            "office": plateau(hour, 8.5, 18) * (0.3 if is_weekend else 1.0),
            "home": 1 - 0.6 * plateau(hour, 8, 18.5) * (0.5 if is_weekend else 1.0),
        }
        curve = np.array([day[use] for use in self._use])
        share = self._empty + (self._full - self._empty) * curve + 0.06 * self._wander.at(t)
        return np.asarray(np.clip(share, 0.0, 1.0), np.float64)

    def rows(self, t: float, which: NDArray[np.intp]) -> list[dict[str, Any]]:
        """Return `spaces_free` and `spaces_total`, or the `bays`, of lots by number."""
        taken = np.round(self.occupancy(t) * self.total).astype(int)
        rows: list[dict[str, Any]] = []
        for i in which:
            order = self._order.get(int(i))
            if order is None:
                rows.append({"spaces_free": int(self.total[i] - taken[i]), "spaces_total": int(self.total[i])})
            else:
                occupied = set(order[: taken[i]].tolist())
                rows.append({"bays": [{"bay": b + 1, "occupied": b in occupied} for b in range(len(order))]})
        return rows


def _spaces(lot: AssetFact) -> int:
    bays = lot.attributes.get("bays")
    return int(bays or lot.attributes.get("spaces_total") or 0)


class Traffic:
    """Speeds on the links that are measured: the limit, less the rush, less the rain."""

    def __init__(self, seed: int, links: list[AssetFact], roads: Roads, clock: CityClock) -> None:
        rng = rng_of(seed, "traffic")
        n = len(links)
        self._clock = clock
        self.links = links
        length_of = dict(zip(roads.id.tolist(), roads.length_m.tolist(), strict=True))
        self.length_m = np.array([length_of.get(link.attributes.get("road_link"), 300.0) for link in links])
        self._limit = np.array([float(link.attributes.get("max_speed_kmh") or 50) for link in links])
        self._sense = rng.uniform(0.2, 1.0, n)
        self._wander = Wander(n, rng, 900, 7200)

    def speed(self, t: float, rainfall_rate: float) -> Floats:
        """Return the speeds [km/h], shape (n,), at a rain of `rainfall_rate` [mm/h] over the city."""
        peak = rush(self._clock.hour(t)) * (0.5 if self._clock.is_weekend(t) else 1.0)
        share = 0.9 - 0.5 * peak * self._sense - 0.15 * min(rainfall_rate / 30, 1) + 0.07 * self._wander.at(t)
        speed: Floats = np.maximum(self._limit * share, 10.0)
        return speed


class Market:
    """One shop that burns, one whiff of smoke that is no fire, and quiet in all the others."""

    def __init__(self, seed: int, detectors: list[AssetFact]) -> None:
        rng = rng_of(seed, "market")
        n = len(detectors)
        self.detectors = detectors
        wanted = [i for i, shop in enumerate(detectors) if "공설" in str(shop.attributes.get("market", ""))]
        pool = wanted if len(wanted) > 1 else list(range(n))
        self.fire, self.puff = (int(pool[k]) for k in rng.permutation(len(pool))[:2]) if len(pool) > 1 else (-1, -1)
        self._warmth = rng.uniform(-2, 3, n)
        self._leak = rng.uniform(0.3, 6, n)
        self._wander = Wander(n, rng)

    def rows(self, t: float, which: NDArray[np.intp], hour: float) -> list[dict[str, Any]]:
        """Return flame, smoke [%/m], temperature [Cel] and leakage current [mA] of detectors by number."""
        story, wander = story_time(t), self._wander.at(t)
        rows: list[dict[str, Any]] = []
        for i in map(int, which):
            smoke = 0.4 + 0.3 * float(wander[i])
            warmth = 20 + 3 * np.sin((hour - 9) / 24 * 2 * np.pi) + float(self._warmth[i] + wander[i])
            leak = float(self._leak[i] * (1 + 0.2 * wander[i]))
            if i == self.puff and PUFF_S <= story < PUFF_S + PUFF_LENGTH_S:
                smoke = 13.0
            if i == self.fire:
                more = self.burning(story)
                smoke, warmth, leak = max(smoke, more[0]), warmth + more[1], max(leak, more[2])
            rows.append(
                {
                    "flame": "clear",
                    "smoke": round(smoke, 2),
                    "temperature": round(float(warmth), 1),
                    "leakage_current": round(leak, 1),
                }
            )
        return rows

    @staticmethod
    def burning(story: float) -> tuple[float, float, float]:
        """Return smoke [%/m], heat above the room's [K] and leakage [mA] of the burning shop.

        The wiring leaks first, then it smokes, half a minute later it is hot; put out after 20 minutes.
        """
        leak = 24.0 if -1200 <= story < FIRE_S + FIRE_LENGTH_S else 0.0
        since = story - FIRE_S
        if not 0 <= since < 2 * FIRE_LENGTH_S:
            return 0.0, 0.0, leak
        fade = 1.0 if since < FIRE_LENGTH_S else float(np.exp(-(since - FIRE_LENGTH_S) / 60))
        smoke = min(8 + since * 1.2, 75.0) * fade
        heat = 150 * (1 - float(np.exp(-(max(since - 15, 0) / 60)))) * fade
        return smoke, heat, leak


@dataclass(frozen=True, slots=True)
class CameraEvent:
    """Something a camera's analytics saw; `t` [s] is when."""

    camera: str
    kind: str
    t: float
    name: str
    label: str


class Cameras:
    """Health of the cameras, and events at plausible rates."""

    def __init__(self, seed: int, cameras: list[AssetFact]) -> None:
        self._seed = seed
        rng = rng_of(seed, "cctv")
        self.cameras = cameras
        self._is_poor = rng.random(len(cameras)) < 0.008
        self._order = rng.permutation(len(cameras))
        near = [(c.lon - PORT[0]) ** 2 + (c.lat - PORT[1]) ** 2 for c in cameras]
        self._at_port = int(np.argmin(near)) if cameras else -1
        self.events_of_slot = lru_cache(maxsize=256)(self._events_of_slot)

    def lost(self, t: float) -> int | None:
        """Return the number of the camera that is offline, or None."""
        since = story_time(t) - CAMERA_LOSS_S
        if since < 0 or since % CAMERA_LOSS_PERIOD_S > CAMERA_LOSS_PERIOD_S / 2 or not self.cameras:
            return None
        return int(self._order[int(since // CAMERA_LOSS_PERIOD_S) % len(self.cameras)])

    def rows(self, t: float, which: NDArray[np.intp]) -> list[dict[str, Any]]:
        """Return health and detections of the last hour of cameras by number."""
        lost, last = self.lost(t), int(t // SLOT_S)
        seen: dict[str, int] = {}
        for slot in range(last - 60, last):
            for event in self.events_of_slot(slot):
                seen[event.camera] = seen.get(event.camera, 0) + 1
        rows: list[dict[str, Any]] = []
        for i in map(int, which):
            health = "offline" if i == lost else "degraded" if self._is_poor[i] else "online"
            rows.append({"health": health, "detections_1h": seen.get(self.cameras[i].key, 0)})
        return rows

    def events(self, since: float, until: float) -> list[CameraEvent]:
        """Return the events of since < t <= until."""
        slots = range(int(since // SLOT_S), int(until // SLOT_S) + 1)
        return [event for slot in slots for event in self.events_of_slot(slot) if since < event.t <= until]

    def _events_of_slot(self, slot: int) -> tuple[CameraEvent, ...]:
        if not self.cameras:
            return ()
        rng = rng_of(self._seed, "events", slot)
        found = []
        for kind, per_hour in EVENTS_PER_H.items():
            for k in range(int(rng.poisson(per_hour * SLOT_S / 3600))):
                camera = self.cameras[int(rng.integers(len(self.cameras)))].key
                at = (slot + float(rng.random())) * SLOT_S
                found.append(CameraEvent(camera, kind, at, f"{slot}-{kind}-{k}", OBJECT_OF.get(kind, "person")))
        at = slot * SLOT_S + (INTRUSION_S - story_time(slot * SLOT_S)) if slot * SLOT_S >= 0 else -1.0
        if slot * SLOT_S <= at < (slot + 1) * SLOT_S:
            found.append(CameraEvent(self.cameras[self._at_port].key, "intrusion", at, f"{slot}-port", "person"))
        return tuple(sorted(found, key=lambda event: event.t))
