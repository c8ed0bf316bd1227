"""Share links: what may be shared, when it is over, and the register that fills itself; on a real PostGIS."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from layers import load_layers
from tests.conftest import CITY_HALL
from twin import clock
from twin.access import ANONYMOUS, OPERATOR, AccessClass, Caller, Right
from twin.db import open_pool
from twin.errors import BadInput, Conflict, NotFound, Refused
from twin.grounds import OPENS_RESTRICTED, PASSING_ON, Ground
from twin.incidents import Incidents
from twin.settings import Settings
from twin.share_register import rows
from twin.shares import PIN_TRIES, Asked, Shares, shareable

SPECS = {key: layer.spec for key, layer in load_layers().items()}
NOW = clock.now()
HOUR = timedelta(hours=1)
DANGER = Ground.IMMINENT_DANGER


class City:
    """Shares, incidents, and one incident that is open."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool, self.shares, self.incidents = pool, Shares(pool, SPECS), Incidents(pool, SPECS)

    async def incident(self) -> dict:
        return await self.incidents.open(OPERATOR, "fire", "불", NOW - HOUR, place=CITY_HALL)

    async def grant(self, incident: dict, caller: Caller = OPERATOR, **more: object) -> tuple[dict, str]:
        asked = Asked(**({"agency": "군산소방서", "purpose": "출동", "ground": DANGER} | more))  # type: ignore[arg-type]
        return await self.shares.grant(caller, incident, asked, (7,), NOW)


@pytest.fixture
async def city(settings: Settings, db: asyncpg.Connection) -> AsyncIterator[City]:
    pool = await open_pool(settings.dsn(), 4)
    yield City(pool)
    await pool.close()


async def test_a_token_opens_its_share_and_is_kept_nowhere(city: City, db: asyncpg.Connection) -> None:
    made, token = await city.grant(await city.incident(), layers=("rain",))
    found = await city.shares.find(token, NOW)
    assert found is not None
    assert (found["id"], found["layers"]) == (made["id"], ["rain"])
    assert await city.shares.find(token[:-1], NOW) is None
    assert token not in str([dict(row) for row in await db.fetch("SELECT * FROM share")])
    assert not {"token_hash", "pin_hash"} & set(made)


async def test_it_ends_by_time_by_revoking_and_with_the_incident_for_good(city: City) -> None:
    incident = await city.incident()
    (one, _), (two, first), (_, second) = [await city.grant(incident) for _ in range(3)]
    assert await city.shares.living({one["id"], two["id"]}, NOW) == {one["id"], two["id"]}
    assert await city.shares.find(second, NOW + timedelta(hours=3, minutes=59)) is not None
    assert await city.shares.find(second, NOW + timedelta(hours=4, seconds=1)) is None
    assert (await city.shares.revoke(OPERATOR, one["id"], NOW))["state"] == "revoked"
    assert await city.shares.living({one["id"], two["id"]}, NOW) == {two["id"]}
    with pytest.raises(Conflict, match="over already"):
        await city.shares.revoke(OPERATOR, one["id"], NOW)
    with pytest.raises(NotFound):
        await city.shares.revoke(OPERATOR, 10**9, NOW)
    await city.incidents.move(OPERATOR, incident["id"], "close", NOW, reason="진화")
    assert await city.shares.find(first, NOW) is None
    await city.incidents.move(OPERATOR, incident["id"], "reopen", NOW, reason="재발화")
    assert await city.shares.find(first, NOW) is None, "what ended with the incident does not come back with it"
    states = {row["id"]: row["state"] for row in await city.shares.list(OPERATOR, incident["id"], NOW)}
    assert states[two["id"]] == "incident_closed"
    ended = [row for row in await rows(city.pool, incident["id"]) if row["act"] == "ended"]
    assert len(ended) == 3


