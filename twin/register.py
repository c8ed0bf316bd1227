"""What others have to know of the city to speak in its name: the registers of its assets, and its street network."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from geoalchemy2 import functions as st
from numpy.typing import NDArray
from sqlalchemy import select

from twin.crs import WGS84
from twin.db import engine
from twin.model import Asset, RoadLink

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AssetFact:
    """What stands in the register of an asset.

    Parameters
    ----------
    lon, lat
        WGS84.
    """

    key: str
    lon: float
    lat: float
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Roads:
    """The street network as columns of equal length (n,).

    Parameters
    ----------
    lines
        Vertices of each link, shape (k, 2), lon and lat in WGS84, from `from_node` to `to_node`.
    """

    id: NDArray[np.int64]
    from_node: NDArray[np.int64]
    to_node: NDArray[np.int64]
    length_m: Floats
    max_speed_kmh: Floats
    rank: NDArray[np.int64]
    lines: tuple[Floats, ...]

    @classmethod
    def none(cls) -> "Roads":
        """Return a network without a street."""
        whole, real = np.zeros(0, np.int64), np.zeros(0)
        return cls(whole, whole, whole, real, real, whole, ())


def read_city(dsn: str) -> tuple[dict[str, list[AssetFact]], Roads]:
    """Read all registers and the street network from the store."""
    assets: dict[str, list[AssetFact]] = {}
    point = st.ST_Transform(Asset.geom, WGS84)
    way = st.ST_AsBinary(st.ST_Transform(RoadLink.geom, WGS84))
    with engine(dsn).connect() as db:
        rows = select(Asset.layer, Asset.key, st.ST_X(point), st.ST_Y(point), Asset.attributes)
        for layer, key, lon, lat, attributes in db.execute(
            rows.where(Asset.geom.is_not(None)).order_by(Asset.layer, Asset.key)
        ):
            assets.setdefault(layer, []).append(AssetFact(key, lon, lat, attributes))
        link = RoadLink
        columns = select(
            link.id, link.from_node, link.to_node, link.length_m, link.max_speed_kmh, link.rank, way
        ).order_by(link.id)
        found = db.execute(columns).all()
    if not found:
        return assets, Roads.none()
    ids, start, end, length, speed, rank, lines = zip(*found, strict=True)
    shapes = shapely.from_wkb([bytes(line) for line in lines])
    return assets, Roads(
        np.array(ids),
        np.array(start),
        np.array(end),
        np.array(length, np.float64),
        np.array(speed, np.float64),
        np.array(rank),
        tuple(shapely.get_coordinates(shape) for shape in shapes),
    )
