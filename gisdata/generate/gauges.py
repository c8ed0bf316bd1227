"""Gauges of rain and water: rain, tide, stage, pumps, gates, underpasses."""

import math
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from gisdata.city import Terrain
from gisdata.facts import to_metres
from gisdata.generate.ground import Ground, frame
from twin.vertical import INCHEON

STAGE_GAUGES = 20
CATCHMENT_M = 2500.0
"""What lies farther from every stream than this counts by its district [m]."""
GATES = 12
PUMPS = (
    ("내항 배수펌프장", "Naehang pump station", 126.7130, 35.9895, 28.0, 4, "approximate"),
    ("중동 배수펌프장", "Jungdong pump station", 126.7268, 35.9868, 21.0, 3, "approximate"),
    ("산북 배수펌프장", "Sanbuk pump station", 126.6600, 35.9628, 18.0, 3, "approximate"),
    ("경암 배수펌프장", "Gyeongam pump station", 126.7348, 35.9925, 12.0, 2, "synthetic"),
    ("소룡 배수펌프장", "Soryong pump station", 126.6600, 35.9795, 10.0, 2, "synthetic"),
    ("옥회천 배수펌프장", "Okhoecheon pump station", 126.7645, 35.8985, 24.0, 4, "synthetic"),
)


def _register(
    keys: list[str],
    names_ko: list[str],
    names_en: list[str],
    quality: list[str],
    attributes: list[dict[str, Any]],
    xy: NDArray[np.float64],
) -> gpd.GeoDataFrame:
    columns: dict[str, object] = {
        "key": keys,
        "name_ko": names_ko,
        "name_en": names_en,
        "quality": quality,
        "attributes": attributes,
    }
    return frame(columns, shapely.points(xy))


def _catchments(ground: Ground, xy: NDArray[np.float64], within_m: float = CATCHMENT_M) -> list[dict[str, Any]]:
    """Return of each place the catchment it drains to: the nearest stream, within a distance [m]."""
    found: list[dict[str, Any]] = []
    english = {water.name_ko: water.name_en for water in ground.waters if water.kind == "stream"}
    for x, y in xy:
        away = {name: float(line.distance(shapely.Point(x, y))) for name, line in ground.streams.items()}
        near = min(away, key=away.__getitem__, default=None)
        is_near = near is not None and away[near] <= within_m
        found.append({"catchment": near, "catchment_en": english.get(near)} if is_near else {})
    return found


def rain_register(units: gpd.GeoDataFrame, ground: Ground) -> gpd.GeoDataFrame:
    """Return the rain gauges: one in each unit, and the weather station KMA-140."""
    inside = shapely.get_coordinates(shapely.point_on_surface(units.geometry.to_numpy()))
    station = to_metres([[126.76135, 36.00530]])
    keys = [f"RAIN-{i:02d}" for i in range(1, len(units) + 1)] + ["KMA-140"]
    names_ko = [f"{name} 강우계" for name in units.name_ko] + ["군산기상대 (ASOS 140)"]
    names_en = [f"{name} rain gauge" for name in units.name_en] + ["Gunsan weather station (ASOS 140)"]
    quality = ["synthetic"] * len(units) + ["approximate"]
    xy = np.concatenate([inside, station])
    return _register(keys, names_ko, names_en, quality, _catchments(ground, xy), xy)


