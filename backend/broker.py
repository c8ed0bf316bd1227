"""The private MQTT broker: Debian's mosquitto in the data folder, with users of its own and nothing anonymous."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from backend.sources.mqtt import RECEIVE_MAXIMUM
from twin.cluster import as_user, hand_over
from twin.errors import MissingPackage
from twin.settings import Settings

USERS = {"ingest": "topic readwrite gunsan/#", "feed": "topic write gunsan/#"}


@dataclass(frozen=True)
class Broker:
    """A mosquitto below `settings.data_dir / "broker"`."""

    settings: Settings

    @property
    def _folder(self) -> Path:
        return self.settings.data_dir / "broker"

    def make(self) -> None:
        """Write its configuration."""
        if shutil.which("mosquitto") is None and not Path("/usr/sbin/mosquitto").exists():
            raise MissingPackage("the MQTT broker is not installed: apt-get install mosquitto")
        hand_over(self._folder, "mosquitto")
        self._folder.chmod(0o700)
        passwords = self._folder / "passwords"
        if not passwords.exists():
            passwords.touch(mode=0o600)
            for user in USERS:
                subprocess.run(
                    ["mosquitto_passwd", "-b", str(passwords), user, self.settings.secrets().broker_password],
                    check=True,
                    capture_output=True,
                )
            shutil.chown(passwords, *self._owner())
        acl = self._folder / "acl"
        acl.write_text("".join(f"user {user}\n{rule}\n\n" for user, rule in USERS.items()))
        acl.chmod(0o600)
        shutil.chown(acl, *self._owner())
        (self._folder / "mosquitto.conf").write_text(
            f"listener {self.settings.mqtt_port} {self.settings.broker_host}\n"
            "allow_anonymous false\n"
            f"password_file {passwords}\nacl_file {acl}\n"
            f"persistence true\npersistence_location {self._folder}/\n"
            # By time, not on every change: mosquitto rewrites its whole file each time, and with a backlog that held it
            # below 300 messages/s for good. Often, because a broker killed before it saved forgets who subscribes.
            "autosave_interval 1\n"
            f"max_inflight_messages {RECEIVE_MAXIMUM}\n"
            "max_queued_messages 1000000\nmax_queued_bytes 536870912\n"
            "max_packet_size 4194304\nlog_type error\nlog_type warning\nconnection_messages false\n"
        )

    def _owner(self) -> tuple[int, int]:
        facts = self._folder.stat()
        return facts.st_uid, facts.st_gid

    def command(self) -> list[str]:
        """Return the command that runs it."""
        mosquitto = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        return [*as_user("mosquitto", "TERM"), mosquitto, "-c", str(self._folder / "mosquitto.conf")]
