"""A synthetic storm of twelve hours, and what the desk makes of it: the table that `docs.generate` prints.

Twelve catchments with six stage gauges each, 300 cameras whose analytics see things in the rain, lines that fail.
Everything is made from a seed; the rules are those of the real layers.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby

import numpy as np

from layers import load_layers
from twin.alarms import State
from twin.annunciation import Annunciator
from twin.board import Board, Key, Site
from twin.layer import ASSET_SILENT
from twin.rules import RuleEngine, Transition

CATCHMENTS, GAUGES, CAMERAS = 12, 72, 300
HOURS = 12
STEP_S = 15.0
WINDOW_S = 600.0
TICK_S = 5.0
SEEDS = (1, 2, 3, 4, 5)
KINDS = ("intrusion", "abandoned_object", "crowd_fight")
LEVELS = {"caution_m": 1.2, "alarm_m": 1.7, "danger_m": 2.2}
CLEAR = {"caution_clear_m": 1.05, "alarm_clear_m": 1.55, "danger_clear_m": 2.05}
FIRST_CAMERA = 1000
STEPS = (
    "raw: every crossing, hit and silence",
    "deadband and delay",
    "one alarm for a line that failed",
    "hits of cameras need corroboration",
    "one incident a place, stage rises only",
)


def assets() -> dict[int, Site]:
    """Return gauges and cameras: a catchment and a unit each, two cameras a block."""
    found = {}
    for i in range(GAUGES):
        area = i % CATCHMENTS
        facts = LEVELS | CLEAR | {"catchment": f"C{area}"}
        found[i] = Site(f"수위계 {i}", f"Gauge {i}", area, f"동 {area}", f"Unit {area}", attributes=facts)
    for i in range(CAMERAS):
        area = i % CATCHMENTS
        found[FIRST_CAMERA + i] = Site(
            f"카메라 {i}", f"Camera {i}", area, f"동 {area}", f"Unit {area}", attributes={"block": f"B{i // 2}"}
        )
    return found


def stages(rng: np.random.Generator) -> np.ndarray:
    """Return the stage at every gauge [m], shape (steps, gauges): two bursts, slow swell, ripples."""
    t = np.arange(0, HOURS * 3600, STEP_S)[:, None] / 3600
    area = np.arange(GAUGES) % CATCHMENTS
    level = np.full((len(t), GAUGES), 0.5)
    for peak_h, width_h, low, high in ((3.5, 1.3, 0.5, 1.7), (8.2, 1.0, 0.3, 1.6)):
        peak = (peak_h + rng.uniform(-0.7, 0.7, CATCHMENTS))[area] + rng.normal(0, 0.1, GAUGES)
        height = rng.uniform(low, high, CATCHMENTS)[area] * rng.uniform(0.9, 1.1, GAUGES)
        rise = np.where(t < peak, 0.5, 1.0) * width_h  # it comes faster than it goes
        level += height * np.exp(-(((t - peak) / rise) ** 2))
    swell = np.zeros_like(level)
    push = rng.normal(0, 0.008, level.shape)
    for n in range(1, len(t)):
        swell[n] = 0.985 * swell[n - 1] + push[n]
    return level + swell + rng.normal(0, 0.11, level.shape)


def hits(rng: np.random.Generator) -> list[tuple[float, int, str]]:
    """Return what the analytics see: rain and headlights everywhere, and eight things that are there."""
    found = []
    n = int(rng.poisson(1250))
    for when, camera, kind in zip(
        rng.beta(2.2, 2.6, n) * HOURS * 3600, rng.integers(0, CAMERAS, n), rng.choice(KINDS[:2], n), strict=True
    ):
        found.append((float(when), FIRST_CAMERA + int(camera), str(kind)))
    for _ in range(8):
        when, block = float(rng.uniform(0, HOURS * 3600 - 900)), int(rng.integers(0, CAMERAS // 2))
        kind = str(rng.choice(KINDS))
        for _ in range(int(rng.integers(4, 9))):
            found.append((when, FIRST_CAMERA + 2 * block + int(rng.integers(0, 2)), kind))
            when += float(rng.uniform(15, 60))
    return sorted(found)


def silences(rng: np.random.Generator) -> list[tuple[float, float, int]]:
    """Return (begin, end, area) of the lines that fail [s]."""
    slots = rng.choice(CATCHMENTS * HOURS, 22, replace=False)  # an hour and an area each, so that none overlap
    found = []
    for slot in slots:
        hour, area = divmod(int(slot), CATCHMENTS)
        begin = hour * 3600 + float(rng.uniform(0, 1200))
        found.append((begin, begin + float(rng.uniform(600, 2300)), area))
    return sorted(found)


def crossings(level: np.ndarray) -> Iterator[float]:
    """Yield the time of every crossing of a threshold from below: what an alarm without deadband would say."""
    for limit in LEVELS.values():
        above = level >= limit
        for row in np.nonzero(above[1:] & ~above[:-1])[0]:
            yield float((row + 1) * STEP_S)


def changes(seed: int) -> tuple[list[Transition], list[float]]:
    """Return every condition that begins or ends in the order of time, and the times of all raw alarms."""
    rng = np.random.default_rng([seed, 8764])
    specs = {key: layer.spec for key, layer in load_layers().items()}
    rules = RuleEngine([specs["water_level"], specs["cctv"]])
    level, seen, failed, sites = stages(rng), hits(rng), silences(rng), assets()
    found: list[Transition] = []
    raw = [*crossings(level), *(when for when, _, _ in seen)]
    later = iter([*seen, (float("inf"), 0, "")])
    heard = np.ones(level.shape, bool)
    for begin, end, area in failed:
        heard[int(begin // STEP_S) : int(end // STEP_S) + 1, np.arange(GAUGES) % CATCHMENTS == area] = False
    hit = next(later)
    for n, row in enumerate(level):
        now = n * STEP_S
        while hit[0] <= now:
            found += rules.happen("cctv", hit[1], hit[2], hit[0], hit[0])
            hit = next(later)
        for gauge in np.nonzero(heard[n])[0].tolist():
            found += rules.observe("water_level", gauge, "stage", now, float(row[gauge]), sites[gauge].attributes)
        found += rules.tick(now)
    for begin, end, area in failed:
        for asset, site in sites.items():
            if site.unit == area:
                layer = "cctv" if asset >= FIRST_CAMERA else "water_level"
                raw.append(begin)
                for at, is_raised in ((begin, True), (end, False)):
                    found.append(Transition(layer, asset, ASSET_SILENT, "caution", is_raised, np.nan, at, begin))
    return sorted(found, key=lambda change: change.at), sorted(raw)


@dataclass
class Outcome:
    """What became of one storm."""

    raw: list[float]
    raised: list[Transition] = field(default_factory=list)
    announced: list[tuple[float, Key]] = field(default_factory=list)
    confirmed: list[tuple[float, Key]] = field(default_factory=list)
    members: set[tuple[Key, float]] = field(default_factory=set)
    """(alarm, onset) of everything that belongs to an incident."""
    orphans: list[Key] = field(default_factory=list)
    """Suppressed alarms without an incident."""
    incidents: int = 0

    def ladder(self) -> list[list[float]]:
        """Return the times of the alarms that are left after each of `STEPS`."""
        heard = [change.at for change in self.raised]
        spoken = {key for _, key in self.announced}
        own_line = [c.at for c in self.raised if c.rule != ASSET_SILENT]
        lines = [at for at, key in self.announced if key[2] == ASSET_SILENT]
        sure = [c.at for c in self.raised if c.layer == "water_level" and c.rule != ASSET_SILENT]
        seen = [at for at, key in self.confirmed if key[0] == "cctv" and key[2] != ASSET_SILENT]
        assert spoken
        return [
            self.raw,
            heard,
            sorted(own_line + lines),
            sorted(sure + lines + seen),
            [at for at, _ in self.announced],
        ]


@cache
def replay(seed: int) -> Outcome:
    """Let a storm pass over the desk; an operator acknowledges what is announced after one to three minutes."""
    specs = {key: layer.spec for key, layer in load_layers().items()}
    board, rng = Board(sites=assets()), np.random.default_rng([seed, 1])
    found, raw = changes(seed)
    outcome = Outcome(raw)
    due: list[tuple[float, Key]] = []
    desk, ticked = Annunciator(board, specs), 0.0
    for at, group in groupby(found, key=lambda change: change.at):
        for when, key in [one for one in due if one[0] <= at]:
            due.remove((when, key))
            desk.acknowledge([board.alarms[key]], "operator", when)
        for written in (desk.entries, desk.members, desk.alarms, desk.incidents):  # as after a commit
            written.clear()
        if at - ticked >= TICK_S:
            desk.tick(at)
            ticked = at
        for change in group:
            desk.take(change)
            if change.is_raised and change.onset == change.onset:
                outcome.raised.append(change)
        for entry in desk.entries:
            outcome.incidents += entry.kind == "opened"
            if entry.alarm is None:
                continue
            if entry.announces:
                outcome.announced.append((at, entry.alarm.key))
                due.append((at + float(rng.uniform(60, 180)), entry.alarm.key))
            if entry.kind == "alarm_raised" and entry.alarm.is_confirmed:
                outcome.confirmed.append((at, entry.alarm.key))
        outcome.members |= {(alarm.key, alarm.onset) for _, alarm, _ in desk.members}
        outcome.orphans += [alarm.key for alarm in desk.alarms if alarm.state == State.DSUPR and alarm.incident is None]
    return outcome


def peak(times: list[float]) -> int:
    """Return the most alarms of any window of 10 minutes, wherever it begins."""
    at = np.sort(np.array(times))
    return int(max(np.searchsorted(at, at + WINDOW_S, "left") - np.arange(len(at)), default=0))


def table() -> list[tuple[str, ...]]:
    """Return the rows of the table: what is left after each step, and the most in 10 minutes, by seed."""
    ladders = [replay(seed).ladder() for seed in SEEDS]
    return [(step, *(f"{len(ladder[n]):,} / {peak(ladder[n])}" for ladder in ladders)) for n, step in enumerate(STEPS)]


def count_by_rule(outcome: Outcome) -> Counter[str]:
    """Return how often each rule was announced."""
    return Counter(key[2] for _, key in outcome.announced)
