"""A layer that keeps no history: its newest value is there, its past is not."""

from datetime import UTC, datetime

import asyncpg

from layers import load_layers
from twin.batch import Batch, Observations
from twin.store import ObservationStore

NOON = datetime(2026, 7, 14, 3, 0, tzinfo=UTC)


async def test_of_what_can_be_computed_again_only_the_newest_is_kept(db: asyncpg.Connection) -> None:
    layers = {key: one.spec for key, one in load_layers().items()}
    names = ("rain", "traffic_vehicle")
    asset = await db.fetchval("SELECT id FROM asset ORDER BY id LIMIT 1")
    streams = [
        await db.fetchval(
            "INSERT INTO datastream (asset_id, observed_property) VALUES ($1, $2) ON CONFLICT (asset_id, "
            "observed_property) DO UPDATE SET asset_id = excluded.asset_id RETURNING id", asset, name,
        )
        for name in ("kept", "unkept")
    ]  # fmt: skip
    at = round(NOON.timestamp() * 1e6)
    rows = [(k, asset, 0, streams[k], at + 1_000_000 * n, float(n)) for k in (0, 1) for n in (1, 2)]
    store = ObservationStore(db, layers)
    await store.prepare()
    assert await store.append(Batch(Observations.of(names, rows)), NOON) == 2
    kept = await db.fetch("SELECT datastream_id, result FROM observation ORDER BY result")
    assert [(row["datastream_id"], row["result"]) for row in kept] == [(streams[0], 1.0), (streams[0], 2.0)]
    newest = await db.fetch("SELECT datastream_id, result FROM latest ORDER BY datastream_id")
    assert [(row["datastream_id"], row["result"]) for row in newest] == [(one, 2.0) for one in sorted(streams)]
    await db.execute("DELETE FROM latest WHERE datastream_id = ANY($1)", streams)
    await db.execute("DELETE FROM observation WHERE datastream_id = ANY($1)", streams)
    await db.execute("DELETE FROM datastream WHERE id = ANY($1)", streams)
