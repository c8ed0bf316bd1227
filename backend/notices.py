"""The outbox at work: hands notices that are due to webhook, mail or broker, again until they are taken."""

import asyncio
import logging
import smtplib
from email.message import EmailMessage
from typing import Any

import httpx
import orjson
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from twin import clock
from twin.notices import Channels, Notices

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
POLL_S = 1.0


class NotSent(Exception):
    """The channel did not take it; says why."""


class Outbox:
    """Sends what is due."""

    def __init__(self, notices: Notices, channels: Channels) -> None:
        self._notices, self._channels = notices, channels

    async def run(self) -> None:
        """Send for ever."""
        while True:
            if not await self.next():
                await asyncio.sleep(POLL_S)

    async def next(self) -> bool:
        """Send the notice that is due first; return whether there was one."""
        notice = await self._notices.take(clock.now())
        if notice is None:
            return False
        error: str | None = None
        try:
            await SENDERS[notice["channel"]](self._channels, notice)
        except Exception as failure:  # whatever a channel raises, the notice waits and the others go on
            error = f"{type(failure).__name__}: {failure}"[:300]
            log.warning("notice %s to %s: %s", notice["id"], notice["role"], error)
        await self._notices.finish(notice, error, clock.now())
        return True


async def _webhook(channels: Channels, notice: dict[str, Any]) -> None:
    """POST the message as JSON; the key lets the receiver recognise what comes twice."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"gunsan-notice-{notice['id']}"}
    if channels.webhook_key:
        headers["Authorization"] = f"Bearer {channels.webhook_key}"
    async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
        answer = await client.post(notice["address"], content=orjson.dumps(notice["message"]), headers=headers)
    if answer.status_code >= 300:
        raise NotSent(f"HTTP {answer.status_code}")


async def _smtp(channels: Channels, notice: dict[str, Any]) -> None:
    """Hand over a mail."""
    if channels.smtp is None:
        raise NotSent("no [smtp] in channels.toml")
    await asyncio.to_thread(_mail, channels, notice)


def _mail(channels: Channels, notice: dict[str, Any]) -> None:
    given, said = channels.smtp, notice["message"]
    assert given is not None
    mail = EmailMessage()
    mail["From"], mail["To"] = given.sender, notice["address"]
    mail["Subject"] = f"{said['title']['ko']} / {said['title']['en']}"
    mail["Message-ID"] = f"<notice-{notice['id']}@gunsan-twin>"
    place = said["place"]
    mail.set_content(
        f"{said['title']['ko']}\n{said['title']['en']}\n{said['severity']} · {said['opened']}\n"
        f"{place['unit_ko'] or ''} {place['lon']}, {place['lat']}\n"
    )
    with smtplib.SMTP(given.host, given.port, timeout=TIMEOUT_S) as server:
        if given.starttls:
            server.starttls()
        if given.user:
            server.login(given.user, given.password or "")
        server.send_message(mail)


async def _mqtt(channels: Channels, notice: dict[str, Any]) -> None:
    """Publish once acknowledged (QoS 1)."""
    if channels.mqtt is None:
        raise NotSent("no [mqtt] in channels.toml")
    await asyncio.to_thread(_publish, channels, notice)


def _publish(channels: Channels, notice: dict[str, Any]) -> None:
    given = channels.mqtt
    assert given is not None
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    if given.user:
        client.username_pw_set(given.user, given.password)
    if given.tls:
        client.tls_set()
    client.connect(given.host, given.port)
    client.loop_start()
    try:
        told = client.publish(notice["address"], orjson.dumps(notice["message"]), qos=1)
        told.wait_for_publish(TIMEOUT_S)
        if not told.is_published():
            raise NotSent(f"the broker did not take it within {TIMEOUT_S:.0f} s")
    finally:
        client.disconnect()
        client.loop_stop()


SENDERS = {"webhook": _webhook, "smtp": _smtp, "mqtt": _mqtt}
