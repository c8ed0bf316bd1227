"""What the operators hear and what is kept silent: suppression by cause, corroboration, one incident a place.

Pure: a `Board` in, changes out; `twin.desk` reads it from the store and writes it back. The rules are those of
ISA-18.2, and one of ours that holds the budget: within an incident only a rise of its stage is announced. What is
kept silent is a member of an incident, always.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from twin.alarms import EVENT_KIND, Cell, State, Trigger, after
from twin.board import RANK, Alarm, Board, Entry, Incident
from twin.layer import AlarmFacts, EventAlarm, Layer, Severity
from twin.rules import Transition

QUIET_S = 1800.0
"""So long after its condition has ended an alarm still counts for the stage of its incident [s]."""
BLOCK_M = 250.0
"""Side of a block [m]."""
UNCONFIRMED = "unconfirmed"
OF_INCIDENT = "incident"


class Annunciator:
    """Moves the alarms of a board by their table and decides what is announced."""

    def __init__(self, board: Board, layers: Mapping[str, Layer]) -> None:
        self.board, self._layers = board, layers
        self.alarms: dict[Alarm, None] = {}
        """Changed alarms, in order."""
        self.incidents: dict[Incident, None] = {}
        """New or changed incidents, in order."""
        self.members: list[tuple[Incident, Alarm, float]] = []
        """Who joined which incident when."""
        self.entries: list[Entry] = []
        self._of: dict[Incident, set[Alarm]] = {}
        self._at: dict[int | None, set[Alarm]] = {}
        for alarm in board.alarms.values():
            self._index(alarm)

    def _index(self, alarm: Alarm) -> None:
        self._at.setdefault(alarm.key[1], set()).add(alarm)
        if alarm.incident is not None:
            self._of.setdefault(alarm.incident, set()).add(alarm)

    def facts(self, alarm: Alarm) -> AlarmFacts | None:
        """Return what the alarm's rule says; None for a rule that its layer no longer has."""
        layer = self._layers.get(alarm.key[0])
        return layer.alarm_facts(alarm.key[2]) if layer else None

    def take(self, change: Transition) -> None:
        """Take a condition that began or ended."""
        key = (change.layer, change.asset_id, change.rule)
        alarm = self.board.alarms.get(key)
        if alarm is None:
            alarm = self.board.alarms[key] = Alarm(key, change.severity)
            self._index(alarm)
        if change.is_raised:
            self._raise(alarm, change)
        elif alarm.is_standing:
            self._clear(alarm, change)

    def _raise(self, alarm: Alarm, change: Transition) -> None:
        is_rise = alarm.is_standing and RANK[change.severity] > RANK[alarm.severity]
        is_confirmation = alarm.is_standing and change.is_confirmed and not alarm.is_confirmed
        is_new = not alarm.is_standing
        alarm.severity, alarm.result, alarm.is_confirmed = change.severity, change.result, change.is_confirmed
        if is_new:
            alarm.is_standing, alarm.onset = True, change.onset
        if change.asset_id in self.board.out_of_service and alarm.state != State.OOSRV:
            self.move(alarm, Trigger.DISABLE, change.at)
        elif alarm.state in (State.SHLVD, State.OOSRV):
            self.alarms[alarm] = None
            self._join(alarm, change.at, only_open=True)
        elif is_new or is_rise or is_confirmation:
            self._judge(alarm, Trigger.RAISE if is_new else Trigger.RISE, change.at)
            self._silence_children(alarm, change.at)
            self._confirm_others(alarm, change.at)

    def _clear(self, alarm: Alarm, change: Transition) -> None:
        alarm.is_standing, alarm.cleared = False, change.at
        alarm.result = change.result if change.result == change.result else alarm.result
        self.move(alarm, Trigger.CLEAR, change.at)
        if alarm.incident is not None:
            self.incidents[alarm.incident] = None
        for child in list(self._at.get(alarm.key[1], ())) if alarm.key[1] is not None else self._of_layer(alarm.key[0]):
            if not child.is_standing or child.state != State.DSUPR:
                continue
            is_alone = self._is_vital(child) and not self._is_heard(child.key[1])
            if is_alone or child.silenced_by == alarm.key[2]:
                self._judge(child, Trigger.RELEASE, change.at)

    def _of_layer(self, layer: str) -> list[Alarm]:
        return [alarm for alarm in self.board.alarms.values() if alarm.key[0] == layer]

    def _judge(self, alarm: Alarm, trigger: Trigger, at: float, *, always: bool = False) -> None:
        """Announce an alarm whose condition stands, or let what speaks for it speak.

        Parameters
        ----------
        always
            Nothing but a parent cause may keep it silent: somebody is to see that it is back.
        """
        parent = self._parent(alarm)
        incident = self._join(alarm, at, parent)
        cause: str | None = None
        if parent is not None:
            cause = parent.key[2]
        elif incident is not None:
            rank, stage = self._rank(alarm, incident), self._stage(incident, at, alarm)
            spoken = self._stage(incident, at, alarm, only_asset=True) if self._is_vital(alarm) else stage
            if rank == 0:
                cause = UNCONFIRMED
            elif rank <= spoken and not always:
                cause = OF_INCIDENT
            else:
                if rank > incident.stage > 0:  # it is named after the worst that was announced
                    incident.title_ko, incident.title_en = self._titles(alarm)
                incident.stage = max(rank, stage)
        alarm.cleared = None
        if cause == OF_INCIDENT and alarm.state == State.RTNUN:  # nobody has seen it yet: it stays in the list
            self.move(alarm, Trigger.RAISE, at)
            return
        if cause == OF_INCIDENT and self._is_vital(alarm) and not self._is_heard(alarm.key[1]):
            cause = None  # what spoke for it has ended
        if cause is not None:
            is_news = alarm.state != State.DSUPR
            alarm.silenced_by = cause
            if is_news:
                self.move(alarm, Trigger.SUPPRESS, at, kind=EVENT_KIND[Trigger.RAISE], cause=cause)
            else:
                self.alarms[alarm] = None
            return
        if alarm.state == State.DSUPR:
            trigger = Trigger.RELEASE
        alarm.silenced_by = None
        self._speak_once(alarm, at)
        self.move(alarm, trigger, at, kind=EVENT_KIND[Trigger.RAISE], announces=True)

    def _speak_once(self, alarm: Alarm, at: float) -> None:
        """Let what is announced of an incident now speak for what was announced of it a moment ago, in this board."""
        for n, entry in enumerate(self.entries):
            lower = entry.alarm
            if (
                entry.announces
                and lower is not None
                and alarm.incident is not None
                and entry.incident is alarm.incident
            ):
                self.entries[n] = replace(entry, announces=False)
                if lower is not alarm and lower.state == State.UNACK and not self._is_vital(lower):
                    lower.silenced_by = OF_INCIDENT
                    self.move(lower, Trigger.SUPPRESS, at, cause=OF_INCIDENT)

    def _is_heard(self, asset: int | None) -> bool:
        """Tell whether an alarm that stands at an asset is before somebody's eyes."""
        return any(one.is_standing and one.state in (State.UNACK, State.ACKED) for one in self._at.get(asset, ()))

    def _is_vital(self, alarm: Alarm) -> bool:
        facts = self.facts(alarm)
        return facts is not None and facts.is_vital

    def _parent(self, alarm: Alarm) -> Alarm | None:
        """Return the standing alarm that speaks for this one by rule: of its asset, its parent asset, its layer."""
        facts = self.facts(alarm)
        if facts is None or not facts.suppressed_by:
            return None
        layer, asset, _ = alarm.key
        site = self.board.sites.get(asset) if asset is not None else None
        places = [asset, None] + ([site.parent] if site and site.parent is not None else [])
        for rule in facts.suppressed_by:
            for place in places:
                known = self.board.alarms.get((layer, place, rule))
                if known is not None and known is not alarm and known.counts:
                    return known
        return None

    def _silence_children(self, alarm: Alarm, at: float) -> None:
        """Let a parent that was raised speak for the children that stand already; a silent one speaks for nobody."""
        if not alarm.counts or alarm.state == State.DSUPR:
            return
        near = list(self._at.get(alarm.key[1], ())) if alarm.key[1] is not None else self._of_layer(alarm.key[0])
        for child in near:
            facts = self.facts(child)
            if (
                facts is not None
                and alarm.key[2] in facts.suppressed_by
                and child.key[0] == alarm.key[0]
                and child.state in (State.UNACK, State.ACKED)
            ):
                child.silenced_by = alarm.key[2]
                self._join(child, at, alarm)
                self.move(child, Trigger.SUPPRESS, at)

    def _confirm_others(self, alarm: Alarm, at: float) -> None:
        """Let the last corroboration wake those that waited for it: they become members that are spoken for."""
        incident = alarm.incident
        if incident is None or not self._rank(alarm, incident):
            return
        for other in self._of.get(incident, ()):
            if other is not alarm and other.is_standing and not other.is_confirmed and self._rank(other, incident):
                other.is_confirmed, other.silenced_by = True, OF_INCIDENT
                self.alarms[other] = None
        alarm.is_confirmed = True

    def _rank(self, alarm: Alarm, incident: Incident) -> int:
        """Return the rank an alarm has in its incident: 0 without corroboration, more when a whole area has it."""
        facts = self.facts(alarm)
        standing = [one for one in self._of.get(incident, ()) if one.is_standing]
        assets = {one.key[1] for one in standing}
        if isinstance(facts, EventAlarm) and not alarm.is_confirmed and len(assets) < facts.needs_assets:
            return 0
        if facts is not None and facts.escalates_at is not None and len(assets) >= facts.escalates_at:
            return max(RANK[alarm.severity], RANK[Severity.ALARM])
        return RANK[alarm.severity]

    def _stage(self, incident: Incident, at: float, judged: Alarm, *, only_asset: bool = False) -> int:
        """Return the highest rank that was announced and still counts: it stands, or ended a short while ago.

        Of the alarm that is judged only what ended before counts.
        """
        spoken = 0
        for one in self._of.get(incident, ()):
            is_other_asset = only_asset and one.key[1] != judged.key[1]
            stands = one.is_standing and one is not judged
            if (
                one.is_confirmed
                and not is_other_asset
                and (stands or (one.cleared is not None and at - one.cleared < QUIET_S))
            ):
                spoken = max(spoken, min(self._rank(one, incident), incident.stage))
        return spoken

    def _join(
        self, alarm: Alarm, at: float, parent: Alarm | None = None, *, only_open: bool = False
    ) -> Incident | None:
        """Make an alarm a member of the incident of its parent, or of its topic and place; open one if need be."""
        facts = self.facts(alarm)
        incident = parent.incident if parent is not None else None
        if incident is None and facts is not None and facts.topic is not None:
            group, *_ = self._group(alarm, facts.group_by)
            incident = self.board.incidents.get((facts.topic, group))
            if incident is None and not only_open:
                incident = self._open(alarm, facts.topic, group, at)
        if incident is None:
            return None
        if alarm.incident is not incident:
            if alarm.incident is not None:
                self._of[alarm.incident].discard(alarm)
            alarm.incident = incident
            self._of.setdefault(incident, set()).add(alarm)
        self.members.append((incident, alarm, at))
        self.incidents[incident] = None
        return incident

    def _open(self, alarm: Alarm, topic: str, group: str, at: float) -> Incident:
        site = self.board.sites.get(alarm.key[1]) if alarm.key[1] is not None else None
        incident = self.board.incidents[topic, group] = Incident(topic, group, *self._titles(alarm), at, site)
        self._of[incident] = set()
        self.entries.append(Entry("opened", at, "system", alarm, incident))
        return incident

    def _titles(self, alarm: Alarm) -> tuple[str, str]:
        """Return what an incident is called after one of its alarms, in Korean and English."""
        facts = self.facts(alarm)
        assert facts is not None
        _, ko, en = self._group(alarm, facts.group_by)
        return " · ".join(filter(None, (facts.title.ko, ko))), " · ".join(filter(None, (facts.title.en, en)))

    def _group(self, alarm: Alarm, by: str) -> tuple[str, str, str]:
        """Return the key of an alarm's group, and its name in Korean and English."""
        layer, asset, _ = alarm.key
        site = self.board.sites.get(asset) if asset is not None else None
        if site is None or by == "layer":
            title = self._layers[layer].title
            return f"layer:{layer}", title.ko, title.en
        if by == "asset":
            return f"asset:{asset}", site.name_ko, site.name_en
        if by in site.attributes:
            value = str(site.attributes[by])
            return f"{by}:{value}", value, str(site.attributes.get(f"{by}_en") or value)
        if by == "block" and site.x is not None and site.y is not None:
            return f"block:{site.x // BLOCK_M:.0f}.{site.y // BLOCK_M:.0f}", site.name_ko, site.name_en
        return f"unit:{site.unit}", site.unit_ko, site.unit_en

    def calm_since(self, incident: Incident) -> float | None:
        """Return when the last condition of an incident ended [s since 1970]; None while one stands."""
        members = self._of.get(incident, ())
        if any(one.is_standing for one in members):
            return None
        return max((one.cleared for one in members if one.cleared is not None), default=None)

    def tick(self, now: float) -> None:
        """Let time pass: acknowledgements expire, shelving ends, what nothing confirmed is closed."""
        reminded: set[Incident | None] = {
            alarm.incident for alarm in self.board.alarms.values() if alarm.state == State.UNACK and alarm.incident
        }
        for alarm in list(self.board.alarms.values()):
            if alarm.state == State.ACKED and alarm.acknowledged_until is not None and alarm.acknowledged_until <= now:
                is_first = alarm.incident is None or alarm.incident not in reminded
                reminded.add(alarm.incident)
                self.move(alarm, Trigger.EXPIRE, now, announces=is_first)
            elif alarm.state == State.SHLVD and alarm.shelved_until is not None and alarm.shelved_until <= now:
                self._return(alarm, Trigger.LAPSE, now)
            elif alarm.state == State.OOSRV and alarm.key[1] not in self.board.out_of_service:
                self._return(alarm, Trigger.ENABLE, now)
        for incident in list(self.board.incidents.values()):
            if incident.stage == 0 and not any(one.is_standing for one in self._of.get(incident, ())):
                incident.state, incident.reason = "closed", UNCONFIRMED
                del self.board.incidents[incident.topic, incident.group_key]
                self.incidents[incident] = None
                self.entries.append(Entry("closed", now, "system", None, incident, detail={"reason": UNCONFIRMED}))

    def _return(self, alarm: Alarm, trigger: Trigger, now: float) -> None:
        """Bring back what was put aside: unacknowledged when it stands, unless a parent cause speaks for it."""
        alarm.shelved_by = alarm.shelved_until = alarm.shelved_reason = None
        if alarm.is_standing:
            alarm.state = State.NORM  # where the table leads from when a condition begins anew
            self._judge(alarm, Trigger.RAISE, now, always=True)
        else:
            self.move(alarm, trigger, now)

    def move(
        self,
        alarm: Alarm,
        trigger: Trigger,
        at: float,
        by: str = "system",
        *,
        kind: str | None = None,
        announces: bool = False,
        cause: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> Cell:
        """Move an alarm by its table and write it down."""
        cell = after(alarm.state, trigger, is_standing=alarm.is_standing)
        before, alarm.state, alarm.changed = alarm.state, cell.state, at
        if cell.state in (State.UNACK, State.NORM):
            alarm.acknowledged_by = alarm.acknowledged_until = None
        if cell.state != State.DSUPR:
            alarm.silenced_by = None
        if alarm.state != before or trigger in (Trigger.RAISE, Trigger.RISE, Trigger.CLEAR):
            said = ({"cause": cause} if cause else {}) | dict(detail or {})
            self.entries.append(
                Entry(kind or EVENT_KIND[trigger], at, by, alarm, alarm.incident, announces and cell.sounds, said)
            )
        self.alarms[alarm] = None
        return cell

    def acknowledge(self, alarms: Iterable[Alarm], by: str, now: float) -> None:
        """Acknowledge alarms; an incident whose last one this was is acknowledged with them."""
        touched: dict[Incident, None] = {}
        for alarm in alarms:
            if alarm.state not in (State.UNACK, State.RTNUN):
                continue
            facts = self.facts(alarm)
            if self.move(alarm, Trigger.ACKNOWLEDGE, now, by).state == State.ACKED:
                alarm.acknowledged_by = by
                alarm.acknowledged_until = now + (facts.acknowledged_for_s if facts else 4 * 3600)
            if alarm.incident is not None:
                touched[alarm.incident] = None
        for incident in touched:
            if incident.state == "new" and not any(
                one.state in (State.UNACK, State.RTNUN) for one in self._of.get(incident, ())
            ):
                incident.state = "acknowledged"
                self.incidents[incident] = None
                self.entries.append(Entry("acknowledged", now, by, None, incident))
