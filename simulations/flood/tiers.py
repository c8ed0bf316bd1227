"""How finely the city is simulated, where, and how long that takes; light enough for a page."""

import math

Box = tuple[float, float, float, float]
BOX: Box = (126.600, 35.925, 126.800, 36.012)
"""Old town, harbour, estates and new town with the streams that cross them: (west, south, east, north) [deg, WGS84]."""
CELLS_M = {"preview": 20, "standard": 10, "window": 5}
WINDOW_KM2 = 25.0
"""Largest window [km2]."""
WINDOW_SIDES_KM = (1.0, 5.0)
"""Sides of the square windows that the planner offers [km]."""
KM_PER_DEG = 111.2
COURANT = 0.6
"""That of the solver without advection."""
WAVE_DEPTH_M = {CELLS_M["preview"]: 0.5}
"""By cell [m]: depth [m] from which on waves run no faster (see `Solver`): a few deep ponds would set the time step."""
WAVE_M_S = {"preview": 2.1, "standard": 5.0, "window": 5.0}
"""Mean over a storm on the city of its fastest wave [m/s]: it sets the time step."""
CELL_STEPS_S = 0.8e8
"""Cells and steps in a second on an idle core, with structures and results: rounded down from the benchmark."""


def area_km2(box: Box) -> float:
    """Return the area of a box [km2]."""
    west, south, east, north = box
    return (east - west) * math.cos(math.radians(south)) * (north - south) * KM_PER_DEG**2


def window_around(lon: float, lat: float, side_km: float) -> Box:
    """Return the square window nearest to a place: (west, south, east, north) [deg, WGS84], within the city's box."""
    low, high = WINDOW_SIDES_KM
    half = min(max(side_km, low), high) / 2 / KM_PER_DEG * 0.999
    wide = half / math.cos(math.radians(BOX[1]))
    x = min(max(lon, BOX[0] + wide), BOX[2] - wide)
    y = min(max(lat, BOX[1] + half), BOX[3] - half)
    return round(x - wide, 6), round(y - half, 6), round(x + wide, 6), round(y + half, 6)


def cost_s(grid: str, duration_h: float, window: Box = BOX) -> float:
    """Return about how long a run without a sewer model takes on an idle core [s]."""
    cell = CELLS_M[grid]
    steps = duration_h * 3600 * WAVE_M_S[grid] / (COURANT * cell)
    return area_km2(window) * 1e6 / cell**2 * steps / CELL_STEPS_S
