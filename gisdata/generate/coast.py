"""The shore: mainland, islands, seawalls, waters, and the table of coast lines."""

from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, MultiLineString, Polygon
from shapely.geometry.base import BaseGeometry as Geometry

from gisdata.facts import read_csv, read_toml, to_metres
from gisdata.generate.ground import Ground, Wall, Water, city_box, frame, lines_of, multi, polygons_of


def _mainland(shift_m: float) -> Polygon:
    parts = read_toml("geography.toml")["mainland"]
    south = to_metres(parts["south"])
    # the ends of the south shore stay where they are: the shift fades in over four points
    fade = np.minimum(1, np.minimum(np.arange(len(south)), np.arange(len(south))[::-1]) / 4)
    south[:, 1] -= shift_m * fade
    rest = [to_metres(parts[name]) for name in ("west", "north")]
    ring = np.concatenate([to_metres(parts["river_bank"]), to_metres(parts["inland"]), south, *rest])
    return Polygon(ring)


def roughen(geometry: Geometry, rng: np.random.Generator, amplitude_m: float) -> Geometry:
    """Let a coarse outline wander a little, so that it does not look ruled.

    Parameters
    ----------
    geometry
        Polygon or line, EPSG:5186.
    rng
        Source of the two random fields, each a sum of eight waves.
    amplitude_m
        Typical displacement [m].
    """
    k = rng.normal(0, 2 * np.pi / 900, (2, 8, 2))
    phase = rng.uniform(0, 2 * np.pi, (2, 8))

    def wander(points: NDArray[np.float64]) -> NDArray[np.float64]:
        waves: NDArray[np.float64] = np.sin(np.einsum("dwk,nk->dwn", k, points) + phase[..., None]).sum(axis=1) / 2
        return points + amplitude_m * waves.T

    return shapely.transform(shapely.segmentize(geometry, 120), wander)


def shape_ground(seed: int) -> Ground:
    """Shape land and water so that the land has the area that the plan gives the units.

    Parameters
    ----------
    seed
        Seed of the outlines' small irregularities.
    """
    facts = read_toml("geography.toml")
    units = read_csv("units.csv")
    on_mainland = 1e6 * sum(float(unit["area_km2"]) for unit in units if unit["name_ko"] != "옥도면")
    low, high = -1500.0, 3500.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if _mainland(middle).area < on_mainland else (low, middle)
    mainland = shapely.buffer(_mainland((low + high) / 2), 0)
    walls = [
        Wall(kind, wall["name_ko"], wall["name_en"], LineString(to_metres(wall["line"])))
        for kind in ("seawall", "barrage")
        for wall in facts[kind]
    ]
    dams = shapely.union_all(
        [LineString(to_metres(wall["line"])).buffer(wall["width_m"] / 2, cap_style="flat") for wall in facts["seawall"]]
    )
    islands = _islands(
        seed, 1e6 * float(next(u for u in units if u["name_ko"] == "옥도면")["area_km2"]), dams, mainland
    )
    land = multi(shapely.union_all([mainland, *islands, dams]))
    around = [Polygon(to_metres(neighbour["ring"])).buffer(0) for neighbour in facts["neighbour"]]
    neighbours = shapely.difference(shapely.union_all(around), mainland)
    sea = shapely.difference(city_box(), shapely.union_all([land, neighbours]))
    rng = np.random.default_rng([seed, 12])
    streams = {s["name_ko"]: lines_of(roughen(LineString(to_metres(s["line"])), rng, 12))[0] for s in facts["stream"]}
    waters = [
        Water(
            "reservoir", lake["name_ko"], lake["name_en"], roughen(Polygon(to_metres(lake["ring"])), rng, 18).buffer(0)
        )
        for lake in facts["reservoir"]
    ]
    for stream in facts["stream"]:
        surface = shapely.intersection(streams[stream["name_ko"]].buffer(stream["width_m"] / 2), mainland)
        waters.append(Water("stream", stream["name_ko"], stream["name_en"], surface))
    return Ground(mainland, land, neighbours, sea, waters, walls, streams)


