"""`./gunsan account`: make an account, or give one a new first password; it is printed and kept nowhere."""

import argparse
from contextlib import AbstractAsyncContextManager

from twin import clock
from twin.access import ROLES, AccessClass, Caller, Right
from twin.accounts import Accounts
from twin.db import connect
from twin.errors import BadInput
from twin.log import Deed, append
from twin.settings import Settings

INSTALLER = Caller("installation", AccessClass.PUBLIC, frozenset({Right.ACCOUNTS}))
"""Who has a shell on the machine."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("action", choices=("add", "reset"))
    parser.add_argument("name", help="a-z 0-9 . _ @ -, e.g. kim.minsu")
    parser.add_argument("--role", choices=tuple(ROLES), default="operator", help="for add; default operator")
    parser.add_argument("--display", default="", help="for add: the name that screens show")


async def run(
    settings: Settings, store: AbstractAsyncContextManager[tuple[Settings, int | None]], arguments: argparse.Namespace
) -> int:
    """Do it, write it into the log, and print name and password; only in a city that there is.

    Parameters
    ----------
    store
        The city's store while it is entered: its settings, and the pid of the running city.

    Raises
    ------
    BadInput
        There is no city in the data folder.
    """
    if not settings.database_url and not (settings.data_dir / "pg").is_dir():
        raise BadInput(f"there is no city in {settings.data_dir}; ./gunsan up makes one, --data-dir names another")
    name, role = arguments.name.strip().lower(), arguments.role if arguments.action == "add" else ""
    async with store as (city, _):
        db = await connect(city.dsn())
        try:
            accounts, now = Accounts(db), clock.now()
            async with db.transaction():  # no account without its row in the log
                if arguments.action == "add":
                    password = await accounts.add(INSTALLER, name, arguments.display, role, now)
                else:
                    password = await accounts.reset(INSTALLER, name)
                work = f"account.{arguments.action}"
                await append(db, Deed(INSTALLER.name, "local", work, f"{name} {role}".strip()), now)
        finally:
            await db.close()
    print("첫 비밀번호는 지금 한 번만 보이고, 처음 들어올 때 바꿉니다 · the first password is shown this once")
    print(f"  {name}  {password}")
    return 0
