"""Housekeeping of the store: retention, and the alarm of a layer whose source has fallen silent."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import asyncpg

from twin.batch import Observations
from twin.layer import Layer
from twin.rules import Transition
from twin.store import FEED_LOCK, announce, apply_transition, write_events

FEED_KEPT = timedelta(hours=1)
REJECTS_KEPT = 10_000
SILENT = "source_silent"
"""Rule of the alarm that every layer has: no data is never green."""
SILENT_TEXTS = {
    "cause": {"ko": "원천 또는 통신 장애", "en": "The source or the line to it has failed"},
    "consequence": {"ko": "화면의 값이 지금 상황이 아닙니다", "en": "What the screen shows is not the present"},
    "action": {"ko": "원천 담당에게 연락하고 현장 확인", "en": "Call the owner of the source; confirm on site"},
}


async def purge(db: asyncpg.Connection, layers: Iterable[Layer], now: datetime) -> None:
    """Delete what is past its retention: whole days as partitions, shorter retentions row by row."""
    layers = list(layers)
    longest = max((layer.retention_days for layer in layers), default=0)
    for name in await db.fetch(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = 'observation'::regclass"
    ):
        day = name["relname"].removeprefix("observation_")
        if day < f"{now - timedelta(days=longest + 1):%Y%m%d}":
            await db.execute(f"DROP TABLE {name['relname']}")
    for layer in layers:
        if layer.retention_days < longest:
            await db.execute(
                "DELETE FROM observation o USING datastream d, asset a WHERE d.id = o.datastream_id "
                "AND a.id = d.asset_id AND a.layer = $1 AND o.phenomenon_time < $2",
                layer.id,
                now - timedelta(days=layer.retention_days),
                timeout=600,
            )
    await db.execute("DELETE FROM feed WHERE at < $1", now - FEED_KEPT)
    await db.execute("DELETE FROM reject WHERE id <= (SELECT max(id) FROM reject) - $1", REJECTS_KEPT)


async def refresh_statistics(db: asyncpg.Connection) -> None:
    """Tell the planner how large the tables are that a new store fills within seconds."""
    await db.execute("ANALYZE asset, datastream, latest", timeout=60)


async def watch_silence(db: asyncpg.Connection, layers: Iterable[Layer], now: datetime, since: datetime) -> None:
    """Raise and clear the alarm of layers whose newest observation is older than `stale_after_s`.

    A layer that was never heard of is not silent: it is not connected yet. Nor is one silent because the twin itself
    was off: sources have their time to speak after `since`, when the watch began.
    """
    newest = {
        row["layer"]: row["newest"]
        for row in await db.fetch(
            "SELECT a.layer, max(l.phenomenon_time) AS newest FROM latest l "
            "JOIN datastream d ON d.id = l.datastream_id JOIN asset a ON a.id = d.asset_id GROUP BY 1"
        )
    }
    standing = {
        row["layer"]
        for row in await db.fetch("SELECT layer FROM alarm WHERE rule = $1 AND state IN ('UNACK', 'ACKED')", SILENT)
    }

    def is_silent(layer: Layer) -> bool:
        heard = newest[layer.id] if layer.id in standing else max(newest[layer.id], since)
        return bool((now - heard).total_seconds() > layer.stale_after_s)

    silent = {layer.id for layer in layers if layer.id in newest and is_silent(layer)}
    if silent == standing:
        return
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", FEED_LOCK)
        events = [
            await apply_transition(
                db,
                Transition(
                    layer, None, SILENT, "alarm", layer in silent, float("nan"), now.timestamp(),
                    newest[layer].timestamp() if layer in newest else now.timestamp(),
                ),
            )
            for layer in sorted(silent ^ standing)
        ]  # fmt: skip
        await write_events(db, events, now)
        await announce(db, 0, Observations.of((), []).payload())
