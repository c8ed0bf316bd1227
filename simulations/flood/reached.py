"""Who and what the water reaches: buildings and people, roads, underpasses, car parks, services, by district."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from simulations.flood.ground import Cover
from simulations.flood.solver import Solver
from simulations.flood.terrain import Terrain

Record = dict[str, Any]
WET_M, BUILDING_M, ROAD_M, UNDERPASS_M = 0.1, 0.3, 0.3, 0.15
"""Depths [m] from which ground counts as flooded, a building as reached, a road and an underpass as closed."""
NEAR_M = 0.01
"""So much deeper or shallower [m] the same place may be in a run that only takes other steps in time."""
SAMPLE_M = 10.0
PLACES = ("fire", "police", "hospital", "shelter", "school", "hall", "station")


@dataclass(frozen=True)
class Reached:
    """What was found, ready for JSON, and the closed roads as lines (EPSG:5186)."""

    totals: Record
    districts: list[Record]
    places: list[Record]
    units: gpd.GeoDataFrame
    roads: gpd.GeoDataFrame


def find(terrain: Terrain, solver: Solver, tables: dict[str, Any], cover: Cover, within_s: float = np.inf) -> Reached:
    """Overlay the greatest depths with the city.

    A building is as deep in water as the deepest cell beside it, since it is itself a wall.

    Parameters
    ----------
    within_s
        Count only buildings that the water reaches until then [s].
    """
    deepest = np.where(cover.shore | ~np.isfinite(cover.elevation), 0, solver.most("depth"))
    on_land = np.where(cover.water, 0, deepest)
    around = maximum_filter(on_land, 3)
    first = solver.most("arrival_low")
    first = minimum_filter(np.where((first < 0) | cover.shore, np.inf, first), 3)
    units = tables["admin_unit"]
    per_household = (units.population / units.households.clip(lower=1)).to_numpy()

    def cells(x: Any, y: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        a, (ny, nx) = terrain.transform, deepest.shape
        row, column = (
            np.floor((np.asarray(y) - a.f) / a.e).astype(int),
            np.floor((np.asarray(x) - a.c) / a.a).astype(int),
        )
        inside = (row >= 0) & (row < ny) & (column >= 0) & (column < nx)
        return np.clip(row, 0, ny - 1), np.clip(column, 0, nx - 1), inside

    def at(field: NDArray[Any], points: Any) -> NDArray[Any]:
        row, column, inside = cells(shapely.get_x(points), shapely.get_y(points))
        return np.where(inside, field[row, column], 0)

    buildings = tables["building"]
    middle = shapely.centroid(buildings.geom.to_numpy())
    deep = at(around, middle)
    if np.isfinite(within_s):
        high = solver.most("arrival_high")
        high = minimum_filter(np.where((high < 0) | cover.water, np.inf, high), 3)
        deep = np.where(at(high, middle) <= within_s, deep, 0)
    number = buildings.unit_id.map({unit: n for n, unit in enumerate(units.id)}).to_numpy(float)
    known = ~np.isnan(number)
    unit_of = np.where(known, number, 0).astype(int)
    live = np.where(known, buildings.households.to_numpy() * per_household[unit_of], 0)
    wet = known & (deep >= BUILDING_M)
    people = np.bincount(unit_of, live * wet, len(units))
    count = np.bincount(unit_of[wet], minlength=len(units))

    closed = _closed_roads(tables["road_link"], at, deepest)
    middles = shapely.line_interpolate_point(closed.geom.to_numpy(), 0.5, normalized=True)
    pairs = (
        shapely.STRtree(units.geom.to_numpy()).query(middles, predicate="within")
        if len(closed)
        else np.zeros((2, 0), int)
    )
    roads = np.bincount(pairs[1], minlength=len(units))

    places = _places(tables, at, around, first)
    districts = [
        {"name_ko": unit.name_ko, "name_en": unit.name_en, "people": round(float(people[n])),
         "buildings": int(count[n]), "roads_closed": int(roads[n])}
        for n, unit in enumerate(units.itertuples())
    ]  # fmt: skip
    totals = {
        "people": sum(one["people"] for one in districts), "buildings": int(count.sum()),
        "roads_closed": len(closed), "area_km2": float((on_land >= WET_M).sum()) * terrain.cell_size**2 / 1e6,
        "deepest_m": float(on_land.max()),
        "people_range": [round(float(live[deep >= BUILDING_M + more].sum())) for more in (NEAR_M, -NEAR_M)],
    }  # fmt: skip
    table = gpd.GeoDataFrame(districts, geometry=units.geom.to_numpy(), crs=units.crs)
    return Reached(totals, sorted(districts, key=lambda one: -one["people"]), places, table, closed)


def _closed_roads(links: Any, at: Any, deepest: NDArray[Any]) -> Any:
    """Return the links under too much water somewhere; bridges and overpasses stand above it."""
    low = links[~links.kind.isin(("bridge", "overpass"))]
    lines = low.geom.to_numpy()
    count = np.maximum(2, np.ceil(shapely.length(lines) / SAMPLE_M).astype(int) + 1)
    owner = np.repeat(np.arange(len(lines)), count)
    share = np.concatenate([np.linspace(0, 1, n) for n in count]) if len(lines) else np.zeros(0)
    points = shapely.line_interpolate_point(lines[owner], share, normalized=True)
    most = np.zeros(len(lines))
    np.maximum.at(most, owner, at(deepest, points))
    limit = np.where(low.kind == "underpass", UNDERPASS_M, ROAD_M)
    return low.assign(depth_m=most)[most >= limit]


def _places(tables: dict[str, Any], at: Any, around: NDArray[Any], first: NDArray[Any]) -> list[Record]:
    """Return facilities, underpasses and car parks that go under water, the earliest first."""
    facility, asset = tables["facility"], tables["asset"]
    is_underpass = asset.attributes.map(lambda facts: facts.get("kind") == "underpass")
    is_lot = asset.attributes.map(lambda facts: bool(facts.get("is_public")))
    parts = [
        (facility[facility.kind.isin(PLACES)], BUILDING_M),
        (asset[is_underpass], UNDERPASS_M),
        (asset[is_lot], ROAD_M),
    ]
    found = []
    for rows, limit in parts:
        depth, arrival = at(around, rows.geom.to_numpy()), at(first, rows.geom.to_numpy())
        for row, deep, when in zip(rows.itertuples(), depth, arrival, strict=True):
            if deep >= limit:
                found.append({"name_ko": row.name_ko, "name_en": _text(row.name_en), "deepest_m": round(float(deep), 2),
                              "arrival_s": round(float(when)) if np.isfinite(when) else None})  # fmt: skip
    return sorted(found, key=lambda one: one["arrival_s"] or np.inf)


def _text(value: Any) -> str | None:
    """Return a text of a frame; what is missing there is no text."""
    return value if isinstance(value, str) else None


def write(out: Path, what: Reached) -> list[str]:
    """Write the tables as GeoParquet; return their names."""
    what.units.to_parquet(out / "districts.parquet")
    what.roads.to_parquet(out / "roads_closed.parquet")
    return ["districts.parquet", "roads_closed.parquet"]
