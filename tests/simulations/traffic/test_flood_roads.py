"""Water on roads: depths from a grid, speeds by the curve, closures that do not flicker, limits of each class."""

import numpy as np
import pytest
from affine import Affine

from simulations.traffic.flood_roads import Soundings, Water, wet_speed_kmh
from simulations.traffic.network import build
from simulations.traffic.records import KINDS
from tests.simulations.traffic.toy import LINE, tables

CELL = 2.0
GRID = Affine(CELL, 0, -100.0, 0, -CELL, 100.0)
SHAPE = (100, 1000)


def net(*kinds):
    links = {1: (1, 2, 600, 1), 2: (2, 3, 600, 1), 3: (3, 4, 600, 1)}
    nodes, table = tables(LINE, links, kind=list(kinds or ("plain",) * 3))
    return build(nodes, table)


def flooded(x_from, x_to, depth):
    grid = np.zeros(SHAPE, np.float32)
    columns = slice(int((x_from + 100) / CELL), int((x_to + 100) / CELL))
    grid[:, columns] = depth
    return grid


def test_speed_follows_the_published_curve():
    """Pregnolato et al. 2017: v(100 mm) = 9 - 55.29 + 86.9448 = 40.65; v(299 mm) = 2.09; 0 from 300 mm on."""
    assert wet_speed_kmh(np.array([0.1, 0.299, 0.3, 2.0])) == pytest.approx([40.6548, 2.0886, 0.0, 0.0], abs=1e-3)
    assert wet_speed_kmh(np.array([0.0]))[0] == np.inf


def test_depth_of_a_link_is_that_of_ten_metres():
    """0.4 m over 100 m counts as 0.4 m; over one cell of 2 m as 0.4 x 2 / 10 = 0.08 m."""
    roads = net()
    soundings = Soundings.of(roads, GRID, SHAPE)
    assert soundings.depth_m(flooded(100, 200, 0.4)) == pytest.approx([0.4, 0, 0])
    assert soundings.depth_m(flooded(700, 702, 0.4))[1] == pytest.approx(0.08)


def test_bridges_stand_above_the_water_and_underpasses_fill_at_their_low_point():
    soundings = Soundings.of(net("bridge", "underpass", "overpass"), GRID, SHAPE)
    assert soundings.depth_m(np.full(SHAPE, 1.0, np.float32)) == pytest.approx([0, 1, 0])
    assert soundings.depth_m(flooded(700, 702, 0.4))[1] == pytest.approx(0.4)


def test_outside_of_the_grid_is_dry():
    soundings = Soundings.of(net(), Affine(CELL, 0, 600.0, 0, -CELL, 100.0), SHAPE)
    grid = np.full(SHAPE, 0.5, np.float32)
    grid[:, 400:] = np.nan
    assert soundings.depth_m(grid) == pytest.approx([0, 0.5, 0.5])


def bits(*kinds):
    return sum(1 << KINDS.index(kind) for kind in kinds)


@pytest.mark.parametrize(
    ("depth", "shut"),
    [
        (0.29, 0),
        (0.30, bits("car", "truck", "bus")),
        (0.40, bits("car", "truck", "bus", "ambulance")),
        (0.50, bits(*KINDS)),
    ],
)
def test_each_class_has_its_limit(depth, shut):
    roads = net()
    water = Water.dry(roads)
    water.rise(roads, 0.0, np.array([depth, 0.0, 0.0]))
    assert list(water.closed) == [shut, 0, 0]


def test_underpass_closes_at_half_the_depth():
    roads = net("plain", "underpass", "plain")
    water = Water.dry(roads)
    water.rise(roads, 0.0, np.full(3, 0.15))
    assert [bool(c & 1) for c in water.closed] == [False, True, False]


def test_link_reopens_ten_minutes_after_the_water_is_low():
    roads = net()
    water = Water.dry(roads)
    deep, mid, low = (np.array([d, 0.0, 0.0]) for d in (0.3, 0.2, 0.1))
    assert water.rise(roads, 0.0, deep) is None
    assert water.rise(roads, 300.0, mid) is None
    assert water.closed[0] & 1
    assert water.rise(roads, 600.0, low) == 1200.0
    water.rise(roads, 900.0, mid)
    assert water.rise(roads, 1000.0, low) == 1600.0
    water.rise(roads, 1599.0, low)
    assert water.closed[0] & 1
    water.rise(roads, 1600.0, low)
    assert water.closed[0] == 0
