"""A village of nine crossings: everything that is compiled runs through it once."""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine

from simulations.traffic.events import Close
from simulations.traffic.flood_roads import Soundings
from simulations.traffic.network import build
from simulations.traffic.scenario import Ground, Scenario, prepare, what_if
from twin.crs import KOREA_CENTRAL

BLOCK_M = 400.0


def village() -> Ground:
    """Return three by three crossings 400 m apart, with signals, houses and a fire station; EPSG:5186."""
    places = {3 * row + column: (column * BLOCK_M, row * BLOCK_M) for row in range(3) for column in range(3)}
    pairs = [(a, b) for a in places for b in places if abs(a // 3 - b // 3) + abs(a % 3 - b % 3) == 1]
    points = [shapely.Point(place) for place in places.values()]
    nodes = _table(points, id=list(places), is_signalised=[node == 4 for node in places])
    links = _table(
        [shapely.LineString([places[a], places[b]]) for a, b in pairs],
        id=list(range(1, len(pairs) + 1)), from_node=[a for a, _ in pairs], to_node=[b for _, b in pairs],
        length_m=[BLOCK_M] * len(pairs), lanes=[1] * len(pairs), max_speed_kmh=[50] * len(pairs),
        rank=[105] * len(pairs),
    )  # fmt: skip
    unit = shapely.box(-BLOCK_M, -BLOCK_M, 3 * BLOCK_M, 3 * BLOCK_M)
    units = _table([unit], id=[1], population=[900], households=[450])
    houses = [shapely.Point(x + 50, y + 50).buffer(20) for x, y in places.values()]
    uses = ["house", "office", "shop"] * 3
    buildings = _table(houses, unit_id=[1] * 9, use=uses, floors=[3] * 9, households=[50] * 9)
    facilities = _table(points[:2], id=[1, 2], kind=["fire", "hospital"], name_ko=["소방서", "병원"])
    return prepare(build(nodes, links), units, buildings, facilities)


def _table(geometry: Sequence[shapely.Geometry], **columns: Sequence[object]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=KOREA_CENTRAL).rename_geometry("geom")


def drive_around() -> None:
    """Answer a question about the village."""
    ground = village()
    what_if(ground, Scenario(hours=0.25, events=(Close(start_s=300, links=(1, 2)),)))
    shape = (60, 60)
    soundings = Soundings.of(ground.net, Affine(20, 0, -200, 0, -20, 1000), shape)
    soundings.depth_m(np.zeros(shape, np.float32))
