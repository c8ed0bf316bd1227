"""The city in PostGIS: GeoAlchemy2 models, the truth of the schema (Alembic migrates to it).

Geometry is stored in Korea 2000 / Central Belt 2010 (`geom`, metres, GiST); what is drawn as tiles also carries
`geom_3857`. Enumerations are text with a check, so that a dump stays readable.
"""

from datetime import date, datetime
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    Double,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twin.crs import KOREA_CENTRAL, WEB_MERCATOR

QUALITIES = ("official", "osm", "derived", "approximate", "synthetic")


def _geom(kind: str, srid: int = KOREA_CENTRAL, *, nullable: bool = False) -> Any:
    return mapped_column(Geometry(kind, srid=srid, spatial_index=True), nullable=nullable)


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class Base(DeclarativeBase):
    """Base of all models."""

    type_annotation_map = {  # noqa: RUF012
        datetime: DateTime(timezone=True),
        date: Date,
        str: Text,
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
        bytes: LargeBinary,
    }


# --- what the city stands on -----------------------------------------------------------------------------------------


class BaseLayer(Base):
    """Catalogue row of one base table: where it came from and how good it is."""

    __tablename__ = "base_layer"
    __table_args__ = (_one_of("quality", QUALITIES),)

    id: Mapped[str] = mapped_column(primary_key=True)
    """Table name: `building`, `road_link`, ..."""
    title_ko: Mapped[str]
    title_en: Mapped[str]
    origin: Mapped[str]
    licence: Mapped[str]
    attribution: Mapped[str]
    as_of: Mapped[date]
    quality: Mapped[str]
    row_count: Mapped[int]
    rejected: Mapped[int] = mapped_column(default=0)
    """Rows of the source that could not be used (no coordinate, repeated id)."""


class AdminUnit(Base):
    """One of the 27 eup, myeon and dong."""

    __tablename__ = "admin_unit"
    __table_args__ = (_one_of("kind", ("eup", "myeon", "dong")),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name_ko: Mapped[str] = mapped_column(unique=True)
    name_en: Mapped[str]
    kind: Mapped[str]
    code: Mapped[str | None]
    """Administrative code (52130...); null in the generated city."""
    area_km2: Mapped[float]
    population: Mapped[int]
    households: Mapped[int]
    geom: Mapped[WKBElement] = _geom("MULTIPOLYGON")
    geom_3857: Mapped[WKBElement] = _geom("MULTIPOLYGON", WEB_MERCATOR)


class Building(Base):
    """A building: footprint, height, floors, use, people who live in it."""

    __tablename__ = "building"

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("admin_unit.id"), index=True)
    use: Mapped[str]
    """apartment | house | shop | office | industry | school | public | port | farm"""
    floors: Mapped[int] = mapped_column(SmallInteger)
    height_m: Mapped[float] = mapped_column(Float)
    households: Mapped[int] = mapped_column(default=0)
    geom: Mapped[WKBElement] = _geom("POLYGON")
    geom_3857: Mapped[WKBElement] = _geom("POLYGON", WEB_MERCATOR)


class RoadNode(Base):
    """A junction or an end of the street network."""

    __tablename__ = "road_node"

    id: Mapped[int] = mapped_column(primary_key=True)
    is_signalised: Mapped[bool] = mapped_column(default=False)
    geom: Mapped[WKBElement] = _geom("POINT")


class RoadLink(Base):
    """One direction of a street between two nodes; the geometry runs from `from_node` to `to_node`."""

    __tablename__ = "road_link"
    __table_args__ = (_one_of("kind", ("plain", "bridge", "overpass", "underpass", "tunnel")),)

    id: Mapped[int] = mapped_column(primary_key=True)
    from_node: Mapped[int] = mapped_column(ForeignKey("road_node.id"), index=True)
    to_node: Mapped[int] = mapped_column(ForeignKey("road_node.id"), index=True)
    name_ko: Mapped[str | None]
    rank: Mapped[int] = mapped_column(SmallInteger)
    """ROAD_RANK of the Korean standard node-link data: 101 expressway ... 107 city street."""
    kind: Mapped[str]
    lanes: Mapped[int] = mapped_column(SmallInteger)
    max_speed_kmh: Mapped[int] = mapped_column(SmallInteger)
    length_m: Mapped[float] = mapped_column(Float)
    geom: Mapped[WKBElement] = _geom("LINESTRING")
    geom_3857: Mapped[WKBElement] = _geom("LINESTRING", WEB_MERCATOR)


class Railway(Base):
    """A stretch of railway."""

    __tablename__ = "railway"

    id: Mapped[int] = mapped_column(primary_key=True)
    name_ko: Mapped[str | None]
    geom: Mapped[WKBElement] = _geom("LINESTRING")
    geom_3857: Mapped[WKBElement] = _geom("LINESTRING", WEB_MERCATOR)


