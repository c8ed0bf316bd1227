"""The two-dimensional map: the same layers and numbers on raster tiles, for PCs without WebGL2."""

from typing import Any

from dash import ALL, Dash, Input, Output, State, no_update

from frontend.desk import Desk, Record
from frontend.text import texts
from frontend.value import format_result, thin
from twin.errors import TwinError
from twin.layer import Layer

UNKNOWN_ZOOM = 15.5
"""From here on assets that were never heard are drawn too, as on the 3D map."""
MARKS = 1500
"""Marks a layer; a flat map of more is a blot."""


def flat_features(layer: Layer, told: Record, language: str, zoom: float) -> Record:
    """Return a layer's items with what the flat map's marks show."""
    t = texts(language)
    prop = next((prop for prop in layer.properties if prop.id == layer.symbol.value), None)
    is_far = zoom < layer.symbol.min_zoom or layer.symbol.shape == "line"
    features = []
    for feature in told["features"]:
        facts = feature["properties"]
        is_known = facts["phenomenon_time"] is not None
        is_hidden = is_far or (zoom < UNKNOWN_ZOOM and not is_known)
        if feature["geometry"] is None or (is_hidden and not facts.get("severity")):
            continue
        number, unit = format_result(prop, facts["results"].get(prop.id), t) if prop else ("", "")
        shown = {
            "name": t.name(facts),
            "value": f"{number}{thin(unit)}",
            "severity": facts.get("severity"),
            "asset": feature["id"],
            "layer": layer.id,
            "isKnown": is_known,
        }
        features.append({"type": "Feature", "id": feature["id"], "geometry": feature["geometry"], "properties": shown})
    return {"type": "FeatureCollection", "features": features}


def register(app: Dash, desk: Desk) -> None:
    """Refresh the marks of the layers that are switched on, and tell what was clicked."""

    @app.callback(
        Output({"type": "flat", "layer": ALL}, "data"),
        Input("beat", "n_intervals"),
        Input("visible", "data"),
        Input("flat", "bounds"),
        State("flat", "zoom"),
        State({"type": "flat", "layer": ALL}, "id"),
        State("language", "data"),
    )
    async def refresh(
        _beat: int, visible: list[str] | None, bounds: Any, zoom: float | None, ids: list[dict[str, str]], language: str
    ) -> Any:
        bbox = (bounds[0][1], bounds[0][0], bounds[1][1], bounds[1][0]) if bounds else None
        caller = desk.caller()
        out: list[Any] = []
        for one in ids:
            layer = desk.layers[one["layer"]]
            if layer.id not in (visible or []):
                out.append({"type": "FeatureCollection", "features": []})
                continue
            try:
                told = await desk.reader.items(caller, layer.id, bbox=bbox, limit=MARKS)
                out.append(flat_features(layer, told, language, zoom or 13))
            except (TwinError, OSError, TimeoutError):
                out.append(no_update)
        return out
