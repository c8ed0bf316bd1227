"""Write the reference pages that follow from the code: `python -m docs.generate`. A house test compares them."""

import ast
import inspect
import pkgutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from google.protobuf import text_format
from google.transit import gtfs_realtime_pb2

import backend.routes
import twin.account_model
import twin.desk_model
import twin.entry_model
import twin.errors
import twin.forecast_model
import twin.incident_model
import twin.log_model
import twin.settings
import twin.share_model
from backend.cli import parser
from docs.desk import desk_page
from docs.roles import roles_page
from gisdata.catalogue import read_sources
from layers import LoadedLayer, load_layers
from simulations.flood import scenario
from simulations.traffic import city as traffic_city
from simulations.traffic import events as traffic_events
from simulations.traffic.scenario import Scenario as TrafficScenario
from twin.errors import HTTP_STATUS, BadMessage
from twin.layer import AlarmRule, Property
from twin.model import Base
from twin.report import Happening, Report
from twin.settings import ROOT, Secrets, Settings
from twin.units import UNITS

FOLDER = Path(__file__).resolve().parent / "reference"
NOTE = "<!-- Written by `python -m docs.generate` from the code. Do not edit. -->\n\n"
RECEIVED = datetime(2026, 5, 1, 0, 0, 5, tzinfo=UTC)
"""When the samples are taken to have come in."""
FENCES = {".json": "json", ".xml": "xml", ".nmea": "text", ".pb": "text"}


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table; empty when there are no rows."""
    lines = [" | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows]
    if not lines:
        return ""
    names = list(head)
    return "\n".join(f"| {line} |" for line in (" | ".join(names), " | ".join("---" for _ in names), *lines)) + "\n\n"


def number(value: float) -> str:
    """Return a number without needless digits."""
    return f"{value:g}" if abs(value) < 1e6 else str(value)


def layers_page() -> str:
    """Return the table of all layers, and of each layer its properties, alarms and events."""
    found = load_layers()
    overview = table(
        ("layer", "title", "group", "access", "properties", "alarms", "events", "adapter"),
        (
            (
                f"[`{key}`](#{key})", f"{one.spec.title.en} · {one.spec.title.ko}", one.spec.group, one.spec.access,
                len(one.spec.properties), len(one.spec.alarms), len(one.spec.events),
                "own" if (ROOT / "layers" / key / "adapter.py").exists() else "none, flat JSON",
            )
            for key, one in found.items()
        ),
    )  # fmt: skip
    intro = (
        "# Layers\n\nWhat each live layer declares in its `layer.toml`. "
        "Its messages stand in [messages.md](messages.md).\n\n"
    )
    return NOTE + intro + overview + "".join(layer_section(one) for one in found.values())


def layer_section(layer: LoadedLayer) -> str:
    """Return the section of one layer."""
    spec = layer.spec
    facts = {
        "access": spec.access, "quality": spec.quality, "source": spec.source, "licence": spec.licence,
        "one observation each": f"{number(spec.interval_s)} s", "stale after": f"{number(spec.stale_after_s)} s",
        "kept for": f"{spec.retention_days} days", "moves": "yes" if spec.is_moving else "no",
        "unknown assets": "are registered" if spec.registers_assets else "are refused",
    }  # fmt: skip
    properties = (
        (f"`{prop.id}`", prop.title.en, prop.title.ko, unit_of(prop), range_of(prop)) for prop in spec.properties
    )
    alarms = (
        (
            f"`{rule.rule}`", condition_of(rule), f"{number(rule.delay_s)} s", rule.severity, rule.title.en,
            rule.action.en, f"{number(rule.respond_within_s)} s",
        )
        for rule in spec.alarms
    )  # fmt: skip
    figures = (
        (f"`{one.id}`", one.title.en, one.title.ko, one.statistic, f"`{one.property}`" if one.property else "assets")
        for one in spec.figures
    )
    events = (
        (
            f"`{event.kind}`",
            event.title.en,
            event.title.ko,
            event.severity,
            "yes" if event.alarm else "no",
        )
        for event in spec.events
    )
    return (
        f"## {spec.id}\n\n{spec.title.en} · {spec.title.ko}\n\n"
        + table(("fact", "value"), facts.items())
        + table(("property", "title", "Korean", "unit", "range or values"), properties)
        + table(("alarm", "raised when", "for", "severity", "title", "action", "respond within"), alarms)
        + table(("event", "title", "Korean", "severity", "alarm"), events)
        + table(("figure", "title", "Korean", "statistic", "of"), figures)
    )


def unit_of(prop: Property) -> str:
    """Return how a property's unit is written."""
    if prop.kind != "number":
        return {"enum": "word", "time": "time"}[prop.kind]
    return UNITS[prop.unit] or {"1": "[-]", "{count}": "count"}[prop.unit]


