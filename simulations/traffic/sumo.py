"""Export of a part of the network and its trips to SUMO plain XML, for cross-checks and detailed studies."""

from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import shapely
from numpy.typing import NDArray

from simulations.traffic.network import RoadNet
from simulations.traffic.records import KINDS
from simulations.traffic.trips import Trips
from twin.errors import BadNetwork

YELLOW_S = 3.0


def write_sumo(
    folder: Path, net: RoadNet, area: shapely.Geometry | None = None, trips: Trips | None = None, name: str = "city"
) -> int:
    """Write NAME.nod.xml, NAME.edg.xml, NAME.con.xml, NAME.tll.xml, and NAME.rou.xml when there are trips.

    Join them with `netconvert -n NAME.nod.xml -e NAME.edg.xml -x NAME.con.xml -i NAME.tll.xml -o NAME.net.xml`.

    Parameters
    ----------
    area
        Polygon, EPSG:5186; links that touch it are written. None: all.
    trips
        Trips whose routes lie wholly on the links written.

    Returns
    -------
    int
        Number of links written.

    Raises
    ------
    BadNetwork
        When the area touches no link.
    """
    links = net.links_in(area) if area is not None else np.arange(len(net), dtype=np.int32)
    if not len(links):
        raise BadNetwork("SUMO: no link lies in the area; limit: at least 1")
    folder.mkdir(parents=True, exist_ok=True)
    is_in = np.zeros(len(net), bool)
    is_in[links] = True
    turns = np.flatnonzero(
        is_in[net.turns.from_link] & is_in[net.turns.to_link] & (~net.turns.is_back | _is_dead_end(net, is_in))
    )
    parts = {
        "nod": ("nodes", _nodes(net, links)),
        "edg": ("edges", _edges(net, links)),
        "con": ("connections", [_connection(net, t) for t in turns.tolist()]),
        "tll": ("tlLogics", _signals(net, turns)),
    }
    if trips is not None:
        parts["rou"] = ("routes", _routes(net, trips, is_in))
    for suffix, (root, lines) in parts.items():
        body = "\n".join([f"<{root}>", *lines, f"</{root}>", ""])
        (folder / f"{name}.{suffix}.xml").write_text(body, "utf-8")
    return len(links)


def _is_dead_end(net: RoadNet, is_in: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell for each turn whether its link has no other way on: there SUMO may turn back too."""
    turns = net.turns
    on = np.bincount(turns.from_link, ~turns.is_back & is_in[turns.to_link], minlength=len(net)) > 0
    return np.asarray(~on[turns.from_link])


def _nodes(net: RoadNet, links: NDArray[np.int32]) -> list[str]:
    used = np.unique(np.concatenate([net.from_node[links], net.to_node[links]]))
    return [
        f'  <node id="{net.node_id[n]}" x="{net.node_xy[n, 0]:.2f}" y="{net.node_xy[n, 1]:.2f}" '
        f'type="{"traffic_light" if int(n) in net.ring else "priority"}"/>'
        for n in used.tolist()
    ]


def _edges(net: RoadNet, links: NDArray[np.int32]) -> list[str]:
    made = []
    for i in links.tolist():
        shape = " ".join(f"{x:.2f},{y:.2f}" for x, y in shapely.get_coordinates(net.geom[i]))
        made.append(
            f'  <edge id="{net.link_id[i]}" from="{net.node_id[net.from_node[i]]}" to="{net.node_id[net.to_node[i]]}" '
            f'numLanes="{net.lanes[i]}" speed="{net.speed_kmh[i] / 3.6:.3f}" priority="{200 - net.rank[i]}" '
            f'length="{net.length_m[i]:.2f}" shape={quoteattr(shape)}/>'
        )
    return made


def _lane_pairs(net: RoadNet, t: int) -> list[tuple[int, int]]:
    """Return from-lane and to-lane of a turn, counted from the right: left turns leave from the left."""
    turns = net.turns
    a, b = int(turns.from_link[t]), int(turns.to_link[t])
    n, m, k = int(net.lanes[a]), int(net.lanes[b]), int(turns.lanes[t])
    is_left = turns.angle_deg[t] > 45
    lanes = range(n - k, n) if is_left else range(k)
    return [(lane, max(0, m - n + lane) if is_left else min(lane, m - 1)) for lane in lanes]


def _connection(net: RoadNet, t: int) -> str:
    a, b = net.link_id[net.turns.from_link[t]], net.link_id[net.turns.to_link[t]]
    return "\n".join(
        f'  <connection from="{a}" to="{b}" fromLane="{lane}" toLane="{to}"/>' for lane, to in _lane_pairs(net, t)
    )


def _signals(net: RoadNet, turns: NDArray[np.int64]) -> list[str]:
    """Return a static programme for each signal, with its greens as states of one second resolution."""
    node = net.to_node[net.turns.from_link]
    made = []
    for n, ring in sorted(net.ring.items()):
        here = [t for t in turns.tolist() if node[t] == n]
        if not here:
            continue
        index, links = 0, []
        for t in here:
            for lane, to in _lane_pairs(net, t):
                a, b = net.link_id[net.turns.from_link[t]], net.link_id[net.turns.to_link[t]]
                links.append((t, f'  <connection from="{a}" to="{b}" fromLane="{lane}" toLane="{to}" '
                                 f'tl="{net.node_id[n]}" linkIndex="{index}"/>'))  # fmt: skip
                index += 1
        seconds = ["".join(_state(net, t, s + 0.5) for t, _ in links) for s in range(round(ring.cycle_s))]
        made.append(f'  <tlLogic id="{net.node_id[n]}" type="static" programID="0" offset="0">')
        start = 0
        for s in range(1, len(seconds) + 1):
            if s == len(seconds) or seconds[s] != seconds[start]:
                made.append(f'    <phase duration="{s - start}" state="{seconds[start]}"/>')
                start = s
        made.append("  </tlLogic>")
        made += [line for _, line in links]
    return made


def _state(net: RoadNet, t: int, at: float) -> str:
    turns = net.turns
    if turns.cycle_s[t] == 0:
        return "s"
    phase = (at - turns.green_at_s[t]) % turns.cycle_s[t]
    if phase < turns.green_s[t]:
        return "G"
    return "y" if phase < turns.green_s[t] + YELLOW_S else "r"


def _routes(net: RoadNet, trips: Trips, is_in: NDArray[np.bool_]) -> list[str]:
    made = [
        f'  <vType id="{kind}" vClass="{sumo}" length="{length}"/>'
        for kind, sumo, length in zip(
            KINDS, ("passenger", "truck", "bus", "emergency", "emergency"), (5, 12, 12, 6.5, 6.5), strict=True
        )
    ]
    order = np.argsort(trips.depart_s, kind="stable")
    for v in order.tolist():
        links = [int(trips.origin[v]), *net.turns.to_link[trips.path[trips.path_at[v] : trips.path_end[v]]].tolist()]
        if is_in[links].all():
            edges = " ".join(str(net.link_id[i]) for i in links)
            made.append(
                f'  <vehicle id="{v}" type="{KINDS[trips.kind[v]]}" depart="{trips.depart_s[v]:.2f}" '
                f'departLane="best" departSpeed="max"><route edges="{edges}"/></vehicle>'
            )
    return made
