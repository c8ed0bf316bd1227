"""When an alarm condition begins and ends: thresholds with hysteresis and delay, in the time of the observations.

One engine for all layers; it knows only their `AlarmRule`s. A condition that has lasted `delay_s` raises: with the
observation that proves it, or by `tick` when the sensor falls silent while the condition stands.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from twin.layer import AlarmRule, EventAlarm, Layer

GRACE_S = 2.0
"""How long `tick` waits for an observation that is under way before it lets a delay end without one [s]."""


@dataclass(frozen=True, slots=True)
class Transition:
    """An alarm condition that began (`is_raised`) or ended.

    Parameters
    ----------
    asset_id
        None for a condition of the whole layer.
    result
        The value that decided, in the property's unit; NaN when none did.
    at
        Time of the decision [s since 1970].
    onset
        Since when the condition stood [s since 1970].
    """

    layer: str
    asset_id: int | None
    rule: str
    severity: str
    is_raised: bool
    result: float
    at: float
    onset: float
    is_confirmed: bool = True
    """False for what a machine believes it saw and nothing else has confirmed."""


@dataclass(slots=True)
class _Condition:
    """What the engine remembers of one rule at one asset."""

    last: float = float("-inf")
    pending_since: float | None = None
    result: float = float("nan")
    is_standing: bool = False
    onset: float = 0.0
    hits: int = 0


@dataclass(frozen=True, slots=True)
class _Watch:
    """A rule in the form the engine compares with: +1 above, -1 below, 0 equal."""

    layer: str
    rule: AlarmRule
    sense: int
    threshold: float | str
    clear: float | str

    @classmethod
    def of(cls, layer: Layer, rule: AlarmRule) -> "_Watch":
        if rule.equals is not None:
            prop = next(prop for prop in layer.properties if prop.id == rule.property)
            code = float(prop.values.index(rule.equals))
            return cls(layer.id, rule, 0, code, code)
        sense, threshold = (1, rule.above) if rule.above is not None else (-1, rule.below)
        assert threshold is not None
        return cls(layer.id, rule, sense, threshold, threshold if rule.clear is None else rule.clear)

    def is_beyond(self, result: float, attributes: Mapping[str, Any]) -> bool | None:
        """Tell whether a result meets the condition; None when the asset lacks the threshold."""
        threshold = self._number(self.threshold, attributes)
        if threshold is None:
            return None
        return result == threshold if self.sense == 0 else self.sense * result >= self.sense * threshold

    def is_clear(self, result: float, attributes: Mapping[str, Any]) -> bool:
        """Tell whether a result is back past the clearing value."""
        clear = self._number(self.clear, attributes)
        if clear is None or self.sense == 0:
            return True  # asked only of a result that is not beyond
        return self.sense * result <= self.sense * clear

    @staticmethod
    def _number(value: float | str, attributes: Mapping[str, Any]) -> float | None:
        given = attributes.get(value) if isinstance(value, str) else value
        return None if given is None else float(given)


class RuleEngine:
    """All conditions of all assets.

    The engine is not part of a transaction: after a commit that failed, make a new one and `restore` it.
    """

    def __init__(self, layers: Iterable[Layer]) -> None:
        self._watches: dict[tuple[str, str], tuple[_Watch, ...]] = {}
        self._by_rule: dict[tuple[str, str], _Watch] = {}
        self._kinds: dict[tuple[str, str], EventAlarm] = {}
        self._seen: dict[tuple[str, int, str], _Condition] = {}
        for layer in layers:
            self._kinds |= {(layer.id, event.kind): event.alarm for event in layer.events if event.alarm}
            for rule in layer.alarms:
                slot = (layer.id, rule.property)
                watch = self._by_rule[layer.id, rule.rule] = _Watch.of(layer, rule)
                self._watches[slot] = (*self._watches.get(slot, ()), watch)
        self._conditions: dict[tuple[int, str], tuple[_Watch, _Condition]] = {}
        self._pending: set[tuple[int, str]] = set()

    def watches(self, layer: str, observed_property: str) -> bool:
        """Tell whether any rule watches a property."""
        return (layer, observed_property) in self._watches

    def restore(
        self, layer: str, asset_id: int, rule: str, *, is_standing: bool, onset: float, last: float, result: float
    ) -> None:
        """Put back what the store knows of a condition after a start."""
        if (layer, rule) in self._kinds:
            if is_standing:
                self._seen[layer, asset_id, rule] = _Condition(last, None, result, is_standing, onset, 1)
            return
        state = _Condition(last=last, result=result, is_standing=is_standing, onset=onset)
        self._conditions[asset_id, rule] = (self._by_rule[layer, rule], state)

    def observe(
        self,
        layer: str,
        asset_id: int,
        observed_property: str,
        time: float,
        result: float,
        attributes: Mapping[str, Any],
    ) -> list[Transition]:
        """Take one observation [s since 1970, property's unit] and return what it begins or ends.

        An observation that is not newer than the last of its datastream changes nothing.
        """
        changes: list[Transition] = []
        for watch in self._watches.get((layer, observed_property), ()):
            slot = (asset_id, watch.rule.rule)
            known = self._conditions.get(slot)
            if known is None:
                known = self._conditions[slot] = (watch, _Condition())
            state = known[1]
            if time <= state.last:
                continue
            state.last, state.result = time, result
            beyond = watch.is_beyond(result, attributes)
            if beyond is None:
                continue
            if beyond and not state.is_standing:
                if state.pending_since is None:
                    state.pending_since = time
                    self._pending.add(slot)
                if time - state.pending_since >= watch.rule.delay_s:
                    changes.append(self._raise(slot, watch, state, time))
            elif not beyond:
                state.pending_since = None
                self._pending.discard(slot)
                if state.is_standing and watch.is_clear(result, attributes):
                    state.is_standing = False
                    changes.append(self._transition(slot, watch, state, time, is_raised=False))
        return changes

    def happen(self, layer: str, asset_id: int, kind: str, time: float, now: float) -> list[Transition]:
        """Take one event [s since 1970] and return what it begins: an alarm, or the confirmation of one.

        What is heard of only when its alarm would have ended is history, and asks nobody for anything.
        """
        alarm = self._kinds.get((layer, kind))
        if alarm is None or now >= time + alarm.clear_after_s:
            return []
        state = self._seen.setdefault((layer, asset_id, kind), _Condition())
        if time <= state.last:
            return []
        state.last = time
        state.hits += 1
        if not state.is_standing:
            state.is_standing, state.onset = True, time
        elif state.hits != alarm.needs_hits:
            return []
        return [self._event_transition(layer, asset_id, kind, alarm, state, time, is_raised=True)]

    @staticmethod
    def _event_transition(
        layer: str, asset_id: int, kind: str, alarm: EventAlarm, state: _Condition, at: float, *, is_raised: bool
    ) -> Transition:
        is_confirmed = state.hits >= alarm.needs_hits
        return Transition(layer, asset_id, kind, alarm.severity, is_raised, float("nan"), at, state.onset, is_confirmed)

    def tick(self, now: float) -> list[Transition]:
        """Raise what has been pending past its delay without a further observation; end what was not seen again."""
        changes = []
        for (layer, asset_id, kind), seen in list(self._seen.items()):
            alarm = self._kinds[layer, kind]
            if now >= seen.last + alarm.clear_after_s:
                del self._seen[layer, asset_id, kind]
                at = seen.last + alarm.clear_after_s
                changes.append(self._event_transition(layer, asset_id, kind, alarm, seen, at, is_raised=False))
        for slot in list(self._pending):
            watch, state = self._conditions[slot]
            assert state.pending_since is not None
            due = state.pending_since + watch.rule.delay_s
            if now >= due + GRACE_S:
                changes.append(self._raise(slot, watch, state, due))
        return changes

    def _raise(self, slot: tuple[int, str], watch: _Watch, state: _Condition, at: float) -> Transition:
        assert state.pending_since is not None
        state.is_standing, state.onset, state.pending_since = True, state.pending_since, None
        self._pending.discard(slot)
        return self._transition(slot, watch, state, at, is_raised=True)

    @staticmethod
    def _transition(
        slot: tuple[int, str], watch: _Watch, state: _Condition, at: float, *, is_raised: bool
    ) -> Transition:
        return Transition(
            watch.layer, slot[0], watch.rule.rule, watch.rule.severity, is_raised, state.result, at, state.onset
        )
