"""What gauges said within a time, for simulations."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy
from geoalchemy2 import functions as st

from twin.db import engine
from twin.model import Asset, Datastream, LayerRow, Observation

FAILED = "failed"
"""Value of an enumerated property that says so."""


@dataclass(frozen=True)
class Series:
    """Observations of one datastream.

    Parameters
    ----------
    x, y
        Where its asset stands [m, EPSG:5186].
    times, results
        Mean of each bin, and the start of the bin [s since 1970], oldest first.
    """

    datastream: int
    key: str
    observed_property: str
    attributes: dict[str, Any]
    x: float
    y: float
    times: list[float] = field(default_factory=list)
    results: list[float] = field(default_factory=list)


def read_series(
    dsn: str, layer: str, properties: tuple[str, ...], start: datetime, end: datetime, bin_s: float
) -> list[Series]:
    """Read observations of a layer, averaged over bins.

    Parameters
    ----------
    start, end
        Phenomenon times, start excluded.
    bin_s
        Width of a bin [s].

    Returns
    -------
    All datastreams of assets with a place, by key of the asset; one that said nothing has no times.
    """
    stamp = sqlalchemy.func.extract("epoch", Observation.phenomenon_time)
    bin_start = (sqlalchemy.func.floor(stamp / bin_s) * bin_s).label("bin")
    streams = (
        sqlalchemy.select(
            Datastream.id, Asset.key, Datastream.observed_property, Asset.attributes, st.ST_X(Asset.geom),
            st.ST_Y(Asset.geom),
        )
        .join(Asset, Asset.id == Datastream.asset_id)
        .where(Asset.layer == layer, Datastream.observed_property.in_(properties), Asset.geom.is_not(None))
        .order_by(Asset.key, Datastream.observed_property)
    )  # fmt: skip
    with engine(dsn).connect() as db:
        found = {row[0]: Series(*row) for row in db.execute(streams)}
        rows = (
            sqlalchemy.select(Observation.datastream_id, bin_start, sqlalchemy.func.avg(Observation.result))
            .where(
                Observation.datastream_id.in_(list(found)),
                Observation.phenomenon_time > start,
                Observation.phenomenon_time <= end,
            )
            .group_by(Observation.datastream_id, bin_start)
            .order_by(Observation.datastream_id, bin_start)
        )
        for stream, at, result in db.execute(rows):
            found[stream].times.append(float(at))
            found[stream].results.append(float(result))
    return list(found.values())


def read_failed(dsn: str, layer: str, since: datetime, now: datetime) -> list[str]:
    """Return the keys of assets of a layer that said last, within a time, that they had failed."""
    with engine(dsn).connect() as db:
        spec = db.execute(sqlalchemy.select(LayerRow.spec).where(LayerRow.id == layer)).scalar_one()
        codes = {one["id"]: one["values"].index(FAILED) for one in spec["properties"] if FAILED in one["values"]}
        told = (
            sqlalchemy.select(Asset.key, Datastream.observed_property, Observation.result)
            .join(Datastream, Datastream.asset_id == Asset.id)
            .join(Observation, Observation.datastream_id == Datastream.id)
            .where(
                Asset.layer == layer, Datastream.observed_property.in_(list(codes)),
                Observation.phenomenon_time > since, Observation.phenomenon_time <= now,
            )
            .order_by(Observation.phenomenon_time)
        )  # fmt: skip
        last = {(key, name): result for key, name, result in db.execute(told)}
        return sorted({key for (key, name), result in last.items() if result == codes[name]})
