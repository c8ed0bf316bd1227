"""The way of one datum: source -> adapter -> store (+ feed) -> rules and alarms -> hub -> screen. This is the corridor.

`handle` takes the messages that have come in since the last commit through all rooms in one transaction. A message
is acknowledged to its source only after that; one that cannot be read is counted, kept for inspection, and
acknowledged too, because sending it again would not make it better.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime

import asyncpg

from backend.intake import Intake, Message, Outcome, Row
from layers import LoadedLayer
from twin import clock
from twin.batch import Batch, Observations
from twin.db import STORE_AWAY, connect
from twin.errors import BadMessage
from twin.registry import Registry, restore_rules
from twin.rules import RuleEngine, Transition
from twin.store import ObservationStore

log = logging.getLogger(__name__)

BATCH_OBSERVATIONS = 5_000
BYTES_PER_OBSERVATION = 50
"""Rough guess by which a batch is cut before it is read."""
LINGER_S = 0.01
IDLE_S = 0.5
QUEUE_MESSAGES = 20_000


def judge(rules: RuleEngine, registry: Registry, intake: Intake, now: datetime) -> list[Transition]:
    """Let the rules see observations and events in the order of their time; return what they begin or end."""
    changes: list[Transition] = []
    for event in sorted(intake.events, key=lambda event: event.phenomenon_time):
        if event.asset_id is not None:
            at = event.phenomenon_time.timestamp()
            changes += rules.happen(event.layer, event.asset_id, event.kind, at, now.timestamp())
    for row in sorted(intake.rows, key=lambda row: row.time_us):
        for name, result in row.results.items():
            if rules.watches(row.layer.id, name):
                known = registry.attributes(row.asset_id)
                changes += rules.observe(row.layer.id, row.asset_id, name, row.time_us / 1e6, result, known)
    return changes


class Pipeline:
    """The only writer of observations; one per installation."""

    def __init__(self, dsn: str, layers: Mapping[str, LoadedLayer]) -> None:
        self._dsn = dsn
        self._layers = layers
        self._specs = {key: layer.spec for key, layer in layers.items()}
        self._order = {layer: index for index, layer in enumerate(layers)}
        self._index = {key: {name: n for n, name in enumerate(one.spec.observed)} for key, one in layers.items()}
        self._queue: asyncio.Queue[Message] = asyncio.Queue()
        self._db: asyncpg.Connection | None = None

    async def put(self, message: Message) -> None:
        """Hand over a message; waits while the queue is full, so that the source feels the pressure."""
        while self._queue.qsize() >= QUEUE_MESSAGES:
            await asyncio.sleep(LINGER_S)
        self.put_now(message)

    def put_now(self, message: Message) -> None:
        """Hand over a message of a source that bounds by itself how many it has under way."""
        self._queue.put_nowait(message)

    @property
    def is_open(self) -> bool:
        """Tell whether the store is connected."""
        return self._db is not None and not self._db.is_closed()

    @property
    def waiting(self) -> int:
        """Return how many messages wait for their commit."""
        return self._queue.qsize()

    async def handle(self, messages: list[Message]) -> None:
        """Take messages through all rooms and acknowledge them. An empty list lets time pass."""
        now = clock.now()
        intake = Intake(self._layers, self._registry, self._db)
        for message in messages:
            await intake.take(message)
        observations = await self._observations(intake.rows)
        transitions = judge(self._rules, self._registry, intake, now) + self._rules.tick(now.timestamp())
        if messages or transitions:
            await self._store.append(
                Batch(observations, transitions, intake.events, intake.rejects, intake.moved, intake.attributes), now
            )
        for message, outcome in intake.outcomes:
            message.done(outcome)

    async def _observations(self, rows: list[Row]) -> Observations:
        wanted = {(row.asset_id, name) for row in rows for name in row.results}
        streams = await self._registry.streams(self._db, wanted)
        columns = [
            (
                self._order[layer],
                row.asset_id,
                self._index[layer][name],
                streams[row.asset_id, name],
                row.time_us,
                value,
            )
            for row in rows
            for layer in (row.layer.id,)
            for name, value in row.results.items()
        ]
        return Observations.of(tuple(self._order), columns)

    async def run(self) -> None:
        """Take messages in batches for ever; a database that does not answer is waited for, nothing is lost."""
        messages: list[Message] = []
        while True:
            try:
                if self._db is None or self._db.is_closed():
                    await self.open()
                if not messages:
                    messages = await self._collect()
                await self.handle(messages)
                messages = []
            except STORE_AWAY as error:
                log.warning("store is away, %d messages wait: %s", len(messages) + self._queue.qsize(), error)
                self.close()
                await asyncio.sleep(0.2)
            except Exception as error:
                log.exception("a batch of %d messages failed", len(messages))
                self.close()
                messages = await self._isolate(messages, error)

    async def open(self) -> None:
        """Connect, and learn from the store what it knows: after a failed commit memory may be ahead of it."""
        self._db = await connect(self._dsn)
        self._registry, self._store = Registry(), ObservationStore(self._db, self._specs)
        self._rules = RuleEngine(self._specs.values())
        await self._registry.load(self._db)
        await restore_rules(self._db, self._rules, self._specs)
        await self._store.prepare()

    def close(self) -> None:
        """Drop the connection."""
        if self._db is not None:
            self._db.terminate()
            self._db = None

    async def _collect(self) -> list[Message]:
        """Wait a while for a message, then take along what arrives within the linger time."""
        loop = asyncio.get_running_loop()
        messages: list[Message] = []
        size, wait = 0.0, IDLE_S
        deadline = loop.time() + IDLE_S
        while size < BATCH_OBSERVATIONS and (not self._queue.empty() or wait > 0):
            try:
                async with asyncio.timeout(max(wait, 0.001)):
                    message = await self._queue.get()
            except TimeoutError:
                break
            if not messages:
                deadline = loop.time() + LINGER_S
            messages.append(message)
            size += 1 + len(message.payload) / BYTES_PER_OBSERVATION
            wait = deadline - loop.time()
        return messages

    async def _isolate(self, messages: list[Message], error: Exception) -> list[Message]:
        """Halve a batch that fails until the one bad message is found; that one is rejected."""
        if len(messages) > 1:
            half = len(messages) // 2
            for message in messages[half:]:
                await self._queue.put(message)
            return messages[:half]
        for message in messages:
            await self.open()
            refused = BadMessage("store_refused", f"{type(error).__name__}: {error}")
            empty = Observations.of(tuple(self._order), [])
            await self._store.append(Batch(empty, rejects=[message.rejected(refused)]), clock.now())
            message.done(Outcome(0, ((refused.reason, str(refused)),)))
        return []
