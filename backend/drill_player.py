"""Injects that are messages of sensors: the same adapter, checks, rules and desk as the real ones, in a drill's branch.

What is measured in a drill is never stored: it lives in the rules' memory of this process, and in the alarms of the
branch.
"""

from collections.abc import Mapping
from datetime import datetime

import asyncpg

from backend.intake import Intake, Message
from backend.pipeline import judge
from layers import LoadedLayer
from twin.alarm_actions import let_time_pass
from twin.clock import KST
from twin.desk import take_transitions
from twin.drills import Inject
from twin.errors import BadInput
from twin.registry import Registry, find_asset, restore_standing
from twin.rules import RuleEngine, Transition
from twin.store import lock_feed, publish


class DrillPlayer:
    """The rules of every running drill."""

    def __init__(self, pool: asyncpg.Pool, layers: Mapping[str, LoadedLayer]) -> None:
        self._pool, self._layers = pool, layers
        self._specs = {key: layer.spec for key, layer in layers.items()}
        self._rules: dict[str, RuleEngine] = {}

    async def inject(self, branch: str, inject: Inject, at: datetime, now: datetime) -> None:
        """Let a sensor say something in a branch.

        Raises
        ------
        BadInput
            Its layer does not take the message.
        """
        assert inject.layer is not None
        assert inject.message is not None
        layer = self._layers.get(inject.layer)
        if layer is None or layer.spec.registers_assets:
            raise BadInput(f"inject {inject.id!r}: no drill speaks for layer {inject.layer!r}")
        async with self._pool.acquire() as db:
            registry = Registry()
            await registry.load(db)
            asset = await find_asset(db, inject.layer, inject.where)
            text = inject.message.replace("{asset}", asset).replace("{time}", at.astimezone(KST).isoformat())
            text = text.replace("{epoch}", f"{at.timestamp():.3f}")
            intake = Intake(self._layers, registry, db)
            await intake.take(Message(inject.layer, text.encode(), branch, max(at, now)))
            if intake.rejects:
                raise BadInput(f"inject {inject.id!r} is refused: {intake.rejects[0].text}")
            rules = await self._rules_of(db, branch)
            await self._take(db, branch, judge(rules, registry, intake, now), now)

    async def _rules_of(self, db: asyncpg.Connection, branch: str) -> RuleEngine:
        """Return the rules of a drill; a process that began anew learns from the store what stands in it."""
        if branch not in self._rules:
            rules = self._rules[branch] = RuleEngine(self._specs.values())
            await restore_standing(db, rules, branch)
        return self._rules[branch]

    async def tick(self, branches: set[str], now: datetime) -> None:
        """Let time pass in the running drills; what is over is forgotten."""
        for gone in set(self._rules) - branches:
            del self._rules[gone]
        async with self._pool.acquire() as db:
            for branch in branches:
                rules = self._rules.get(branch)
                await self._take(db, branch, rules.tick(now.timestamp()) if rules else [], now)
                async with db.transaction():
                    await lock_feed(db)
                    await let_time_pass(db, self._specs, now, branch)

    async def _take(self, db: asyncpg.Connection, branch: str, changes: list[Transition], now: datetime) -> None:
        if not changes:
            return
        async with db.transaction():
            await lock_feed(db)
            await publish(db, await take_transitions(db, self._specs, changes, now, branch), now)
