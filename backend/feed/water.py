"""Rain, tide, streams, pumps, gates and underpasses of the synthetic day: a cloudburst on high tide."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from backend.feed.day import DAY_S, CityClock, Floats, Wander, rng_of, story_time
from gisdata.facts import TIDE
from twin.register import AssetFact

HIGH_WATER_S = 1500.0
"""The high water of the story [s]."""
HIGH_WATER_M = (3.25, 3.5)
"""Its height above mean sea level [m]: a spring tide below the alarm of 3.6 m."""

RAIN_STEP_S = 60.0
BAND_MM_H, BAND_PEAK_S, BAND_WIDTH_S = 11.0, 600.0, 5400.0
CELL_PEAK_S, CELL_WIDTH_S = 500.0, 1500.0
HEAVY_RAIN_MM, HEAVY_RAIN_S = 50.3, 100.0
"""The core gauge passes 50 mm in an hour at this time [s]."""
MARKET = (126.7203, 35.9832)
CORE_RADIUS_KM = 8.0

MEMORY_S = 2400.0
"""How long the ground holds back the rain [s]."""
STAGE_S = 120.0
"""The story's stream passes its caution stage at this time [s]."""
PUMP_FAILS_S = (240.0, 3600.0)
UNDERPASS_PEAK_S, UNDERPASS_WIDTH_S, UNDERPASS_M = 1300.0, 500.0, 0.135
GATE_MOVES_S = 120.0


def kilometres(lon: Floats, lat: Floats, place: tuple[float, float]) -> Floats:
    """Return the distances to a place [km], good within the city."""
    east: Floats = (lon - place[0]) * 111.32 * np.cos(np.radians(35.97))
    return np.hypot(east, (lat - place[1]) * 110.9)


@lru_cache(maxsize=8)
def tide_shift_h(seed: int) -> float:
    """Return the hour of the tide's own time at which the story's high water stands."""
    hours = float(rng_of(seed, "tide").uniform(0, 24 * 30)) + np.arange(0, 24 * 60, 0.05)
    level = _harmonic(hours)
    top = np.flatnonzero((level[1:-1] > level[:-2]) & (level[1:-1] >= level[2:])) + 1
    fit = top[(level[top] > HIGH_WATER_M[0]) & (level[top] < HIGH_WATER_M[1])]
    return float(hours[fit[0]])


def tide_m(seed: int, t: float) -> float:
    """Return the water level at the tide station above mean sea level [m]."""
    return float(_harmonic(np.array([tide_shift_h(seed) + (t - HIGH_WATER_S) / 3600]))[0])


def _harmonic(hours: Floats) -> Floats:
    level: Floats = np.zeros_like(hours)
    for _, speed, amplitude, lag in TIDE:
        level += amplitude * np.cos(np.radians(speed * hours - lag))
    return level


