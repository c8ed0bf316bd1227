"""The traffic engine: a link transmission model that moves vehicles instead of flows. Arrays only, compiled.

A link is a queue with two waves. A vehicle reaches the stop line no earlier than its free-flow time after its entry,
and it enters no earlier than L/w after the place it takes was freed at the other end (Newell 1993,
doi:10.1016/0191-2615(93)90038-C; Yperman 2007). Each place of a link's ring remembers when it was freed, so the
backward wave is exact. A junction is served vehicle by vehicle in the order of the earliest possible times; ties are
broken by start-time fair queueing (Goyal et al. 1997, doi:10.1109/90.649569) with one share for each lane.

The clock ticks in steps of `STEP` but the times of vehicles are continuous: what was decided late is dated back to when
it became possible, except that a green cannot be used before it starts and a yielding vehicle not before it was free
to go.
"""

from typing import Any

import numpy as np

from simulations.traffic.heap import bare, pop, push
from simulations.traffic.records import (
    ARRIVED,
    OVERFLOW,
    RUNNING,
    TO_END,
    TO_NO_PLACE,
    TO_NOWHERE,
    UNREACHABLE,
    WAITING,
    Record,
    World,
)

STEP = 1.0
"""Length of a step [s]."""
TELEPORT_S = 300.0
"""A vehicle that stood this long first at the stop line and could not go is set over to its next link, and counted."""
GAP_S = 4.0
"""Least time to the next vehicle of a stream with right of way [s] (HCM 2016, exhibit 20-11: 4.1 to 6.5 s)."""
CLEAR_S = 1.5
"""Time that a vehicle keeps the crossing occupied for others [s]."""
PATIENCE_S = 60.0
"""After waiting this long at the line, drivers take any gap [s]."""
MAX_TRIES = 6
"""Full car parks that a driver sees before giving up."""
SOON = 1e-9
"""Times nearer than this are the same [s]."""


@bare
def advance(world: World, until: float, stop_loss_s: float) -> None:
    """Run the clock to a time, a whole number of steps.

    Parameters
    ----------
    until
        End of the last step [s].
    stop_loss_s
        Time that a vehicle loses by braking and starting once [s].
    """
    counts = world.counts[0]
    nodes = world.nodes
    while counts.t < until:
        end = counts.t + STEP
        _depart(world, end)
        while counts.releases > 0 and world.release_s[0] < end:
            world.lots[world.release_lot[0]].used -= 1
            counts.releases = pop(world.release_s, world.release_lot, counts.releases)
        for node in range(len(nodes)):
            if nodes[node].wake < end:
                _serve(world, node, end, stop_loss_s)
        counts.t = end


@bare
def _depart(world: World, end: float) -> None:
    """Put the vehicles that are due into the line before their first link."""
    counts = world.counts[0]
    while counts.departed < len(world.order):
        v = world.order[counts.departed]
        vehicle = world.vehicles[v]
        if vehicle.depart >= end:
            return
        counts.departed += 1
        line_up(world, v, vehicle.origin, vehicle.depart)


@bare
def line_up(world: World, v: int, at_link: int, time: float) -> None:
    """Let a vehicle wait to enter a link from beside the road."""
    vehicle, link = world.vehicles[v], world.links[at_link]
    vehicle.state, vehicle.link, vehicle.ready, vehicle.after = WAITING, at_link, time, -1
    if link.origin_head < 0:
        link.origin_head = v
    else:
        world.vehicles[link.origin_tail].after = v
    link.origin_tail = v
    world.counts[0].waiting += 1
    node = world.nodes[link.from_node]
    node.waiting += 1
    node.wake = min(node.wake, time)


