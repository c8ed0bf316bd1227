"""What operators do with alarms: acknowledge, shelve, take an asset out of service; and how much they hear."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from twin.access import AccessClass, Caller, Right
from twin.alarms import State, Trigger
from twin.board import Alarm
from twin.desk import Desk
from twin.errors import BadInput, Conflict, NotFound, Refused
from twin.layer import Layer
from twin.moment import LIVE
from twin.store import lock_feed, publish

SHELVED_AT_MOST = timedelta(hours=24)
WINDOW = timedelta(minutes=10)
BUDGET = 10
"""Annunciations in `WINDOW` that one operator can deal with (EEMUA 191)."""
FLOOD_ENDS = 5


class AlarmActions:
    """Moves alarms through a pool; holds no state of its own."""

    def __init__(self, pool: asyncpg.Pool, layers: Mapping[str, Layer]) -> None:
        self._pool, self._layers = pool, layers

    @asynccontextmanager
    async def _moving(self, caller: Caller, alarm_id: int, now: datetime) -> AsyncIterator[tuple[Desk, Alarm]]:
        """Open a transaction around one alarm that the caller may see; what was done is written at its end."""
        caller.require(Right.WORK, "work on alarms")
        async with self._pool.acquire() as db, db.transaction():
            await lock_feed(db)
            branch = await db.fetchval("SELECT branch FROM alarm WHERE id = $1", alarm_id) or LIVE
            desk = await Desk.load(db, self._layers, alarm_ids=[alarm_id], branch=branch)
            alarm = desk.alarm(alarm_id)
            if alarm is None:
                raise NotFound(f"there is no alarm {alarm_id}")
            layer = self._layers.get(alarm.key[0])
            if layer is None or not caller.may_see_layer(layer):
                raise Refused(f"{caller.name} may not move alarms of layer {alarm.key[0]!r}")
            yield desk, alarm
            if desk.annunciator.entries:
                await publish(db, await desk.save(now), now)

    async def acknowledge(self, caller: Caller, alarm_id: int, now: datetime) -> dict[str, Any]:
        """Acknowledge an alarm; doing it twice changes nothing."""
        async with self._moving(caller, alarm_id, now) as (desk, alarm):
            desk.annunciator.acknowledge([alarm], caller.name, now.timestamp())
        return {"id": alarm_id, "state": alarm.state}

    async def shelve(
        self, caller: Caller, alarm_id: int, reason: str, until: datetime, now: datetime
    ) -> dict[str, Any]:
        """Put an alarm aside, for a reason and until a time.

        Raises
        ------
        BadInput
            No reason, or an end that has passed or lies too far ahead.
        Conflict
            It is vital (never shelved), or in a state from which nothing is shelved.
        """
        caller.require(Right.WORK, "work on alarms")
        if not reason.strip():
            raise BadInput("to shelve an alarm needs a reason")
        if not now < until <= now + SHELVED_AT_MOST:
            raise BadInput(f"shelving ends within {SHELVED_AT_MOST}; {until.isoformat()} does not")
        async with self._moving(caller, alarm_id, now) as (desk, alarm):
            facts = desk.annunciator.facts(alarm)
            if facts is not None and facts.is_vital:
                raise Conflict(f"alarm {alarm_id} ({alarm.key[2]}) is vital and cannot be shelved")
            detail = {"reason": reason.strip(), "until": until.isoformat()}
            cell = desk.annunciator.move(alarm, Trigger.SHELVE, now.timestamp(), caller.name, detail=detail)
            if cell.state != State.SHLVD:
                raise Conflict(f"alarm {alarm_id} is {alarm.state}; it cannot be shelved")
            alarm.shelved_by, alarm.shelved_reason = caller.name, reason.strip()
            alarm.shelved_until = until.timestamp()
        return {"id": alarm_id, "state": alarm.state}

    async def unshelve(self, caller: Caller, alarm_id: int, now: datetime) -> dict[str, Any]:
        """Take an alarm back by hand: acknowledged when its condition stands."""
        async with self._moving(caller, alarm_id, now) as (desk, alarm):
            if alarm.state != State.SHLVD:
                raise Conflict(f"alarm {alarm_id} is {alarm.state}, not shelved")
            cell = desk.annunciator.move(alarm, Trigger.UNSHELVE, now.timestamp(), caller.name)
            alarm.shelved_by = alarm.shelved_reason = alarm.shelved_until = None
            facts = desk.annunciator.facts(alarm)
            if cell.state == State.ACKED:
                alarm.acknowledged_by = caller.name
                alarm.acknowledged_until = now.timestamp() + (facts.acknowledged_for_s if facts else 4 * 3600)
        return {"id": alarm_id, "state": alarm.state}

    async def begin_maintenance(
        self, caller: Caller, asset_id: int, reason: str, until: datetime, now: datetime
    ) -> dict[str, Any]:
        """Take an asset out of service; what it raises until then is written down and keeps still."""
        caller.require(Right.WORK, "maintenance")
        if not reason.strip():
            raise BadInput("to take an asset out of service needs a reason")
        if until <= now:
            raise BadInput(f"the end {until.isoformat()} has passed")
        async with self._pool.acquire() as db, db.transaction():
            await lock_feed(db)
            layer = self._layers.get(str(await db.fetchval("SELECT layer FROM asset WHERE id = $1", asset_id)))
            if layer is None:
                raise NotFound(f"there is no asset {asset_id}")
            if not caller.may_see_layer(layer):
                raise Refused(f"{caller.name} may not take assets of layer {layer.id!r} out of service")
            number = await db.fetchval(
                "INSERT INTO maintenance (asset_id, reason, by, began, until) VALUES ($1, $2, $3, $4, $5) RETURNING id",
                asset_id, reason.strip(), caller.name, now, until,
            )  # fmt: skip
            desk = await Desk.load(db, self._layers)
            for alarm in list(desk.annunciator.board.alarms.values()):
                if alarm.key[1] == asset_id:
                    detail = {"reason": reason.strip()}
                    desk.annunciator.move(alarm, Trigger.DISABLE, now.timestamp(), caller.name, detail=detail)
            await publish(db, await desk.save(now), now)
        return {"id": number, "asset": asset_id, "until": until}

    async def end_maintenance(self, caller: Caller, number: int, now: datetime) -> dict[str, Any]:
        """Put an asset back into service."""
        caller.require(Right.WORK, "maintenance")
        async with self._pool.acquire() as db, db.transaction():
            await lock_feed(db)
            row = await db.fetchrow(
                "SELECT m.*, a.layer FROM maintenance m JOIN asset a ON a.id = m.asset_id WHERE m.id = $1", number
            )
            layer = self._layers.get(row["layer"]) if row else None
            if row is None or layer is None:
                raise NotFound(f"there is no maintenance {number}")
            if not caller.may_see_layer(layer):
                raise Refused(f"{caller.name} may not put assets of layer {layer.id!r} into service")
            await db.execute("UPDATE maintenance SET ended = $2 WHERE id = $1 AND ended IS NULL", number, now)
            await let_time_pass(db, self._layers, now)
        return {"id": number, "asset": row["asset_id"], "ended": now}

    async def maintenance(self, caller: Caller) -> dict[str, Any]:
        """List what is out of service."""
        seen = caller.seen(self._layers.values())
        rows = await self._pool.fetch(
            "SELECT m.*, a.layer, a.key, a.name_ko, a.name_en FROM maintenance m JOIN asset a ON a.id = m.asset_id "
            "WHERE m.ended IS NULL AND a.layer = ANY($1) ORDER BY m.until", seen,
        )  # fmt: skip
        return {"maintenance": [dict(row) for row in rows]}

    async def budget(self, caller: Caller, now: datetime, operators: int) -> dict[str, Any]:
        """Return how many annunciations the operators have heard: now, and in each window of the last 24 h."""
        caller.require_class(AccessClass.INTERNAL, "figures of the desk")
        rows = await self._pool.fetch(
            "SELECT result_time FROM event WHERE result_time > $1 AND (detail->>'announces')::bool "
            "AND NOT detail ? 'branch' ORDER BY result_time", now - timedelta(hours=24),
        )  # fmt: skip
        ages = [(now - row["result_time"]) // WINDOW for row in rows]
        windows = [ages.count(n) for n in range(timedelta(hours=24) // WINDOW)]
        return {
            "window_s": WINDOW.total_seconds(), "operators": operators, "budget": BUDGET * operators,
            "flood_ends": FLOOD_ENDS * operators, "now": windows[0], "windows": windows[::-1],
        }  # fmt: skip


async def let_time_pass(db: asyncpg.Connection, layers: Mapping[str, Layer], now: datetime, branch: str = LIVE) -> None:
    """Let acknowledgements, shelving and maintenance that are over end, in the caller's transaction."""
    await db.execute("UPDATE maintenance SET ended = until WHERE ended IS NULL AND until <= $1", now)
    desk = await Desk.load(db, layers, branch=branch)
    desk.annunciator.tick(now.timestamp())
    if desk.annunciator.entries:
        await publish(db, await desk.save(now), now)
