"""The arrays that the engine works on: one record per link, turn, node, vehicle, zone and car park.

Records keep what one decision needs in one or two cache lines, and a fork is nothing but a copy of them.
All times are seconds after the start of the run [s].
"""

from typing import Any, NamedTuple

import numpy as np

Record = Any
"""One element of a record array inside compiled code, where it is a reference."""


def _record(*fields: tuple[str, Any]) -> np.dtype[np.void]:
    """Return a record type, the wide fields first and no gap anywhere: equal states have equal bytes."""
    ordered: list[Any] = sorted(fields, key=lambda one: -np.dtype(one[1]).itemsize)
    spare = -sum(np.dtype(kind).itemsize for _, kind in ordered) % 8
    return np.dtype([*ordered, *([("spare", np.uint8, (spare,))] if spare else [])], align=True)


LINK = _record(
    # what the network says; the event of the moment may change what is marked (*)
    ("to_node", np.int32),
    ("from_node", np.int32),
    ("turn_at", np.int32),
    ("turn_end", np.int32),
    ("ring_at", np.int64),  # first place of the link's ring in `queue` and `freed`
    ("ring", np.int32),  # places in the ring: vehicles that fit at jam density
    ("room", np.int32),  # (*) places open to traffic, at most `ring`
    ("window", np.int32),  # (*) vehicles from the stop line on among which the first of each turn may go
    ("closed", np.uint8),  # (*) classes that may not enter, one bit each
    ("is_stuck", np.bool_),  # the last vehicle that wanted to leave found the next link full
    ("length_m", np.float64),
    ("base_s", np.float64),  # free-flow time on a dry day [s]
    ("free_s", np.float64),  # (*) free-flow time L/v [s]
    ("wave_s", np.float64),  # time L/w that a freed place needs to reach the entry [s]
    ("headway_s", np.float64),  # (*) least time between two cars, all lanes together [s]
    # what happens
    ("head", np.int64),  # vehicles that have left
    ("tail", np.int64),  # vehicles that have entered
    ("place_in", np.int64),  # places taken since the start (a truck takes two)
    ("place_out", np.int64),  # places freed since the start
    ("entry_next", np.float64),  # earliest time of the next entry [s]
    ("exit_next", np.float64),  # earliest time of the next exit [s]
    ("exit_last", np.float64),
    ("wake", np.float64),  # nobody can leave before this time [s]
    ("head_since", np.float64),  # since when the first vehicle is the first [s]
    ("clock_sum", np.float64),  # sum of exit times less sum of entry times: vehicle seconds [s]
    ("delay_sum", np.float64),  # time that vehicles which left had stood at the stop line [s]
    ("full_s", np.float64),  # time during which somebody found the link full [s]
    ("full_at", np.float64),
    ("fair", np.float64),  # virtual time of start-time fair queueing at the entry
    ("origin_fair", np.float64),
    ("origin_head", np.int32),  # first vehicle that waits to start here, -1 none
    ("origin_tail", np.int32),
)

TURN = _record(
    ("from_link", np.int32),
    ("to_link", np.int32),
    ("foe_at", np.int32),
    ("foe_end", np.int32),
    ("closed", np.uint8),  # classes that may not turn, one bit each
    ("headway_s", np.float64),  # saturation headway by its lanes [s]
    ("cross_s", np.float64),  # time over the junction [s]
    ("cycle_s", np.float64),  # 0: no signal
    ("green_at", np.float64),  # start of its effective green in the cycle [s]
    ("green_s", np.float64),
    ("next", np.float64),  # earliest time of the next vehicle [s]
    ("last", np.float64),  # time of the last vehicle [s]
    ("fair", np.float64),
    ("weight", np.float64),  # 1 / share of a merge, in lanes
)

NODE = _record(("in_at", np.int32), ("in_end", np.int32), ("out_at", np.int32), ("out_end", np.int32),
                 ("waiting", np.int32), ("wake", np.float64))  # fmt: skip
"""`waiting`: vehicles that wait to start here; `wake`: nothing can move at the node before this time [s]."""

