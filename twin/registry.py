"""Which assets and datastreams there are: the writer's own copy, so that a message costs no query."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from twin.crs import KOREA_CENTRAL, WGS84
from twin.layer import Layer
from twin.report import Report
from twin.rules import RuleEngine


@dataclass(slots=True)
class AssetEntry:
    """What a message needs to know of its asset."""

    id: int
    name: str
    attributes: dict[str, Any]


class Registry:
    """Assets by (layer, key) and datastreams by (asset, property)."""

    def __init__(self) -> None:
        self._assets: dict[tuple[str, str], AssetEntry] = {}
        self._by_id: dict[int, AssetEntry] = {}
        self._streams: dict[tuple[int, str], int] = {}

    async def load(self, db: asyncpg.Connection) -> None:
        """Read everything from the store."""
        for row in await db.fetch("SELECT id, layer, key, name_ko, attributes FROM asset"):
            self._enter(row["layer"], row["key"], AssetEntry(row["id"], row["name_ko"], row["attributes"]))
        for row in await db.fetch("SELECT id, asset_id, observed_property FROM datastream"):
            self._streams[row["asset_id"], row["observed_property"]] = row["id"]

    def _enter(self, layer: str, key: str, entry: AssetEntry) -> None:
        self._assets[layer, key] = self._by_id[entry.id] = entry

    def asset(self, layer: str, key: str) -> AssetEntry | None:
        """Return the asset of a key, or None."""
        return self._assets.get((layer, key))

    def attributes(self, asset_id: int) -> dict[str, Any]:
        """Return the attributes of an asset."""
        return self._by_id[asset_id].attributes

    async def register(self, db: asyncpg.Connection, layer: Layer, report: Report) -> AssetEntry:
        """Take in an asset that was heard for the first time (layers that allow it)."""
        lon, lat = report.position or (None, None)
        row = await db.fetchrow(
            "INSERT INTO asset (layer, key, name_ko, quality, attributes, geom) VALUES ($1, $2, $3, $4, $5, "
            f"ST_Transform(ST_SetSRID(ST_MakePoint($6, $7), {WGS84}), {KOREA_CENTRAL})) "
            "ON CONFLICT (layer, key) DO UPDATE SET key = excluded.key RETURNING id, name_ko, attributes",
            layer.id,
            report.asset,
            report.name or report.asset,
            layer.quality,
            dict(report.attributes),
            lon,
            lat,
        )
        entry = AssetEntry(row["id"], row["name_ko"], row["attributes"])
        self._enter(layer.id, report.asset, entry)
        return entry

    async def rename(self, db: asyncpg.Connection, asset: AssetEntry, name: str) -> None:
        """Give an asset the name that its messages now bear."""
        if asset.name != name:
            await db.execute("UPDATE asset SET name_ko = $2 WHERE id = $1", asset.id, name)
            asset.name = name

    async def streams(self, db: asyncpg.Connection, wanted: set[tuple[int, str]]) -> dict[tuple[int, str], int]:
        """Return the datastream ids of (asset id, property) pairs; those heard for the first time are made."""
        missing = [pair for pair in wanted if pair not in self._streams]
        if missing:
            assets, properties = zip(*missing, strict=True)
            rows = await db.fetch(
                "INSERT INTO datastream (asset_id, observed_property) SELECT * FROM unnest($1::int[], $2::text[]) "
                "ON CONFLICT (asset_id, observed_property) DO UPDATE SET asset_id = excluded.asset_id "
                "RETURNING id, asset_id, observed_property",
                assets,
                properties,
            )
            self._streams |= {(row["asset_id"], row["observed_property"]): row["id"] for row in rows}
        return self._streams


async def restore_rules(db: asyncpg.Connection, engine: RuleEngine, layers: dict[str, Layer]) -> None:
    """Give a fresh engine what the store knows: standing alarms, and the newest result of every watched datastream."""
    property_of = {(layer.id, rule.rule): rule.property for layer in layers.values() for rule in layer.alarms}
    standing = {}
    for row in await db.fetch(
        "SELECT layer, asset_id, rule, onset, changed FROM alarm "
        "WHERE branch = 'live' AND is_standing AND asset_id IS NOT NULL"
    ):
        onset = standing[row["asset_id"], row["rule"]] = row["onset"].timestamp()
        event = layers[row["layer"]].event_kind(row["rule"]) if row["layer"] in layers else None
        if event is not None:
            engine.restore(
                row["layer"], row["asset_id"], row["rule"], is_standing=True, onset=onset,
                last=row["changed"].timestamp(), result=float("nan"),
            )  # fmt: skip
    rules_of: dict[tuple[str, str], list[str]] = {}
    for (layer_id, rule), observed_property in property_of.items():
        rules_of.setdefault((layer_id, observed_property), []).append(rule)
    for row in await db.fetch(
        "SELECT a.layer, a.id, d.observed_property, l.phenomenon_time, l.result FROM latest l "
        "JOIN datastream d ON d.id = l.datastream_id JOIN asset a ON a.id = d.asset_id"
    ):
        for rule in rules_of.get((row["layer"], row["observed_property"]), ()):
            onset = standing.get((row["id"], rule))
            engine.restore(
                row["layer"],
                row["id"],
                rule,
                is_standing=onset is not None,
                onset=onset or 0.0,
                last=row["phenomenon_time"].timestamp(),
                result=row["result"],
            )


async def restore_standing(db: asyncpg.Connection, engine: RuleEngine, branch: str) -> None:
    """Give a fresh engine the alarms that stand in a branch in which nothing that was measured is kept."""
    for row in await db.fetch("SELECT * FROM alarm WHERE branch = $1 AND is_standing", branch):
        onset, changed = row["onset"].timestamp(), row["changed"].timestamp()
        engine.restore(
            row["layer"], row["asset_id"], row["rule"], is_standing=True, onset=onset, last=changed, result=float("nan")
        )


async def find_asset(db: asyncpg.Connection, layer: str, where: Mapping[str, Any]) -> str:
    """Return the key of the first asset of a layer that has some facts, or of the first at all; empty without any."""
    found = await db.fetchval(
        "SELECT key FROM asset WHERE layer = $1 ORDER BY NOT attributes @> $2, key LIMIT 1", layer, dict(where)
    )
    return found or ""