def range_of(prop: Property) -> str:
    """Return the valid range, or the words, of a property."""
    if prop.kind == "enum":
        return ", ".join(f"`{value}`" for value in prop.values)
    return "" if prop.range is None else f"{number(prop.range[0])} to {number(prop.range[1])}"


def condition_of(rule: AlarmRule) -> str:
    """Return the condition of an alarm rule, and where it clears."""

    def shown(value: float | str) -> str:
        return f"its `{value}`" if isinstance(value, str) else number(value)

    if rule.equals is not None:
        return f"`{rule.property}` is `{rule.equals}`"
    sign, limit = (">=", rule.above) if rule.above is not None else ("<=", rule.below)
    assert limit is not None
    clear = "" if rule.clear is None else f", until {'<' if sign == '>=' else '>'} {shown(rule.clear)}"
    return f"`{rule.property}` {sign} {shown(limit)}{clear}"


def messages_page() -> str:
    """Return of each layer one message as its source sends it, and what its adapter makes of it."""
    intro = (
        "# Messages\n\nOne message of each layer as its source sends it, and what comes out of it. Send it to the MQTT "
        "topic or to the HTTP path; both take the same bytes. See [how to connect a source](../how-to/real-sources.md)."
        "\n\n"
    )
    return NOTE + intro + "".join(message_section(key, layer) for key, layer in load_layers().items())


def message_section(key: str, layer: LoadedLayer) -> str:
    """Return the section of one layer's message."""
    suffix = next((ROOT / "layers" / key).glob("sample.*")).suffix
    if suffix == ".pb":
        feed = gtfs_realtime_pb2.FeedMessage.FromString(layer.sample)
        shown = text_format.MessageToString(feed, as_utf8=True).strip()
        kind = f"Protocol Buffers, {len(layer.sample)} bytes; as text:"
    else:
        shown, kind = layer.sample.decode().strip(), {".json": "JSON:", ".xml": "XML:", ".nmea": "NMEA lines:"}[suffix]
    rows = [entry_row(entry) for entry in layer.adapt(layer.sample, RECEIVED)]
    return (
        f"## {key}\n\nTopic `gunsan/{key}`, path `/api/ingest/{key}`. {kind}\n\n"
        f"```{FENCES[suffix]}\n{shown}\n```\n\nbecomes\n\n"
        + table(("asset", "phenomenon time (UTC)", "kind", "results or detail"), rows)
    )


def entry_row(entry: Report | Happening | BadMessage) -> tuple[str, ...]:
    """Return one row of what an adapter made."""
    if isinstance(entry, BadMessage):
        return "", "", f"refused: `{entry.reason}`", str(entry)
    time = entry.phenomenon_time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(entry, Happening):
        return f"`{entry.asset}`", time, f"event `{entry.kind}`", pairs(entry.detail)
    position = {} if entry.position is None else dict(zip(("longitude", "latitude"), entry.position, strict=True))
    return f"`{entry.asset}`", time, "report", pairs({**position, **entry.results})


def pairs(values: Any) -> str:
    """Return names and values in one line."""
    return ", ".join(f"`{name}` {value_text(value)}" for name, value in values.items())


