"""From a finished flood run to water on the roads."""

from pathlib import Path

import numpy as np
import rasterio

from simulations.receipt import read_json
from simulations.traffic.events import Depth
from simulations.traffic.flood_roads import Soundings
from simulations.traffic.network import RoadNet
from twin.errors import BadScenario

SHALLOW_M = 0.02
"""Less is a wet road."""


def flood_events(net: RoadNet, folder: Path, until_s: float) -> list[Depth]:
    """Return the water of a flood run on the links, one event for each of its frames before a time [s].

    Raises
    ------
    BadScenario
        The folder holds no finished flood run of the city.
    """
    facts = read_json(folder / "result.json") if (folder / "result.json").is_file() else {}
    if facts.get("simulation") != "flood":
        raise BadScenario(f"flood_run: {folder.name} is no flood run that came to its end: no water to drive in")
    found = []
    with rasterio.open(folder / "depth.tif") as source:
        soundings = Soundings.of(net, source.transform, source.shape)
        for band, t in enumerate(facts["depth"]["times_s"], start=1):
            if t >= until_s:
                break
            grid = source.read(band)
            depth = soundings.depth_m(np.where(grid == source.nodata, 0, grid / np.float32(1000)).astype(np.float32))
            wet = np.flatnonzero(depth >= SHALLOW_M)
            found.append(
                Depth(start_s=t, depth_m={int(net.link_id[link]): round(float(depth[link]), 3) for link in wet})
            )
    return found
