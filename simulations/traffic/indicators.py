"""What planners get: the numbers of a run, and what a scenario changes against its base."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.traffic.access import (
    Places,
    Reach,
    access_by_district,
    blue_light_s,
    cut_off,
    isolated_people,
)
from simulations.traffic.network import RoadNet
from simulations.traffic.records import ARRIVED, OVERFLOW, PENDING, RUNNING, UNREACHABLE, WAITING
from simulations.traffic.routing import Graph
from simulations.traffic.sim import TrafficSim, mean_delay_s

Floats = NDArray[np.float64]

TOP = 20
"""Approaches and links that a list of the worst holds [-]."""
TRUSTED = 0.002
"""Above this share of teleports a run is not to be trusted [-]."""


def trip_s(sim: TrafficSim) -> Floats:
    """Return the time of each trip so far [s]: to its end, or to now; 0 before it begins."""
    vehicles = sim.world.vehicles
    end = np.where(vehicles["state"] >= ARRIVED, vehicles["done"], sim.t)
    begun: Floats = np.where(vehicles["state"] == PENDING, 0.0, end - vehicles["depart"])
    return begun


def delay_s(sim: TrafficSim) -> Floats:
    """Return what each trip lost so far [s]: its time less the free-flow time of what it drove."""
    lost: Floats = np.maximum(trip_s(sim) - sim.world.vehicles["free_s"], 0.0)
    return lost


def measure(sim: TrafficSim, places: Places | None = None) -> dict[str, Any]:
    """Return the indicators of one run, for the city and for each district by where trips begin."""
    vehicles = sim.world.vehicles
    found = _trips(sim, np.ones(len(vehicles), bool))
    found["queues"] = _queues(sim)
    found["parking"] = _parking(sim)
    found["teleports"] = int(sim.world.counts[0]["teleports"])
    found["teleport_share"] = found["teleports"] / max(len(vehicles), 1)
    found["is_trusted"] = found["teleport_share"] <= TRUSTED
    if places is not None:
        origin = places.district[vehicles["origin"]]
        found["districts"] = {int(one): _trips(sim, origin == one) for one in np.unique(origin[origin > 0])}
        found["access"] = access_of(sim, places)
    return found


def _trips(sim: TrafficSim, which: NDArray[np.bool_]) -> dict[str, Any]:
    state, lost = sim.world.vehicles["state"][which], delay_s(sim)[which]
    time = trip_s(sim)[which]
    begun, there = state != PENDING, state == ARRIVED
    return {
        "trips": int(begun.sum()),
        "arrived": int(there.sum()),
        "running": int((state == RUNNING).sum()),
        "waiting": int((state == WAITING).sum()),
        "unreachable": int((state == UNREACHABLE).sum()),
        "without_parking": int((state == OVERFLOW).sum()),
        "teleports": int(sim.world.vehicles["teleports"][which].sum()),
        "delay_h": float(lost.sum() / 3600),
        "mean_delay_s": float(lost[begun].mean()) if begun.any() else 0.0,
        "mean_time_s": float(time[there].mean()) if there.any() else 0.0,
    }


def _queues(sim: TrafficSim) -> list[dict[str, Any]]:
    """Return the approaches with the longest queues: most vehicles, when, and how long the link was full."""
    if not sim.bins:
        return []
    most, at_bin = longest_queue(sim)
    full = np.sum([one.full_s for one in sim.bins], axis=0)
    worst = np.argsort(-most, kind="stable")[:TOP]
    return [
        {
            "link": int(sim.net.link_id[i]),
            "vehicles": int(most[i]),
            "at_s": float(sim.bins[int(at_bin[i])].end_s),
            "spillback_s": float(full[i]),
        }
        for i in worst
        if most[i] > 0
    ]


def longest_queue(sim: TrafficSim) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return for each link the most vehicles that stood on it at the end of a bin, and which bin that was."""
    if not sim.bins:
        return np.zeros(len(sim.net), np.int32), np.zeros(len(sim.net), np.int64)
    queue = np.stack([one.queue for one in sim.bins])
    return queue.max(axis=0), queue.argmax(axis=0)


def _parking(sim: TrafficSim) -> dict[str, Any]:
    vehicles, lots = sim.world.vehicles, sim.world.lots
    searched = ~np.isnan(vehicles["first_try"])
    end = np.where(vehicles["state"] >= ARRIVED, vehicles["done"], sim.t)
    cruise = (end - vehicles["first_try"])[searched]
    return {
        "searched": int(searched.sum()),
        "mean_cruise_s": float(cruise.mean()) if searched.any() else 0.0,
        "overflow": int((vehicles["state"] == OVERFLOW).sum()),
        "full_lots": int((lots["used"] >= np.maximum(lots["capacity"], 1)).sum()),
    }


