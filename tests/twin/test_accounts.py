"""Accounts, passwords, locks and sessions in a real store."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import asyncpg
import pytest

from twin.access import ROLES, AccessClass, Caller, Grant, Right
from twin.accounts import FIRST, LOCKED, WRONG, Accounts, first_account
from twin.errors import BadInput, Conflict, Refused
from twin.sessions import IDLE, LONGEST, Sessions

NOON = datetime(2026, 7, 14, 3, 0, tzinfo=UTC)
BOSS = Caller("boss", AccessClass.RESTRICTED, ROLES["supervisor"].rights)
NEW = "a long enough word"


@pytest.fixture
async def accounts(db: asyncpg.Connection) -> AsyncIterator[Accounts]:
    await db.execute("TRUNCATE account, account_grant, session")
    yield Accounts(db)
    await db.execute("TRUNCATE account, account_grant, session")


async def test_a_new_store_gets_one_account_with_a_password_that_has_to_be_changed(
    accounts: Accounts, db: asyncpg.Connection
) -> None:
    first = await first_account(db, NOON)
    assert first is not None
    assert await first_account(db, NOON) is None
    assert first not in str(await db.fetch("SELECT * FROM account"))
    token = await Sessions(db).begin(await accounts.check(FIRST, first, NOON), "here", NOON)
    session = await Sessions(db).find(token, "here", NOON)
    assert session is not None
    assert session.must_change
    assert session.caller.rights == ROLES["supervisor"].rights
    with pytest.raises(BadInput):
        await accounts.set_password(FIRST, first, "short", NOON)
    await accounts.set_password(FIRST, first, NEW, NOON)
    assert await Sessions(db).find(token, "here", NOON) is None, "every session ends"
    with pytest.raises(Refused):
        await accounts.check(FIRST, first, NOON)
    assert await accounts.check(FIRST, NEW, NOON)


async def test_wrong_passwords_lock_for_a_while_and_a_supervisor_unlocks(accounts: Accounts) -> None:
    right = await accounts.add(BOSS, "kim", "", "operator", NOON)
    for _ in range(WRONG):
        with pytest.raises(Refused):
            await accounts.check("kim", "wrong", NOON)
    with pytest.raises(Refused):
        await accounts.check("kim", right, NOON)
    assert await accounts.check("kim", right, NOON + LOCKED)
    for _ in range(WRONG):
        with pytest.raises(Refused):
            await accounts.check("kim", "wrong", NOON)
    await accounts.change(BOSS, "kim", unlocks=True)
    assert await accounts.check("kim", right, NOON)


async def test_a_session_ends_by_idling_by_its_shift_and_with_its_account(
    accounts: Accounts, db: asyncpg.Connection
) -> None:
    number = await accounts.check("kim", await accounts.add(BOSS, "kim", "", "planner", NOON), NOON)
    sessions = Sessions(db)
    token = await sessions.begin(number, "here", NOON)
    assert await sessions.find(token + "x", "here", NOON) is None
    assert await sessions.find(token, "here", NOON + IDLE) is None
    at = NOON
    while at + IDLE / 2 < NOON + LONGEST:
        at += IDLE / 2
        found = await sessions.find(token, "here", at)
        assert found is not None
        assert found.caller == Caller("kim", AccessClass.INTERNAL, frozenset({Right.SIMULATE}), place="here")
    assert await sessions.find(token, "here", NOON + LONGEST) is None
    token = await sessions.begin(number, "here", NOON)
    await accounts.change(BOSS, "kim", is_disabled=True)
    assert await sessions.find(token, "here", NOON) is None
    assert not await db.fetchval("SELECT count(*) FROM session WHERE account_id = $1", number)


async def test_a_grant_stands_between_its_ends_and_needs_a_reason(accounts: Accounts, db: asyncpg.Connection) -> None:
    number = await accounts.check("fire", await accounts.add(BOSS, "fire", "", "agency", NOON), NOON)
    token = await Sessions(db).begin(number, "here", NOON)
    with pytest.raises(BadInput):
        await accounts.grant(BOSS, "fire", "cctv", " ", NOON + timedelta(days=1), NOON)
    await accounts.grant(BOSS, "fire", "cctv", "a fire", NOON + timedelta(minutes=10), NOON)
    found = await Sessions(db).find(token, "here", NOON + timedelta(minutes=5))
    assert found is not None
    assert found.caller.layers == {Grant("cctv", NOON)}
    layer = SimpleNamespace(id="cctv", access_class=AccessClass.RESTRICTED)
    assert found.caller.may_see_layer(layer)
    assert not found.caller.may_see_layer(layer, NOON - timedelta(seconds=1))
    later = await Sessions(db).find(token, "here", NOON + timedelta(minutes=10))
    assert later is not None
    assert not later.caller.may_see_layer(layer)


@pytest.mark.parametrize("name", ["operator", "x", "Kim", "a b", "", "clock"])
async def test_a_name_that_cannot_be_typed_or_is_the_twins_own_is_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(BadInput):
        await accounts.add(BOSS, name, "", "operator", NOON)


async def test_only_who_may_makes_accounts_and_nobody_changes_their_own(accounts: Accounts) -> None:
    with pytest.raises(Refused, match="'accounts'"):
        await accounts.add(Caller("kim", AccessClass.RESTRICTED, ROLES["operator"].rights), "lee", "", "public", NOON)
    await accounts.add(BOSS, "boss", "", "supervisor", NOON)
    for deed in (accounts.change(BOSS, "boss", role="public"), accounts.grant(BOSS, "boss", "cctv", "?", NOON, NOON)):
        with pytest.raises(Conflict):
            await deed
