"""The log: chained, append-only, provable; on a real PostGIS."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import asyncpg
import pytest

from layers import load_layers
from twin import chain, clock
from twin.chain import Head, check
from twin.db import open_pool
from twin.inventory import PERSONAL, inventory, suspects
from twin.log import Deed, Log, append, head, lines, publish_head, purge_log
from twin.log_review import review
from twin.model import Base
from twin.settings import ROOT, Settings

LOOK = Deed("kim", "10.0.0.7", "camera_view", "CAM-0001 \u0000에서", "불 \u200b확인", "imminent_danger")


async def exported(db: asyncpg.Connection) -> list[str]:
    return [line.decode() async for line in lines(db)]


@pytest.fixture
async def log(settings: Settings, db: asyncpg.Connection) -> AsyncIterator[Log]:
    pool = await open_pool(settings.dsn(), 8)
    yield Log(pool)
    await pool.close()


async def test_writers_at_once_make_one_chain_and_the_export_proves_it(log: Log, db: asyncpg.Connection) -> None:
    before = (await head(db))["seq"]
    rows = await asyncio.gather(*(log.write(LOOK, clock.now()) for _ in range(40)))
    assert sorted(row["seq"] for row in rows) == list(range(before + 1, before + 41))
    found = check(await exported(db))
    assert (found.faults, found.last) == ([], before + 40)
    assert found.head == (await log.head())["hash"]


async def test_what_was_changed_removed_or_moved_is_found(db: asyncpg.Connection) -> None:
    for _ in range(6):
        await append(db, LOOK, clock.now())
    told = await exported(db)
    published = Head((await head(db))["hash"], (await head(db))["seq"])
    assert check(told, [published]).faults == []
    row = json.loads(told[-3])
    changed = [*told[:-3], json.dumps(row | {"account": "lee"}), *told[-2:]]
    assert "was changed" in check(changed).faults[0]
    forged = row | {"account": "lee"}
    forged["hash"] = chain.hash_of(forged)
    assert "does not follow" in check([*told[:-3], json.dumps(forged), *told[-2:]]).faults[0]
    assert "removed" in check([*told[:-3], *told[-2:]]).faults[0]
    assert "moved" in check([*told[:-3], told[-2], told[-3], told[-1]]).faults[0]
    assert "no row of the log" in check([*told[:-1], "{}"]).faults[0]


async def test_a_tail_that_was_cut_is_found_against_the_published_head(db: asyncpg.Connection, tmp_path: Path) -> None:
    for _ in range(3):
        await append(db, LOOK, clock.now() - timedelta(days=1))
    path = await publish_head(db, tmp_path, clock.now())
    assert path is not None
    assert await publish_head(db, tmp_path, clock.now()) is None, "what is published is never written over"
    told, published = await exported(db), chain.read_head(str(path))
    assert check(told, [published]).faults == []
    assert check(told[:-1]).faults == [], "a chain alone cannot show a cut tail"
    assert "cut off" in check(told[:-1], [published]).faults[0]
    assert "cut off" in check(told[:-1], [Head(published.hash)]).faults[0]


async def test_the_verifier_needs_the_file_and_nothing_else(db: asyncpg.Connection, tmp_path: Path) -> None:
    await append(db, LOOK, clock.now())
    file = tmp_path / "log.jsonl"
    file.write_text("".join(await exported(db)), "utf-8")
    alone = [sys.executable, "-I", "-S", str(ROOT / "twin" / "chain.py"), str(file), "--head"]
    good = subprocess.run([*alone, (await head(db))["hash"]], capture_output=True, text=True, check=False, cwd="/")
    assert (good.returncode, good.stdout.splitlines()[-1]) == (0, "whole")
    bad = subprocess.run([*alone, "0" * 63 + "1"], capture_output=True, text=True, check=False, cwd="/")
    assert (bad.returncode, bad.stdout.splitlines()[-1]) == (1, "NOT WHOLE")
    assert subprocess.run([*alone, "no such head"], capture_output=True, check=False).returncode == 2


async def test_nobody_rewrites_the_log(db: asyncpg.Connection) -> None:
    await append(db, LOOK, clock.now())
    for statement in ("UPDATE log SET account = 'lee'", "DELETE FROM log", "TRUNCATE log"):
        with pytest.raises(asyncpg.RaiseError, match="only ever appended"):
            await db.execute(statement)


async def test_only_the_old_head_goes_and_the_rest_still_verifies(db: asyncpg.Connection) -> None:
    now = clock.now()
    old = [await append(db, LOOK, now - timedelta(days=800)) for _ in range(3)]
    with pytest.raises(asyncpg.RaiseError):
        await db.execute("DELETE FROM log WHERE seq = $1", (await append(db, LOOK, now))["seq"])
    await append(db, LOOK, now - timedelta(days=800))
    with pytest.raises(asyncpg.RaiseError, match="not rows out of it"):
        await db.execute("DELETE FROM log WHERE seq = $1", (await head(db))["seq"])
    await db.execute("ALTER TABLE log DISABLE TRIGGER USER")  # rows of tests before, which are not old enough
    await db.execute("UPDATE log SET at = at - interval '900 days' WHERE seq < $1", old[0]["seq"])
    await db.execute("ALTER TABLE log ENABLE TRIGGER USER")
    assert await purge_log(db, now) >= 3
    told = await exported(db)
    found = check(told)
    assert (found.faults, found.first) == ([], old[-1]["seq"] + 1)
    assert json.loads(told[0])["anchor"] == {"seq": old[-1]["seq"], "hash": old[-1]["hash"]}
    assert json.loads(told[-1])["work"] == "log_purged"
    assert check(told, [Head(old[-1]["hash"], old[-1]["seq"])]).faults == []
    assert check(told, [Head(old[0]["hash"], old[0]["seq"])]).notes
    assert await purge_log(db, now) == 0


async def test_the_review_counts_views_exports_refusals_and_what_was_out_of_hours(log: Log) -> None:
    night, noon = datetime(2026, 2, 3, 15, tzinfo=UTC), datetime(2026, 2, 4, 3, tzinfo=UTC)  # 0:00 and 12:00 KST
    for deed, at in (
        (LOOK, night), (LOOK, noon), (Deed("kim", "10.0.0.8", "download", "pack", "보고"), noon),
        (Deed("kim", "10.0.0.8", "log.rows", outcome="refused"), noon),
        (Deed("unknown", "10.9.9.9", "sign_in", outcome="failed"), noon),
    ):  # fmt: skip
        await log.write(deed, at)
    told = await review(log._pool, night, noon + timedelta(hours=1), "2026-02")
    kim = next(one for one in told["accounts"] if one["account"] == "kim")
    names = ("views", "downloads", "refused", "out_of_hours", "places")
    assert [kim[name] for name in names] == [2, 1, 1, 1, 2]
    assert next(one for one in told["accounts"] if one["account"] == "unknown")["failed"] == 1


def test_every_column_that_may_hold_a_person_is_in_the_inventory() -> None:
    for path in (ROOT / "twin").glob("*_model.py"):
        import_module(f"twin.{path.stem}")
    listed = {(table, column) for table, held in PERSONAL.items() for column in held.columns}
    not_persons = {("alarm", "silenced_by"), ("incident_alarm", "silenced_by"), ("alert", "superseded_by")}
    assert set(suspects()) <= listed | not_persons
    known = {(table.name, column.name) for table in Base.metadata.sorted_tables for column in table.columns}
    assert listed | not_persons <= known
    told = inventory(layer.spec for layer in load_layers().values())
    assert [layer["id"] for layer in told["layers"] if layer["access"] == "restricted"] == ["cctv"]
    assert all(re.search("[가-힣]", layer["ground"].ko) for layer in told["layers"])
