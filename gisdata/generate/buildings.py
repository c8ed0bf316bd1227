"""The buildings of the city: what is built where two candidates compete, and who lives in it."""

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry as Geometry

from gisdata.generate.footprints import USES, Candidates, join_candidates
from gisdata.generate.frontage import along_streets, hamlets
from gisdata.generate.ground import Ground, frame, locate, share_out
from gisdata.generate.slabs import apartment_share, slabs
from gisdata.generate.streets import Streets

HOMES_PER_HOUSE = 1.25
FEWEST = 0.45
"""At least this share of the possible houses is built, so that no quarter stands empty [-]."""


def put_up(
    ground: Ground,
    units: gpd.GeoDataFrame,
    streets: Streets,
    first: list[Candidates],
    keep_clear: Geometry,
    seed: int,
) -> gpd.GeoDataFrame:
    """Return the rows of building.

    Parameters
    ----------
    ground
        Land and water.
    units
        Rows of admin_unit; their households are lodged.
    streets
        The streets.
    first
        Buildings with a fixed place (schools, halls, sheds of the port).
    keep_clear
        Ground without buildings: parks, airport, railway, markets.
    seed
        Seed of every choice.
    """
    rng = np.random.default_rng([seed, 51])
    flats, complexes = slabs(units, streets, rng)
    street = along_streets(streets, rng)
    street = street.take(~_houses_within(street, complexes))
    scattered = hamlets(streets, rng)
    all_ = join_candidates([*first, flats, street, scattered])
    buildable = shapely.difference(
        shapely.intersection(shapely.union_all(units.geometry.to_numpy()), ground.land),
        shapely.union_all([shapely.buffer(ground.inland_water, 4), keep_clear]),
    )
    buildable = shapely.buffer(buildable, -8)
    parts = shapely.get_parts(buildable)
    shapely.prepare(parts)
    inside = np.zeros(len(all_.geom), bool)
    inside[shapely.STRtree(all_.geom).query(parts, predicate="contains")[1]] = True
    all_ = all_.take(inside)
    all_ = all_.take(~_on_street(all_.geom, streets))
    all_ = all_.take(_without_overlap(all_.geom))
    unit = locate(shapely.centroid(all_.geom), units.geometry.to_numpy())
    kept = _as_many_houses_as_needed(all_, unit, units)
    all_, unit = all_.take(kept), unit[kept]
    homes = _lodge(all_, unit, units)
    return frame(
        {
            "id": np.arange(1, len(all_.geom) + 1),
            "unit_id": units.id.to_numpy()[unit],
            "use": np.array(USES, dtype=object)[all_.use],
            "floors": all_.floors,
            "height_m": np.round(all_.height, 1),
            "households": homes,
        },
        all_.geom,
    )


def _houses_within(built: Candidates, complexes: list[Geometry]) -> NDArray[np.bool_]:
    """Tell which houses stand in the blocks of flats, where only the shops along the street remain."""
    areas = np.array(complexes, dtype=object)
    shapely.prepare(areas)
    inside = np.zeros(len(built.geom), bool)
    inside[shapely.STRtree(shapely.centroid(built.geom)).query(areas, predicate="contains")[1]] = True
    is_house: NDArray[np.bool_] = inside & (built.use == USES.index("house"))
    return is_house


def _as_many_houses_as_needed(built: Candidates, unit: NDArray[np.int64], units: gpd.GeoDataFrame) -> NDArray[np.int64]:
    """Return what stays when each unit builds the houses its people need, those at the street first."""
    is_house = built.use == USES.index("house")
    needed = units.households.to_numpy() * (1 - apartment_share(units)) / HOMES_PER_HOUSE
    gone = np.zeros(len(unit), bool)
    for k, wanted in enumerate(needed):
        houses = np.flatnonzero(is_house & (unit == k))
        gone[houses[int(max(wanted, FEWEST * len(houses))) :]] = True
    return np.flatnonzero(~gone)


def _on_street(geom: NDArray[np.object_], streets: Streets) -> NDArray[np.bool_]:
    """Tell which buildings reach into a street's surface."""
    tree = shapely.STRtree(geom)
    reach = streets.width_m / 2 + 0.5
    hit = tree.query(streets.network.lines.geom, predicate="dwithin", distance=reach)[1]
    on = np.zeros(len(geom), bool)
    on[hit] = True
    return on


def _without_overlap(geom: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return those that stay when of two overlapping buildings the later one goes."""
    i, j = shapely.STRtree(geom).query(geom, predicate="intersects")
    ahead = i < j
    i, j = i[ahead], j[ahead]
    gone = np.zeros(len(geom), bool)
    order = np.lexsort((i, j))
    for a, b in zip(i[order].tolist(), j[order].tolist(), strict=True):
        if not gone[a]:
            gone[b] = True
    return np.flatnonzero(~gone)


def _lodge(built: Candidates, unit: NDArray[np.int64], units: gpd.GeoDataFrame) -> NDArray[np.int64]:
    """Share the households of each unit out over its buildings; flats take their part."""
    homes = np.zeros(len(unit), dtype=np.int64)
    share = apartment_share(units)
    is_slab = built.use == USES.index("apartment")
    volume = shapely.area(built.geom) * built.floors
    weight = np.select(
        [built.use == USES.index("house"), built.use == USES.index("shop")],
        [built.floors * 1.0, built.floors * 0.35],
        0.0,
    )
    for k, total in enumerate(units.households.to_numpy()):
        here = unit == k
        of_flats, others = np.flatnonzero(here & is_slab), np.flatnonzero(here & (weight > 0))
        flats = round(total * share[k]) if len(of_flats) else 0
        flats = total if not len(others) else flats
        homes[of_flats] = share_out(int(flats), volume[of_flats])
        homes[others] = share_out(int(total - flats), weight[others])
    return homes