class Rain:
    """Rain at the gauges: a band over the whole city, and one cell of cloudburst over one gauge."""

    def __init__(self, seed: int, gauges: list[AssetFact], clock: CityClock) -> None:
        self.gauges = gauges
        self._clock, self._seed = clock, seed
        lon, lat = np.array([g.lon for g in gauges]), np.array([g.lat for g in gauges])
        self.core, self._radius_km = self._core(lon, lat)
        self.place = (float(lon[self.core]), float(lat[self.core])) if gauges else MARKET
        self._share = self.share_at(lon, lat)
        self._factor = 1 + 0.08 * rng_of(seed, "rain").uniform(-1, 1, len(gauges))
        if gauges:
            self._factor[self.core] = 1.0
        band, cell = self.fallen(HEAVY_RAIN_S, 3600, cell_mm_h=1.0)
        self._cell_mm_h = (HEAVY_RAIN_MM - band) / cell

    @staticmethod
    def _core(lon: Floats, lat: Floats) -> tuple[int, float]:
        """Choose the gauge near the markets that stands most alone, so that the cell wets one gauge, not five."""
        if len(lon) < 2:
            return 0, 1.0
        near = np.flatnonzero(kilometres(lon, lat, MARKET) < CORE_RADIUS_KM)
        pool = near if len(near) else np.arange(len(lon))
        alone = [float(np.partition(kilometres(lon, lat, (lon[i], lat[i])), 1)[1]) for i in pool]
        best = int(np.argmax(alone))
        return int(pool[best]), min(0.55 * alone[best], 1.8)

    def share_at(self, lon: Floats, lat: Floats) -> Floats:
        """Return how much of the cell reaches places, 0..1."""
        share: Floats = np.exp(-0.5 * (kilometres(lon, lat, self.place) / self._radius_km) ** 2)
        return share

    def _rates(self, t: Floats, cell_mm_h: float) -> tuple[Floats, Floats]:
        story = (t + DAY_S) % (7 * DAY_S) - DAY_S
        band = BAND_MM_H * np.exp(-(((story - BAND_PEAK_S) / BAND_WIDTH_S) ** 2))
        day = np.floor(t / DAY_S)
        shower = np.sin(day * 12.9898 + self._seed % 97) * 0.5 + 0.5  # another hour and strength each day
        at = (0.15 + 0.7 * shower) * DAY_S
        band = band + 3.5 * shower * np.exp(-(((t - day * DAY_S - at) / 1800) ** 2)) * (story > DAY_S / 2)
        return band, cell_mm_h * np.exp(-(((story - CELL_PEAK_S) / CELL_WIDTH_S) ** 2))

    def fallen(self, t: float, window_s: float, cell_mm_h: float | None = None) -> tuple[float, float]:
        """Return the rain of a window before t [mm]: of the band, and at the core of the cell."""
        if window_s <= 0:
            return 0.0, 0.0
        n = max(int(np.ceil(window_s / RAIN_STEP_S)), 1)
        step = window_s / n
        at: Floats = t - (np.arange(n, dtype=np.float64) + 0.5) * step
        band, cell = self._rates(at, self._cell_mm_h if cell_mm_h is None else cell_mm_h)
        return float(band.sum() * step / 3600), float(cell.sum() * step / 3600)

    def held(self, t: float) -> tuple[float, float]:
        """Return the rain that the ground still holds back [mm/h]: of the band, and at the core of the cell."""
        lag: Floats = (np.arange(6 * MEMORY_S / RAIN_STEP_S, dtype=np.float64) + 0.5) * RAIN_STEP_S
        weight = np.exp(-lag / MEMORY_S) * RAIN_STEP_S / MEMORY_S
        band, cell = self._rates(t - lag, self._cell_mm_h)
        return float((band * weight).sum()), float((cell * weight).sum())

    def city_rate(self, t: float) -> float:
        """Return the rain over the city as a whole [mm/h]."""
        return float(self._rates(np.array([t]), 0)[0][0])

    def rows(self, t: float, which: NDArray[np.intp]) -> list[dict[str, Any]]:
        """Return the sums of gauges by number [mm], and the rate [mm/h] of the last minute."""
        day_s = self._clock.hour(t) * 3600
        windows = {
            "rainfall_rate": 60.0,
            "rain_10min": 600.0,
            "rain_1h": 3600.0,
            "rain_3h": 10_800.0,
            "rain_day": day_s,
        }
        fallen = {name: self.fallen(t, window) for name, window in windows.items()}
        rows = []
        for i in map(int, which):
            row = {
                name: self._factor[i] * (band + self._share[i] * cell) * (60 if name == "rainfall_rate" else 1)
                for name, (band, cell) in fallen.items()
            }
            rows.append({name: round(float(value), 1) for name, value in row.items()})
        return rows


