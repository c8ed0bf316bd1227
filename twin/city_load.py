"""Put a whole city into the store in one transaction: either all of it is there afterwards or nothing changed."""

import csv
import io
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

import geopandas
import orjson
import psycopg
import shapely
from sqlalchemy import Table

from twin.crs import KOREA_CENTRAL, WEB_MERCATOR
from twin.layer import Layer
from twin.model import Base

ORDER = (
    "admin_unit", "land_use", "water_body", "coast", "railway", "road_node", "road_link", "building",
    "market", "shop", "facility", "address", "terrain",
)  # fmt: skip
"""Tables in the order in which their rows may be written; deleted in the reverse."""


_LABELS = f"""
DELETE FROM label;
INSERT INTO label (kind, name_ko, name_en, geom_3857)
SELECT DISTINCT ON (kind, name_ko) kind, name_ko, name_en,
    CASE WHEN ST_Dimension(geom) = 1 THEN ST_LineInterpolatePoint(geom, 0.5) ELSE ST_PointOnSurface(geom) END
FROM (
    SELECT kind, name_ko, name_en, geom_3857 AS geom FROM admin_unit
    UNION ALL SELECT kind, name_ko, name_en, geom_3857 FROM water_body
    UNION ALL SELECT kind, name_ko, name_en, geom_3857 FROM land_use
    UNION ALL SELECT kind, name_ko, name_en, geom_3857 FROM coast
    UNION ALL SELECT 'market', name_ko, name_en, geom_3857 FROM market
    UNION ALL SELECT kind, name_ko, name_en, ST_Transform(geom, {WEB_MERCATOR}) FROM facility
    WHERE kind IN ('hall', 'station', 'hospital', 'airport')
) named
WHERE name_ko IS NOT NULL
ORDER BY kind, name_ko, ST_Area(geom) + ST_Length(geom) DESC
"""
"""One point a name, on its largest part."""


class City(Protocol):
    """What the loader needs of a city (`gisdata.city.City` is one)."""

    @property
    def tables(self) -> Mapping[str, geopandas.GeoDataFrame]: ...  # noqa: D102

    @property
    def assets(self) -> Mapping[str, geopandas.GeoDataFrame]: ...  # noqa: D102

    @property
    def catalogue(self) -> Mapping[str, Mapping[str, Any]]: ...  # noqa: D102

    @property
    def seed(self) -> int: ...  # noqa: D102


def load_city(
    dsn: str,
    stands_on: str,
    city: City,
    layers: Mapping[str, Layer],
    now: datetime,
    progress: Callable[[float, str], None],
) -> None:
    """Replace the city of a store.

    Assets keep their id, and so their observations, when layer and key are the same as before; assets that the new
    registers do not name any more are removed, but for those that registered themselves.

    Parameters
    ----------
    stands_on
        Fingerprint of the base data, empty without any.
    progress
        Called with the share done [0..1] and what is being done.
    """
    with psycopg.connect(dsn) as db, db.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(8050)")
        cursor.execute("UPDATE asset SET unit_id = NULL")
        for name in reversed(ORDER):
            cursor.execute(f"DELETE FROM {name}")
        for index, name in enumerate(ORDER):
            progress(index / (len(ORDER) + 2), name)
            if name in city.tables:
                _copy(cursor, Base.metadata.tables[name], city.tables[name])
        cursor.execute(_LABELS)
        progress(len(ORDER) / (len(ORDER) + 2), "asset")
        _write_layers(cursor, layers)
        for layer_id, register in city.assets.items():
            if layer_id in layers:
                _write_assets(cursor, layers[layer_id], register)
        cursor.execute("UPDATE asset SET unit_id = u.id FROM admin_unit u WHERE ST_Contains(u.geom, asset.geom)")
        _write_catalogue(cursor, city)
        cursor.execute(
            "INSERT INTO meta (key, value) VALUES ('city_seed', %s), ('city_version', %s), ('city_base', %s) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (str(city.seed), f"{now:%Y%m%dT%H%M%S%f}", stands_on),
        )
    progress(1.0, "analyse")
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute("ANALYZE")


def write_layers(dsn: str, layers: Mapping[str, Layer]) -> None:
    """Write the catalogue rows of the live layers (at every start: a layer may be new or changed)."""
    with psycopg.connect(dsn) as db, db.cursor() as cursor:
        _write_layers(cursor, layers)


def _write_layers(cursor: "psycopg.Cursor[Any]", layers: Mapping[str, Layer]) -> None:
    cursor.executemany(
        "INSERT INTO layer (id, spec) VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET spec = excluded.spec",
        [(layer.id, layer.model_dump_json()) for layer in layers.values()],
    )


