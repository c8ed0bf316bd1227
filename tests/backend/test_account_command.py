"""`./gunsan account` on a real store."""

import argparse
from contextlib import nullcontext
from pathlib import Path

import asyncpg
import pytest

from backend import account_command
from twin import clock
from twin.accounts import Accounts
from twin.errors import BadInput
from twin.settings import Settings


async def test_an_account_made_by_command_is_in_the_log_and_made_only_where_a_city_is(
    settings: Settings, db: asyncpg.Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await db.execute("TRUNCATE account, account_grant, session")
    asked = argparse.Namespace(action="add", name="Park.Sora", role="planner", display="")
    nowhere = settings.model_copy(update={"data_dir": tmp_path})
    with pytest.raises(BadInput, match="no city"):
        await account_command.run(nowhere, nullcontext((settings, None)), asked)
    assert await account_command.run(settings, nullcontext((settings, None)), asked) == 0
    name, password = capsys.readouterr().out.split()[-2:]
    assert await Accounts(db).check(name, password, clock.now())
    row = await db.fetchrow("SELECT * FROM log ORDER BY seq DESC LIMIT 1")
    assert (row["account"], row["work"], row["subject"]) == ("installation", "account.add", "park.sora planner")
    await db.execute("TRUNCATE account, account_grant, session")
