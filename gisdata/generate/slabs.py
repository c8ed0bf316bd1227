"""Slabs of flats: whole blocks of them, as many per unit as its flats need."""

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry as Geometry

from gisdata.facts import APARTMENT_SHARE, read_csv
from gisdata.generate.footprints import STOREY_M, Candidates, blocks, boxes, district_of, join_candidates
from gisdata.generate.ground import locate
from gisdata.generate.streets import Streets

HOMES_PER_SLAB = 74


def slabs(units: gpd.GeoDataFrame, streets: Streets, rng: np.random.Generator) -> tuple[Candidates, list[Geometry]]:
    """Fill whole blocks with slabs of flats, as many per unit as its flats need; return the blocks as well."""
    faces = blocks(streets)
    size = shapely.area(faces)
    faces = faces[(size > 9_000) & (size < 400_000)]
    inner = shapely.buffer(faces, -17)
    faces = faces[~shapely.is_empty(inner)]
    inner = inner[~shapely.is_empty(inner)]
    middle = shapely.point_on_surface(inner)
    unit = locate(middle, units.geometry.to_numpy())
    district = district_of(middle, streets)
    styles = np.array([streets.districts[d].style if d >= 0 else "" for d in district])
    liking = np.select([styles == "superblock", styles == "dense", styles == "oldtown"], [0, 1, 2], 3) + rng.random(
        len(faces)
    )
    liking += np.where(styles == "estate", 10, 0) + _to_complexes(middle, unit, rng)
    share = apartment_share(units)
    wanted = np.ceil(units.households.to_numpy() * share / HOMES_PER_SLAB).astype(int)
    parts: list[Candidates] = []
    filled: list[Geometry] = []
    for k in range(len(units)):
        left = int(wanted[k])
        for f in np.flatnonzero(unit == k)[np.argsort(liking[unit == k], kind="stable")]:
            if left <= 0:
                break
            angle = np.radians(streets.districts[district[f]].angle_deg) if district[f] >= 0 else 0.0
            found = _fill(inner[f], angle, rng)[:left]
            if not len(found):
                continue
            top = int(rng.choice([15, 15, 18, 20, 22, 25] if styles[f] == "superblock" else [12, 12, 14, 15]))
            floors = np.clip(top + rng.integers(-1, 2, len(found)), 12, 25)
            parts.append(
                Candidates(
                    found, np.zeros(len(found), np.int64), floors, np.asarray(floors * STOREY_M + 2.5, np.float64)
                )
            )
            filled.append(inner[f])
            left -= len(found)
    return join_candidates(parts), filled


def _to_complexes(
    middle: NDArray[np.object_], unit: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the distance [km] of each block to the nearest of a few blocks of its unit, around which flats gather."""
    xy = shapely.get_coordinates(middle)
    far = np.zeros(len(middle))
    for k in np.unique(unit):
        at = np.flatnonzero(unit == k)
        seeds = xy[rng.choice(at, min(len(at), 4), replace=False)]
        far[at] = np.hypot(*(xy[at][:, None] - seeds[None]).transpose(2, 0, 1)).min(axis=1) / 250
    return far


def _fill(block: Geometry, angle: float, rng: np.random.Generator) -> NDArray[np.object_]:
    """Return rows of slabs that fit into a block."""
    x0, y0 = shapely.get_coordinates(block.centroid)[0]
    local = shapely.get_coordinates(block) - [x0, y0]
    s = local @ [np.cos(angle), np.sin(angle)]
    t = local @ [-np.sin(angle), np.cos(angle)]
    length = float(rng.uniform(46, 62))
    pitch_s, pitch_t = length + 13, float(rng.uniform(44, 52))
    at_s = np.arange(s.min() + length / 2 + 1, s.max(), pitch_s)
    at_t = np.arange(t.min() + 8, t.max(), pitch_t)
    if not len(at_s) or not len(at_t):
        return np.empty(0, object)
    gs, gt = (grid.ravel() for grid in np.meshgrid(at_s, at_t))
    centre = np.stack(
        [x0 + gs * np.cos(angle) - gt * np.sin(angle), y0 + gs * np.sin(angle) + gt * np.cos(angle)], axis=1
    )
    n = len(centre)
    slabs = boxes(centre, np.full(n, angle), np.full(n, length), np.full(n, 13.0))
    shapely.prepare(block)
    fit: NDArray[np.object_] = slabs[shapely.contains(block, slabs)]
    return fit


def apartment_share(units: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Return each unit's share of homes that are flats [-]; over the city it is the published one."""
    ours = {row["name_ko"]: float(row["apartment_share"]) for row in read_csv("units.csv")}
    share = np.array([ours[name] for name in units.name_ko])
    homes = units.households.to_numpy()
    low, high = 0.0, 3.0
    for _ in range(50):
        factor = (low + high) / 2
        flats = (homes * np.minimum(0.97, share * factor)).sum()
        low, high = (factor, high) if flats < APARTMENT_SHARE * homes.sum() else (low, factor)
    return np.minimum(0.97, share * factor)
