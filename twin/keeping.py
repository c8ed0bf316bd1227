"""Housekeeping of the store: retention, and the alarm of a layer whose source has fallen silent."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import asyncpg

from twin.alarm_actions import let_time_pass
from twin.desk import take_transitions
from twin.layer import ASSET_SILENT, SOURCE_SILENT, Layer
from twin.rules import Transition
from twin.store import lock_feed, publish

FEED_KEPT = timedelta(hours=1)
REJECTS_KEPT = 10_000
NOTICES_KEPT = timedelta(days=90)
"""So long after a closed incident its notices keep the name and the address of whom they told."""
SILENT_INTERVALS = 5
"""An asset that has been silent for so many intervals is called silent."""
SILENT_AFTER_S = 60.0
"""But never before [s]."""


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
    for layer in layers:
        await db.execute(
            "DELETE FROM event WHERE layer = $1 AND phenomenon_time < $2",
            layer.id,
            now - timedelta(days=layer.retention_days),
            timeout=600,
        )
    await db.execute(
        "UPDATE notice n SET name = n.role, address = NULL, message = '{}' FROM incident i WHERE i.id = n.incident_id "
        "AND i.state IN ('closed', 'merged') AND coalesce(i.closed, i.changed) < $1 AND n.address IS NOT NULL",
        now - NOTICES_KEPT,
    )
    await db.execute("DELETE FROM feed WHERE at < $1", now - FEED_KEPT)
    await db.execute("DELETE FROM reject WHERE id <= (SELECT max(id) FROM reject) - $1", REJECTS_KEPT)


async def refresh_statistics(db: asyncpg.Connection) -> None:
    """Tell the planner how large the tables are that a new store fills within seconds."""
    await db.execute("ANALYZE asset, datastream, latest", timeout=60)


async def watch_silence(db: asyncpg.Connection, layers: Iterable[Layer], now: datetime, since: datetime) -> None:
    """Raise and clear the alarms of layers and assets whose newest observation is too old. No data is never green.

    What was never heard of is not silent: it is not connected yet. Nor is it silent because the twin itself was off:
    sources have their time to speak after `since`, when the watch began.
    """
    known = {layer.id: layer for layer in layers}
    newest: dict[tuple[str, int | None], datetime] = {}
    for row in await db.fetch(
        "SELECT a.layer, a.id, max(l.phenomenon_time) AS newest FROM latest l "
        "JOIN datastream d ON d.id = l.datastream_id JOIN asset a ON a.id = d.asset_id GROUP BY 1, 2"
    ):
        if row["layer"] in known:
            whole = (row["layer"], None)
            newest[whole] = max(newest.get(whole, row["newest"]), row["newest"])
            if known[row["layer"]].watches_assets:
                newest[row["layer"], row["id"]] = row["newest"]
    standing = {
        (row["layer"], row["asset_id"])
        for row in await db.fetch(
            "SELECT layer, asset_id FROM alarm WHERE branch = 'live' AND is_standing AND rule IN ($1, $2)",
            SOURCE_SILENT,
            ASSET_SILENT,
        )
    }

    def is_silent(key: tuple[str, int | None]) -> bool:
        layer, heard = known[key[0]], newest[key] if key in standing else max(newest[key], since)
        limit = layer.stale_after_s if key[1] is None else max(SILENT_INTERVALS * layer.interval_s, SILENT_AFTER_S)
        return bool((now - heard).total_seconds() > limit)

    silent = {key for key in newest if is_silent(key)}
    changes = [
        Transition(
            key[0], key[1], SOURCE_SILENT if key[1] is None else ASSET_SILENT,
            "alarm" if key[1] is None else "caution", key in silent, float("nan"), now.timestamp(),
            newest[key].timestamp() if key in newest else now.timestamp(),
        )
        for key in sorted(silent ^ standing, key=lambda key: (key[0], key[1] or 0))
    ]  # fmt: skip
    if changes:
        async with db.transaction():
            await lock_feed(db)
            await publish(db, await take_transitions(db, known, changes, now), now)


async def keep_desk(db: asyncpg.Connection, layers: Iterable[Layer], now: datetime) -> None:
    """Let what is over end: acknowledgements, shelving, maintenance."""
    async with db.transaction():
        await lock_feed(db)
        await let_time_pass(db, {layer.id: layer for layer in layers}, now)