class WaterBody(Base):
    """Sea, estuary, river, stream, reservoir; as surface."""

    __tablename__ = "water_body"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """sea | estuary | river | stream | reservoir"""
    name_ko: Mapped[str | None]
    name_en: Mapped[str | None]
    geom: Mapped[WKBElement] = _geom("MULTIPOLYGON")
    geom_3857: Mapped[WKBElement] = _geom("MULTIPOLYGON", WEB_MERCATOR)


class Coast(Base):
    """A stretch of coast: natural shore, quay, seawall, barrage."""

    __tablename__ = "coast"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """shore | quay | seawall | barrage"""
    name_ko: Mapped[str | None]
    name_en: Mapped[str | None]
    geom: Mapped[WKBElement] = _geom("LINESTRING")
    geom_3857: Mapped[WKBElement] = _geom("LINESTRING", WEB_MERCATOR)


class LandUse(Base):
    """Ground with one use, for the map and for the simulations: hill, estate, park, airport, tidal flat."""

    __tablename__ = "land_use"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """hill | industry | park | airport | tidal_flat | built | farm"""
    name_ko: Mapped[str | None]
    name_en: Mapped[str | None]
    geom: Mapped[WKBElement] = _geom("MULTIPOLYGON")
    geom_3857: Mapped[WKBElement] = _geom("MULTIPOLYGON", WEB_MERCATOR)


class Market(Base):
    """A traditional market."""

    __tablename__ = "market"

    id: Mapped[int] = mapped_column(primary_key=True)
    name_ko: Mapped[str] = mapped_column(unique=True)
    name_en: Mapped[str]
    shop_count: Mapped[int]
    geom: Mapped[WKBElement] = _geom("POLYGON")
    geom_3857: Mapped[WKBElement] = _geom("POLYGON", WEB_MERCATOR)


class Shop(Base):
    """A shop (stall) of a market."""

    __tablename__ = "shop"
    __table_args__ = (UniqueConstraint("market_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    market_id: Mapped[int] = mapped_column(ForeignKey("market.id"), index=True)
    number: Mapped[int]
    """Number of the shop in its market, from 1."""
    geom: Mapped[WKBElement] = _geom("POLYGON")


class Facility(Base):
    """A place of service: fire, police, hospital, shelter, school, hall, station, airport, place."""

    __tablename__ = "facility"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """fire | police | hospital | shelter | school | hall | station | airport | place"""
    name_ko: Mapped[str]
    name_en: Mapped[str | None]
    accuracy_m: Mapped[float] = mapped_column(Float, default=0)
    """Radius within which the true place lies; drawn as a circle above 200 m."""
    geom: Mapped[WKBElement] = _geom("POINT")


class Address(Base):
    """A road address that search can find."""

    __tablename__ = "address"

    id: Mapped[int] = mapped_column(primary_key=True)
    text_ko: Mapped[str]
    geom: Mapped[WKBElement] = _geom("POINT")


class Label(Base):
    """A name on the map and the one point where it is written; made from the other tables when a city is loaded."""

    __tablename__ = "label"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """Kind of the named thing: eup, myeon, dong, sea, river, hill, market, hall, ..."""
    name_ko: Mapped[str]
    name_en: Mapped[str | None]
    geom_3857: Mapped[WKBElement] = _geom("POINT", WEB_MERCATOR)


class Terrain(Base):
    """A terrain raster: a cloud-optimised GeoTIFF in the data folder, read through rasterio."""

    __tablename__ = "terrain"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str]
    """File name below the data folder."""
    cell_size_m: Mapped[float] = mapped_column(Float)
    vertical_datum: Mapped[str]
    """Named, e.g. `Incheon mean sea level`."""
    geom: Mapped[WKBElement] = _geom("POLYGON")
    """Footprint."""


# --- what is measured ------------------------------------------------------------------------------------------------


class LayerRow(Base):
    """Catalogue row of one live layer (its layer.toml as of the last start)."""

    __tablename__ = "layer"

    id: Mapped[str] = mapped_column(primary_key=True)
    spec: Mapped[dict[str, Any]]


class Asset(Base):
    """A thing that is observed: camera, lot, gauge, berth, detector, vessel."""

    __tablename__ = "asset"
    __table_args__ = (UniqueConstraint("layer", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    layer: Mapped[str] = mapped_column(ForeignKey("layer.id"))
    key: Mapped[str]
    """Name of the asset in its layer's messages, e.g. `CAM-0001`, an MMSI."""
    name_ko: Mapped[str]
    name_en: Mapped[str | None]
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("admin_unit.id"), index=True)
    quality: Mapped[str] = mapped_column(default="synthetic")
    attributes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Facts that do not stream: direction_deg, field_of_view_deg, spaces_total, owner, ..."""
    geom: Mapped[WKBElement | None] = _geom("POINT", nullable=True)


class Datastream(Base):
    """One observed property of one asset."""

    __tablename__ = "datastream"
    __table_args__ = (UniqueConstraint("asset_id", "observed_property"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    asset_id: Mapped[int] = mapped_column(ForeignKey("asset.id"))
    observed_property: Mapped[str]


class Observation(Base):
    """A value of a datastream at a time; partitioned by day."""

    __tablename__ = "observation"
    __table_args__ = (
        Index("observation_time", "phenomenon_time", postgresql_using="brin"),
        {"postgresql_partition_by": "RANGE (phenomenon_time)"},
    )

    datastream_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    phenomenon_time: Mapped[datetime] = mapped_column(primary_key=True)
    result: Mapped[float] = mapped_column(Double)


class Latest(Base):
    """The newest observation of each datastream."""

    __tablename__ = "latest"
    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)

    datastream_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    phenomenon_time: Mapped[datetime]
    result: Mapped[float] = mapped_column(Double)


class Feed(Base):
    """What was committed, batch by batch, in the order of commit; written in the observations' own transaction."""

    __tablename__ = "feed"

    gen: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    n: Mapped[int]
    payload: Mapped[bytes]


class Event(Base):
    """Something that happened at a place: a camera event, the rise or clearing of an alarm, a berth change."""

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("layer", "key"),
        _one_of("severity", ("info", "caution", "alarm", "danger")),
    )

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """Order of commit: taken under the feed's lock."""
    layer: Mapped[str] = mapped_column(ForeignKey("layer.id"))
    key: Mapped[str]
    """Idempotency key within the layer."""
    kind: Mapped[str]
    """Class of the event (`intrusion`, ...) or `alarm_raised`, `alarm_cleared`, `alarm_acknowledged`."""
    severity: Mapped[str]
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("asset.id"), index=True)
    phenomenon_time: Mapped[datetime] = mapped_column(index=True)
    result_time: Mapped[datetime]
    """When the twin learnt of it."""
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    geom: Mapped[WKBElement | None] = _geom("POINT", nullable=True)