VEHICLE = _record(
    ("depart", np.float64),
    ("done", np.float64),
    ("stay_s", np.float64),  # in the car park [s]
    ("first_try", np.float64),  # when it met the first full car park [s]; NaN never
    ("distance_m", np.float64),
    ("free_s", np.float64),  # free-flow time of what it has driven [s]
    ("pace_s_m", np.float64),  # 1 / own top speed [s/m]
    ("entry", np.float64),  # onto its link [s]
    # what every look at a junction reads lies together
    ("arrival", np.float64),  # at the end of its link, when nothing holds it [s]
    ("ready", np.float64),  # later than `arrival` when it had to yield [s]
    ("turn", np.int32),  # what it wants at the end of its link
    ("cursor", np.int32),  # next turn of the route, in `path`
    ("path_end", np.int32),
    ("origin", np.int32),  # link
    ("zone", np.int32),  # where to
    ("link", np.int32),
    ("after", np.int32),  # next in the line of those who wait to start, -1 none
    ("state", np.uint8),
    ("kind", np.uint8),  # index into `KINDS`
    ("mask", np.uint8),  # bit of its class in `closed`
    ("places", np.uint8),  # places it takes on the road
    ("tries", np.uint8),  # full car parks it has seen
    ("teleports", np.uint8),
    ("informed", np.bool_),  # follows the tables of its zone, not its habit
    ("is_rerouted", np.bool_),
)

ZONE = _record(("row", np.int32), ("lot", np.int32))
"""`row`: row of the table of next turns, -1 none yet; `lot`: car park or shelter, -1 none."""

LOT = _record(("capacity", np.int32), ("used", np.int32), ("peak", np.int32), ("next_zone", np.int32),
                ("asked", np.int64), ("refused", np.int64))  # fmt: skip
"""`next_zone`: where who finds it full looks next, -1 nowhere."""

COUNTS = _record(("t", np.float64), ("departed", np.int64), ("waiting", np.int64), ("running", np.int64),
                   ("arrived", np.int64), ("unreachable", np.int64), ("overflow", np.int64), ("teleports", np.int64),
                   ("releases", np.int64), ("traced", np.int64))  # fmt: skip

TRACE = _record(("vehicle", np.int32), ("link", np.int32), ("entry", np.float64), ("exit", np.float64),
                  ("arrival", np.float64))  # fmt: skip
"""One passage of one vehicle over one link; kept for tests and comparisons only."""

PENDING, WAITING, RUNNING, ARRIVED, UNREACHABLE, OVERFLOW = range(6)
"""States: not yet due; waits to enter its first link; on the road; there; no way left; no place to park."""

KINDS = ("car", "truck", "bus", "emergency", "ambulance")
PLACES = (1, 2, 2, 1, 1)
TOP_SPEED_KMH = (200.0, 90.0, 80.0, 200.0, 200.0)
ALL_CLASSES = 0b11111

TO_NO_PLACE, TO_END, TO_NOWHERE = -3, -2, -1
"""Instead of a turn: no place to park; the destination is reached; no way leads there."""


class World(NamedTuple):
    """Everything that changes during a run, and the network it runs on.

    Parameters
    ----------
    incoming, outgoing
        Links of each node, node after node; from `NODE.in_at` and `NODE.out_at` on.
    foes
        Turns that matter to a turn that has to yield, from `TURN.foe_at` on; a negative number ~f is a turn of equal
        right, which is only waited for while it crosses.
    queue
        Vehicles on each link in the order of the stop line; a ring for each link.
    freed
        Time at which each place of a ring was freed [s].
    path
        Turns of all habitual routes.
    table
        Next turn, shape (rows, links): `TO_END`, `TO_NOWHERE` or a turn.
    order
        Vehicles by time of departure.
    release_s, release_lot
        Heap of the times at which places in car parks become free.
    """

    links: Record
    turns: Record
    nodes: Record
    vehicles: Record
    zones: Record
    lots: Record
    counts: Record
    trace: Record
    incoming: Record
    outgoing: Record
    foes: Record
    queue: Record
    freed: Record
    path: Record
    table: Record
    order: Record
    release_s: Record
    release_lot: Record


SHARED = frozenset({"incoming", "outgoing", "foes", "path", "table", "order"})
"""Arrays that a fork shares with its base: nobody writes into them in place."""
