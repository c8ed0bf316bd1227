"""Forecasts are kept as issued, and scored against what was observed when the time came."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from frontend.components.forecast_result import forecast_result
from frontend.text import texts
from twin.access import ANONYMOUS, OPERATOR
from twin.errors import Refused
from twin.forecasts import Forecasts
from twin.store import ObservationStore

NOON = datetime(2026, 7, 14, 3, 0, tzinfo=UTC)


def after(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.fixture
async def stream(db: asyncpg.Connection) -> int:
    """Return a datastream whose caution is 1 m."""
    await db.execute("TRUNCATE forecast CASCADE")
    await ObservationStore(db).make_partitions([NOON.date()])
    asset = await db.fetchval("SELECT id FROM asset WHERE layer = 'water_level' AND key = 'A-1'")
    found: int = await db.fetchval(
        "INSERT INTO datastream (asset_id, observed_property) VALUES ($1, 'stage') ON CONFLICT "
        "(asset_id, observed_property) DO UPDATE SET asset_id = excluded.asset_id RETURNING id", asset,
    )  # fmt: skip
    return found


async def issue(forecasts: Forecasts, stream: int, at: int, results: dict[int, float], now_m: float = 0.5) -> None:
    """Issue a forecast `at` minutes; results by valid minute; persistence keeps what was observed."""
    values = [(stream, after(valid), "middle", result) for valid, result in results.items()]
    values += [(stream, after(valid), "persistence", now_m) for valid in results]
    await forecasts.store(f"run-{at}", "flood", after(at), {"rain": []}, {"digest": "-"}, values)


async def measure(db: asyncpg.Connection, stream: int, results: dict[int, float]) -> None:
    await db.executemany(
        "INSERT INTO observation (datastream_id, phenomenon_time, result) VALUES ($1, $2, $3)",
        [(stream, after(minute), result) for minute, result in results.items()],
    )


async def test_the_score_is_that_of_hand_calculation(db: asyncpg.Connection, stream: int) -> None:
    """Forecast less observed: +0.1, -0.3, +0.2 give bias 0, RMSE sqrt(0.14 / 3); persistence 0.5 misses by
    0.3, 0.7, 0.4. Of the threshold 1 m: hit at 20 min (1.1, 1.2), a false alarm at 30 (1.1, 0.9).
    """
    forecasts = Forecasts(db)
    await issue(forecasts, stream, 0, {10: 0.9, 20: 1.1, 30: 1.1})
    await measure(db, stream, {9: 0.8, 20: 1.4, 29: 0.9})
    assert await forecasts.observe(after(31)) == 6
    (row,) = (await forecasts.score(OPERATOR, after(31)))["rows"]
    assert (row["property"], row["hour"], row["n"]) == ("stage", 1, 3)
    assert row["bias"] == pytest.approx(0, abs=1e-9)
    assert row["rmse"] == pytest.approx((0.14 / 3) ** 0.5)
    assert row["rmse_reference"] == pytest.approx(((0.09 + 0.81 + 0.16) / 3) ** 0.5)
    assert (row["hits"], row["misses"], row["false_alarms"]) == (1, 0, 1)
    assert row["csi"] == pytest.approx(0.5)


async def test_lead_time_counts_from_the_first_forecast_of_an_event(db: asyncpg.Connection, stream: int) -> None:
    forecasts = Forecasts(db)
    await issue(forecasts, stream, 0, {60: 0.8, 70: 0.9})
    await issue(forecasts, stream, 10, {60: 0.9, 70: 1.2})
    await issue(forecasts, stream, 20, {60: 0.9, 70: 1.2})
    await measure(db, stream, {60: 0.9, 70: 1.3})
    await forecasts.observe(after(75))
    rows = (await forecasts.score(OPERATOR, after(75)))["rows"]
    assert {row["lead_s"] for row in rows} == {3600}
    assert sum(row["hits"] for row in rows) == 2
    assert sum(row["misses"] for row in rows) == 1


async def test_water_that_stands_high_already_is_not_foretold(db: asyncpg.Connection, stream: int) -> None:
    forecasts = Forecasts(db)
    await issue(forecasts, stream, 0, {10: 1.2}, now_m=1.1)
    await measure(db, stream, {10: 1.3})
    await forecasts.observe(after(11))
    (row,) = (await forecasts.score(OPERATOR, after(11)))["rows"]
    assert (row["hits"], row["lead_s"]) == (1, None)


async def test_after_an_hour_of_rain_the_screen_shows_the_score_of_that_hour(
    db: asyncpg.Connection, stream: int
) -> None:
    """A stream at 0.45 m rises by 0.12 m in ten minutes; forecasts of every ten minutes say 0.10 m.

    Ten minutes k = 0..6; a forecast of i for j is d = j - i ahead, and there are 7 - d of them. Its error is -0.02 d,
    that of persistence -0.12 d. Sum of d (7 - d) = 56, of d^2 (7 - d) = 196, over 21 pairs. One more gauge stays at
    0.90 m while 1.05 m was forecast once: error 0.15 m, of persistence none, a false alarm. So bias = (0.15 - 1.12) /
    22, RMSE^2 = (0.0004 x 196 + 0.0225) / 22, of persistence 0.0144 x 196 / 22. The caution of 1 m is passed at k = 5
    (1.05 m), of which i = 3, 4 speak in time (1.01, 1.03 m) and i = 0, 1, 2 do not (0.95 to 0.99 m), and at k = 6, of
    which all six speak (1.05 m and more): 8 hits, 3 misses. First told at i = 3: 20 min ahead.
    """
    other = await db.fetchval("SELECT id FROM asset WHERE layer = 'water_level' AND key = 'A-2'")
    await db.execute("UPDATE asset SET attributes = attributes || '{\"caution_m\": 1.0}' WHERE id = $1", other)
    flat: int = await db.fetchval(
        "INSERT INTO datastream (asset_id, observed_property) VALUES ($1, 'stage') ON CONFLICT "
        "(asset_id, observed_property) DO UPDATE SET asset_id = excluded.asset_id RETURNING id", other,
    )  # fmt: skip
    forecasts = Forecasts(db)
    for k in range(7):
        level = round(0.45 + 0.12 * k, 3)
        await measure(db, stream, {10 * k - m: round(level - 0.012 * m, 3) for m in range(10 if k else 1)})
        await measure(db, flat, {10 * k: 0.9})
        await forecasts.observe(after(10 * k))
        await issue(forecasts, stream, 10 * k, {10 * j: round(level + 0.1 * (j - k), 3) for j in range(k + 1, 19)},
                    level)  # fmt: skip
        if k == 0:
            both = [(flat, after(30), "middle", 1.05), (flat, after(30), "persistence", 0.9)]
            await forecasts.store("run-flat", "flood", NOON, {}, {}, both)
    (row,) = (await forecasts.score(OPERATOR, after(60)))["rows"]
    assert (row["property"], row["hour"], row["n"]) == ("stage", 1, 22)
    assert row["bias"] == pytest.approx((0.15 - 1.12) / 22)
    assert row["rmse"] == pytest.approx(((0.0004 * 196 + 0.0225) / 22) ** 0.5)
    assert row["rmse_reference"] == pytest.approx((0.0144 * 196 / 22) ** 0.5)
    assert (row["hits"], row["misses"], row["false_alarms"]) == (8, 3, 1)
    assert (row["csi"], row["lead_s"]) == (pytest.approx(8 / 12), 1200)
    *_, table = forecast_result({"issued": NOON.isoformat(), "missing": [], "warnings": []}, {"rows": [row]},
                                {"stage": "m"}, texts("ko"))  # fmt: skip
    cells = [cell.children for cell in table.children[1].children]
    assert cells == ["하천 수위", "1시간", "22", "-0.04 m", "0.07 m", "0.36 m", "8 / 3 / 1", "0.67", "20분"]


async def test_what_has_no_observation_is_not_scored(db: asyncpg.Connection, stream: int) -> None:
    forecasts = Forecasts(db)
    await issue(forecasts, stream, 0, {10: 0.9})
    await measure(db, stream, {0: 0.5})
    await forecasts.observe(after(11))
    assert (await forecasts.score(OPERATOR, after(11)))["rows"] == []


async def test_a_forecast_that_stands_is_never_changed(db: asyncpg.Connection, stream: int) -> None:
    forecasts = Forecasts(db)
    await issue(forecasts, stream, 0, {10: 0.9})
    await issue(forecasts, stream, 0, {10: 5.0})
    assert await db.fetchval("SELECT result FROM forecast_value WHERE member = 'middle'") == 0.9


async def test_the_public_sees_no_forecast(db: asyncpg.Connection, stream: int) -> None:
    with pytest.raises(Refused):
        await Forecasts(db).score(ANONYMOUS, NOON)


async def test_old_forecasts_are_forgotten_with_their_values(db: asyncpg.Connection, stream: int) -> None:
    forecasts = Forecasts(db)
    await issue(forecasts, stream, 0, {10: 0.9})
    await forecasts.purge("traffic", after(1))
    assert await db.fetchval("SELECT count(*) FROM forecast_value") == 2
    await forecasts.purge("flood", after(1))
    assert await db.fetchval("SELECT count(*) FROM forecast_value") == 0


async def test_only_what_is_held_against_gauges_is_observed_and_scored(db: asyncpg.Connection, stream: int) -> None:
    forecasts = Forecasts(db)
    values = [(stream, after(10), member, 0.9) for member in ("middle", "persistence")]
    await forecasts.store("traffic-1", "traffic", NOON, {}, {}, values)
    await measure(db, stream, {9: 0.8})
    assert await forecasts.observe(after(11)) == 0
    assert (await forecasts.score(OPERATOR, after(11)))["rows"] == []