class AlarmRow(Base):
    """The state of one alarm rule at one asset."""

    __tablename__ = "alarm"
    __table_args__ = (
        UniqueConstraint(
            "branch", "layer", "asset_id", "rule", postgresql_nulls_not_distinct=True, name="alarm_once_a_branch"
        ),
        _one_of("state", ("NORM", "UNACK", "ACKED", "RTNUN", "SHLVD", "DSUPR", "OOSRV")),
        _one_of("severity", ("caution", "alarm", "danger")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("asset.id"))
    """Null for an alarm of the whole layer (its source is silent)."""
    branch: Mapped[str] = mapped_column(server_default="live")
    """`live`, or `drill:<id>`: what is rehearsed never touches what is real."""
    layer: Mapped[str] = mapped_column(ForeignKey("layer.id"))
    rule: Mapped[str]
    state: Mapped[str]
    severity: Mapped[str]
    result: Mapped[float | None] = mapped_column(Double)
    onset: Mapped[datetime]
    changed: Mapped[datetime]
    is_standing: Mapped[bool] = mapped_column(server_default="false")
    """The condition stands, whatever the state."""
    is_confirmed: Mapped[bool] = mapped_column(server_default="true")
    """False for what a machine believes it saw and nothing else has confirmed."""
    cleared: Mapped[datetime | None]
    """When the condition last ended; null while it stands."""
    acknowledged_by: Mapped[str | None]
    acknowledged_until: Mapped[datetime | None]
    shelved_by: Mapped[str | None]
    shelved_until: Mapped[datetime | None]
    shelved_reason: Mapped[str | None]
    silenced_by: Mapped[str | None]
    """Why it is suppressed: the rule that speaks for it, `incident`, `unconfirmed`."""
    incident_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    """The incident that it last belonged to."""


class Run(Base):
    """A simulation that somebody asked for: its scenario, how far it is, what it found."""

    __tablename__ = "run"
    __table_args__ = (_one_of("state", ("queued", "running", "cancelling", "cancelled", "done", "failed")),)

    id: Mapped[str] = mapped_column(primary_key=True)
    simulation: Mapped[str]
    title: Mapped[str]
    scenario: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(index=True)
    progress: Mapped[float] = mapped_column(Float, default=0)
    """Share of the work that is done [-]."""
    note: Mapped[str] = mapped_column(default="")
    """What it does now; of a failed one, why it failed."""
    asked_by: Mapped[str]
    asked: Mapped[datetime]
    started: Mapped[datetime | None]
    ended: Mapped[datetime | None]
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    lane: Mapped[str] = mapped_column(server_default="asked")
    """`asked` by somebody, or `live`: started by the clock. Each lane has a worker of its own."""


class Reject(Base):
    """A message, or a row of one, that was refused."""

    __tablename__ = "reject"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), index=True)
    layer: Mapped[str]
    source: Mapped[str]
    reason: Mapped[str]
    text: Mapped[str]
    sample: Mapped[str]
    """The first 500 characters of what was refused."""


class RejectCount(Base):
    """How many were refused, by layer and reason, since the store was made."""

    __tablename__ = "reject_count"

    layer: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[datetime]


class Meta(Base):
    """Facts about this store: `epoch` (a new store is a new epoch), `city_seed`, `city_version`."""

    __tablename__ = "meta"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
