"""The desk's memory: reads the board from the store, lets the annunciator decide, writes everything back at once.

Whoever moves an alarm does it here: ingest, the worker, the operators. All hold the feed's lock meanwhile.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import asyncpg

from twin.alarms import State
from twin.annunciation import Annunciator
from twin.batch import NewEvent
from twin.board import SEVERITY, Alarm, Board, Entry, Incident, Site
from twin.crs import KOREA_CENTRAL
from twin.incident_writing import LAYER, add_playbook, event_of, write_entry
from twin.layer import Layer
from twin.moment import LIVE
from twin.rules import Transition

_ALARMS = (
    "SELECT al.* FROM alarm al WHERE al.branch = $5 AND (al.state <> 'NORM' OR al.is_standing "
    "OR al.incident_id IN (SELECT id FROM incident WHERE state NOT IN ('closed', 'merged')) "
    "OR al.id = ANY($4) OR (al.layer, coalesce(al.asset_id, -1), al.rule) IN "
    "(SELECT l, coalesce(a, -1), r FROM unnest($1::text[], $2::int[], $3::text[]) AS k(l, a, r)))"
)
_SITES = (
    "SELECT a.id, a.name_ko, coalesce(a.name_en, a.name_ko) AS name_en, a.unit_id, u.name_ko AS unit_ko, "
    "u.name_en AS unit_en, ST_X(a.geom) AS x, ST_Y(a.geom) AS y, a.attributes, p.id AS parent FROM asset a "
    "LEFT JOIN admin_unit u ON u.id = a.unit_id "
    "LEFT JOIN asset p ON p.layer = a.layer AND p.key = a.attributes->>'parent' WHERE a.id = ANY($1)"
)
_TIMES = ("onset", "changed", "cleared", "acknowledged_until", "shelved_until")
_PLAIN = ("acknowledged_by", "shelved_by", "shelved_reason", "silenced_by", "is_standing", "is_confirmed")


def moment(seconds: float | None) -> datetime | None:
    """Return an aware time from seconds since 1970."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


async def take_transitions(
    db: asyncpg.Connection, layers: Mapping[str, Layer], changes: list[Transition], now: datetime, branch: str = LIVE
) -> list[NewEvent]:
    """Take conditions that began or ended, in the caller's transaction; return the events to be stored."""
    if not changes:
        return []
    desk = await Desk.load(db, layers, changes, branch=branch)
    for change in changes:
        desk.annunciator.take(change)
    return await desk.save(now)