@bare
def _serve(world: World, n: int, end: float, stop_loss_s: float) -> None:
    """Move everything that can move over one junction before the end of the step, the earliest first."""
    node, links, vehicles = world.nodes[n], world.links, world.vehicles
    while True:
        best, best_place, best_at, best_tag, wake = -1, 0, end, np.inf, np.inf
        for i in range(node.in_at, node.in_end):
            at_link = world.incoming[i]
            link = links[at_link]
            if link.wake >= end:
                wake = min(wake, link.wake)
                continue
            link.wake = np.inf
            seen, every = 0, (1 << (link.turn_end - link.turn_at)) - 1
            for place in range(min(link.tail - link.head, link.window)):
                v = world.queue[link.ring_at + (link.head + place) % link.ring]
                vehicle = vehicles[v]
                turn = vehicle.turn
                tag = -1.0
                if turn < 0:
                    at = max(vehicle.arrival, link.exit_last)
                elif seen >> (turn - link.turn_at) & 1:
                    continue  # somebody before waits for the same turn: nobody overtakes within a lane group
                elif vehicle.arrival >= end:
                    at = vehicle.arrival
                else:
                    at = _earliest(world, link, vehicle, turn, end)
                    tag = max(links[world.turns[turn].to_link].fair, world.turns[turn].fair)
                    if at == np.inf:
                        if place == 0 and end - max(vehicle.arrival, link.head_since) > TELEPORT_S:
                            _teleport(world, at_link, v, turn, end)
                            best, best_at = -2, -np.inf  # somebody else is first now: look again
                            break
                        at = end
                if turn >= 0:
                    seen |= 1 << (turn - link.turn_at)
                link.wake = min(link.wake, at)
                if at < best_at - SOON or (at < best_at + SOON and at < end and tag < best_tag - SOON):
                    best, best_place, best_at, best_tag = at_link, place, at, tag
                if seen == every:
                    break
            wake = min(wake, link.wake)
        for i in range(node.out_at, node.out_end if node.waiting and best != -2 else 0):
            at_link = world.outgoing[i]
            link = links[at_link]
            if link.origin_head < 0:
                continue
            vehicle = vehicles[link.origin_head]
            if link.closed & vehicle.mask:
                continue
            at = _entry_time(world, link, vehicle, vehicle.ready, end)
            if at == np.inf:
                wake = end
                continue
            wake = min(wake, at)
            tag = max(link.fair, link.origin_fair)
            if at < best_at - SOON or (at < best_at + SOON and at < end and tag < best_tag - SOON):
                best, best_place, best_at, best_tag = at_link, -1, at, tag
        if best == -1:
            node.wake = wake
            return
        if best == -2:
            continue
        if best_place < 0:
            _start(world, best, best_at, best_tag)
        else:
            _pass(world, best, best_place, best_at, best_tag, stop_loss_s)


@bare
def _choose(world: World, vehicle: Record, at_link: int) -> int:
    """Return the turn a driver wants at the end of a link, `TO_END` or `TO_NOWHERE`; it stands until `wake_all`."""
    turn = TO_END
    if not vehicle.informed and vehicle.cursor < vehicle.path_end:
        turn = world.path[vehicle.cursor]
        if world.turns[turn].closed & vehicle.mask:  # seen when the driver stands before it
            vehicle.informed = vehicle.is_rerouted = True
    if vehicle.informed:
        row = world.zones[vehicle.zone].row
        turn = world.table[row, at_link] if row >= 0 else TO_NOWHERE
    return turn


@bare
def _phase(turn: Record, at: float) -> Any:
    """Return the time since the last start of green of a turn with a signal [s]."""
    return at - turn.green_at - np.floor((at - turn.green_at) / turn.cycle_s) * turn.cycle_s


@bare
def _earliest(world: World, link: Record, vehicle: Record, t: int, end: float) -> Any:
    """Return when a vehicle can make a turn [s]; infinity when that cannot be told in this step."""
    turn = world.turns[t]
    if turn.closed & vehicle.mask:
        return np.inf
    to = world.links[turn.to_link]
    at = _entry_time(world, to, vehicle, max(max(vehicle.ready, link.exit_next), turn.next), end)
    link.is_stuck = at == np.inf
    if at == np.inf:
        return at
    if turn.cycle_s > 0.0:
        phase = _phase(turn, at)
        if phase >= turn.green_s:
            at += turn.cycle_s - phase
    if at < end and turn.foe_end > turn.foe_at and _must_yield(world, turn, at, end - vehicle.arrival):
        vehicle.ready = end
        return np.inf
    return at