def _islands(seed: int, area_m2: float, dams: Geometry, mainland: Polygon) -> list[Geometry]:
    """Shape the islands; with the seawalls they have exactly the area of their unit."""
    rng = np.random.default_rng([seed, 11])
    raw = [
        roughen(Polygon(to_metres(i["ring"])).buffer(0), rng, 15).buffer(0)
        for i in read_toml("geography.toml")["island"]
    ]
    low, high = 0.5, 2.0
    for _ in range(24):
        scale = (low + high) / 2
        grown: list[Geometry] = [shapely.affinity.scale(island, scale, scale, origin="centroid") for island in raw]
        area = shapely.difference(shapely.union_all([*grown, dams]), mainland).area
        low, high = (scale, high) if area < area_m2 else (low, scale)
    return grown


def water_table(ground: Ground) -> gpd.GeoDataFrame:
    """Return the rows of water_body: sea, estuary, rivers, streams, reservoirs."""
    estuary_box = Polygon(
        to_metres(
            [
                [126.676, 35.98],
                [126.676, 36.03],
                [126.7445, 36.0235],
                [126.7535, 36.0165],
                [126.75, 35.99],
                [126.72, 35.985],
            ]
        )
    )
    geum_box = Polygon(
        to_metres(
            [[126.7445, 36.0235], [126.7535, 36.0165], [126.80, 35.99], [126.95, 36.03], [126.95, 36.1], [126.74, 36.1]]
        )
    )
    mangyeong_box = Polygon(to_metres([[126.776, 35.86], [126.776, 35.93], [126.95, 35.97], [126.95, 35.88]]))
    left = ground.sea
    rows: list[tuple[str, str | None, str | None, Geometry]] = []
    for kind, name_ko, name_en, area in (
        ("river", "금강", "Geum River", geum_box),
        ("estuary", "금강 하구", "Geum estuary", estuary_box),
        ("river", "만경강", "Mangyeong River", mangyeong_box),
    ):
        rows.append((kind, name_ko, name_en, shapely.intersection(left, area)))
        left = shapely.difference(left, area)
    rows.append(("sea", "서해", "Yellow Sea", left))
    rows += [(water.kind, water.name_ko, water.name_en, water.geom) for water in ground.waters]
    rows = [row for row in rows if polygons_of(row[3])]
    kinds, names_ko, names_en, geoms = zip(*rows, strict=True)
    columns: dict[str, object] = {
        "id": range(1, len(rows) + 1),
        "kind": kinds,
        "name_ko": names_ko,
        "name_en": names_en,
    }
    return frame(columns, [multi(geom) for geom in geoms])


def coast_table(ground: Ground, berths: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the rows of coast: the shore in stretches of one kind, seawalls, barrages.

    Parameters
    ----------
    ground
        Land and water.
    berths
        Lines of the berths; shore within 90 m of one is quay.
    """
    shore = shapely.union_all([polygon.exterior for polygon in ground.land.geoms])
    wet = shapely.buffer(ground.sea, 15)
    shore = shapely.intersection(shore, wet)
    quay_side = shapely.buffer(shapely.union_all(berths.geometry.to_numpy()), 90) if len(berths) else Polygon()
    walls = [wall for wall in ground.walls if wall.kind == "seawall"]
    wall_side = shapely.union_all([wall.geom.buffer(120, cap_style="flat") for wall in walls]) if walls else Polygon()
    rows: list[tuple[str, str | None, str | None, Geometry]] = []
    quay = shapely.intersection(shore, quay_side)
    natural = shapely.difference(shapely.difference(shore, quay_side), wall_side)
    rows += [("quay", "군산항", "Port of Gunsan", line) for line in _stretches(quay, 20)]
    rows += [("shore", None, None, line) for line in _stretches(natural, 20)]
    rows += [(wall.kind, wall.name_ko, wall.name_en, wall.geom) for wall in ground.walls]
    kinds, names_ko, names_en, geoms = zip(*rows, strict=True)
    columns: dict[str, object] = {
        "id": range(1, len(rows) + 1),
        "kind": kinds,
        "name_ko": names_ko,
        "name_en": names_en,
    }
    return frame(columns, list(geoms))


def _stretches(lines: Geometry, shortest_m: float) -> list[Any]:
    merged = shapely.line_merge(MultiLineString(lines_of(lines)))
    return [line for line in lines_of(merged) if line.length >= shortest_m]
