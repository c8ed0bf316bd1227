"""The traffic engine on the generated city, alone and beside SUMO, UXsim and scipy; and a question asked over HTTP."""

import asyncio
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import numpy as np
from affine import Affine
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from gisdata.generate import generate
from simulations.traffic import city as asking
from simulations.traffic.changes import links_of
from simulations.traffic.demand import draw_trips
from simulations.traffic.flood_roads import Soundings
from simulations.traffic.indicators import access_of
from simulations.traffic.network import build
from simulations.traffic.outside import with_outside
from simulations.traffic.records import ALL_CLASSES
from simulations.traffic.routing import Graph, open_turns
from simulations.traffic.scenario import Ground, Scenario, prepare, what_if
from simulations.traffic.sim import TrafficSim
from simulations.traffic.trips import Trips
from tests.benchmarks.city import load_generated, private_settings, running
from tests.benchmarks.table import Figure
from tests.benchmarks.traffic_peers import Sumo, SumoRun, has, only_cars, uxsim_cpu_s
from twin.settings import Settings

TITLE = "closures answered, beside SUMO, UXsim and scipy"
HOURS, END_S = 2.0, 9000.0
"""Trips leave within two hours and have half an hour more to arrive."""
MANY_H = 4.0
PRESET = "dongbaek-closed"
Floats = NDArray[np.float64]
NOTES = [
    "CPU seconds of one thread, from vehicles laid out to the end of the run, steps of one second, the same "
    "streets, trips and routes. SUMO's mesoscopic model runs as it comes, without signals and rights of way, "
    "which ours has; its loading of the network is taken off, reading its routes is in it. SUMO writes the time "
    "of each trip and link, ours keeps them.",
    "UXsim: its C++ loop, one vehicle a platoon. Its signals know two groups of approaches and no turns, and its "
    "links pass more than ours: it has one reaction time for all.",
    "Over HTTP: from the POST to the first GET that says done, asked every 20 ms, the result written with all its "
    "files. First: nothing is kept yet; again: the run without events is kept. The worker runs behind all others "
    "(nice).",
]


@dataclass
class Sizes:
    """How much is driven; a quick run only shows that all works."""

    trips: int = 30_000
    free: int = 10_000
    many: int = 100_000
    repetitions: int = 5
    steps: int = 600


def measure(is_quick: bool) -> tuple[list[Figure], list[str]]:
    """Run all; peers that are not installed are left out."""
    size = Sizes(1500, 500, 3000, 1, 30) if is_quick else Sizes()
    tables = generate(7).tables
    net = build(*with_outside(tables["road_node"], tables["road_link"]))
    ground = prepare(net, tables["admin_unit"], tables["building"], tables["facility"])
    figures, notes = [*_city(ground, size), *_parts(ground, size)], []
    with tempfile.TemporaryDirectory() as folder:
        sumo = Sumo(Path(folder), ground.net) if has("sumo") else None
        figures += _peers(ground, size, sumo)
    notes += NOTES
    notes += [
        f"{name} is not installed and was left out (pip install {package})."
        for name, package in (("sumo", "eclipse-sumo"), ("uxsim", "uxsim"))
        if not has(name)
    ]
    with private_settings(demo=False, nowcast=False) as settings:
        load_generated(settings)
        figures += asyncio.run(_over_http(settings, 1 if is_quick else 5))
    return figures, notes


def _drawn(ground: Ground, n: int, hours: float, seed: int = 1) -> Trips:
    """Return so many trips of the morning, with habitual routes, by car."""
    rng = np.random.default_rng(seed)
    drawn = draw_trips(ground.net, ground.demand, ground.ways, 8 - hours / 2, hours, rng)
    chosen = rng.choice(len(drawn), n, replace=n > len(drawn))
    return only_cars(drawn.take(chosen[np.argsort(drawn.depart_s[chosen], kind="stable")]))


