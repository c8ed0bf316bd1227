"""Water levels of a coarse grid on the finer terrain they came from."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from simulations.flood.terrain import Terrain


def downscale(depth: NDArray[np.float32], coarse: Terrain, fine: Terrain) -> NDArray[np.float32]:
    """Return depths [m] on a finer terrain: the level of the coarse water, less the fine ground.

    Water reaches half a coarse cell further than the coarse grid says, into whatever lies below its level; what stands
    out of it is dry. No volume is moved: this is how the water is drawn, not computed.

    Parameters
    ----------
    depth
        Greatest depth [m] on `coarse`, shape of its elevation; 0 where dry.
    coarse, fine
        Terrains of one extent; the cells of the coarse one are a whole number of fine ones.

    Returns
    -------
    Depth [m], shape of the fine elevation.
    """
    times = round(coarse.cell_size / fine.cell_size)
    level = np.where(depth > 0, depth + coarse.elevation, -np.inf).astype(np.float32)
    wide = np.kron(level, np.ones((times, times), np.float32))
    ny, nx = fine.elevation.shape
    wide = maximum_filter(np.nan_to_num(wide, nan=-np.inf), times + 1 - times % 2)[:ny, :nx]
    found: NDArray[np.float32] = np.maximum(np.nan_to_num(wide - fine.elevation, nan=0.0, neginf=0.0), 0)
    return found
