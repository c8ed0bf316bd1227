"""The city's tables as frames, for simulations: whole, or what lies in a box."""

from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from sqlalchemy import LargeBinary, func, select, type_coerce

from twin.crs import KOREA_CENTRAL
from twin.db import engine
from twin.model import Base, BaseLayer

Box = tuple[float, float, float, float]


def read_tables(dsn: str, names: tuple[str, ...], box: Box | None = None) -> dict[str, gpd.GeoDataFrame]:
    """Read tables with geometry.

    Parameters
    ----------
    names
        Tables of `twin.model` that have a `geom`.
    box
        Only rows that touch it: (west, south, east, north) [m, EPSG:5186].

    Returns
    -------
    Frames by name, ordered by id, geometry in EPSG:5186.
    """
    found = {}
    with engine(dsn).connect() as db:
        for name in names:
            table = Base.metadata.tables[name]
            columns = [column for column in table.columns if not column.name.startswith("geom")]
            shape = type_coerce(func.ST_AsBinary(table.c.geom), LargeBinary).label("geom")
            query = select(*columns, shape).where(table.c.geom.is_not(None)).order_by(table.c.id)
            if box is not None:
                query = query.where(table.c.geom.op("&&")(func.ST_MakeEnvelope(*box, KOREA_CENTRAL)))
            frame = pd.read_sql(query, db)
            frame["geom"] = shapely.from_wkb(frame["geom"].map(bytes).to_numpy(object))
            found[name] = gpd.GeoDataFrame(frame, geometry="geom", crs=KOREA_CENTRAL)
    return found


def read_qualities(dsn: str) -> dict[str, Any]:
    """Return the quality of each base table."""
    with engine(dsn).connect() as db:
        return {row.id: row.quality for row in db.execute(select(BaseLayer.id, BaseLayer.quality))}
