"""Street grids of the districts and of the villages."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry as Geometry

from gisdata.facts import read_toml, to_metres
from gisdata.generate.ground import lines_of
from gisdata.generate.network import Lines, join, lines

STYLES = ("oldtown", "dense", "superblock", "estate", "village")


@dataclass(frozen=True, slots=True)
class District:
    """A part of the city with streets of one manner.

    Parameters
    ----------
    name_ko, name_en
        Names; English only for estates.
    style
        One of `STYLES`.
    angle_deg
        Direction of the long streets, counter-clockwise from east.
    along_m, across_m
        Block edges.
    irregular
        Share of the spacing by which streets stray [-].
    broken
        Share of the block edges left out [-].
    area
        Ground, EPSG:5186.
    """

    name_ko: str
    name_en: str | None
    style: str
    angle_deg: float
    along_m: float
    across_m: float
    irregular: float
    broken: float
    area: Geometry


def read_districts(buildable: Geometry) -> list[District]:
    """Read the districts, cut to ground that can be built on and to each other."""
    taken: Geometry = Polygon()
    found: list[District] = []
    for row in read_toml("districts.toml")["district"]:
        ring = Polygon(to_metres(row["ring"])).buffer(0)
        area = shapely.difference(shapely.intersection(ring, buildable), taken)
        taken = shapely.union(taken, ring)
        if area.area > 5e4:
            found.append(
                District(
                    row["name_ko"],
                    row.get("name_en"),
                    row["style"],
                    row["angle_deg"],
                    row["along_m"],
                    row["across_m"],
                    row["irregular"],
                    row["broken"],
                    area,
                )
            )
    return found


def grid(district: District, rng: np.random.Generator) -> Lines:
    """Lay the grid of a district; every fourth street is a collector (rank 106), the others are rank 107.

    Each street is broken into straight runs between cross streets, some of which are left out.
    """
    middle = np.array(shapely.get_coordinates(district.area.centroid)[0])
    turn = np.radians(district.angle_deg)
    ahead, aside = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    local = shapely.get_coordinates(district.area) - middle
    s, t = local @ ahead, local @ aside
    at_s = _spread(s.min(), s.max(), district.along_m, district.irregular, rng)
    at_t = _spread(t.min(), t.max(), district.across_m, district.irregular, rng)
    corner_s, corner_t = np.meshgrid(at_s, at_t)
    corner_s = corner_s + rng.normal(0, 0.35 * district.irregular * district.along_m, corner_s.shape)
    corner_t = corner_t + rng.normal(0, 0.35 * district.irregular * district.across_m, corner_t.shape)
    corners = middle + corner_s[..., None] * ahead + corner_t[..., None] * aside
    rows = _runs(corners, district.broken, rng)
    columns = _runs(corners.transpose(1, 0, 2), district.broken, rng)
    parts: list[Lines] = []
    lanes, speed = (2, 50) if district.style == "estate" else (1, 50)
    for runs, is_collector in ((rows, True), (rows, False), (columns, True), (columns, False)):
        chosen = [run for number, run in runs if (number % 4 == 2) == is_collector]
        inside = [shapely.intersection(run, district.area) for run in chosen]
        pieces = [piece for line in inside for piece in lines_of(line)]
        rank = 106 if is_collector else 107
        street_speed = speed if is_collector else 30 if district.style in {"oldtown", "dense", "village"} else 40
        parts.append(lines(pieces, rank, lanes if is_collector else 1, street_speed, None, district.style))
    return join(parts)


def _spread(low: float, high: float, step: float, irregular: float, rng: np.random.Generator) -> NDArray[np.float64]:
    n = int((high - low) / step) + 3
    return low - step / 2 + step * (np.arange(n) + rng.uniform(-irregular, irregular, n))


def _runs(corners: NDArray[np.float64], broken: float, rng: np.random.Generator) -> list[tuple[int, LineString]]:
    """Return (number of the street, run) of unbroken runs along the first axis' rows; collectors are never broken."""
    runs: list[tuple[int, LineString]] = []
    for number, row in enumerate(corners):
        gap = rng.random(len(row) - 1) < (0 if number % 4 == 2 else broken)
        begin = 0
        for k in [*np.flatnonzero(gap).tolist(), len(row) - 1]:
            if k > begin:
                runs.append((number, LineString(row[begin : k + 1])))
            begin = k + 1
    return runs