def water_register(ground: Ground, links: gpd.GeoDataFrame, terrain: Terrain, seed: int) -> gpd.GeoDataFrame:
    """Return the tide station, stage gauges, pump stations, tide gates and underpass gauges."""
    rng = np.random.default_rng([seed, 81])
    keys, ko, en, quality, attributes = ["DT_0018"], ["군산 조위관측소"], ["Gunsan tide station"], ["approximate"], []
    attributes.append({"kind": "tide", "datum": INCHEON, "caution_m": 3.2, "alarm_m": 3.6, "danger_m": 4.0})
    points = [to_metres([126.56305, 35.97555])]
    streams = list(ground.streams.items())
    length = np.array([line.length for _, line in streams])
    each = np.maximum(2, np.round(STAGE_GAUGES * length / length.sum())).astype(int)
    while each.sum() != STAGE_GAUGES:
        each[each.argmax() if each.sum() > STAGE_GAUGES else length.argmax()] += 1 if each.sum() < STAGE_GAUGES else -1
    for (name, line), n in zip(streams, each, strict=True):
        for k in range(int(n)):
            at = line.interpolate((k + 0.6) / n * 0.92, normalized=True)
            points.append(np.array([at.x, at.y]))
            bed = float(terrain.sample(np.array([at.x]), np.array([at.y]))[0])
            keys.append(f"WL-{len(points) - 1:02d}")
            ko.append(f"{name} 수위계 {k + 1}")
            en.append(f"Stage gauge {len(points) - 1}")
            attributes.append(
                {
                    "kind": "stage",
                    "datum": INCHEON,
                    "gauge_zero_m": round(bed, 2),
                    "stream": name,
                    "caution_m": 1.2,
                    "alarm_m": 1.7,
                    "danger_m": 2.2,
                }
            )
            quality.append("synthetic")
    for i, (name_ko, name_en, lon, lat, capacity, units, how) in enumerate(PUMPS, start=1):
        points.append(to_metres([lon, lat]))
        keys.append(f"PUMP-{i}")
        ko.append(name_ko)
        en.append(name_en)
        quality.append(how)
        attributes.append({"kind": "pump", "datum": INCHEON, "capacity_m3s": capacity, "units": units})
    for i, at in enumerate(_gate_places(ground, rng), start=1):
        points.append(at)
        keys.append(f"GATE-{i:02d}")
        ko.append(f"배수갑문 {i}")
        en.append(f"Tide gate {i}")
        quality.append("synthetic")
        attributes.append(
            {"kind": "gate", "datum": INCHEON, "width_m": float(rng.choice([4, 6, 8, 12])), "sill_m": -0.5}
        )
    for i, link in enumerate(_underpasses(links).itertuples(), start=1):
        at = link.geom.interpolate(0.5, normalized=True)
        points.append(np.array([at.x, at.y]))
        keys.append(f"UP-{i:02d}")
        ko.append(f"{link.name_ko} 지하차도")
        en.append(f"Underpass {i}")
        quality.append("synthetic")
        attributes.append(
            {
                "kind": "underpass",
                "datum": "road surface at the low point",
                "road_link": int(link.id),
                "caution_m": 0.1,
                "alarm_m": 0.15,
                "danger_m": 0.3,
            }
        )
    xy = np.array(points)
    attributes = [facts | more for facts, more in zip(attributes, _catchments(ground, xy), strict=True)]
    return _register(keys, ko, en, quality, attributes, xy)


def forecast_register(
    ground: Ground, units: gpd.GeoDataFrame, waters: gpd.GeoDataFrame, parking: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    """Return what the flood forecast warns of: the units, the underpasses, and the public car parks.

    Parameters
    ----------
    waters, parking
        Registers of the layers `water_level` and `parking`.
    """
    under = waters[waters.attributes.map(lambda facts: facts["kind"] == "underpass")]
    lots = parking[parking.attributes.map(lambda facts: bool(facts.get("is_public")))]
    within = shapely.point_on_surface(units.geometry.to_numpy())
    rows: list[tuple[str, str, Any, str, dict[str, Any], Any]] = [
        (f"UNIT-{unit.id:02d}", unit.name_ko, unit.name_en, "derived", {"kind": "unit"}, at)
        for unit, at in zip(units.itertuples(), within, strict=True)
    ]
    for register, kind, caution, alarm in ((under, "underpass", 0.1, 0.15), (lots, "car_park", 0.15, 0.3)):
        for row in register.itertuples():
            limits = {"kind": kind, "caution_m": caution, "alarm_m": alarm}
            rows.append((row.key, row.name_ko, row.name_en, row.quality, limits, row.geom))
    keys, names_ko, names_en, quality, attributes, places = (list(column) for column in zip(*rows, strict=True))
    xy = shapely.get_coordinates(places)
    # each has one, however far: a forecast for the whole city must not be heard once for every district
    areas = _catchments(ground, xy, math.inf)
    facts = [one | more for one, more in zip(attributes, areas, strict=True)]
    return _register(keys, names_ko, names_en, quality, facts, xy)


def _underpasses(links: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return one link of each underpass (the longest where a railway of two branches makes two pieces)."""
    under = links[(links.kind == "underpass") & (links.id % 2 == 1)].sort_values("length_m", ascending=False)
    kept: list[int] = []
    middles = shapely.centroid(under.geometry.to_numpy())
    for i, middle in enumerate(middles):
        if all(shapely.distance(middle, middles[j]) > 120 for j in kept):
            kept.append(i)
    return under.iloc[kept].sort_values("id")


def _gate_places(ground: Ground, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Put a gate where each stream leaves the land, the others along the shore of the town and the port."""
    places = []
    shore = ground.mainland.exterior
    for line in ground.streams.values():
        out = shapely.intersection(line, shore)
        if not out.is_empty:
            places.append(shapely.get_coordinates(out)[0])
    a, b = (
        shapely.line_locate_point(shore, shapely.Point(*to_metres(end))) for end in ((126.73, 35.996), (126.60, 35.977))
    )
    n = GATES - len(places)
    span = (a - b) % shore.length if a < b else a - b
    for k in range(n):
        at = shore.interpolate((b + span * (k + 0.5) / n + rng.uniform(-150, 150)) % shore.length)
        places.append(np.array([at.x, at.y]))
    return places