def _hex(frame: geopandas.GeoDataFrame, srid: int) -> Any:
    return shapely.to_wkb(shapely.set_srid(frame.geometry.array, srid), hex=True, include_srid=True)


def _copy(cursor: "psycopg.Cursor[Any]", table: Table, rows: geopandas.GeoDataFrame) -> None:
    """COPY a frame (geometry column `geom`, EPSG:5186) into its table; `geom_3857` is made on the way."""
    columns = {
        column.name: rows[column.name].astype(object).where(rows[column.name].notna(), None)
        for column in table.columns
        if column.name in rows.columns and not column.name.startswith("geom")
    }
    names = [*columns, "geom"]
    parts: list[Any] = [*columns.values(), _hex(rows, KOREA_CENTRAL)]
    if "geom_3857" in table.columns:
        names.append("geom_3857")
        parts.append(_hex(rows.to_crs(WEB_MERCATOR), WEB_MERCATOR))
    _copy_rows(cursor, table.name, names, zip(*parts, strict=True))


def _copy_rows(cursor: "psycopg.Cursor[Any]", table: str, names: list[str], rows: Any) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_MINIMAL).writerows(
        ["\\N" if value is None else value for value in row] for row in rows
    )
    statement = f"COPY {table} ({', '.join(names)}) FROM STDIN (FORMAT csv, NULL '\\N')"
    with cursor.copy(statement) as copy:
        copy.write(text.getvalue())


def _write_assets(cursor: "psycopg.Cursor[Any]", layer: Layer, register: geopandas.GeoDataFrame) -> None:
    cursor.execute(
        "CREATE TEMP TABLE incoming (key text, name_ko text, name_en text, quality text, attributes jsonb, "
        "geom geometry) ON COMMIT DROP"
    )
    columns = [
        register["key"], register["name_ko"],
        register["name_en"].astype(object).where(register["name_en"].notna(), None), register["quality"],
        [orjson.dumps(one, option=orjson.OPT_SERIALIZE_NUMPY).decode() for one in register["attributes"]],
        _hex(register, KOREA_CENTRAL),
    ]  # fmt: skip
    names = ["key", "name_ko", "name_en", "quality", "attributes", "geom"]
    _copy_rows(cursor, "incoming", names, zip(*columns, strict=True))
    if not layer.registers_assets:
        cursor.execute(
            "CREATE TEMP TABLE gone ON COMMIT DROP AS SELECT id FROM asset a WHERE layer = %s "
            "AND NOT EXISTS (SELECT FROM incoming i WHERE i.key = a.key)",
            (layer.id,),
        )
        cursor.execute("DELETE FROM alarm WHERE asset_id IN (SELECT id FROM gone)")
        cursor.execute("UPDATE event SET asset_id = NULL WHERE asset_id IN (SELECT id FROM gone)")
        cursor.execute(
            "DELETE FROM latest WHERE datastream_id IN "
            "(SELECT id FROM datastream WHERE asset_id IN (SELECT id FROM gone))"
        )
        cursor.execute("DELETE FROM datastream WHERE asset_id IN (SELECT id FROM gone)")
        cursor.execute("DELETE FROM asset WHERE id IN (SELECT id FROM gone)")
        cursor.execute("DROP TABLE gone")
    cursor.execute(
        "INSERT INTO asset (layer, key, name_ko, name_en, quality, attributes, geom) "
        "SELECT %s, key, name_ko, name_en, quality, attributes, geom FROM incoming "
        "ON CONFLICT (layer, key) DO UPDATE SET name_ko = excluded.name_ko, name_en = excluded.name_en, "
        "quality = excluded.quality, attributes = asset.attributes || excluded.attributes, geom = excluded.geom",
        (layer.id,),
    )
    cursor.execute("DROP TABLE incoming")


def _write_catalogue(cursor: "psycopg.Cursor[Any]", city: City) -> None:
    cursor.execute("DELETE FROM base_layer")
    for name, entry in city.catalogue.items():
        rows = city.tables[name] if name in city.tables else city.assets.get(name, ())
        cursor.execute(
            "INSERT INTO base_layer VALUES (%(id)s, %(title_ko)s, %(title_en)s, %(origin)s, %(licence)s, "
            "%(attribution)s, %(as_of)s, %(quality)s, %(row_count)s, %(rejected)s)",
            {"id": name, "row_count": len(rows), "rejected": 0} | dict(entry),
        )