class Waters:
    """What the rain and the tide make of the streams, pumps, gates and underpasses."""

    def __init__(self, seed: int, assets: list[AssetFact], rain: Rain) -> None:
        self.assets = assets
        self._seed, self._rain = seed, rain
        rng = rng_of(seed, "waters")
        n = len(assets)
        self._kind = [str(asset.attributes.get("kind")) for asset in assets]
        lon, lat = np.array([a.lon for a in assets]), np.array([a.lat for a in assets])
        self._share = rain.share_at(lon, lat)
        away = kilometres(lon, lat, rain.place)
        self.stream = self._nearest("stage", away)
        self.underpass = self._nearest("underpass", away)
        pumps = [i for i in range(n) if self._kind[i] == "pump"]
        self.pump = pumps[min(1, len(pumps) - 1)] if pumps else -1
        self._base = rng.uniform(0.25, 0.45, n)
        self._back = rng.uniform(0.05, 0.3, n)
        self._gate_m = rng.uniform(0.8, 1.2, n)
        self._gain = np.zeros(n)
        self._wander = Wander(n, rng, 300, 3600)
        for i in range(n):
            if self._kind[i] == "stage":
                self._gain[i] = self._fitting_gain(i)

    def _nearest(self, kind: str, away: Floats) -> int:
        mine = [i for i, k in enumerate(self._kind) if k == kind]
        return min(mine, key=lambda i: float(away[i])) if mine else -1

    def _fitting_gain(self, i: int) -> float:
        """Return the gain that takes the story's stream past its caution on time, and leaves the others below it."""
        caution = float(self.assets[i].attributes.get("caution_m") or 1.2)
        if i == self.stream:
            self._share[i] = 1.0
            return float(brentq(lambda gain: self._stage(i, STAGE_S, gain) - caution - 0.01, 0, 1))
        self._share[i] = min(self._share[i], 0.3)
        highest = max(self._stage(i, t, 0.01) - self._stage(i, t, 0) for t in np.arange(-3600, 6 * 3600, 300.0)) / 0.01
        room = caution - 0.2 - float(self._base[i] + self._back[i])
        return min(room, 0.55) / highest

    def _stage(self, i: int, t: float, gain: float) -> float:
        band, cell = self._rain.held(t)
        backed_up = float(self._back[i]) * max(tide_m(self._seed, t), 0) / 3.6
        return float(self._base[i]) + gain * (band + float(self._share[i]) * cell) + backed_up

    def rows(self, t: float, which: NDArray[np.intp]) -> list[dict[str, Any]]:
        """Return what each asset reports by its kind, for assets by number."""
        tide, before = tide_m(self._seed, t), tide_m(self._seed, t - GATE_MOVES_S)
        held, noise = self._rain.held(t), self._wander.at(t)
        rows: list[dict[str, Any]] = []
        for i in map(int, which):
            kind = self._kind[i]
            if kind == "tide":
                rows.append({"water_level": round(tide, 3)})
            elif kind == "stage":
                rows.append({"stage": round(self._stage(i, t, float(self._gain[i])) + 0.005 * float(noise[i]), 3)})
            elif kind == "underpass":
                rows.append({"depth": round(self._depth(i, t), 3)})
            elif kind == "pump":
                rows.append(self._pump(i, t, tide, held))
            elif kind == "gate":
                sill = float(self._gate_m[i])
                state = "moving" if (tide > sill) != (before > sill) else "closed" if tide > sill else "open"
                rows.append({"gate_state": state})
            else:
                rows.append({})
        return rows

    def _depth(self, i: int, t: float) -> float:
        if i != self.underpass:
            return 0.0
        depth = UNDERPASS_M * float(np.exp(-(((story_time(t) - UNDERPASS_PEAK_S) / UNDERPASS_WIDTH_S) ** 2)))
        return depth if depth >= 0.01 else 0.0

    def _pump(self, i: int, t: float, tide: float, held: tuple[float, float]) -> dict[str, Any]:
        if i == self.pump and PUMP_FAILS_S[0] <= story_time(t) < PUMP_FAILS_S[1]:
            return {"pump_state": "failed", "flow": 0.0}
        load = min((held[0] + float(self._share[i]) * held[1]) / 15, 1.0)
        if load < 0.1 or tide < 0:
            return {"pump_state": "stopped", "flow": 0.0}
        capacity = float(self.assets[i].attributes.get("capacity_m3s") or 10)
        return {"pump_state": "running", "flow": round(capacity * load, 1)}
