"""Calls at the berths and ships on the water, by one berth plan: what the register says, the AIS shows.

No ship of this file exists: names begin with DEMO, MMSIs lie under a country code that is not given out (442), and IMO
numbers (valid check digit) under a leading digit that is not in use (3).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from backend.feed.day import CityClock, Floats, rng_of
from twin.register import AssetFact

FAIRWAY = np.array(
    [
        [126.2400, 35.9500],
        [126.3300, 35.9640],
        [126.4200, 35.9740],
        [126.5000, 35.9815],
        [126.5450, 35.9842],
        [126.6000, 35.9838],
        [126.6250, 35.9838],
        [126.6420, 35.9850],
    ]
)
"""The way in from the sea, lon and lat in WGS84; made up, and kept clear of the coast."""
ANCHORAGE = (126.36, 35.990)
QUAY_OFFSET = (-0.0001, 0.0004)
"""From the berth's point on the quay to the ship beside it [deg], about 45 m of water."""
DEG_LAT_M = 110_940.0
KNOT_M_S = 0.514444
FLEET = 4
"""Ships that take turns at one berth."""
INBOUND_M_S, OUTBOUND_M_S = 4.6, 5.0
ASSIGNED_S = 6 * 3600.0
ANCHORED_S = 3 * 3600.0
CHANGE_S = 360.0
"""One call is moved to another berth at this time [s]."""
STORY_PHASES_S = {0: 5600.0, 3: -180.0, 6: 3200.0, 9: 1500.0, 12: 4400.0}
"""Where in their cycle some berths stand at the start [s]: one ship about to berth, one about to leave, some on the
way; a negative phase counts from the end of the stay."""
MOVED, MOVED_FROM = 9, 10
WORDS = ("HANBIT", "SAEBYEOK", "DURAE", "NARAE", "MIRINAE", "GAON", "ARA", "HAEDAM", "BADA", "SOLBIT", "JINPO", "OKGU")
SHIP_TYPES = {"자동차": 79, "카페리": 60, "여객": 60}
SMALL_CRAFT = 14


@dataclass(frozen=True, slots=True)
class Vessel:
    """A ship of the made-up fleet."""

    mmsi: int
    imo: int
    name: str
    callsign: str
    ship_type: int
    length_m: int
    draught_m: float
    is_class_b: bool = False


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a ship is: WGS84, speed over ground [kn], course and heading [deg], AIS navigational status."""

    vessel: Vessel
    lon: float
    lat: float
    sog: float
    cog: float
    heading: int
    status: int

    @property
    def is_under_way(self) -> bool:
        """Tell whether the ship moves."""
        return self.sog > 0.3


@dataclass(frozen=True, slots=True)
class Call:
    """A ship's stay at a berth, in city seconds; `eta` is the arrival at the port's limit."""

    vessel: Vessel
    eta: float
    atb: float
    etd: float
    gone: float
    end: float
    """When the next call's ship arrives."""


def imo_number(serial: int) -> int:
    """Return a seven-digit number with IMO's check digit, of a range that is not in use."""
    first = 300_000 + serial % 100_000
    check = sum(int(digit) * weight for digit, weight in zip(str(first), range(7, 1, -1), strict=True)) % 10
    return first * 10 + check


class Track:
    """A way over the water; positions by the distance sailed [m]."""

    def __init__(self, points: Floats) -> None:
        self.points = points
        east = np.diff(points[:, 0]) * DEG_LAT_M * np.cos(np.radians(points[:-1, 1]))
        north = np.diff(points[:, 1]) * DEG_LAT_M
        self._at = np.concatenate([[0.0], np.cumsum(np.hypot(east, north))])
        self._course = np.degrees(np.arctan2(east, north)) % 360
        self.length_m = float(self._at[-1])

    def at(self, sailed_m: float) -> tuple[float, float, float]:
        """Return lon, lat [deg] and course [deg]."""
        s = min(max(sailed_m, 0.0), self.length_m)
        leg = min(int(np.searchsorted(self._at, s, side="right")) - 1, len(self._course) - 1)
        lon = np.interp(s, self._at, self.points[:, 0])
        return float(lon), float(np.interp(s, self._at, self.points[:, 1])), float(self._course[leg])


