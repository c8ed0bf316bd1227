"""The one settings class: built once at the start of a process, passed down, read from the environment nowhere else."""

import secrets
import tomllib
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
"""The checkout (or the installed tree) the code runs from."""


class Secrets(BaseModel):
    """Random words of one installation, made at the first start and kept in `secrets.toml` (mode 0600)."""

    model_config = ConfigDict(frozen=True)

    database_password: str
    broker_password: str
    """Password of the MQTT users `ingest` and `feed`."""
    ingest_key: str
    """Bearer key of `POST /api/ingest/{layer}` and `/ws/ingest`."""
    operator_key: str
    """Opens the console; `./gunsan up` prints it inside the address."""

    @classmethod
    def of(cls, data_dir: Path) -> Self:
        """Read the secrets of a data folder; make them when there are none."""
        path = data_dir / "secrets.toml"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text("".join(f'{name} = "{secrets.token_urlsafe(24)}"\n' for name in cls.model_fields))
        return cls.model_validate(tomllib.loads(path.read_text()))


class Settings(BaseSettings):
    """What can be set, by argument of the command or by environment variable of the same name."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    data_dir: Path = ROOT / "data"
    """Everything this installation writes."""
    gisdata_dir: Path | None = None
    """Folder of the real base data; None builds the synthetic city."""
    database_url: str | None = None
    """`postgresql://...` of a PostGIS of your own; None runs a private one in the data folder."""
    host: str = "127.0.0.1"
    """Address on which web and AIS listen; the demo feed sends its AIS sentences there."""
    port: int = Field(default=8050, ge=1, le=65535)
    """Web port."""
    broker_host: str = "127.0.0.1"
    """Host of the MQTT broker; the private one listens on it."""
    broker_port: int | None = Field(default=None, ge=1, le=65535)
    """MQTT port; None takes the web port + 1."""
    ais_port: int | None = Field(default=None, ge=1, le=65535)
    """TCP and UDP port for AIS; None takes the web port + 2."""
    seed: int = Field(default=20230714, ge=0)
    """Seed of the generated city and of the demo feed."""
    speed: float = Field(default=1.0, gt=0, le=1000)
    """How many times faster than the clock the demo day runs."""
    operators: int = Field(default=1, ge=1, le=100)
    """Operators on duty: each can deal with ten annunciations in ten minutes."""
    demo: bool = True
    """The demo feed runs: every screen says so."""
    oidc_issuer: str | None = None
    """Address of the organisation's OpenID Connect provider; None leaves its sign-in away."""
    oidc_client_id: str | None = None
    """Name of this installation at the provider."""
    oidc_client_secret: SecretStr | None = None
    """Secret of this installation at the provider."""
    oidc_claim: str = "roles"
    """Claim of the provider's token that names roles or groups."""
    oidc_roles: dict[str, str] = {}
    """Value of the claim -> role here, as JSON; who has none of them is not let in."""
    nowcast: bool = True
    """The worker issues a flood forecast every ten minutes, the traffic process one of its own every twenty."""

    @property
    def mqtt_port(self) -> int:
        """Port of the MQTT broker."""
        return self.broker_port or self.port + 1

    @property
    def nmea_port(self) -> int:
        """Port of the AIS receiver (TCP and UDP)."""
        return self.ais_port or self.port + 2

    @property
    def run_dir(self) -> Path:
        """Sockets and pid files; gone with the processes."""
        return self.data_dir / "run"

    @property
    def audit_dir(self) -> Path:
        """Published heads of the log, a file a day."""
        return self.data_dir / "audit"

    @property
    def runs_dir(self) -> Path:
        """Results of simulations, a folder each."""
        return self.data_dir / "runs"

    @property
    def inlet_path(self) -> Path:
        """Unix socket on which the ingest process takes messages of the web process and of file replay."""
        return self.run_dir / "ingest.sock"

    def secrets(self) -> Secrets:
        """Return the secrets of this installation."""
        return Secrets.of(self.data_dir)

    def dsn(self) -> str:
        """Return the libpq URL of the database: the given one, or the private cluster's Unix socket."""
        if self.database_url:
            return self.database_url
        return f"postgresql://gunsan:{self.secrets().database_password}@/city?host={self.run_dir / 'pg'}"
