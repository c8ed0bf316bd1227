"""The private PostGIS cluster: Debian's PostgreSQL in the data folder, on a Unix socket, for this city alone."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from twin.errors import MissingPackage, Unavailable
from twin.settings import Settings

PACKAGES = ("postgresql", "postgresql-postgis")


def as_user(name: str, death_signal: str) -> list[str]:
    """Return the command prefix that drops root to a user and dies with its parent.

    Without the death signal the server outlives a killed supervisor. It is set after the change of user, which
    clears it.
    """
    prefix = ["setpriv", f"--pdeathsig={death_signal}"]
    if os.geteuid() == 0:
        prefix += [f"--reuid={name}", f"--regid={name}", "--clear-groups", "--no-new-privs"]
    return [*prefix, "--"]


def hand_over(folder: Path, name: str) -> None:
    """Make a folder that belongs to the user whom a root process drops to.

    Raises
    ------
    Unavailable
        The user cannot reach the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return
    user = pwd.getpwnam(name)
    os.chown(folder, user.pw_uid, user.pw_gid)
    for parent in folder.parents:
        if not parent.stat().st_mode & 0o001:
            raise Unavailable(
                f"{folder} cannot be reached by the user {name!r}: {parent} has mode "
                f"{parent.stat().st_mode & 0o777:o}. Choose another folder with --data-dir."
            )


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL cluster below `settings.data_dir / "pg"`."""

    settings: Settings

    @property
    def _data(self) -> Path:
        return self.settings.data_dir / "pg"

    @property
    def _socket_dir(self) -> Path:
        return self.settings.run_dir / "pg"

    @staticmethod
    def _bin() -> Path:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
        if not found:
            raise MissingPackage(f"PostgreSQL is not installed: apt-get install {' '.join(PACKAGES)}")
        return found[-1].parent

    def make(self) -> None:
        """Create the cluster if there is none; half-made ones are made anew."""
        socket_path = str(self._socket_dir / ".s.PGSQL.5432")
        if len(socket_path) > 107:
            raise Unavailable(f"socket path {socket_path} has {len(socket_path)} characters, the limit is 107")
        hand_over(self._socket_dir, "postgres")
        self._socket_dir.chmod(0o755)
        if (self._data / "gunsan-ready").exists():
            return
        shutil.rmtree(self._data, ignore_errors=True)
        hand_over(self._data, "postgres")
        self._data.chmod(0o700)
        self._run(
            str(self._bin() / "initdb"), "-D", str(self._data), "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
            "--auth=reject", "--no-sync",
        )  # fmt: skip
        owner = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        (self._data / "pg_hba.conf").write_text("local all postgres peer map=owner\nlocal all gunsan scram-sha-256\n")
        (self._data / "pg_ident.conf").write_text(f"owner {owner} postgres\n")
        (self._data / "postgresql.auto.conf").write_text(
            "listen_addresses = ''\n"
            f"unix_socket_directories = '{self._socket_dir}'\n"
            "unix_socket_permissions = 0777\n"  # the connection itself asks for the password
            "max_connections = 60\nshared_buffers = '256MB'\nmax_wal_size = '2GB'\njit = off\n"
            "random_page_cost = 1.1\nlog_min_messages = warning\nlog_min_duration_statement = '1s'\n"
        )

    def command(self) -> list[str]:
        """Return the command that runs the server; it ends with its parent."""
        return [*as_user("postgres", "INT"), str(self._bin() / "postgres"), "-D", str(self._data)]

    def is_ready(self) -> bool:
        """Tell whether the server takes connections."""
        ask = [str(self._bin() / "pg_isready"), "-q", "-h", str(self._socket_dir)]
        return subprocess.run(ask, check=False).returncode == 0

    def prepare(self) -> None:
        """Make role, database and extension; the app logs in as a role that is no superuser."""
        if (self._data / "gunsan-ready").exists():
            return
        password = self.settings.secrets().database_password
        self._sql("postgres", f"CREATE ROLE gunsan LOGIN NOSUPERUSER PASSWORD '{password}'")
        self._sql("postgres", "CREATE DATABASE city OWNER gunsan")
        self._sql("city", "CREATE EXTENSION postgis")
        (self._data / "gunsan-ready").touch()

    def _sql(self, database: str, statement: str) -> None:
        self._run(
            str(self._bin() / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-h", str(self._socket_dir), "-U", "postgres",
            "-d", database, "-c", statement,
        )  # fmt: skip

    @staticmethod
    def _run(*command: str) -> None:
        done = subprocess.run([*as_user("postgres", "KILL"), *command], capture_output=True, cwd="/", check=False)
        if done.returncode:
            raise Unavailable(f"{Path(command[0]).name} failed: {done.stderr.decode(errors='replace').strip()}")