def value_text(value: object) -> str:
    """Return one value as text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def api_page() -> str:
    """Return the routes, as the OpenAPI document has them, and the WebSockets."""
    app, sockets = FastAPI(title="Gunsan Twin"), []
    for info in sorted(pkgutil.iter_modules(backend.routes.__path__), key=lambda info: info.name):
        router = import_module(f"backend.routes.{info.name}").router
        app.include_router(router)
        sockets += [route for route in router.routes if not hasattr(route, "methods")]
    parts = [
        "# HTTP and WebSocket routes\n\nThe running city serves the OpenAPI document at `/api/openapi.json`. "
        'An error is JSON: `{"error": {"what": ..., "status": ...}}`, see [errors.md](errors.md). '
        "Reading needs the session cookie or `Authorization: Bearer <operator key>` for all that is not public.\n\n"
    ]
    for path, methods in sorted(app.openapi()["paths"].items()):
        for method, facts in methods.items():
            parts.append(f"## {method.upper()} {path}\n\n{facts.get('description', '')}\n\n")
            rows = [
                (f"`{one['name']}`", one["in"], "yes" if one.get("required") else "no", schema_text(one["schema"]))
                for one in facts.get("parameters", ())
            ]
            parts.append(table(("parameter", "in", "required", "value"), rows))
    sockets.sort(key=lambda route: route.path)
    parts += [f"## WebSocket {route.path}\n\n{inspect.getdoc(route.endpoint)}\n\n" for route in sockets]
    parts.append("The frames of `/ws/live` stand in [websocket.md](websocket.md).\n")
    return NOTE + "".join(parts)


def schema_text(schema: dict[str, Any]) -> str:
    """Return the schema of a parameter in words."""
    kinds = [schema["type"]] if "type" in schema else [one["type"] for one in schema.get("anyOf", ())]
    words = [" or ".join(kind for kind in kinds if kind != "null")]
    names = {"minimum": "from", "maximum": "to", "maxLength": "length up to", "default": "default"}
    words += [f"{name} {schema[key]!r}" for key, name in names.items() if schema.get(key) is not None]
    return ", ".join(words)


def field_texts(cls: type) -> dict[str, str]:
    """Return the docstrings under the fields of a settings class."""
    body = ast.parse(inspect.getsource(cls)).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, following in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            is_text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            found[field.target.id] = inspect.cleandoc(following.value.value) if is_text else ""
    return found


def settings_page() -> str:
    """Return the settings, and the secrets that a data folder keeps."""
    commands = next(action.choices for action in parser()._actions if isinstance(action.choices, dict))
    options = {action.dest: action.option_strings[0] for action in commands["up"]._actions if action.option_strings}
    options["demo"] = options.pop("no_feed")
    texts, rows = field_texts(Settings), []
    for name, field in Settings.model_fields.items():
        default = field.default.relative_to(ROOT) if isinstance(field.default, Path) else field.default
        option = f"`{options[name]}`" if name in options else ""
        rows.append((f"`{name.upper()}`", option, "" if default is None else f"`{default}`", texts.get(name, "")))
    secrets = ((f"`{name}`", field_texts(Secrets).get(name, "")) for name in Secrets.model_fields)
    return (
        f"{NOTE}# Settings\n\nAn argument of `./gunsan up` overrules the environment variable.\n\n"
        + table(("variable", "argument", "default", "meaning"), rows)
        + "## Secrets\n\nRandom, made at the first start, kept in `secrets.toml` of the data folder, "
        "readable by its owner only. None has a default.\n\n" + table(("name", "meaning"), secrets)
    )


def reasons() -> Iterator[tuple[str, str]]:
    """Yield each reason under which a message is refused, with the module that says so."""
    for path in sorted([*ROOT.glob("layers/**/*.py"), *ROOT.glob("backend/**/*.py")]):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            is_refusal = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "BadMessage"
            if is_refusal and node.args and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value), path.relative_to(ROOT).as_posix()


def errors_page() -> str:
    """Return the error tree, the table of HTTP status, and the reasons of refused messages."""
    drawing = (twin.errors.__doc__ or "").split("\n\n", 1)[1].strip()
    places: dict[str, set[str]] = defaultdict(set)
    for reason, path in reasons():
        places[reason].add(f"`{path}`")
    return (
        f"{NOTE}# Errors\n\n```text\n{drawing}\n```\n\n## HTTP status\n\nThe nearest ancestor in this table counts.\n\n"
        + table(("error", "status"), ((f"`{kind.__name__}`", status) for kind, status in HTTP_STATUS.items()))
        + "## Refused messages\n\nA message or a row of it that cannot be used is counted by layer and reason; "
        "`GET /api/ingest/rejects` shows the counts and the newest samples.\n\n"
        + table(("reason", "said by"), ((f"`{key}`", ", ".join(sorted(places[key]))) for key in sorted(places)))
    )


def city_page() -> str:
    """Return the tables of the store."""
    parts = [NOTE, "# Tables of the store\n\nGeometry is stored in EPSG:5186 [m].\n\n"]
    for mapper in sorted(Base.registry.mappers, key=lambda mapper: mapper.local_table.name):
        columns = mapper.local_table.columns
        parts.append(f"## {mapper.local_table.name}\n\n{inspect.getdoc(mapper.class_)}\n\n")
        notes = field_texts(mapper.class_)
        rows = (
            (f"`{one.name}`", type_text(one.type), "yes" if one.nullable else "no", notes.get(one.name, ""))
            for one in columns
        )
        parts.append(table(("column", "type", "nullable", "meaning"), rows))
    return "".join(parts)


def type_text(kind: Any) -> str:
    """Return a column's type in words."""
    shape = getattr(kind, "geometry_type", None)
    return f"{shape.lower()}" if shape else str(kind).lower()


