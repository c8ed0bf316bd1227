"""Open data: each layer as GeoJSON, CSV and GeoParquet, with its licence and its time in every row's company.

Without a sign-in there are the public layers and no others; the rest is refused, not hidden in the list.
"""

from enum import StrEnum
from io import BytesIO, StringIO
from typing import Annotated, Any

import geopandas
import orjson
import pandas
from fastapi import APIRouter, Depends, Request, Response
from shapely.geometry import shape

from backend.city import CityParts, parts_of
from backend.dialects.parking_guidance import guidance
from backend.routes.layers import At
from twin import clock
from twin.crs import CITY_BBOX, WGS84
from twin.errors import BadInput
from twin.layer import Layer
from twin.reader import ITEM_LIMIT

router = APIRouter(prefix="/api")
Parts = Annotated[CityParts, Depends(parts_of)]


class Format(StrEnum):
    """Formats of an export, by the ending of its file."""

    GEOJSON = "geojson"
    CSV = "csv"
    PARQUET = "parquet"


MEDIA = {
    Format.GEOJSON: "application/geo+json",
    Format.CSV: "text/csv; charset=utf-8",
    Format.PARQUET: "application/vnd.apache.parquet",
}


@router.get("/open")
async def catalogue(request: Request, city: Parts) -> dict[str, Any]:
    """List what can be taken away by who asks: layers with licence, source, quality, newest time and files."""
    told = await city.reader.layers(city.caller(request))
    names = ("id", "title", "licence", "attribution", "source", "quality", "access", "latest", "asset_count")
    return {
        "layers": [
            {name: row[name] for name in names} | {"files": {kind: f"/api/open/{row['id']}.{kind}" for kind in Format}}
            for row in told["layers"]
        ]
    }


@router.get("/open/{layer_id}.{kind}", response_class=Response)
async def export(request: Request, city: Parts, layer_id: str, kind: Format, moment: At) -> Response:
    """Return all of a layer, now or at a moment, as a file."""
    caller, now = city.caller(request), clock.now()
    layer = city.reader.layer(caller, layer_id)
    told = await city.reader.items(caller, layer_id, limit=ITEM_LIMIT, moment=moment, now=now)
    at = moment.shown(now).isoformat()
    body = _write(kind, layer, told["features"], at)
    name = f"gunsan-{layer_id}.{kind}"
    return Response(body, media_type=MEDIA[kind], headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _write(kind: Format, layer: Layer, features: list[dict[str, Any]], at: str) -> bytes:
    terms = {"licence": layer.licence, "attribution": layer.attribution.en, "retrieved": at}
    if kind is Format.GEOJSON:
        about = terms | {"type": "FeatureCollection", "name": layer.id, "quality": layer.quality}
        return orjson.dumps(about | {"features": features})
    rows = []
    for feature in features:
        facts = feature["properties"]
        lon, lat = feature["geometry"]["coordinates"] if feature["geometry"] else (None, None)
        row = {name: facts[name] for name in ("key", "name_ko", "name_en", "unit_ko", "quality", "phenomenon_time")}
        results = {prop.id: facts["results"].get(prop.id) for prop in layer.properties}
        rows.append(row | results | {"longitude": lon, "latitude": lat} | terms)
    table = pandas.DataFrame(rows)
    if kind is Format.CSV:
        text, words = StringIO(), ["key", "name_ko", "name_en", "attribution"]
        table[words] = table[words].map(_harmless)
        table.to_csv(text, index=False, date_format="%Y-%m-%dT%H:%M:%S%z")
        return text.getvalue().encode("utf-8-sig")  # Korean spreadsheets need the mark
    geometry = [shape(feature["geometry"]) if feature["geometry"] else None for feature in features]
    out = BytesIO()
    geopandas.GeoDataFrame(table, geometry=geometry, crs=WGS84).to_parquet(out, index=False)
    return out.getvalue()


@router.get("/parking/guidance")
async def parking(request: Request, city: Parts, lon: float, lat: float, limit: int = 5) -> dict[str, Any]:
    """Tell a display board or an app at a place the nearest public car parks and how many spaces are free."""
    west, south, east, north = CITY_BBOX
    if not (west <= lon <= east and south <= lat <= north and 1 <= limit <= 50):
        raise BadInput(f"{lon}, {lat} lies outside {CITY_BBOX} [deg], or limit {limit} outside 1..50")
    told = await city.reader.items(city.caller(request), "parking", limit=ITEM_LIMIT)
    layer = city.hub.layers["parking"]
    return guidance(told["features"], (lon, lat), limit, layer.stale_after_s, clock.now())


def _harmless(cell: Any) -> Any:
    """Keep a spreadsheet from taking a name for a formula: ships name themselves."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" and cell else cell
