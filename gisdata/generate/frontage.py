"""Houses, shops, offices and sheds in rows along the streets, and houses scattered over the villages."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gisdata.generate.footprints import STOREY_M, USES, Candidates, boxes, district_of, join_candidates
from gisdata.generate.streets import Streets


@dataclass(frozen=True, slots=True)
class Lots:
    """How a district style is built up along its streets.

    Parameters
    ----------
    width_m, depth_m
        Mean size of a building.
    gap_m
        Space between two buildings in a row.
    setback_m
        From the street's edge to the building.
    rows
        Rows of buildings behind each other.
    filled
        Share of the lots with a building [-].
    floors
        Fewest and most floors.
    shop
        Share of shops and offices in the first row [-].
    """

    width_m: float
    depth_m: float
    gap_m: float
    setback_m: float
    rows: int
    filled: float
    floors: tuple[int, int]
    shop: float


STYLES = {
    "oldtown": Lots(10.5, 10, 2.0, 1.5, 3, 0.90, (1, 3), 0.26),
    "dense": Lots(11.5, 10, 2.5, 2.0, 3, 0.72, (1, 4), 0.15),
    "superblock": Lots(15, 12, 3.5, 3.0, 2, 0.62, (2, 6), 0.26),
    "estate": Lots(62, 44, 22, 14, 2, 0.72, (1, 2), 0.0),
    "village": Lots(12, 9, 7.0, 4.0, 2, 0.85, (1, 2), 0.04),
    "": Lots(13, 9, 30, 7.0, 1, 0.16, (1, 1), 0.05),
}


def along_streets(streets: Streets, rng: np.random.Generator) -> Candidates:
    """Place buildings in rows on both sides of the streets, front row first."""
    lines_ = streets.network.lines
    may = (lines_.rank > 103) & (lines_.kind == 0)
    coords, index = shapely.get_coordinates(lines_.geom[may], return_index=True)
    same = index[1:] == index[:-1]
    a, b = coords[:-1][same], coords[1:][same]
    owner = np.flatnonzero(may)[index[:-1][same]]
    length = np.hypot(*(b - a).T)
    district = district_of(shapely.points((a + b) / 2), streets)
    style = np.array([streets.districts[d].style if d >= 0 else "" for d in district])
    parts: list[tuple[int, Candidates]] = []
    for name, lots in STYLES.items():
        at = np.flatnonzero((style == name) & (length > lots.width_m))
        for row in range(lots.rows):
            for side in (-1, 1):
                pitch = lots.width_m + lots.gap_m
                n = np.maximum(0, np.floor((length[at] - 4) / pitch)).astype(int)
                seg = np.repeat(at, n)
                if not len(seg):
                    continue
                k = np.arange(len(seg)) - np.repeat(np.cumsum(n) - n, n)
                along = (length[seg] - np.repeat(n, n) * pitch) / 2 + (k + 0.5) * pitch
                keep = rng.random(len(seg)) < lots.filled * (1 if row == 0 else 0.9)
                seg, along = seg[keep], along[keep]
                m = len(seg)
                width = lots.width_m * rng.uniform(0.75, 1.12, m)
                depth = lots.depth_m * rng.uniform(0.75, 1.2, m)
                direction = (b[seg] - a[seg]) / length[seg, None]
                normal = side * np.stack([-direction[:, 1], direction[:, 0]], axis=1)
                out = streets.width_m[owner[seg]] / 2 + lots.setback_m + depth / 2 + row * (lots.depth_m * 1.2 + 4.5)
                out += rng.uniform(0, 0.3, m) * lots.setback_m
                centre = a[seg] + direction * along[:, None] + normal * out[:, None]
                angle = np.arctan2(direction[:, 1], direction[:, 0])
                parts.append(
                    (row, _built(boxes(centre, angle, width, depth), name, lots, row, lines_.rank[owner[seg]], rng))
                )
    parts.sort(key=lambda part: part[0])
    return join_candidates([part for _, part in parts])


def hamlets(streets: Streets, rng: np.random.Generator) -> Candidates:
    """Scatter houses and barns over the grounds of the villages, on a loose lattice between the lanes."""
    lots = STYLES["village"]
    parts: list[NDArray[np.object_]] = []
    for district in streets.districts:
        if district.style != "village":
            continue
        turn = np.radians(district.angle_deg)
        x0, y0 = shapely.get_coordinates(district.area.centroid)[0]
        reach = np.sqrt(district.area.area)
        s, t = (grid.ravel() for grid in np.meshgrid(np.arange(-reach, reach, 21.0), np.arange(-reach, reach, 17.5)))
        s, t = s + rng.uniform(-4, 4, len(s)), t + rng.uniform(-3, 3, len(t))
        centre = np.stack([x0 + s * np.cos(turn) - t * np.sin(turn), y0 + s * np.sin(turn) + t * np.cos(turn)], axis=1)
        shapely.prepare(district.area)
        centre = centre[shapely.contains_xy(district.area, centre) & (rng.random(len(s)) < 0.8)]
        n = len(centre)
        angle = turn + rng.normal(0, 0.12, n) + np.where(rng.random(n) < 0.3, np.pi / 2, 0)
        parts.append(
            boxes(centre, angle, lots.width_m * rng.uniform(0.7, 1.1, n), lots.depth_m * rng.uniform(0.75, 1.1, n))
        )
    geom = np.concatenate(parts)
    return _built(geom, "village", lots, 1, np.full(len(geom), 107), rng)


def _built(
    geom: NDArray[np.object_], style: str, lots: Lots, row: int, rank: NDArray[np.int64], rng: np.random.Generator
) -> Candidates:
    n = len(geom)
    if style == "estate":
        height = rng.uniform(8, 14, n)
        return Candidates(geom, np.full(n, USES.index("industry")), np.where(height > 11, 2, 1), height)
    low, high = lots.floors
    floors = low + np.floor((high - low + 1) * rng.random(n) ** 1.7).astype(np.int64)
    floors = np.where((rank <= 105) & (row == 0) & (style == "superblock"), floors + 2, floors)
    draw = rng.random(n)
    shop = lots.shop * (np.where(rank <= 105, 2.2, np.where(rank == 106, 1.4, 0.7)) if row == 0 else 0.2)
    use = np.where(
        draw < shop * 0.8, USES.index("shop"), np.where(draw < shop, USES.index("office"), USES.index("house"))
    )
    if style in {"village", ""}:
        use = np.where((use == USES.index("house")) & (rng.random(n) < 0.22), USES.index("farm"), use)
    return Candidates(geom, use.astype(np.int64), floors, floors * STOREY_M + rng.uniform(0.6, 1.8, n))