def base_page() -> str:
    """Return where base data come from."""
    sources = read_sources()
    head = ("file", "feeds", "origin", "licence", "attribution", "as of", "quality")
    keys = ("origin", "licence", "attribution", "as_of", "quality")
    files = (
        (f"`{name}`", ", ".join(f"`{one}`" for one in facts["feeds"]), *(facts[key] for key in keys))
        for name, facts in sources["file"].items()
    )
    generated = ("generated", "all others", *(sources["generated"][key] for key in keys))
    return (
        f"{NOTE}# Base data\n\nThe files that `GISDATA_DIR` may hold, from `gisdata/sources.toml`. Each replaces the "
        "generated rows of the tables it feeds. None of them is part of this project.\n\n"
        + table(head, [*files, generated])
    )


def scenario_page() -> str:
    """Return the records of a flood scenario, as the code declares them."""
    records = [one for one in vars(scenario).values() if isinstance(one, type) and issubclass(one, scenario.Record)]
    return (
        f"{NOTE}# The flood scenario file\n\nJSON, one object: a `Scenario`. A field that is not listed is refused. "
        "How it is used: [simulate a flood](../how-to/simulate-a-flood.md).\n\n"
        "An `Amount` is a number, or pairs `[[time_s, value], ...]`: linear in between, constant before and after. "
        "A `Point` is `[x, y]`, a `Line` a list of points. A `Path` leads to a GeoTIFF, from the folder of the file; "
        "another grid is brought onto the cells of the terrain.\n\n"
        + "".join(_record_section(one) for one in records[:0:-1])
    )


def traffic_page() -> str:
    """Return the records of a traffic scenario and of its events, as the code declares them."""
    known = vars(traffic_events).values()
    events = [one for one in known if isinstance(one, type) and issubclass(one, traffic_events.Common)]
    presets = ((f"`{one['id']}`", one["title"]["en"], one["note"]["en"]) for one in traffic_city.presets())
    return (
        f"{NOTE}# The traffic scenario file\n\nJSON, one object: the fields of `Scenario` and of `Asked`. A field that "
        "is not listed is refused. How it is used: [close a road](../how-to/close-a-road.md).\n\n"
        "An event has the fields of `Common`, and a placed one those of `Placed`; `event` names its kind.\n\n"
        + table(("preset", "title", ""), presets)
        + "".join(_record_section(one) for one in (TrafficScenario, traffic_city.Asked, *events))
    )


def _record_section(record: type) -> str:
    body = ast.parse(inspect.getsource(record)).body[0]
    assert isinstance(body, ast.ClassDef)
    texts, rows = field_texts(record), []
    for field in body.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            default = "required" if field.value is None else f"`{ast.unparse(field.value)}`"
            kind = ast.unparse(field.annotation).replace("None", "null")
            rows.append((f"`{field.target.id}`", f"`{kind}`", default, texts.get(field.target.id, "")))
    return f"## {record.__name__}\n\n{inspect.getdoc(record)}\n\n" + table(("field", "type", "default", ""), rows)


PAGES: dict[str, Callable[[], str]] = {
    "layers.md": layers_page,
    "messages.md": messages_page,
    "api.md": api_page,
    "settings.md": settings_page,
    "errors.md": errors_page,
    "city.md": city_page,
    "roles.md": lambda: NOTE + roles_page(table),
    "desk.md": lambda: NOTE + desk_page(table),
    "base-data.md": base_page,
    "flood-scenario.md": scenario_page,
    "traffic-scenario.md": traffic_page,
}
"""File name -> what writes it."""


def page(name: str) -> str:
    """Return the text of a generated page."""
    return PAGES[name]().rstrip() + "\n"


if __name__ == "__main__":
    for name in PAGES:
        (FOLDER / name).write_text(page(name), "utf-8")
        print(FOLDER / name)
