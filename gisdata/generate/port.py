"""Berths along the quay and the sheds behind it."""

import geopandas as gpd
import numpy as np
import shapely
from shapely import LineString
from shapely.ops import substring

from gisdata.facts import read_csv, to_metres
from gisdata.generate.footprints import USES, Candidates, boxes
from gisdata.generate.ground import Ground, frame

QUAY_ENDS = ((126.6360, 35.9800), (126.5655, 35.9740))


def quay_line(ground: Ground) -> LineString:
    """Return the quay, from the first berth in the east to the last in the west, along the generated shore."""
    east, west = to_metres(QUAY_ENDS)
    shore = np.asarray(shapely.get_coordinates(ground.mainland.exterior)[:-1])
    a = int(np.hypot(*(shore - east).T).argmin())
    b = int(np.hypot(*(shore - west).T).argmin())
    way = shore[min(a, b) : max(a, b) + 1]
    return LineString(way[::-1] if a > b else way)


def berth_lines(ground: Ground) -> gpd.GeoDataFrame:
    """Return the berths as lines along the quay, in order from east to west."""
    rows = read_csv("berths.csv")
    quay = quay_line(ground)
    length = np.array([float(row["length_m"]) for row in rows])
    gap = 8.0
    scale = min(1.0, (quay.length - gap * len(rows)) / length.sum())
    pier = np.array([row["pier"] for row in rows])
    spare = quay.length - (length * scale + gap).sum()
    turns = np.concatenate([[False], pier[1:] != pier[:-1]])
    extra = np.cumsum(turns) * (spare / max(1, turns.sum()))
    end = np.cumsum(length * scale + gap) + extra
    start = end - length * scale
    lines = [substring(quay, s, e) for s, e in zip(start, np.minimum(end, quay.length), strict=True)]
    return frame(
        {
            "number": [row["number"] for row in rows],
            "pier": pier,
            "depth_m": [float(row["depth_m"]) for row in rows],
            "length_m": length,
            "cargo": [row["cargo_ko"] for row in rows],
            "dwt": [int(row["dwt"]) for row in rows],
        },
        lines,
    )


def berth_register(berths: gpd.GeoDataFrame, quality: str) -> gpd.GeoDataFrame:
    """Return the asset register of the berths; a berth's point is the middle of its line."""
    points = shapely.line_interpolate_point(berths.geometry.to_numpy(), 0.5, normalized=True)
    return frame(
        {
            "key": [f"B-{number}" for number in berths.number],
            "name_ko": [f"{pier} {number}번 선석" for pier, number in zip(berths.pier, berths.number, strict=True)],
            "name_en": [f"Berth {number}" for number in berths.number],
            "quality": quality,
            "attributes": [
                {
                    "pier": row.pier,
                    "depth_m": row.depth_m,
                    "length_m": row.length_m,
                    "cargo": row.cargo,
                    "dwt": int(row.dwt),
                }
                for row in berths.itertuples()
            ],
        },
        points,
    )


def sheds(berths: gpd.GeoDataFrame, ground: Ground, rng: np.random.Generator) -> Candidates:
    """Place two rows of sheds behind the berths."""
    line = berths.geometry.to_numpy()
    middle = shapely.get_coordinates(shapely.line_interpolate_point(line, 0.5, normalized=True))
    first = shapely.get_coordinates(shapely.get_point(line, 0))
    last = shapely.get_coordinates(shapely.get_point(line, -1))
    along = (last - first) / np.maximum(np.hypot(*(last - first).T), 1)[:, None]
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    shapely.prepare(ground.mainland)
    wrong = ~shapely.contains_xy(ground.mainland, middle + normal * 150)
    normal[wrong] *= -1
    centre, angle = [], []
    for out in (95.0, 165.0):
        for shift in (-50.0, 50.0):
            centre.append(middle + normal * out + along * shift)
            angle.append(np.arctan2(along[:, 1], along[:, 0]))
    points, turns = np.concatenate(centre), np.concatenate(angle)
    n = len(points)
    height = rng.uniform(9, 16, n)
    return Candidates(
        boxes(points, turns, rng.uniform(60, 85, n), rng.uniform(30, 42, n)),
        np.full(n, USES.index("port")),
        np.ones(n, np.int64),
        height,
    )