def _cpu(work: Callable[[], Any]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _wall_ms(work: Callable[[], Any], repetitions: int) -> float:
    """Return the median wall time of something small [ms]."""
    took = []
    for _ in range(max(3, repetitions)):
        started = time.perf_counter()
        work()
        took.append(1000 * (time.perf_counter() - started))
    return median(took)


def _sim(ground: Ground, trips: Trips, informed: float = 0.0) -> TrafficSim:
    return TrafficSim(ground.net, trips, ground.demand.zones, informed=informed)


def _city(ground: Ground, size: Sizes) -> list[Figure]:
    """The base of a morning, and the bridge and the underpasses closed."""
    events = tuple(asking._EVENTS.validate_python(asking.questions()[PRESET]["events"]))
    scenario = Scenario(events=events)
    base_s, answer_s, teleports, leaks = [], [], 0, 0
    for _ in range(size.repetitions):
        started = time.perf_counter()
        ground.start(Scenario()).run_to(7200)
        base_s.append(time.perf_counter() - started)
        started = time.perf_counter()
        outcome = what_if(ground, scenario)
        answer_s.append(time.perf_counter() - started)
        assert outcome is not None
    teleports = outcome.indicators["base"]["teleports"]
    start_s = int(events[0].start_s // outcome.run.bin_s)
    for event in events:
        links = links_of(event, ground.net)
        leaks += int(sum(one.entered[links].sum() for one in outcome.run.bins[start_s:]))
    return [
        Figure("links of the network", len(ground.net), ""),
        Figure("trips of the morning's two hours", outcome.indicators["base"]["trips"], ""),
        Figure("teleports in them", teleports, ""),
        Figure("two hours of the morning, wall", median(base_s), "s", at_most=3),
        Figure("closure: base, scenario, all indicators, nothing kept, wall", median(answer_s), "s", at_most=5),
        Figure("entries into closed links (leaks, lost closures)", leaks, "", at_most=0),
    ]


def _parts(ground: Ground, size: Sizes) -> list[Figure]:
    """What a question and the live city are made of."""
    net = ground.net
    sim = ground.start(Scenario()).run_to(300 if size.repetitions == 1 else 5400)
    before, after = access_of(sim, ground.places), sim.fork()
    for event in asking._EVENTS.validate_python(asking.questions()[PRESET]["events"]):
        after.world.links["closed"][links_of(event, net)] = ALL_CLASSES
    after.world.turns["closed"] = open_turns(net, after.world.links["closed"])
    access = _wall_ms(lambda: (access_of(sim, ground.places), access_of(after, ground.places)), size.repetitions)
    assert before["stations"]
    steps = []
    for _ in range(size.steps):
        started = time.perf_counter()
        sim.run_to(sim.t + 1)
        steps.append(1000 * (time.perf_counter() - started))
    west, south = net.node_xy.min(axis=0)
    shape = tuple(int(n) for n in np.ceil(np.ptp(net.node_xy, axis=0) / 20)[::-1])
    soundings = Soundings.of(net, Affine(20, 0, west, 0, -20, south + shape[0] * 20), shape)  # type: ignore[arg-type]
    depth = np.random.default_rng(1).uniform(0, 0.4, shape).astype(np.float32)
    figures = [
        Figure("a live second in the peak, mean", float(np.mean(steps)), "ms", at_most=0.5),
        Figure("fork", _wall_ms(sim.fork, size.repetitions), "ms", at_most=10),
        Figure("a frame of water to links", _wall_ms(lambda: soundings.depth_m(depth), size.repetitions), "ms",
               at_most=5),
        Figure("access before and after, all stations", access, "ms", at_most=50),
    ]  # fmt: skip
    return figures + _routing(ground, size)


def _routing(ground: Ground, size: Sizes) -> list[Figure]:
    """One tree to a zone on the line graph, beside scipy's Dijkstra on the same arcs; both give costs and ways."""
    net = ground.net
    graph = Graph.of(net, net.free_s, open_turns(net, net.class_limit))
    n = len(net)
    matrix = csr_matrix((graph.cost, graph.other, graph.at), (n, n))
    gates = [np.array([zone.gates[0]], np.int32) for zone in ground.demand.zones[:50]]
    ratio, ours_s, theirs_s = [], [], []
    for k in range(max(3, size.repetitions)):
        took = {}
        for name in ("ours", "scipy")[:: 1 if k % 2 else -1]:
            started = time.process_time()
            for gate in gates:
                if name == "ours":
                    mine = graph.search(gate)[0]
                else:
                    theirs = dijkstra(matrix, indices=int(gate[0]), return_predecessors=True)[0]
            took[name] = (time.process_time() - started) / len(gates)
        ours_s.append(took["ours"])
        theirs_s.append(took["scipy"])
        ratio.append(took["ours"] / took["scipy"])
    assert np.allclose(mine, theirs)
    return [
        Figure("routing tree, ours", 1000 * median(ours_s), "ms"),
        Figure("routing tree, scipy", 1000 * median(theirs_s), "ms"),
        Figure("routing tree, ours / scipy", median(ratio), "x", at_most=1.2),
    ]


def _peers(ground: Ground, size: Sizes, sumo: Sumo | None) -> list[Figure]:
    fixed, many = _drawn(ground, size.trips, HOURS), _drawn(ground, size.many, MANY_H)
    runs: dict[str, Callable[[], float]] = {
        "30,000 trips, fixed routes: ours": lambda: _cpu(lambda: _sim(ground, fixed).run_to(END_S)),
        "25 % informed: ours": lambda: _cpu(lambda: _sim(ground, fixed, 0.25).run_to(END_S)),
        "100,000 trips: ours": lambda: _cpu(lambda: _sim(ground, many).run_to(MANY_H * 3600 + 1800)),
    }
    if sumo is not None:
        runs |= {
            "30,000 trips, fixed routes: SUMO meso": lambda: sumo.drive(fixed, END_S).cpu_s,
            "25 % informed: SUMO meso": lambda: sumo.drive(fixed, END_S, informed=0.25).cpu_s,
            "100,000 trips: SUMO meso": lambda: sumo.drive(many, MANY_H * 3600 + 1800).cpu_s,
        }
    if has("uxsim"):
        runs["30,000 trips, fixed routes: UXsim C++"] = lambda: uxsim_cpu_s(ground.net, fixed, END_S)
    took: dict[str, list[float]] = {name: [] for name in runs}
    for k in range(size.repetitions):
        for turn in range(len(runs)):
            name = list(runs)[(k + turn) % len(runs)]
            took[name].append(runs[name]())
    figures = [Figure(f"{_sized(name, size)}, CPU", median(values), "s") for name, values in took.items()]
    for what, peer, least in (
        ("30,000 trips, fixed routes", "SUMO meso", 8), ("30,000 trips, fixed routes", "UXsim C++", 4),
        ("25 % informed", "SUMO meso", 10), ("100,000 trips", "SUMO meso", 8),
    ):  # fmt: skip
        if (theirs := took.get(f"{what}: {peer}")) is not None:
            pairs = zip(theirs, took[f"{what}: ours"], strict=True)
            figures.append(Figure(f"{_sized(what, size)}: {peer} / ours", median(a / b for a, b in pairs), "x",
                                  at_least=least))  # fmt: skip
    figures.append(Figure(f"{_sized('100,000 trips', size)}: memory of a process that only drives them",
                          _peak_mb(ground, many, MANY_H * 3600 + 1800), "MB", at_most=300))  # fmt: skip
    return figures + (_validity(ground, size, sumo) if sumo is not None else [])


def _sized(name: str, size: Sizes) -> str:
    return name.replace("30,000", f"{size.trips:,}").replace("100,000", f"{size.many:,}")


def _peak_mb(ground: Ground, trips: Trips, end_s: float) -> float:
    """Return the peak memory of a fresh process that drives trips [MB]."""
    work = pickle.dumps((ground.net, trips, ground.demand.zones, end_s))
    told = subprocess.run([sys.executable, "-m", "tests.benchmarks.traffic_memory"], input=work, capture_output=True,
                          check=True)  # fmt: skip
    return float(told.stdout)


def _validity(ground: Ground, size: Sizes, sumo: Sumo) -> list[Figure]:
    """Below saturation, the same routes: trip by trip and link by link against SUMO's microscopic model."""
    trips = _drawn(ground, size.free, HOURS, seed=2)
    sims: list[TrafficSim] = []
    ours_s = median(_cpu(lambda: sims.append(_sim(ground, trips).run_to(END_S))) for _ in range(size.repetitions))
    micro, meso = sumo.drive(trips, END_S, is_micro=True), sumo.drive(trips, END_S)
    vehicles = sims[0].world.vehicles
    ours = SumoRun(ours_s, 0.0, np.where(vehicles["state"] == 3, vehicles["done"] - vehicles["depart"], np.nan),
                   np.sum([one.time_s for one in sims[0].bins], axis=0))  # fmt: skip
    mine, theirs = _against(ours, micro), _against(meso, micro)
    figures = [
        Figure(f"{size.free:,} trips below saturation: ours, CPU", ours_s, "s"),
        Figure(f"{size.free:,} trips below saturation: SUMO micro, CPU (once)", micro.cpu_s, "s"),
        Figure(f"{size.free:,} trips below saturation: SUMO micro / ours", micro.cpu_s / ours_s, "x", at_least=300),
    ]
    limits: tuple[tuple[str, dict[str, float]], ...] = (
        ("trip times against SUMO micro, r", {"at_least": 0.93}),
        ("trip times against SUMO micro, MAPE", {"at_most": 0.15}),
        ("vehicle hours on links against SUMO micro, r", {"at_least": 0.97}),
    )
    for (what, limit), one, other in zip(limits, mine, theirs, strict=True):
        figures += [Figure(f"{what}: ours", one, "", **limit), Figure(f"{what}: SUMO meso", other, "")]
    return figures


def _against(run: SumoRun, truth: SumoRun) -> tuple[float, float, float]:
    """Return r and MAPE of trip times, and r of the time on links."""
    both = ~np.isnan(run.trip_s) & ~np.isnan(truth.trip_s)
    one, other = run.trip_s[both], truth.trip_s[both]
    return (
        float(np.corrcoef(one, other)[0, 1]),
        float(np.mean(np.abs(one - other) / other)),
        float(np.corrcoef(run.link_s, truth.link_s)[0, 1]),
    )


async def _over_http(settings: Settings, repetitions: int) -> list[Figure]:
    """Ask a running city; the ground is made by its traffic process before."""
    async with running(settings, "ingest", "web", "worker", "traffic"):
        url = f"http://{settings.host}:{settings.port}"
        head = {"Authorization": f"Bearer {settings.secrets().operator_key}"}
        async with httpx.AsyncClient(base_url=url, headers=head, timeout=60) as client:
            end = time.monotonic() + 600
            while not list((settings.data_dir / "traffic").glob("ground-*.pickle")):
                if time.monotonic() > end:
                    raise TimeoutError("the traffic process made no ground within 600 s")
                await asyncio.sleep(0.5)
            await _ask(client, {"preset": "evening", "hours": 0.1})  # the worker has compiled, and its process waits
            first = await _ask(client, {"preset": PRESET})
            await asyncio.sleep(5)  # another process waits again
            again, spread = [], []
            for _ in range(repetitions):
                again.append(await _ask(client, {"preset": PRESET}))
                await asyncio.sleep(5)
            await _ask(client, {"preset": PRESET, "seeds": 3})
            await asyncio.sleep(5)
            spread.append(await _ask(client, {"preset": PRESET, "seeds": 3}))
    return [
        Figure("POST /api/runs until done, closure at 08:00: first", first, "s"),
        Figure("POST /api/runs until done, closure at 08:00: again", median(again), "s", at_most=5),
        Figure("POST /api/runs until done, closure at 08:00: three seeds, again", median(spread), "s"),
    ]


async def _ask(client: httpx.AsyncClient, scenario: dict[str, Any]) -> float:
    started = time.monotonic()
    answer = await client.post("/api/runs", json={"simulation": "traffic", "scenario": scenario})
    answer.raise_for_status()
    run = answer.json()["id"]
    while (found := (await client.get(f"/api/runs/{run}")).json())["state"] in ("queued", "running"):
        await asyncio.sleep(0.02)
    assert found["state"] == "done", found
    return time.monotonic() - started
