"""Check a report against its layer: the one place, for every adapter, between a message and the store."""

from collections.abc import Callable
from datetime import datetime
from math import isfinite

from layers.reading import shown
from twin.crs import CITY_BBOX, is_in_city
from twin.errors import BadMessage
from twin.layer import Layer, Property
from twin.report import Report

Reader = Callable[[object, str], float]

_readers: dict[str, tuple[Layer, dict[str, Reader]]] = {}


def results_of(spec: Layer, report: Report) -> dict[str, float]:
    """Return a report's results as numbers: enum words as their index, times as seconds since 1970.

    A report of a moving layer that carries a position also yields `longitude` and `latitude` [deg, WGS84].

    Raises
    ------
    BadMessage
        `bad_time`, `unknown_property`, `not_a_number`, `out_of_range`, `unknown_value`, `out_of_city` or
        `unexpected_position`: what, the value with its unit, the limit, and at which asset.
    """
    known = _readers.get(spec.id)
    if known is None or known[0] is not spec:
        known = _readers[spec.id] = (spec, {prop.id: _reader(prop) for prop in spec.properties})
    readers = known[1]
    if report.phenomenon_time.tzinfo is None:
        raise BadMessage("bad_time", f"{spec.id} {report.asset}: time {report.phenomenon_time} has no zone")
    results: dict[str, float] = {}
    if report.position is not None:
        position = _position(spec, report)
        if spec.is_moving:
            results["longitude"], results["latitude"] = position
    for name, value in report.results.items():
        reader = readers.get(name)
        if reader is None:
            raise BadMessage("unknown_property", f"{spec.id} {report.asset}: the layer has no property {shown(name)}")
        results[name] = reader(value, report.asset)
    return results


def _position(spec: Layer, report: Report) -> tuple[float, float]:
    assert report.position is not None
    if not (spec.is_moving or spec.registers_assets):
        raise BadMessage("unexpected_position", f"{spec.id} {report.asset}: the assets of this layer do not move")
    lon, lat = report.position
    if not is_in_city(lon, lat):
        raise BadMessage("out_of_city", f"{spec.id} {report.asset}: {lon:.5f}, {lat:.5f} lies outside {CITY_BBOX}")
    return lon, lat


def _reader(prop: Property) -> Reader:
    """Return the function that reads one property; what it needs is looked up once, not per report."""
    if prop.kind == "enum":
        codes = {word: float(index) for index, word in enumerate(prop.values)}

        def read(value: object, asset: str) -> float:
            code = codes.get(value) if isinstance(value, str) else None
            if code is None:
                raise BadMessage(
                    "unknown_value", f"{asset}: {prop.id} = {shown(value)} is not one of {', '.join(prop.values)}"
                )
            return code

    elif prop.kind == "time":

        def read(value: object, asset: str) -> float:
            if not isinstance(value, datetime) or value.tzinfo is None:
                raise BadMessage("bad_time", f"{asset}: {prop.id} = {shown(value)} is not a time with a zone")
            return value.timestamp()

    else:
        assert prop.range is not None
        low, high = prop.range

        def read(value: object, asset: str) -> float:
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not isfinite(value):
                raise BadMessage("not_a_number", f"{asset}: {prop.id} = {shown(value)} is not a finite number")
            if not low <= value <= high:
                raise BadMessage(
                    "out_of_range", f"{asset}: {prop.id} = {value} {prop.unit} lies outside {low} to {high}"
                )
            return float(value)

    return read