def access_of(sim: TrafficSim, places: Places) -> dict[str, Any]:
    """Return who can be reached now, by fire engine and ambulance, and from each station."""
    net, closed = sim.net, sim.world.links["closed"]
    delay = mean_delay_s(sim.bins[-1]) if sim.bins else np.zeros(len(net))
    time = blue_light_s(net, delay, sim.world.links["free_s"])
    shut = np.ascontiguousarray(sim.world.turns["closed"])
    reach, backward = Reach(net, places, time, shut), Graph.of(net, net.free_s, shut)
    found: dict[str, Any] = {}
    for kind, stations in (("emergency", "stations"), ("ambulance", "stations_ambulance")):
        if found and reach.is_alike:
            found |= {kind: found["emergency"], stations: found["stations"]}
            continue
        found[kind] = _summed(places, reach.nearest(kind))
        found[stations] = {name: reach.by_district(links, kind) for name, links in places.stations.items()}
    return found | {
        "isolated_people": isolated_people(net, places, closed, backward),
        "cut_off": cut_off(net, places, closed, shut, backward),
    }


def _summed(places: Places, minutes: Floats) -> dict[str, Any]:
    districts = access_by_district(places, minutes)
    people = sum(one["people"] for one in districts.values())
    return {
        "districts": districts,
        **{
            name: sum(one[name] * one["people"] for one in districts.values()) / max(people, 1)
            for name in ("within_5_min", "within_8_min")
        },
    }


def flow_change(base: TrafficSim, run: TrafficSim) -> NDArray[np.int64]:
    """Return how many more vehicles entered each link in the run than in its base [-]."""
    made: NDArray[np.int64] = run.world.links["tail"] - base.world.links["tail"]
    return made


def compare(
    base: TrafficSim, run: TrafficSim, places: Places | None = None, measured: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return what a scenario changes: both runs, trip by trip and link by link.

    Trips are the same in both and share their random numbers; trips that the scenario adds are counted apart. `delay_h`
    is the time that trips need more, detours included; those who find no way in one of the runs are left out.

    Parameters
    ----------
    measured
        Indicators of the base, if they are known already.
    """
    n = len(base.world.vehicles)
    both = (base.world.vehicles["state"] == ARRIVED) & (run.world.vehicles["state"][:n] == ARRIVED)
    before, after = base.world.vehicles["distance_m"][both], run.world.vehicles["distance_m"][:n][both]
    longer = after > before + 1
    kept = (base.world.vehicles["state"] != UNREACHABLE) & (run.world.vehicles["state"][:n] != UNREACHABLE)
    lost_h: Floats = np.where(kept, trip_s(run)[:n] - trip_s(base), 0.0) / 3600  # the detour itself is a loss too
    detour = (after - before)[longer]
    time = (trip_s(run)[:n] - trip_s(base))[both]
    change = flow_change(base, run)
    fuller = np.argsort(-change, kind="stable")[:TOP]
    added = run.world.vehicles[n:]
    found: dict[str, Any] = {
        "base": measured or measure(base, places),
        "run": measure(run, places),
        "change": {
            "delay_h": float(lost_h.sum()),
            "mean_time_s": float(time.mean()) if both.any() else 0.0,
            "p95_time_s": float(np.percentile(time, 95)) if both.any() else 0.0,
            "detours": int(longer.sum()),
            "mean_detour_m": float(detour.mean()) if longer.any() else 0.0,
            "p95_detour_m": float(np.percentile(detour, 95)) if longer.any() else 0.0,
            "unreachable": int((run.world.vehicles["state"][:n] == UNREACHABLE).sum())
            - int((base.world.vehicles["state"] == UNREACHABLE).sum()),
            "fuller_links": [
                {"link": int(run.net.link_id[i]), "vehicles": int(change[i])} for i in fuller if change[i] > 0
            ],
        },
        "added": _added(run, added),
    }
    if places is not None:
        origin = places.district[base.world.vehicles["origin"]]
        found["districts"] = _by_district(found["base"], found["run"], np.bincount(origin, lost_h).astype(np.float64))
    return found


def _added(run: TrafficSim, added: NDArray[np.void]) -> dict[str, Any]:
    """Return what became of trips that the scenario added: evacuations and other demand."""
    done = added["done"][added["state"] == ARRIVED]
    is_clear = len(added) > 0 and bool((added["state"] >= ARRIVED).all())
    return {
        "trips": len(added),
        "arrived": len(done),
        "clearance_s": float(done.max() - added["depart"].min()) if is_clear and len(done) else None,
        "without_place": int((added["state"] == OVERFLOW).sum()),
        "unreachable": int((added["state"] == UNREACHABLE).sum()),
    }


def _by_district(base: dict[str, Any], run: dict[str, Any], lost_h: Floats) -> dict[int, dict[str, float]]:
    """Return the change of each district; `lost_h` is by its number."""
    found = {}
    for unit, before in base["districts"].items():
        after = run["districts"].get(unit, before)
        reach_before = base["access"]["emergency"]["districts"].get(unit)
        reach_after = run["access"]["emergency"]["districts"].get(unit)
        found[unit] = {
            "delay_h": float(lost_h[unit]),
            "unreachable": after["unreachable"] - before["unreachable"],
            "teleports": after["teleports"],
        }
        if reach_before and reach_after:
            found[unit] |= {
                name: reach_after[name] - reach_before[name]
                for name in ("minutes", "within_5_min", "within_8_min", "isolated")
            }
    return found


def speed_kmh(net: RoadNet, sim: TrafficSim, number: int) -> Floats:
    """Return the mean speed on each link in a bin [km/h]."""
    delay = mean_delay_s(sim.bins[number])
    made: Floats = net.length_m / (net.free_s + delay) * 3.6
    return made
