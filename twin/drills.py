"""Drills: a scenario is played on the real screens in a branch of its own, and what people did is scored.

Most injects are messages of sensors, which go the way of the real ones (`backend.drill_player`) and raise alarms by the
same rules; some are news that somebody tells.
"""

import logging
import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal, Protocol, Self

import asyncpg
from pydantic import BaseModel, ConfigDict, Field, model_validator

from twin.access import AccessClass, Caller, Right
from twin.errors import BadInput, Conflict, NotFound
from twin.incidents import Incidents, Record
from twin.layer import Identifier, Text
from twin.moment import DRILL

log = logging.getLogger(__name__)

FILE = Path(__file__).with_suffix(".toml")
INJECTOR = "drill"
"""By whom injects stand in the timeline."""
Action = Literal["acknowledged", "dispatched", "notices", "note", "task", "shared", "closed"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Inject(_Record):
    """Something that happens in a drill: what a sensor says, an incident without one, or news."""

    id: Identifier
    at_s: float = Field(ge=0)
    of: Identifier | None = None
    """Inject whose incident this is news of; None opens one of its own."""
    layer: Identifier | None = None
    """Layer whose message it is."""
    message: str | None = Field(default=None, max_length=4000)
    """What the sensor says, in its own format; `{asset}`, `{time}` (ISO 8601), `{epoch}` [s] are filled in."""
    where: Mapping[str, Any] = {}
    """Facts of the asset that says it; the first of the layer where none has them."""
    topic: Identifier | None = None
    title: Text | None = None
    severity: Literal["caution", "alarm", "danger"] | None = None
    place: tuple[float, float] | None = None
    """lon, lat [deg, WGS84]."""
    note: Text | None = None
    expect: Mapping[Action, float] = {}
    """Kind of entry that is expected in the incident's timeline -> within [s]."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.layer is None) != (self.message is None) or (self.layer and self.of):
            raise ValueError(f"inject {self.id!r}: a layer comes with its message, and is no news")
        if self.layer is not None and not (self.topic and self.title):
            raise ValueError(f"inject {self.id!r} is of a sensor and needs topic and title")
        if self.layer is None and self.of is None and not (self.topic and self.title and self.severity):
            raise ValueError(f"inject {self.id!r} opens an incident and needs topic, title and severity")
        if self.of is not None and self.note is None:
            raise ValueError(f"inject {self.id!r} is news and needs a note")
        return self

    def is_met_by(self, group_key: str, topic: str) -> bool:
        """Tell whether an incident of the drill is the one that this inject is about."""
        return topic == self.topic if self.layer else group_key == self.id


class Player(Protocol):
    """Lets sensors speak in a branch; lives where the adapters are."""

    async def inject(self, branch: str, inject: Inject, at: datetime, now: datetime) -> None:
        """Let a sensor say something."""
        ...

    async def tick(self, branches: set[str], now: datetime) -> None:
        """Let time pass in the running drills."""
        ...


class Scenario(_Record):
    """A drill that can be held."""

    id: Identifier
    title: Text
    injects: tuple[Inject, ...] = Field(alias="inject", min_length=1)


@cache
def scenarios() -> dict[str, Scenario]:
    """Return all scenarios by id."""
    found = [Scenario.model_validate(one) for one in tomllib.loads(FILE.read_text("utf-8"))["drill"]]
    return {one.id: one for one in found}


class Drills:
    """Starts, plays, ends and scores drills.

    Parameters
    ----------
    player
        None where no adapters are; what a sensor says then waits for a process that has them.
    """

    def __init__(self, pool: asyncpg.Pool, incidents: Incidents, player: Player | None = None) -> None:
        self._pool, self._incidents, self._player = pool, incidents, player

    async def all(self, caller: Caller) -> Record:
        """Return the scenarios, and the drills that were held, the newest first."""
        caller.require_class(AccessClass.INTERNAL, "drills")
        rows = await self._pool.fetch("SELECT * FROM drill ORDER BY began DESC LIMIT 50")
        known = [{"id": one.id, "title": one.title.model_dump()} for one in scenarios().values()]
        return {"scenarios": known, "drills": [_told(row) for row in rows]}

    async def start(self, caller: Caller, scenario_id: str, now: datetime) -> Record:
        """Start a drill."""
        caller.require(Right.WORK, "a drill")
        scenario = scenarios().get(scenario_id)
        if scenario is None:
            raise NotFound(f"there is no scenario {scenario_id[:40]!r}")
        row = await self._pool.fetchrow(
            "INSERT INTO drill (id, title, scenario, began, by) VALUES ($1, $2, $3, $4, $5) RETURNING *",
            token_hex(4), scenario.title.ko, scenario.model_dump(mode="json", by_alias=True), now, caller.name,
        )  # fmt: skip
        if self._player is not None:
            await self._play(row["id"], now)
        return _told(await self._pool.fetchrow("SELECT * FROM drill WHERE id = $1", row["id"]))

    async def play(self, now: datetime) -> None:
        """Play the injects of all running drills that are due."""
        running = [row["id"] for row in await self._pool.fetch("SELECT id FROM drill WHERE ended IS NULL")]
        for drill in running:
            await self._play(drill, now)
        if self._player is not None:
            await self._player.tick({DRILL + drill for drill in running}, now)

    async def _play(self, drill: str, now: datetime) -> None:
        """Play what is due; one process at a time does it, the others pass by."""
        async with self._pool.acquire() as db, db.transaction():
            row = await db.fetchrow("SELECT * FROM drill WHERE id = $1 AND ended IS NULL FOR UPDATE SKIP LOCKED", drill)
            if row is not None:
                played = await self._play_due(row, now)
                await db.execute("UPDATE drill SET injected = $2 WHERE id = $1", drill, played)

    async def _play_due(self, row: asyncpg.Record, now: datetime) -> int:
        """Play the injects that are due; return how many have been played in all."""
        scenario, branch = Scenario.model_validate(row["scenario"]), DRILL + row["id"]
        played: int = row["injected"]
        made = {
            one["group_key"]: one["id"]
            for one in await self._pool.fetch("SELECT id, group_key FROM incident WHERE branch = $1", branch)
        }
        order = sorted(scenario.injects, key=lambda inject: inject.at_s)
        for number, inject in enumerate(order[row["injected"] :], start=row["injected"] + 1):
            at = row["began"] + timedelta(seconds=inject.at_s)
            if at > now:
                break
            if inject.layer is not None:
                if self._player is None:
                    break
                await self._say(branch, inject, at, now)
            elif inject.of is None:
                assert inject.title is not None
                assert inject.topic is not None
                assert inject.severity is not None
                made[inject.id] = await self._incidents.inject(
                    branch, inject.topic, inject.title, inject.severity, inject.place, inject.id, at
                )
            elif (about := await self._about(branch, scenario, inject.of, made)) is not None:
                said = {"inject": inject.id, "text": inject.note.model_dump() if inject.note else {}}
                await self._incidents.raise_stage(about, inject.severity, INJECTOR, at, said)
            played = number
        return played

    async def _say(self, branch: str, inject: Inject, at: datetime, now: datetime) -> None:
        assert self._player is not None
        try:
            await self._player.inject(branch, inject, at, now)
        except BadInput as error:  # another city than the scenario was written for: the drill goes on without it
            log.error("drill %s: %s", branch, error)

    async def _about(self, branch: str, scenario: Scenario, of: str, made: Mapping[str, int]) -> int | None:
        """Return the incident that an inject brought about."""
        inject = next(one for one in scenario.injects if one.id == of)
        if not inject.layer:
            return made.get(of)
        found: int | None = await self._pool.fetchval(
            "SELECT id FROM incident WHERE branch = $1 AND topic = $2 AND state <> 'merged' ORDER BY id DESC LIMIT 1",
            branch, inject.topic,
        )  # fmt: skip
        return found

    async def end(self, caller: Caller, drill_id: str, now: datetime) -> Record:
        """End a drill and return its score sheet."""
        caller.require(Right.WORK, "a drill")
        tag = await self._pool.execute("UPDATE drill SET ended = $2 WHERE id = $1 AND ended IS NULL", drill_id, now)
        if tag == "UPDATE 0":
            raise Conflict(f"there is no running drill {drill_id[:40]!r}")
        return await self.score(caller, drill_id)

    async def score(self, caller: Caller, drill_id: str) -> Record:
        """Return what was expected, what was done and after how long [s]."""
        caller.require_class(AccessClass.INTERNAL, "drills")
        row = await self._pool.fetchrow("SELECT * FROM drill WHERE id = $1", drill_id)
        if row is None:
            raise NotFound(f"there is no drill {drill_id[:40]!r}")
        entries = await self._pool.fetch(
            "SELECT i.group_key, i.topic, e.kind, e.at FROM incident i JOIN incident_entry e ON e.incident_id = i.id "
            "WHERE i.branch = $1 AND e.by <> $2 AND e.by <> 'system' ORDER BY e.at", DRILL + drill_id, INJECTOR,
        )  # fmt: skip
        sheet: list[Record] = []
        injects = {one.id: one for one in Scenario.model_validate(row["scenario"]).injects}
        given = {one.id for one in sorted(injects.values(), key=lambda one: one.at_s)[: row["injected"]]}
        for inject in injects.values():
            about, title = injects[inject.of or inject.id], inject.title or inject.note
            since = row["began"] + timedelta(seconds=inject.at_s)
            for action, within_s in sorted(inject.expect.items(), key=lambda one: one[1]):
                done = next(
                    (one["at"] for one in entries
                     if about.is_met_by(one["group_key"], one["topic"]) and one["kind"] == action
                     and one["at"] >= since),
                    None,
                )  # fmt: skip
                after = None if done is None else (done - since).total_seconds()
                passed = after is not None and after <= within_s
                sheet.append({
                    "inject": inject.id, "title": title.model_dump() if title else None, "action": action,
                    "within_s": within_s, "after_s": after, "passed": passed, "is_given": inject.id in given,
                })  # fmt: skip
        points = sum(bool(line["passed"]) for line in sheet)
        return _told(row) | {"sheet": sheet, "points": points, "possible": len(sheet)}


def _told(row: Mapping[str, Any]) -> Record:
    return {name: row[name] for name in ("id", "title", "began", "ended", "by", "injected")} | {
        "branch": DRILL + row["id"], "injects": len(row["scenario"]["inject"])
    }  # fmt: skip
