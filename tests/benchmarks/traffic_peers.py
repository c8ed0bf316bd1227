"""The same streets and trips in SUMO (mesoscopic and microscopic) and in UXsim, each in a process of its own."""

import os
import subprocess
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from importlib.util import find_spec
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulations.traffic.network import RoadNet
from simulations.traffic.sim import BIN_S
from simulations.traffic.sumo import write_sumo
from simulations.traffic.trips import Trips

Floats = NDArray[np.float64]
TELEPORT_S = 300


def has(name: str) -> bool:
    """Tell whether a peer is installed."""
    return find_spec(name) is not None


@dataclass(frozen=True, slots=True)
class SumoRun:
    """What SUMO did.

    Parameters
    ----------
    cpu_s
        CPU time without that of loading the network [s].
    peak_mb
        Memory [MB].
    trip_s
        Time of each trip by its number [s]; NaN where it did not end.
    link_s
        Vehicle seconds on each link by its number [s].
    """

    cpu_s: float
    peak_mb: float
    trip_s: Floats
    link_s: Floats


class Sumo:
    """SUMO on a network of ours.

    Parameters
    ----------
    folder
        For its files.
    """

    def __init__(self, folder: Path, net: RoadNet) -> None:
        spec = find_spec("sumo")
        assert spec is not None
        assert spec.origin is not None
        self._home, self._folder, self._net = Path(spec.origin).parent, folder, net
        write_sumo(folder, net, name="net")
        files = [word for part, flag in (("nod", "n"), ("edg", "e"), ("con", "x"), ("tll", "i"))
                 for word in (f"-{flag}", str(folder / f"net.{part}.xml"))]  # fmt: skip
        self._call("netconvert", *files, "-o", str(folder / "net.net.xml"), "--no-warnings", "true")
        self._load_s = self._run("--end", "1", "--mesosim", "true")[0]

    def _call(self, program: str, *arguments: str) -> tuple[float, float]:
        """Run a program; return its CPU time [s] and peak memory [MB]."""
        env = os.environ | {"SUMO_HOME": str(self._home)}
        process = subprocess.Popen(
            [str(self._home / "bin" / program), *arguments], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{program} ended with {process.returncode}: {said.decode()[-400:]}")
        return used.ru_utime + used.ru_stime, used.ru_maxrss / 1000

    def _run(self, *arguments: str) -> tuple[float, float]:
        quiet = ("--no-step-log", "true", "--no-warnings", "true", "--xml-validation", "never")
        return self._call("sumo", "-n", str(self._folder / "net.net.xml"), *quiet, *arguments)

    def drive(self, trips: Trips, until_s: float, *, is_micro: bool = False, informed: float = 0.0) -> SumoRun:
        """Drive trips on their routes; a share of drivers looks for a better one every five minutes."""
        routes, info, edges, more = (self._folder / f"net.{name}.xml" for name in ("rou", "info", "edge", "add"))
        write_sumo(self._folder, self._net, trips=trips, name="net")
        more.write_text(f'<additional><edgeData id="e" file="{edges}" excludeEmpty="true"/></additional>')
        arguments = ["-r", str(routes), "--end", str(until_s), "--time-to-teleport", str(TELEPORT_S),
                     "--tripinfo-output", str(info), "-a", str(more)]  # fmt: skip
        if not is_micro:
            arguments += ["--mesosim", "true"]
        if informed:
            arguments += ["--device.rerouting.probability", str(informed),
                          "--device.rerouting.period", str(int(BIN_S))]  # fmt: skip
        cpu, peak = self._run(*arguments)
        trip_s, link_s = np.full(len(trips), np.nan), np.zeros(len(self._net))
        for one in ET.parse(info).getroot().iter("tripinfo"):
            trip_s[int(one.attrib["id"])] = float(one.attrib["duration"]) + float(one.attrib["departDelay"])
        for one in ET.parse(edges).getroot().iter("edge"):
            link = self._net.link_at.get(int(one.attrib["id"]), -1)
            if link >= 0:
                link_s[link] = float(one.attrib["sampledSeconds"])
        return SumoRun(cpu - self._load_s, peak, trip_s, link_s)


def uxsim_cpu_s(net: RoadNet, trips: Trips, until_s: float) -> float:
    """Return the CPU time of UXsim's loop in C++ [s]: one vehicle a platoon, steps of one second, fixed routes."""
    context = get_context("fork")
    found: Queue[float] = context.Queue()
    process = context.Process(target=_uxsim, args=(net, trips, until_s, found))
    process.start()
    cpu = found.get(timeout=3600)
    process.join()
    return cpu


def _uxsim(net: RoadNet, trips: Trips, until_s: float, found: "Queue[float]") -> None:
    from uxsim import World

    world = World(deltan=1, reaction_time=1, tmax=until_s, print_mode=0, save_mode=0, show_mode=0,
                  duo_update_time=1e6, vehicle_logging_timestep_interval=-1, random_seed=0, cpp=True)  # fmt: skip
    for node, (x, y) in enumerate(net.node_xy):
        ring = net.ring.get(node)
        first = 0.0 if ring is None else float(sum(ring.splits_s[:2]))
        signal = [0] if ring is None or first in (0.0, ring.cycle_s) else [first, ring.cycle_s - first]
        world.addNode(str(node), float(x), float(y), signal=signal)
    group = np.zeros(len(net), np.int64)
    group[net.turns.from_link[np.isin(net.turns.phase, (3, 4, 7, 8))]] = 1
    for link in range(len(net)):
        ring = net.ring.get(int(net.to_node[link]))
        world.addLink(str(link), str(net.from_node[link]), str(net.to_node[link]), float(net.length_m[link]),
                      free_flow_speed=float(net.speed_kmh[link] / 3.6), number_of_lanes=int(net.lanes[link]),
                      jam_density_per_lane=float(net.jam_density[link] / 1000),
                      signal_group=[int(group[link])] if ring is not None else [0])  # fmt: skip
    for v in range(len(trips)):
        turns = trips.path[trips.path_at[v] : trips.path_end[v]]
        links = [str(trips.origin[v]), *map(str, net.turns.to_link[turns].tolist())]
        last = int(links[-1])
        made = world.addVehicle(str(net.from_node[trips.origin[v]]), str(net.to_node[last]), float(trips.depart_s[v]))
        made.enforce_route(links)
    world.finalize_scenario()
    started = time.process_time()
    world.exec_simulation()
    found.put(time.process_time() - started)


def only_cars(trips: Trips) -> Trips:
    """Return the same trips by car: peers know no other class by the same rules."""
    return replace(trips, kind=np.zeros(len(trips), np.uint8))
