"""Traffic on the city of the store: what is asked, what is found, and what the map gets of it."""

import time
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from simulations.receipt import file_digest
from simulations.traffic.answer import facts_of, measures
from simulations.traffic.bases import Bases
from simulations.traffic.events import Event
from simulations.traffic.flood_run import flood_events
from simulations.traffic.ground_of import FOLDER, CityGround, ground_of, ground_on
from simulations.traffic.live import fork_live, read_live
from simulations.traffic.network import RoadNet
from simulations.traffic.result import JSON, receipt, write
from simulations.traffic.scenario import Begin, Scenario, begin_from, what_if
from simulations.traffic.spread import spread
from simulations.traffic.warm_up import drive_around
from twin import clock
from twin.errors import BadScenario

Record = dict[str, Any]
Tell = Callable[[float, str], None]
PRESETS = "presets.toml"
OWN_FIELDS = {"preset", "flood_run", "is_live", "seeds", "title"}
_EVENTS: TypeAdapter[tuple[Event, ...]] = TypeAdapter(tuple[Event, ...])


class Asked(Scenario):
    """A question about the city's traffic, as a planner asks it."""

    preset: str | None = None
    """Name of a question in `presets.toml`: its hours are the default, its events come first."""
    flood_run: str | None = Field(None, pattern=r"^[0-9a-f]{12}$")
    """A finished flood run of the city whose water stands on the roads; both begin at the same moment."""
    is_live: bool = False
    """Begin from the live city, now, instead of from empty streets at `start_h`; such a run cannot be repeated."""
    seeds: int = Field(1, ge=1, le=5)
    """Runs that show the spread [-]."""
    title: dict[str, str] | None = None
    """Written by `check`."""


@cache
def questions() -> dict[str, Record]:
    """Return the presets by name."""
    return tomllib.loads((Path(__file__).parent / PRESETS).read_text("utf-8"))


def presets() -> list[Record]:
    """Return id, title and note of the presets."""
    return [{"id": name, "title": one["title"], "note": one["note"]} for name, one in questions().items()]


def warm() -> None:
    """Compile the engine into the cache, so that the first run need not wait for it."""
    drive_around()


def schema() -> Record:
    """Return the JSON Schema of what can be asked."""
    return Asked.model_json_schema()


def check(scenario: Record) -> Record:
    """Return what is asked with its defaults filled in.

    Raises
    ------
    BadScenario
        With every place that is wrong, and why.
    """
    name = scenario.get("preset")
    if name is not None and name not in questions():
        raise BadScenario(f"there is no preset {str(name)[:40]!r}; there are {', '.join(questions())}")
    preset = questions().get(name or "", {})
    known = {key: preset[key] for key in ("start_h", "hours") if key in preset}
    try:
        asked = Asked.model_validate(known | scenario)
    except ValidationError as error:
        told = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise BadScenario("; ".join(told)) from None
    asked.check()
    if preset.get("events") and asked.hours * 3600 <= min(one["start_s"] for one in preset["events"]):
        raise BadScenario(f"hours: {asked.hours} h; limit: longer than until the first event of {name}")
    title = preset.get("title") or {"ko": "교통", "en": "Traffic"}
    return asked.model_copy(update={"title": title}).model_dump(mode="json")


def keep_bases(city: CityGround, data_dir: Path) -> None:
    """Drive the hours of all presets without their events, so that the first question about them need not."""
    bases = Bases(data_dir / FOLDER, city.ground, city.version)
    for start_h, hours in sorted({(one["start_h"], one["hours"]) for one in questions().values()}):
        bases(Scenario(start_h=start_h, hours=hours), hours * 3600, lambda t: False)


def run(dsn: str, data_dir: Path, scenario: Record, out: Path, tell: Tell, roads: RoadNet | None = None) -> Record:
    """Answer a question on the city of a store; see `simulations.registry.Simulation.run`.

    Parameters
    ----------
    roads
        Streets to ask it of instead of the city's own.
    """
    started, worked = time.monotonic(), time.process_time()
    asked = Asked.model_validate(scenario)
    tell(0.0, "도시 읽는 중 · reading the city")
    city = ground_of(dsn, data_dir) if roads is None else ground_on(dsn, roads)
    ground = city.ground
    events = [*_EVENTS.validate_python(questions().get(asked.preset or "", {}).get("events", [])), *asked.events]
    if asked.flood_run is not None:
        events += flood_events(ground.net, data_dir / "runs" / asked.flood_run, asked.hours * 3600)
    plain = Scenario(**asked.model_dump(exclude=OWN_FIELDS | {"events"}), events=tuple(events))

    begins_h, bases = plain.start_h, Bases(data_dir / FOLDER, ground, city.version)

    def begin(scenario: Scenario) -> Begin:
        return bases

    if asked.is_live:
        live = read_live(ground, data_dir, clock.now())
        begins_h = live.hour

        def begin(scenario: Scenario) -> Begin:
            return begin_from(fork_live(live, scenario.hours, scenario.seed - plain.seed))

    def told(share: float, what: str) -> bool:
        tell(0.05 + 0.85 * share, what)
        return False

    outcome = what_if(ground, plain, told, begin(plain))
    assert outcome is not None
    tell(0.9, "결과 쓰는 중 · writing")
    files = write(out, ground, outcome)
    took, worked = time.monotonic() - started, time.process_time() - worked
    varied = None
    if asked.seeds > 1:

        def told_seeds(share: float, what: str) -> bool:
            tell(0.9 + 0.1 * share, what)
            return False

        varied = spread(ground, plain, outcome, asked.seeds, told_seeds, begin)
    facts = facts_of(city, outcome, begins_h, varied) | {
        "measures": measures(ground, events),
        "flood_run": asked.flood_run,
        "is_live": asked.is_live,
        "files": files,
        "wall_s": round(took, 2),
        "cpu_s": round(worked, 2),
        "receipt": {
            "asked": asked.model_dump(mode="json"),
            "is_on_given_roads": roads is not None,
            **receipt(ground, plain, outcome),
            "outputs": {name: file_digest(out / name) for name in files},
        },
    }
    whole = orjson.dumps(facts, option=JSON)
    (out / "result.json").write_bytes(whole)
    kept: Record = orjson.loads(whole)
    return kept
