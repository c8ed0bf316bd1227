"""Traditional markets and their shops, in rows with alleys between."""

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gisdata.facts import read_csv, to_metres
from gisdata.generate.footprints import boxes
from gisdata.generate.ground import frame

SHOP_M = (3.6, 4.6)
"""Front and depth of a shop."""
ALLEY_M = 4.0


def market_tables(
    real: gpd.GeoDataFrame | None = None, angle_deg: float = -22.0
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return the rows of market and of shop.

    Parameters
    ----------
    real
        Real places of the markets with the column name_ko; ours where None.
    angle_deg
        Direction of the rows of shops, counter-clockwise from east.
    """
    rows = read_csv("markets.csv")
    places = (
        {} if real is None else dict(zip(real.name_ko, shapely.get_coordinates(real.geometry.to_numpy()), strict=True))
    )
    turn = np.radians(angle_deg)
    outlines, shops, markets, numbers = [], [], [], []
    for market, row in enumerate(rows, start=1):
        n = int(row["shops"])
        lines = max(2, 2 * round(np.sqrt(n * SHOP_M[0] / (SHOP_M[1] + ALLEY_M / 2)) / 2))
        each = -(-n // lines)
        number = np.arange(n)
        line, place = number // each, number % each
        t = line * SHOP_M[1] + (line + 1) // 2 * ALLEY_M
        s = (place - (each - 1) / 2) * SHOP_M[0]
        t = t - t.max() / 2
        middle = places.get(row["name_ko"], to_metres([float(row["lon"]), float(row["lat"])]))
        centre = middle + np.stack([s * np.cos(turn) - t * np.sin(turn), s * np.sin(turn) + t * np.cos(turn)], axis=1)
        found = boxes(centre, np.full(n, turn), np.full(n, SHOP_M[0] - 0.1), np.full(n, SHOP_M[1] - 0.1))
        width, depth = each * SHOP_M[0] + 8, 2 * np.abs(t).max() + SHOP_M[1] + 8
        outlines.append(boxes(middle[None], np.array([turn]), np.array([width]), np.array([depth]))[0])
        shops += list(found)
        markets += [market] * n
        numbers += list(range(1, n + 1))
    market_rows = frame(
        {
            "id": range(1, len(rows) + 1),
            "name_ko": [row["name_ko"] for row in rows],
            "name_en": [row["name_en"] for row in rows],
            "shop_count": [int(row["shops"]) for row in rows],
        },
        outlines,
    )
    shop_rows = frame({"id": range(1, len(shops) + 1), "market_id": markets, "number": numbers}, shops)
    return market_rows, shop_rows


def market_ground(markets: gpd.GeoDataFrame) -> BaseGeometry:
    """Return the ground of the markets, on which nothing else stands."""
    return shapely.buffer(shapely.union_all(markets.geometry.to_numpy()), 6)
