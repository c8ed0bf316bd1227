"""The map: our component, its pydeck spec, the flat map. The only file that imports pydeck and dash_leaflet."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import dash_leaflet as dl
import pydeck as pdk
from dash.development.base_component import Component

from frontend.shapes import SHAPES
from twin.crs import CITY_BBOX
from twin.layer import Layer

HOME = {"longitude": 126.712, "latitude": 35.969, "zoom": 13.4, "pitch": 52, "bearing": -14}
"""First view: the old town, the inner harbour and the estates behind [deg, WGS84]."""


class TwinMap(Component):
    """The live map.

    Parameters
    ----------
    id
        Id in the layout.
    spec
        Output of `map_spec`.
    visible
        Ids of the layers to draw; None draws all.
    language
        `ko` or `en`.
    mode
        `interleaved`, `overlaid` (weak PC: an own canvas for the live layers), `light` (software renderer).
    flyTo
        `{lon, lat, zoom}` to go to; a new object flies again.
    selected
        `{layer, asset}` of what bears the selection ring.
    title
        Accessible name.
    run, runFrame, runView
        What a simulation found, the frame that is shown, and `service` or `difference`. Water: `{id, url, minus, nx,
        ny, times_s, step_m, corners}` (`url` and `minus` lead to stacks of uint8 frames, row 0 in the north, code times
        `step_m` is the depth [m]; `minus` is taken off; `corners` are lon, lat of nw, ne, se, sw). Traffic: `{id,
        roads: {url, links, times_s}, measures, water}`, see `simulations/traffic/result.py`; `water` as above or null.
    beside, swipe
        Another run, as `run`, that is drawn right of an upright line at this share of the map's width [-]; `run` is
        then drawn left of it.
    overlay
        What an analysis found: GeoJSON whose features bear `level` (0 to 3) and `text`.
    sketch
        What the planner marks: `{links, areas, open}` (road links, rings and an unfinished ring of lon, lat).
    clicked, viewport, event_seq, link, ages, ready, error, run_shown
        What the map tells: `{layer, asset, at}`, `{building, facts, at}` or `{at}` for bare ground, always with
        `at_place` [lon, lat]; where streets are `road: {links, name}`; with a run `water: {lon, lat, depth_m}` (one
        depth a frame) or `traffic: {name, link, service, queue, more}` (one value a frame);
        `{bbox, center, zoom, pitch, bearing}`; number of the newest event (throttled);
        `connecting | live | stale | lost`; `{layer: {rows, newest}}` (epoch seconds); when it was drawn (epoch ms);
        why it could not be; `{id, at}` or `{error, at}`.
    """

    _children_props: list[str] = []  # noqa: RUF012
    _base_nodes: list[str] = ["children"]  # noqa: RUF012
    _namespace = "gunsan_twin"
    _type = "TwinMap"
    _prop_names: list[str] = [  # noqa: RUF012
        *("id", "spec", "visible", "language", "mode", "flyTo", "selected", "title"),
        *("run", "runFrame", "runView", "beside", "swipe", "overlay", "sketch"),
        *("clicked", "viewport", "event_seq", "link", "ages", "ready", "error", "run_shown"),
    ]
    _valid_wildcard_attributes: list[str] = []  # noqa: RUF012
    available_properties = _prop_names
    available_wildcard_properties: list[str] = []  # noqa: RUF012

    def __init__(self, **props: Any) -> None:
        init: Any = super().__init__
        init(**{name: value for name, value in props.items() if value is not None})


def map_spec(layers: Iterable[Layer]) -> dict[str, Any]:
    """Describe live layers as a pydeck spec whose `data` names their streams.

    Everything a layer says of itself travels in one dict: pydeck turns string arguments into expressions, but leaves
    the inside of a dict alone.
    """
    drawn = sorted(layers, key=lambda layer: layer.symbol.priority)
    deck = pdk.Deck(
        layers=[
            pdk.Layer("MarkLayer", data=f"live://{layer.id}", id=layer.id, pickable=True, live=_live(layer))
            for layer in drawn
        ],
        initial_view_state=pdk.ViewState(**HOME),
        map_provider=None,
    )
    spec = json.loads(deck.to_json())
    return {"layers": spec["layers"], "initialViewState": spec["initialViewState"], "shapes": SHAPES}


def _live(layer: Layer) -> dict[str, Any]:
    wanted = {"id", "interval_s", "stale_after_s", "is_moving", "symbol"}
    own: dict[str, Any] = layer.model_dump(mode="json", include=wanted)
    own["properties"] = [
        prop.model_dump(mode="json", include={"id", "kind", "unit", "range", "decimals"}) for prop in layer.properties
    ]
    own["height"] = _height(layer)
    return own


def _height(layer: Layer) -> str | None:
    """Return the property that gives a column its height: a share when the layer has one, else the written value."""
    shares = [prop.id for prop in layer.properties if prop.kind == "number" and prop.range in ((0, 1), (0, 100))]
    return shares[0] if shares else layer.symbol.value


def flat_map(layers: Sequence[Layer], map_id: str, attribution: str) -> Component:
    """Return the two-dimensional map: our raster tiles below, one GeoJSON overlay a layer.

    Parameters
    ----------
    layers
        In the order of the panel; overlay ids are `{"type": "flat", "layer": <id>}`.
    map_id
        Id of the map in the layout.
    attribution
        Line below the map.
    """
    west, south, east, north = CITY_BBOX
    overlays = [
        dl.GeoJSON(
            id={"type": "flat", "layer": layer.id},
            data={"type": "FeatureCollection", "features": []},
            pointToLayer={"variable": "gunsan_flat.mark"},
            hideout={"layer": layer.id, "priority": layer.symbol.priority},
        )
        for layer in sorted(layers, key=lambda layer: layer.symbol.priority)
    ]
    flat: Component = dl.Map(
        [dl.TileLayer(url="/tiles/raster/{z}/{x}/{y}.png", attribution=attribution, maxZoom=18), *overlays],
        id=map_id,
        center=[HOME["latitude"], HOME["longitude"]],
        zoom=13,
        minZoom=9,
        maxZoom=18,
        maxBounds=[[south - 0.2, west - 0.2], [north + 0.2, east + 0.2]],
        preferCanvas=True,
        className="flat-map",
        zoomControl=True,
        attributionControl=True,
    )
    return flat