@bare
def _entry_time(world: World, to: Record, vehicle: Record, at: float, end: float) -> Any:
    """Return the earliest entry into a link not before `at`: its inflow, and the wave from the place freed."""
    number = to.place_in + vehicle.places - 1 - to.room
    if number >= to.place_out:
        if to.full_at != end:
            to.full_at = end
            to.full_s += STEP
        return np.inf
    return max(max(at, to.entry_next), world.freed[to.ring_at + number % to.ring] + to.wave_s)


@bare
def _must_yield(world: World, turn: Record, at: float, waited: float) -> bool:
    """Tell whether a crossing or merging stream with right of way is too near."""
    patience = max(0.0, 1.0 - waited / PATIENCE_S)
    for i in range(turn.foe_at, turn.foe_end):
        f = world.foes[i]
        is_equal = f < 0
        foe = world.turns[~f if is_equal else f]
        if abs(at - foe.last) < CLEAR_S:
            return True
        link = world.links[foe.from_link]
        if is_equal or patience == 0.0 or link.is_stuck:
            continue
        if foe.cycle_s > 0.0 and _phase(foe, at + GAP_S) >= foe.green_s:
            continue
        for place in range(min(link.tail - link.head, link.window)):
            other = world.vehicles[world.queue[link.ring_at + (link.head + place) % link.ring]]
            if other.turn == f and max(other.arrival, link.exit_next) < at + GAP_S * patience:
                return True
    return False


@bare
def _start(world: World, at_link: int, at: float, tag: float) -> None:
    """Let the first of those who wait beside a link enter it."""
    link = world.links[at_link]
    v = link.origin_head
    link.origin_head = world.vehicles[v].after
    link.fair, link.origin_fair = tag, tag + 1.0
    world.nodes[link.from_node].waiting -= 1
    world.counts[0].waiting -= 1
    world.counts[0].running += 1
    _enter(world, v, at_link, at, 0.0)


@bare
def _pass(world: World, at_link: int, place: int, at: float, tag: float, stop_loss_s: float) -> None:
    """Take a vehicle from a link to the next one, or to its end."""
    link = world.links[at_link]
    v = world.queue[link.ring_at + (link.head + place) % link.ring]
    vehicle = world.vehicles[v]
    if vehicle.turn < 0:
        if vehicle.turn == TO_END and world.zones[vehicle.zone].lot >= 0 and not _park(world, vehicle, at):
            return
        _leave(world, at_link, place, at)
        _finish(world, v, at)
        return
    turn = world.turns[vehicle.turn]
    to = world.links[turn.to_link]
    to.fair, turn.fair = tag, tag + turn.weight
    _leave(world, at_link, place, at)
    link.exit_next = at + link.headway_s * vehicle.places
    turn.last = at
    turn.next = at + turn.headway_s * vehicle.places
    if turn.cycle_s > 0.0:  # what is left of a headway at the end of green is served in the next one
        spent = _phase(turn, at) + turn.headway_s * vehicle.places
        if spent > turn.green_s:
            turn.next += turn.cycle_s - turn.green_s
    loss = stop_loss_s if at > vehicle.arrival + SOON else 0.0
    vehicle.cursor += 1
    _enter(world, v, turn.to_link, at, turn.cross_s + loss)


@bare
def _enter(world: World, v: int, at_link: int, at: float, delay: float) -> None:
    """Put a vehicle at the upstream end of a link."""
    vehicle, link = world.vehicles[v], world.links[at_link]
    vehicle.state, vehicle.link, vehicle.entry = RUNNING, at_link, at
    vehicle.arrival = vehicle.ready = at + delay + max(link.free_s, link.length_m * vehicle.pace_s_m)
    vehicle.distance_m += link.length_m
    vehicle.free_s += max(link.base_s, link.length_m * vehicle.pace_s_m)
    vehicle.turn = _choose(world, vehicle, at_link)
    if link.tail == link.head:
        link.head_since = at
    world.queue[link.ring_at + link.tail % link.ring] = v
    link.tail += 1
    link.wake = min(link.wake, vehicle.arrival)
    link.place_in += vehicle.places
    link.entry_next = at + link.headway_s * vehicle.places
    link.clock_sum -= at
    node = world.nodes[link.to_node]
    node.wake = min(node.wake, vehicle.arrival)


