"""Incidents: alarms, people, tasks and a timeline that belong together, from the first sign to the closed case.

Every change is one transaction: the row, its line in the timeline, and the event that tells the screens.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Literal

import asyncpg

from twin.access import AccessClass, Caller, Right
from twin.crs import KOREA_CENTRAL, WGS84
from twin.desk import Desk
from twin.errors import BadInput, Conflict, NotFound
from twin.incident_writing import FACTS, add_playbook, event_of, write_entry
from twin.layer import Layer, Text
from twin.ledger import ledger_of
from twin.moment import LIVE
from twin.reader import texts_of
from twin.store import lock_feed, publish, write_events

Record = dict[str, Any]
Verb = Literal["acknowledge", "dispatch", "close", "reopen", "merge"]

NEXT: dict[tuple[str, Verb], str] = {
    ("new", "acknowledge"): "acknowledged",
    ("new", "dispatch"): "dispatched",
    ("new", "close"): "closed",
    ("new", "merge"): "merged",
    ("acknowledged", "acknowledge"): "acknowledged",  # alarms that came after the first time
    ("acknowledged", "dispatch"): "dispatched",
    ("acknowledged", "close"): "closed",
    ("acknowledged", "merge"): "merged",
    ("dispatched", "acknowledge"): "dispatched",
    ("dispatched", "dispatch"): "dispatched",
    ("dispatched", "close"): "closed",
    ("dispatched", "merge"): "merged",
    ("closed", "reopen"): "acknowledged",
}
"""State x verb -> state; what is not here is refused."""
ENTRY_OF: dict[Verb, str] = {
    "acknowledge": "acknowledged",
    "dispatch": "dispatched",
    "close": "closed",
    "reopen": "reopened",
    "merge": "merged",
}
_OPEN = (
    "INSERT INTO incident (branch, topic, title_ko, title_en, severity, state, opened, changed, unit_id, geom, "
    f"group_key) SELECT $1, $2, $3, $4, $5, $6, $7, $7, u.id, g.geom, $10 FROM (SELECT ST_Transform("
    f"ST_SetSRID(ST_MakePoint($8, $9), {WGS84}), {KOREA_CENTRAL}) AS geom) g "
    "LEFT JOIN admin_unit u ON ST_Contains(u.geom, g.geom) LIMIT 1 RETURNING id"
)
_MEMBERS = (
    "SELECT al.id, m.onset, m.joined, m.severity, m.silenced_by, al.layer, al.rule, al.state, al.result, al.changed, "
    "a.id AS asset, a.key, a.name_ko, a.name_en, ST_X(p) AS lon, ST_Y(p) AS lat FROM incident_alarm m "
    "JOIN alarm al ON al.id = m.alarm_id LEFT JOIN asset a ON a.id = al.asset_id "
    f"LEFT JOIN LATERAL ST_Transform(a.geom, {WGS84}) p ON true "
    "WHERE m.incident_id = $1 AND al.layer = ANY($2) ORDER BY m.joined, al.id"
)


class Incidents:
    """Asks and changes through a pool; holds no state of its own."""

    def __init__(self, pool: asyncpg.Pool, layers: Mapping[str, Layer]) -> None:
        self._pool, self._layers = pool, layers

    async def list(self, caller: Caller, *, branch: str = LIVE, closed: bool = False, limit: int = 100) -> Record:
        """Return the open incidents by priority (or the newest closed ones)."""
        caller.require_class(AccessClass.INTERNAL, "incidents")
        order = "i.closed DESC" if closed else (
            "array_position(ARRAY['danger', 'alarm', 'caution', 'info'], i.severity), i.state <> 'new', i.opened"
        )  # fmt: skip
        rows = await self._pool.fetch(
            f"SELECT {FACTS} WHERE i.branch = $1 AND i.state <> 'merged' AND (i.state = 'closed') = $2 "
            f"ORDER BY {order} LIMIT $3",
            branch, closed, limit,
        )  # fmt: skip
        return {"incidents": [dict(row) for row in rows]}

    async def get(self, caller: Caller, incident_id: int) -> Record:
        """Return an incident with its alarms (of layers the caller may see), tasks, timeline and ledger.

        Raises
        ------
        NotFound
            There is none of this number.
        """
        caller.require_class(AccessClass.INTERNAL, "incidents")
        row = await self._pool.fetchrow(f"SELECT {FACTS} WHERE i.id = $1", incident_id)
        if row is None:
            raise NotFound(f"there is no incident {incident_id}")
        seen = caller.seen(self._layers.values())
        alarms = await self._pool.fetch(_MEMBERS, incident_id, seen)
        tasks = await self._pool.fetch("SELECT * FROM incident_task WHERE incident_id = $1 ORDER BY id", incident_id)
        entries = await self._pool.fetch(
            "SELECT e.id, e.incident_id, e.at, e.kind, e.by, e.detail FROM incident_entry e "
            "WHERE e.incident_id = $1 OR e.incident_id IN (SELECT id FROM incident WHERE merged_into = $1) "
            "ORDER BY e.at, e.id", incident_id,
        )  # fmt: skip
        timeline = [dict(entry) for entry in entries]
        return dict(row) | {
            "alarm_list": [dict(alarm) | texts_of(self._layers[alarm["layer"]], alarm["rule"]) for alarm in alarms],
            "tasks": [dict(task) for task in tasks],
            "timeline": timeline,
            "ledger": ledger_of(timeline, [alarm["onset"] for alarm in alarms]),
        }

    async def open(
        self,
        caller: Caller,
        topic: str,
        title: str,
        now: datetime,
        *,
        place: tuple[float, float] | None = None,
        severity: str = "caution",
        branch: str = LIVE,
        key: str | None = None,
    ) -> Record:
        """Open an incident by hand, or by the word of another system.

        Parameters
        ----------
        place
            lon, lat [deg, WGS84].
        key
            By what it is found again; an incident with a key is new until somebody acknowledges it.
        """
        caller.require(Right.WORK, "work on incidents")
        if not title.strip():
            raise BadInput("an incident needs a title")
        lon, lat = place or (None, None)
        async with self._transaction() as db:
            name = title.strip()[:200]
            incident_id = await db.fetchval(
                _OPEN, branch, topic, name, name, severity, "new" if key else "acknowledged", now, lon, lat, key
            )
            await write_entry(db, incident_id, "opened", caller.name, now, {"title": title})
            await add_playbook(db, incident_id, topic, now)
            await publish(db, [await event_of(db, incident_id, "opened", now)], now)
        return await self.get(caller, incident_id)

    async def inject(
        self, branch: str, topic: str, title: Text, severity: str, place: tuple[float, float] | None, key: str,
        now: datetime,
    ) -> int:  # fmt: skip
        """Open an incident of a drill, as an alarm would; return its number."""
        lon, lat = place or (None, None)
        async with self._transaction() as db:
            incident_id: int = await db.fetchval(
                _OPEN, branch, topic, title.ko, title.en, severity, "new", now, lon, lat, key
            )
            for kind in ("opened", "announced"):
                await write_entry(db, incident_id, kind, "drill", now, {"severity": severity})
            await add_playbook(db, incident_id, topic, now)
            await publish(db, [await event_of(db, incident_id, "opened", now)], now)
        return incident_id

    async def raise_stage(
        self, incident_id: int, severity: str | None, by: str, now: datetime, detail: Mapping[str, Any]
    ) -> None:
        """Write news into an incident of a drill, and raise its stage where the news does."""
        if severity is not None:
            await self._pool.execute("UPDATE incident SET severity = $2 WHERE id = $1", incident_id, severity)
        await self.record(by, incident_id, "announced" if severity else "inject", now, detail)

    async def move(
        self,
        caller: Caller,
        incident_id: int,
        verb: Verb,
        now: datetime,
        *,
        reason: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> Record:
        """Move an incident by its table; acknowledging one acknowledges its alarms.

        Parameters
        ----------
        reason
            Why; closing and reopening need one.
        detail
            What more the timeline keeps, e.g. who was sent.

        Raises
        ------
        BadInput
            The reason is missing.
        Conflict
            It is not in a state for that, or conditions still stand that nobody has dealt with.
        """
        caller.require(Right.WORK, "work on incidents")
        if verb in ("close", "reopen") and not reason.strip():
            raise BadInput(f"to {verb} an incident needs a reason")
        async with self._transaction() as db:
            row = await self._locked(db, incident_id)
            state = NEXT.get((row["state"], verb))
            if state is None or verb == "merge":
                raise Conflict(f"incident {incident_id} is {row['state']}; one cannot {verb} it")
            if verb == "close":
                await self._require_calm(db, incident_id)
            await db.execute(
                "UPDATE incident SET state = $2, changed = $3, "
                "closed = CASE $2 WHEN 'closed' THEN $3::timestamptz END, "
                "reason = CASE $2 WHEN 'closed' THEN $4 END WHERE id = $1",
                incident_id, state, now, reason.strip(),
            )  # fmt: skip
            if verb in ("acknowledge", "dispatch"):
                await self._acknowledge_alarms(db, incident_id, caller, now)
            said = {"reason": reason.strip()} if reason.strip() else {}
            await write_entry(db, incident_id, ENTRY_OF[verb], caller.name, now, said | dict(detail or {}))
            await publish(db, [await event_of(db, incident_id, ENTRY_OF[verb], now)], now)
        return await self.get(caller, incident_id)

    async def merge(self, caller: Caller, incident_id: int, into: int, now: datetime) -> Record:
        """Make one incident part of another: its alarms and open tasks go over, its timeline is read along."""
        caller.require(Right.WORK, "work on incidents")
        if incident_id == into:
            raise BadInput(f"incident {into} cannot be merged into itself")
        async with self._transaction() as db:
            low, high = sorted((incident_id, into))
            rows = {key: await self._locked(db, key) for key in (low, high)}
            gone, kept = rows[incident_id], rows[into]
            if (gone["state"], "merge") not in NEXT or kept["state"] in ("closed", "merged"):
                raise Conflict(f"incident {incident_id} is {gone['state']}, incident {into} is {kept['state']}")
            if gone["branch"] != kept["branch"]:
                raise Conflict(f"incident {incident_id} belongs to {gone['branch']}, {into} to {kept['branch']}")
            await db.execute(
                "INSERT INTO incident_alarm SELECT $2, alarm_id, onset, joined, severity, silenced_by "
                "FROM incident_alarm WHERE incident_id = $1 ON CONFLICT DO NOTHING", incident_id, into,
            )  # fmt: skip
            await db.execute(
                "UPDATE incident_task t SET incident_id = $2 WHERE incident_id = $1 AND state = 'open' AND NOT EXISTS "
                "(SELECT FROM incident_task k WHERE k.incident_id = $2 AND k.step = t.step)", incident_id, into,
            )  # fmt: skip
            await db.execute("UPDATE alarm SET incident_id = $2 WHERE incident_id = $1", incident_id, into)
            await db.execute(
                "UPDATE incident SET state = 'merged', merged_into = $2, changed = $3 WHERE id = $1",
                incident_id, into, now,
            )  # fmt: skip
            # One merged into this one before goes along, so that the chain stays one step long.
            await db.execute("UPDATE incident SET merged_into = $2 WHERE merged_into = $1", incident_id, into)
            await db.execute(
                "UPDATE incident SET changed = $2, severity = (ARRAY['info', 'caution', 'alarm', 'danger'])"
                "[greatest(array_position(ARRAY['info', 'caution', 'alarm', 'danger'], severity), "
                "array_position(ARRAY['info', 'caution', 'alarm', 'danger'], $3))], "
                "calm_since = CASE WHEN calm_since IS NULL OR $4::timestamptz IS NULL THEN NULL "
                "ELSE greatest(calm_since, $4) END WHERE id = $1",
                into, now, gone["severity"], gone["calm_since"],
            )  # fmt: skip
            for key in (incident_id, into):
                await write_entry(db, key, "merged", caller.name, now, {"from": incident_id, "into": into})
            events = [await event_of(db, key, "merged", now) for key in (incident_id, into)]
            await publish(db, events, now)
        return await self.get(caller, into)

    async def note(
        self, caller: Caller, incident_id: int, kind: str, now: datetime, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Append a line that changes nothing else."""
        caller.require(Right.WORK, "work on incidents")
        await self.record(caller.name, incident_id, kind, now, detail)

    async def record(
        self, by: str, incident_id: int, kind: str, now: datetime, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Append what happened outside the desk: a share, its first opening, "I have seen it", a delivered notice."""
        async with self._transaction() as db:
            await self._locked(db, incident_id)
            await write_entry(db, incident_id, kind, by, now, detail)
            await publish(db, [await event_of(db, incident_id, kind, now)], now)

    async def add_task(
        self, caller: Caller, incident_id: int, title: str, now: datetime, due: datetime | None = None
    ) -> Record:
        """Add a task by hand."""
        caller.require(Right.WORK, "work on incidents")
        if not title.strip():
            raise BadInput("a task needs a title")
        async with self._transaction() as db:
            row = await self._locked(db, incident_id)
            if row["state"] in ("closed", "merged"):
                raise Conflict(f"incident {incident_id} is {row['state']}; reopen it first")
            await db.execute(
                "INSERT INTO incident_task (incident_id, title_ko, title_en, state, due, note) "
                "VALUES ($1, $2, $2, 'open', $3, '')", incident_id, title.strip()[:300], due,
            )  # fmt: skip
            await write_entry(db, incident_id, "task_added", caller.name, now, {"title": title.strip()})
            await publish(db, [await event_of(db, incident_id, "task", now)], now)
        return await self.get(caller, incident_id)

    async def end_task(
        self,
        caller: Caller,
        incident_id: int,
        task_id: int,
        state: Literal["done", "skipped"],
        note: str,
        now: datetime,
    ) -> Record:
        """Mark a task as done, or as skipped with a reason."""
        caller.require(Right.WORK, "work on incidents")
        if state == "skipped" and not note.strip():
            raise BadInput("to skip a task needs a reason")
        async with self._transaction() as db:
            await self._locked(db, incident_id)
            row = await db.fetchrow(
                "UPDATE incident_task SET state = $3, ended = $4, ended_by = $5, note = $6 "
                "WHERE id = $1 AND incident_id = $2 AND state = 'open' RETURNING *",
                task_id, incident_id, state, now, caller.name, note.strip(),
            )  # fmt: skip
            if row is None:
                raise Conflict(f"incident {incident_id} has no open task {task_id}")
            said = {"task": task_id, "state": state, "title_ko": row["title_ko"], "title_en": row["title_en"]}
            await write_entry(db, incident_id, "task", caller.name, now, said | ({"note": note} if note else {}))
            await publish(db, [await event_of(db, incident_id, "task", now)], now)
        return await self.get(caller, incident_id)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """Open a transaction that holds the feed's lock first, as the writer of observations does: no deadlock."""
        async with self._pool.acquire() as db, db.transaction():
            await lock_feed(db)
            yield db

    @staticmethod
    async def _locked(db: asyncpg.Connection, incident_id: int) -> asyncpg.Record:
        row = await db.fetchrow("SELECT * FROM incident WHERE id = $1 FOR UPDATE", incident_id)
        if row is None:
            raise NotFound(f"there is no incident {incident_id}")
        return row

    async def _acknowledge_alarms(
        self, db: asyncpg.Connection, incident_id: int, caller: Caller, now: datetime
    ) -> None:
        """Acknowledge what stands unacknowledged in an incident that somebody has taken on."""
        branch = await db.fetchval("SELECT branch FROM incident WHERE id = $1", incident_id)
        desk = await Desk.load(db, self._layers, branch=branch)
        members = [
            alarm
            for alarm in desk.annunciator.board.alarms.values()
            if alarm.incident is not None and alarm.incident.id == incident_id
        ]
        desk.annunciator.acknowledge(members, caller.name, now.timestamp())
        desk.annunciator.incidents.clear()  # the row is written already
        await write_events(db, await desk.save(now), now)

    @staticmethod
    async def _require_calm(db: asyncpg.Connection, incident_id: int) -> None:
        standing = await db.fetchval(
            "SELECT count(DISTINCT al.id) FROM incident_alarm m JOIN alarm al ON al.id = m.alarm_id "
            "WHERE m.incident_id = $1 AND al.is_standing AND al.state IN ('UNACK', 'ACKED', 'DSUPR')", incident_id,
        )  # fmt: skip
        if standing:
            raise Conflict(
                f"{standing} alarms of incident {incident_id} still stand; shelve them or take their assets out "
                "of service first"
            )
