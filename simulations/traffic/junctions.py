"""What may be done at the end of a link: turns, their lanes, and who gives way to whom."""

from dataclasses import dataclass, fields

import numpy as np
import shapely
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]

REACH_M = 15.0
"""The heading of a link at a junction is that of its last or first 15 m."""
STRAIGHT_DEG = 45.0
"""A turn that bends less is straight on."""
BACK_DEG = 120.0


@dataclass(frozen=True, slots=True)
class Turns:
    """All movements, in the order of the link they come from.

    Parameters
    ----------
    from_link, to_link
        Numbers of links.
    at
        First turn of each link, shape (links + 1,).
    angle_deg
        Bend to the left [deg], -180 to 180.
    lanes
        Lanes of the approach that serve the turn [-].
    is_back
        Turns back into the street it came from: drivers do it only where no other way is open.
    phase
        Phase of the dual ring, 1 to 8; 0 without a signal.
    cycle_s, green_at_s, green_s
        Cycle, start of the effective green and its length [s]; 0 without a signal.
    foe_at, foes
        Who has right of way before each turn, shape (turns + 1,) and the turns; ~f is a crossing turn of equal right.
    """

    from_link: Ints
    to_link: Ints
    at: Ints
    angle_deg: Floats
    lanes: Ints
    is_back: NDArray[np.bool_]
    phase: Ints
    cycle_s: Floats
    green_at_s: Floats
    green_s: Floats
    foe_at: Ints
    foes: Ints

    def __len__(self) -> int:
        return len(self.from_link)

    def digest(self) -> bytes:
        """Return the bytes of everything that changes a result."""
        return b"".join(np.ascontiguousarray(getattr(self, one.name)).tobytes() for one in fields(self))

    def of(self, link: int) -> range:
        """Return the turns at the end of a link."""
        return range(int(self.at[link]), int(self.at[link + 1]))

    def between(self, a: Ints, b: Ints) -> Ints:
        """Return the turn from each link to each other, -1 where there is none."""
        width = int(max(self.from_link.max(), self.to_link.max())) + 1
        known = self.from_link.astype(np.int64) * width + self.to_link
        order = np.argsort(known)
        wanted = np.asarray(a, np.int64) * width + b
        place = np.minimum(np.searchsorted(known[order], wanted), len(known) - 1)
        return np.where(known[order][place] == wanted, order[place], -1).astype(np.int32)


def headings(geom: NDArray[np.object_]) -> tuple[Floats, Floats]:
    """Return the heading of each line at its start and at its end [rad, anticlockwise from east]."""
    length = shapely.length(geom)
    reach = np.minimum(REACH_M, length)
    first, last = (shapely.get_coordinates(shapely.get_point(geom, i)) for i in (0, -1))
    early = shapely.get_coordinates(shapely.line_interpolate_point(geom, reach))
    late = shapely.get_coordinates(shapely.line_interpolate_point(geom, length - reach))
    return np.arctan2(*(early - first).T[::-1]), np.arctan2(*(last - late).T[::-1])


def lay_turns(
    from_node: Ints,
    to_node: Ints,
    geom: NDArray[np.object_],
    lanes: Ints,
    rank: NDArray[np.int64],
    said: dict[tuple[int, int], bool],
) -> Turns:
    """Spell out every turn of a network, without signals.

    Parameters
    ----------
    from_node, to_node, geom, lanes, rank
        Of each link; lines in EPSG:5186.
    said
        Turns (from link, to link) that are forbidden (False), or turns back that are allowed (True).
    """
    a, b = _pairs(to_node, from_node)
    start, end = headings(geom)
    angle = np.degrees((start[b] - end[a] + np.pi) % (2 * np.pi) - np.pi)
    is_back = (to_node[b] == from_node[a]) & (np.abs(angle) > BACK_DEG)
    rule = np.array([said.get(pair, 2) for pair in zip(a.tolist(), b.tolist(), strict=True)], np.int64)
    is_back &= rule != 1
    keep = rule != 0
    a, b, angle, is_back = a[keep], b[keep], angle[keep], is_back[keep]
    at = np.searchsorted(a, np.arange(len(geom) + 1)).astype(np.int32)
    foe_at, foes = _foes(a, b, angle, is_back, to_node, start, end, rank)
    none, zero = np.zeros(len(a), np.int32), np.zeros(len(a))
    share = _turn_lanes(a, angle, is_back, lanes)
    return Turns(a, b, at, angle, share, is_back, none, zero, zero, zero, foe_at, foes)