@bare
def _leave(world: World, at_link: int, place: int, at: float) -> None:
    """Take a vehicle out of a link's queue and free its places."""
    link = world.links[at_link]
    v = world.queue[link.ring_at + (link.head + place) % link.ring]
    for k in range(place, 0, -1):
        world.queue[link.ring_at + (link.head + k) % link.ring] = world.queue[
            link.ring_at + (link.head + k - 1) % link.ring
        ]
    if place == 0:
        link.head_since = at
    link.head += 1
    link.wake = -np.inf
    for _ in range(world.vehicles[v].places):
        world.freed[link.ring_at + link.place_out % link.ring] = at
        link.place_out += 1
    link.exit_last = at
    link.clock_sum += at
    link.delay_sum += at - world.vehicles[v].arrival
    counts = world.counts[0]
    if counts.traced < len(world.trace):
        row = world.trace[counts.traced]
        row.vehicle, row.link, row.exit = v, at_link, at
        row.entry, row.arrival = world.vehicles[v].entry, world.vehicles[v].arrival
        counts.traced += 1


@bare
def _park(world: World, vehicle: Record, at: float) -> bool:
    """Take a place in the car park at the end of the trip; tell whether the driver is done, with or without one."""
    lot = world.lots[world.zones[vehicle.zone].lot]
    lot.asked += 1
    if lot.used < lot.capacity:
        lot.used += 1
        lot.peak = max(lot.peak, lot.used)
        if vehicle.stay_s < np.inf:
            counts = world.counts[0]
            free_at, number = at + vehicle.stay_s, world.zones[vehicle.zone].lot
            counts.releases = push(world.release_s, world.release_lot, counts.releases, free_at, number)
        return True
    lot.refused += 1
    if np.isnan(vehicle.first_try):
        vehicle.first_try = at
    if lot.next_zone < 0 or vehicle.tries == MAX_TRIES:
        vehicle.turn = TO_NO_PLACE
        return True
    vehicle.zone, vehicle.informed, vehicle.tries = lot.next_zone, True, vehicle.tries + 1
    vehicle.turn = _choose(world, vehicle, vehicle.link)
    return False


@bare
def _finish(world: World, v: int, at: float) -> None:
    """End a trip: at its destination, without a way, or without a place."""
    vehicle, counts = world.vehicles[v], world.counts[0]
    counts.running -= 1
    vehicle.done = at
    if vehicle.turn == TO_END:
        vehicle.state = ARRIVED
        counts.arrived += 1
    elif vehicle.turn == TO_NOWHERE:
        vehicle.state = UNREACHABLE
        counts.unreachable += 1
    else:
        vehicle.state = OVERFLOW
        counts.overflow += 1


@bare
def _teleport(world: World, at_link: int, v: int, turn: int, end: float) -> None:
    """Set a vehicle that stands for too long over to the line before its next link."""
    counts = world.counts[0]
    at = end - STEP
    _leave(world, at_link, 0, max(at, world.links[at_link].exit_last))
    world.vehicles[v].cursor += 1
    world.vehicles[v].teleports = min(255, world.vehicles[v].teleports + 1)
    counts.running -= 1
    counts.teleports += 1
    line_up(world, v, world.turns[turn].to_link, at)


@bare
def wake_all(world: World) -> None:
    """Look at every junction in the next step, and let drivers choose anew: the network or what they know changed."""
    t = world.counts[0].t
    for v in range(len(world.vehicles)):
        vehicle = world.vehicles[v]
        if vehicle.state == RUNNING:
            vehicle.turn = _choose(world, vehicle, vehicle.link)
    for n in range(len(world.nodes)):
        world.nodes[n].wake = min(world.nodes[n].wake, t)
    for at_link in range(len(world.links)):
        world.links[at_link].wake = -np.inf