async def test_what_may_not_be_shared_is_refused(city: City) -> None:
    incident = await city.incident()
    for error, what in (
        (BadInput, {"agency": " "}), (BadInput, {"purpose": ""}), (BadInput, {"ground": Ground.WITHIN_PURPOSE}),
        (BadInput, {"lasts": 25 * HOUR}), (BadInput, {"lasts": timedelta(0)}), (BadInput, {"pin": "12"}),
        (BadInput, {"area": (126.0, 35.0, 127.0, 36.0)}), (NotFound, {"layers": ("nothing",)}),
        (Refused, {"layers": ("cctv",), "ground": Ground.CONSENT}), (Refused, {"cameras": (8,)}),
        (Refused, {"cameras": (7,), "ground": Ground.TREATY}), (BadInput, {"cameras": (1, 2, 3, 4, 5)}),
    ):  # fmt: skip
        with pytest.raises(error):
            await city.grant(incident, **what)
    with pytest.raises(Refused, match="right 'share'"):
        await city.grant(incident, Caller("reader", AccessClass.RESTRICTED))
    inside = Caller("inside", AccessClass.INTERNAL, frozenset({Right.SHARE}))
    with pytest.raises(Refused, match="may not share the layer 'cctv'"):
        await city.grant(incident, inside, layers=("cctv",))
    with pytest.raises(Refused):
        await city.shares.list(ANONYMOUS, incident["id"], NOW)
    closed = await city.incidents.move(OPERATOR, incident["id"], "close", NOW, reason="x")
    with pytest.raises(Conflict):
        await city.grant(closed)
    assert await rows(city.pool, incident["id"]) == []


@pytest.mark.parametrize("ground", sorted(PASSING_ON))
def test_restricted_layers_go_out_on_the_grounds_that_open_them_and_on_no_other(ground: Ground) -> None:
    may = {layer.id for layer in shareable(OPERATOR, SPECS.values(), ground)}
    restricted = {layer.id for layer in SPECS.values() if layer.access == "restricted"}
    assert restricted
    assert may == set(SPECS) - (set() if ground in OPENS_RESTRICTED else restricted)
    assert {SPECS[name].access for name in (layer.id for layer in shareable(ANONYMOUS, SPECS.values(), ground))} == {
        "public"
    }


async def test_wrong_pins_end_the_share(city: City) -> None:
    _, token = await city.grant(await city.incident(), pin="4711")
    share = await city.shares.find(token, NOW)
    assert share is not None
    assert await city.shares.try_pin(share, "4711", NOW)
    tries = [await city.shares.try_pin(share, "0000", NOW) for _ in range(PIN_TRIES)]
    assert not any(tries)
    assert await city.shares.find(token, NOW) is None
    assert not await city.shares.try_pin(share, "4711", NOW)


async def test_register_and_ledger_fill_themselves(city: City, db: asyncpg.Connection) -> None:
    incident = await city.incident()
    made, token = await city.grant(incident, layers=("rain",), cameras=(7,))
    share = await city.shares.find(token, NOW)
    assert share is not None
    assert [await city.shares.use(share, "opened", "page", NOW) for _ in range(2)] == [True, False]
    await city.shares.use(share, "camera", "CAM-7", NOW)
    await city.shares.use(share, "seen", "seen", NOW)
    await city.shares.revoke(OPERATOR, made["id"], NOW)
    told = await rows(city.pool, incident["id"])
    assert [row["act"] for row in told] == ["granted", "opened", "opened", "camera", "seen", "ended"]
    for name in ("file_name", "body", "purpose", "ground", "items", "period", "method", "limits"):
        assert all(row[name] for row in told), name
    assert "rain" in told[0]["items"]
    assert f"{made['south']:.4f}, {made['west']:.4f}" in told[0]["items"]
    case = await city.incidents.get(OPERATOR, incident["id"])
    kinds = [one["kind"] for one in case["timeline"]]
    assert [kind for kind in kinds if "share" in kind or kind == "seen"] == [
        "shared", "share_opened", "seen", "share_revoked",
    ]  # fmt: skip
    marks = {row["mark"]: row["after_s"] for row in case["ledger"]}
    assert marks["shared"] == marks["share_opened"] == 3600
    with pytest.raises(asyncpg.RaiseError, match="only ever appended"):
        await db.execute("DELETE FROM share_register")