class Desk:
    """The board of one transaction, in the live branch or in that of a drill."""

    def __init__(self, db: asyncpg.Connection, annunciator: Annunciator, branch: str = LIVE) -> None:
        self._db, self.annunciator, self._branch = db, annunciator, branch

    @classmethod
    async def load(
        cls,
        db: asyncpg.Connection,
        layers: Mapping[str, Layer],
        changes: Iterable[Transition] = (),
        alarm_ids: Iterable[int] = (),
        *,
        branch: str = LIVE,
    ) -> "Desk":
        """Read the board; the caller's transaction holds the feed's lock.

        Parameters
        ----------
        changes, alarm_ids
            Alarms that are going to be moved, and so must be there even if they are normal.
        """
        keys = [(change.layer, change.asset_id, change.rule) for change in changes]
        board = Board()
        by_id: dict[int, Incident] = {}
        for row in await db.fetch(
            "SELECT id, topic, group_key, title_ko, title_en, severity, state, opened FROM incident "
            "WHERE branch = $1 AND state NOT IN ('closed', 'merged') ORDER BY id", branch,
        ):  # fmt: skip
            by_id[row["id"]] = incident = Incident(
                row["topic"], row["group_key"] or "", row["title_ko"], row["title_en"], row["opened"].timestamp(),
                None, row["state"], list(SEVERITY.values()).index(row["severity"]), row["id"],
            )  # fmt: skip
            if row["group_key"] is not None:
                board.incidents[row["topic"], row["group_key"]] = incident
        columns = [list(column) for column in zip(*keys, strict=True)] or [[], [], []]
        for row in await db.fetch(_ALARMS, *columns, list(alarm_ids), branch):
            alarm = Alarm((row["layer"], row["asset_id"], row["rule"]), row["severity"], State(row["state"]))
            alarm.id, alarm.incident = row["id"], by_id.get(row["incident_id"])
            alarm.result = float("nan") if row["result"] is None else row["result"]
            for name in _TIMES:
                setattr(alarm, name, None if row[name] is None else row[name].timestamp())
            for name in _PLAIN:
                setattr(alarm, name, row[name])
            board.alarms[alarm.key] = alarm
        assets = {key[1] for key in [*board.alarms, *keys] if key[1] is not None}
        for row in await db.fetch(_SITES, list(assets)):
            board.sites[row["id"]] = Site(
                row["name_ko"], row["name_en"], row["unit_id"], row["unit_ko"] or "", row["unit_en"] or "",
                row["x"], row["y"], row["attributes"], row["parent"],
            )  # fmt: skip
        out = await db.fetch(
            "SELECT asset_id FROM maintenance WHERE ended IS NULL AND asset_id = ANY($1)", list(assets)
        )
        board.out_of_service = {row["asset_id"] for row in out} if branch == LIVE else set()
        return cls(db, Annunciator(board, layers), branch)

    def alarm(self, alarm_id: int) -> Alarm | None:
        """Return an alarm of the board by its number."""
        return next((one for one in self.annunciator.board.alarms.values() if one.id == alarm_id), None)

    async def save(self, now: datetime) -> list[NewEvent]:
        """Write what has changed, and return the events that tell of it."""
        ours = self.annunciator
        announced = {entry.incident for entry in ours.entries if entry.announces and entry.incident}
        for incident in ours.incidents:
            await self._save_incident(incident, now)
        for alarm in ours.alarms:
            await self._save_alarm(alarm)
        for incident, alarm, at in ours.members:
            await self._db.execute(
                "INSERT INTO incident_alarm (incident_id, alarm_id, onset, joined, severity, silenced_by) "
                "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (incident_id, alarm_id, onset) DO UPDATE SET "
                "severity = excluded.severity, silenced_by = CASE WHEN incident_alarm.silenced_by IS NULL THEN NULL "
                "ELSE excluded.silenced_by END",
                incident.id, alarm.id, moment(alarm.onset), moment(at), alarm.severity, alarm.silenced_by,
            )  # fmt: skip
        events = [await self._write(entry, n) for n, entry in enumerate(ours.entries)]
        for incident in sorted(announced, key=lambda one: one.id or 0):
            assert incident.id is not None
            await add_playbook(self._db, incident.id, incident.topic, now)
        return events + await self._incident_events(now)

    async def _save_incident(self, incident: Incident, now: datetime) -> None:
        severity, calm = SEVERITY[incident.stage], moment(self.annunciator.calm_since(incident))
        closed = now if incident.state == "closed" else None
        if incident.id is not None:
            await self._db.execute(
                "UPDATE incident SET severity = $2, state = $3, changed = $4, calm_since = $5, closed = $6, "
                "reason = $7, title_ko = $8, title_en = $9 WHERE id = $1",
                incident.id, severity, incident.state, now, calm, closed, incident.reason, incident.title_ko,
                incident.title_en,
            )  # fmt: skip
            return
        site = incident.site
        incident.id = await self._db.fetchval(
            "INSERT INTO incident (branch, topic, group_key, title_ko, title_en, severity, state, opened, changed, "
            "calm_since, closed, reason, unit_id, geom) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
            f"$13, ST_SetSRID(ST_MakePoint($14, $15), {KOREA_CENTRAL})) RETURNING id",
            self._branch, incident.topic, incident.group_key, incident.title_ko, incident.title_en, severity,
            incident.state, moment(incident.opened), now, calm, closed, incident.reason, site.unit if site else None,
            site.x if site else None, site.y if site else None,
        )  # fmt: skip

    async def _save_alarm(self, alarm: Alarm) -> None:
        names = ("layer", "asset_id", "rule", "branch", "state", "severity", "result", "incident_id", *_TIMES, *_PLAIN)
        values = [
            *alarm.key, self._branch, alarm.state, alarm.severity,
            None if alarm.result != alarm.result else alarm.result,
            alarm.incident.id if alarm.incident else None,
            *(moment(getattr(alarm, name)) for name in _TIMES), *(getattr(alarm, name) for name in _PLAIN),
        ]  # fmt: skip
        listed = ", ".join(f"${n + 1}" for n in range(len(names)))
        update = ", ".join(f"{name} = excluded.{name}" for name in names[4:])
        alarm.id = await self._db.fetchval(
            f"INSERT INTO alarm ({', '.join(names)}) VALUES ({listed}) ON CONFLICT (branch, layer, asset_id, rule) "
            f"DO UPDATE SET {update} RETURNING id",
            *values,
        )

    async def _write(self, entry: Entry, n: int) -> NewEvent:
        """Write the line of the timeline, and return the event."""
        at = moment(entry.at)
        assert at is not None
        incident, alarm = entry.incident, entry.alarm
        detail: dict[str, Any] = dict(entry.detail)
        if alarm is not None:
            layer = self.annunciator._layers.get(alarm.key[0])
            detail |= {
                "alarm": alarm.id, "rule": alarm.key[2], "state": str(alarm.state), "is_confirmed": alarm.is_confirmed,
                "result": None if alarm.result != alarm.result else alarm.result,
            }  # fmt: skip
            if layer is not None and layer.is_forecast:
                detail["is_forecast"] = True
        if incident is not None:
            assert incident.id is not None
            kind = "announced" if entry.announces else "alarm" if entry.kind == "alarm_raised" else entry.kind
            said = detail | (
                {"layer": alarm.key[0], "asset": alarm.key[1], "severity": alarm.severity} if alarm else {}
            )
            await write_entry(self._db, incident.id, kind.removeprefix("alarm_"), entry.by, at, said)
            detail["incident"] = incident.id
        if entry.kind in ("opened", "closed", "acknowledged"):
            assert incident is not None
            return NewEvent(
                LAYER, f"{incident.id}:{entry.kind}:{entry.at}:{n}", f"incident_{entry.kind}",
                SEVERITY[incident.stage], None, at,
                {"incident": incident.id, "state": incident.state}
                | ({} if self._branch == LIVE else {"branch": self._branch}),
            )  # fmt: skip
        assert alarm is not None
        more = {"announces": entry.announces} | ({"by": entry.by} if entry.by != "system" else {})
        if self._branch != LIVE:  # under another layer and another name: nothing that waits for the real thing hears it
            return NewEvent(
                LAYER, f"{self._branch}:alarm:{alarm.id}:{entry.kind}:{entry.at}:{n}", f"drill_{entry.kind}",
                alarm.severity, None, at, detail | more | {"branch": self._branch, "layer": alarm.key[0]},
            )  # fmt: skip
        return NewEvent(
            alarm.key[0], f"alarm:{alarm.id}:{entry.kind}:{entry.at}:{n}", entry.kind, alarm.severity, alarm.key[1],
            at, detail | more,
        )  # fmt: skip

    async def _incident_events(self, now: datetime) -> list[NewEvent]:
        """Return an event for each incident that changed without one of its own."""
        told = {entry.incident for entry in self.annunciator.entries if entry.kind in ("opened", "closed")}
        return [
            await event_of(self._db, incident.id, "changed", now)
            for incident in self.annunciator.incidents
            if incident not in told and incident.id is not None
        ]