class Port:
    """The berth plan of the made-up port."""

    def __init__(self, seed: int, berths: list[AssetFact], clock: CityClock) -> None:
        rng = rng_of(seed, "port")
        n = len(berths)
        self.berths = berths
        self._clock = clock
        self._period = rng.uniform(26, 46, n) * 3600
        self._stay = self._period * rng.uniform(0.4, 0.65, n)
        self._in = [self._way(berth) for berth in berths]
        self._out = [Track(track.points[::-1]) for track in self._in]
        self._in_s = np.array([track.length_m / INBOUND_M_S for track in self._in])
        self._out_s = np.array([track.length_m / OUTBOUND_M_S for track in self._out])
        self._phase = rng.uniform(0, 1, n) * self._period
        for i, phase in STORY_PHASES_S.items():
            if i < n:
                arrived = self._in_s[i]
                self._phase[i] = phase * arrived / 6000 if phase >= 0 else arrived + self._stay[i] + phase
        if n > MOVED_FROM:  # the berth that a call is moved from must be empty
            self._phase[MOVED_FROM] = self._in_s[MOVED_FROM] + self._stay[MOVED_FROM] + 2.5 * 3600
        self._moored = rng.integers(0, 2, n) * 180 + 88
        self._fleet = [[self._ship(berth, i * FLEET + k, rng) for k in range(FLEET)] for i, berth in enumerate(berths)]
        self._small = [_SmallCraft(k, rng) for k in range(SMALL_CRAFT)]

    @staticmethod
    def _way(berth: AssetFact) -> Track:
        """Return the way from the sea to a berth: the fairway until abeam of it, then across."""
        beside = (berth.lon + QUAY_OFFSET[0], berth.lat + QUAY_OFFSET[1])
        turn = min(max(beside[0] - 0.004, FAIRWAY[0, 0] + 0.01), float(FAIRWAY[-1, 0]))
        before = FAIRWAY[FAIRWAY[:, 0] < turn]
        abeam = (turn, float(np.interp(turn, FAIRWAY[:, 0], FAIRWAY[:, 1])))
        near = (beside[0], max(beside[1] + 0.0012, abeam[1] - 0.003))
        return Track(np.array([*before.tolist(), abeam, near, beside]))

    @staticmethod
    def _ship(berth: AssetFact, serial: int, rng: np.random.Generator) -> Vessel:
        cargo = str(berth.attributes.get("cargo", ""))
        kind = next((code for word, code in SHIP_TYPES.items() if word in cargo), 70)
        room = float(berth.attributes.get("length_m") or 150)
        depth = float(berth.attributes.get("depth_m") or 8)
        name = f"DEMO {WORDS[serial % len(WORDS)]} {serial // len(WORDS) + 1}"
        length, draught = int(room * rng.uniform(0.55, 0.85)), round(float(depth * rng.uniform(0.55, 0.85)), 1)
        return Vessel(442_100_000 + serial, imo_number(serial), name, f"DM{serial:04d}", kind, length, draught)

    def call(self, i: int, t: float) -> Call:
        """Return the call whose cycle a berth is in."""
        cycle = int((t + self._phase[i]) // self._period[i])
        return self._call(i, cycle)

    def _call(self, i: int, cycle: int) -> Call:
        eta = cycle * float(self._period[i]) - float(self._phase[i])
        atb = eta + float(self._in_s[i])
        etd = atb + float(self._stay[i])
        return Call(
            self._fleet[i][cycle % FLEET], eta, atb, etd, etd + float(self._out_s[i]), eta + float(self._period[i])
        )

    def rows(self, t: float) -> list[dict[str, Any]]:
        """Return the register's rows of all berths, in order: state, vessel, times of the call."""
        rows = [self._row(i, t) for i in range(len(self.berths))]
        if len(rows) > MOVED_FROM and t < self.call(MOVED, 0).atb:
            if t < CHANGE_S:
                rows[MOVED_FROM], rows[MOVED] = (
                    rows[MOVED] | {"berth": rows[MOVED_FROM]["berth"]},
                    {
                        "berth": rows[MOVED]["berth"],
                        "state": "vacant",
                    },
                )
            else:
                rows[MOVED]["previous_berth"] = rows[MOVED_FROM]["berth"]
        return rows

    def _row(self, i: int, t: float) -> dict[str, Any]:
        now, real = self.call(i, t), self._clock.real
        row: dict[str, Any] = {"berth": self.berths[i].key, "state": "vacant"}
        if t < now.atb:
            row |= {"state": "assigned", "eta": real(now.eta), "etb": real(now.atb)}
        elif t < now.etd:
            row |= {"state": "occupied", "eta": real(now.eta), "atb": real(now.atb), "etd": real(now.etd)}
        elif t > now.end - ASSIGNED_S:
            now = self._call(i, int((t + self._phase[i]) // self._period[i]) + 1)
            row |= {"state": "assigned", "eta": real(now.eta), "etb": real(now.atb)}
        else:
            return row | {"atd": real(now.etd)}
        ship = now.vessel
        vessel = {"name": ship.name, "imo": ship.imo, "mmsi": str(ship.mmsi), "callsign": ship.callsign}
        return row | {"vessel": vessel, "call": f"{ship.callsign}-{round(now.eta)}"}

    def fixes(self, t: float) -> list[Fix]:
        """Return where every ship is that the port's receiver hears."""
        ships = [fix for i in range(len(self.berths)) if (fix := self._fix(i, t)) is not None]
        return ships + [craft.fix(t) for craft in self._small]

    def _fix(self, i: int, t: float) -> Fix | None:
        now = self.call(i, t)
        if t < now.atb:
            x, duration = (t - now.eta) / (now.atb - now.eta), now.atb - now.eta
            lon, lat, cog = self._in[i].at(self._in[i].length_m * (1 - (1 - x) ** 1.3))
            speed = self._in[i].length_m / duration * 1.3 * (1 - x) ** 0.3
            return Fix(now.vessel, lon, lat, speed / KNOT_M_S, cog, round(cog) % 360, 0)
        if t < now.etd:
            lon, lat, _ = self._in[i].at(self._in[i].length_m)
            return Fix(now.vessel, lon, lat, 0.0, 360.0, int(self._moored[i]), 5)
        if t < now.gone:
            x, duration = (t - now.etd) / (now.gone - now.etd), now.gone - now.etd
            lon, lat, cog = self._out[i].at(self._out[i].length_m * x**1.3)
            return Fix(now.vessel, lon, lat, self._out[i].length_m / duration * 1.3 * x**0.3 / KNOT_M_S, cog,
                       round(cog) % 360, 0)  # fmt: skip
        if t > now.end - ANCHORED_S:
            ship = self._fleet[i][(int((t + self._phase[i]) // self._period[i]) + 1) % FLEET]
            lon, lat = ANCHORAGE[0] + (i % 8) * 0.012, ANCHORAGE[1] + (i // 8) * 0.008
            swing = 0.0006 * np.sin(t / 3000 + i)
            return Fix(ship, lon + swing, lat, 0.1, 360.0, round(180 + 90 * np.sin(t / 12_000 + i)) % 360, 1)
        return None


class _SmallCraft:
    """A fishing boat, a ferry or a tug that goes round and round, heard as class B."""

    def __init__(self, k: int, rng: np.random.Generator) -> None:
        is_tug = k < 3
        centre, radius = ((126.590, 35.9840), (0.018, 0.0012)) if is_tug else ((126.39, 35.925), (0.05, 0.028))
        self._centre = (centre[0] + (0 if is_tug else rng.uniform(-0.03, 0.03)), centre[1])
        self._radius = (radius[0] * rng.uniform(0.6, 1), radius[1] * rng.uniform(0.5, 1))
        around_m = 2 * np.pi * np.hypot(self._radius[0] * 90_000, self._radius[1] * DEG_LAT_M) / np.sqrt(2)
        self._turn = 2 * np.pi / (around_m / rng.uniform(2.0, 4.5)) * (1 if k % 2 else -1)
        self._phase = rng.uniform(0, 2 * np.pi)
        kind, word = (52, "TUG") if is_tug else (30, "FISHER") if k < 11 else (60, "FERRY")
        self._vessel = Vessel(
            442_900_000 + k, 0, f"DEMO {word} {k + 1}", f"DS{k:04d}", kind, int(rng.uniform(12, 34)), 0.0, True
        )

    def fix(self, t: float) -> Fix:
        angle = self._turn * t + self._phase
        lon = self._centre[0] + self._radius[0] * np.cos(angle)
        lat = self._centre[1] + self._radius[1] * np.sin(angle)
        east = -self._radius[0] * np.sin(angle) * self._turn * DEG_LAT_M * np.cos(np.radians(lat))
        north = self._radius[1] * np.cos(angle) * self._turn * DEG_LAT_M
        cog = float(np.degrees(np.arctan2(east, north)) % 360)
        return Fix(self._vessel, float(lon), float(lat), float(np.hypot(east, north) / KNOT_M_S), cog, 511, 15)