def _pairs(to_node: NDArray[np.int32], from_node: NDArray[np.int32]) -> tuple[Ints, Ints]:
    """Return all pairs (i, j) with to_node[i] == from_node[j], ordered by i, then j."""
    order = np.argsort(from_node, kind="stable")
    first = np.searchsorted(from_node[order], to_node, side="left")
    count = np.searchsorted(from_node[order], to_node, side="right") - first
    i = np.repeat(np.arange(len(to_node)), count)
    within = np.arange(len(i)) - np.repeat(np.cumsum(count) - count, count)
    return i.astype(np.int32), order[np.repeat(first, count) + within].astype(np.int32)


def _turn_lanes(a: Ints, angle: Floats, is_back: NDArray[np.bool_], lanes: Ints) -> Ints:
    """Share the lanes of an approach out: the standard data does not survey turn lanes.

    One lane serves all. From two on, left and right take one each (left two from four on), and straight on all of them;
    without a way straight on, left and right share the lanes.
    """
    n = lanes[a]
    is_left, is_right = (angle > STRAIGHT_DEG) & ~is_back, (angle < -STRAIGHT_DEG) & ~is_back
    is_ahead = ~is_left & ~is_right & ~is_back

    def any_of(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return (np.bincount(a, mask, minlength=len(lanes)) > 0)[a]

    has_left, has_right, has_ahead = any_of(is_left), any_of(is_right), any_of(is_ahead)
    left = np.where(has_ahead, np.where(n >= 4, 2, 1), np.where(has_right, (n + 1) // 2, n))
    right = np.where(has_ahead, 1, np.where(has_left, n - (n + 1) // 2, n))
    found = np.select([is_left, is_right, is_ahead], [left, right, n], 1)
    chosen: Ints = np.clip(found, 1, n).astype(np.int32)
    return chosen


def _foes(
    a: Ints,
    b: Ints,
    angle: Floats,
    is_back: NDArray[np.bool_],
    to_node: Ints,
    start: Floats,
    end: Floats,
    rank: NDArray[np.int64],
) -> tuple[Ints, Ints]:
    """Return who has right of way before each turn.

    Two turns conflict when they end in one link or when their chords cross on a circle round the junction, where
    traffic keeps to the right. The higher road goes first; between equals who turns left waits for who does not, and
    else the first comes first.
    """
    node = to_node[a]
    order = np.argsort(node, kind="stable").astype(np.int32)
    i, j = _pairs(node[order], node[order])
    m, f = order[i], order[j]
    differ = (a[m] != a[f]) & ~is_back[f]
    m, f = m[differ], f[differ]
    keep_right = np.radians(8.0)
    entry = (end + np.pi + keep_right) % (2 * np.pi)
    leave = (start - keep_right) % (2 * np.pi)

    def is_between(x: Floats, low: Floats, high: Floats) -> NDArray[np.bool_]:
        return ((x - low) % (2 * np.pi)) < ((high - low) % (2 * np.pi))

    p, q = entry[a[m]], leave[b[m]]
    crosses = is_between(entry[a[f]], p, q) != is_between(leave[b[f]], p, q)
    conflict = crosses | (b[m] == b[f])
    m, f = m[conflict], f[conflict]
    left_m, left_f = angle[m] > STRAIGHT_DEG, angle[f] > STRAIGHT_DEG
    equal = rank[a[m]] == rank[a[f]]
    has_way = (rank[a[f]] < rank[a[m]]) | (equal & left_m & ~left_f) | is_back[m]
    merges_only = equal & (b[m] == b[f]) & ~has_way  # equal streams into one link take turns by their lanes
    waits = has_way | (equal & ~(left_f & ~left_m) & ~merges_only)
    m, f = m[waits], np.where(has_way, f, ~f)[waits].astype(np.int32)
    order = np.lexsort((np.where(f < 0, ~f, f), m)).astype(np.int32)
    m, f = m[order], f[order]
    return np.searchsorted(m, np.arange(len(a) + 1)).astype(np.int32), f.astype(np.int32)
