"""Cameras at junctions, facing the streets, and at the school zones."""

from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from gisdata.facts import CAMERAS, SCHOOL_ZONE_CAMERAS, SCHOOL_ZONES
from gisdata.generate.facilities import Place
from gisdata.generate.ground import frame, share_out
from gisdata.generate.streets import Streets

OWNERS = {
    "crime_prevention": "안전총괄과",
    "school_zone": "교통행정과",
    "traffic": "교통행정과",
    "parking_enforcement": "교통행정과",
    "disaster": "안전총괄과",
}


def camera_register(
    streets: Streets, schools: list[Place], zones: gpd.GeoDataFrame | None, seed: int
) -> gpd.GeoDataFrame:
    """Return the asset register of the cameras.

    Parameters
    ----------
    streets
        The streets; a camera stands at a junction and faces one of its streets.
    schools
        Schools, around which the school zones lie.
    zones
        Real school zones with the columns name_ko, cameras; None for generated ones.
    seed
        Seed of every choice.
    """
    rng = np.random.default_rng([seed, 71])
    network = streets.network
    degree = network.degree()
    junctions = np.flatnonzero(degree >= 3)
    tree = cKDTree(network.nodes[junctions])
    if zones is None:
        middle = np.array([[place.x, place.y] for place in schools])
        names = [place.name_ko for place in schools]
        while len(names) < SCHOOL_ZONES:
            k = int(rng.integers(len(schools)))
            middle = np.concatenate([middle, middle[k][None] + rng.normal(0, 250, (1, 2))])
            names.append(schools[k].name_ko.replace("초등학교", "") + " 유치원")
        count = 1 + share_out(SCHOOL_ZONE_CAMERAS - len(names), rng.uniform(0.5, 2, len(names)))
        quality = "synthetic"
    else:
        middle = shapely.get_coordinates(zones.geometry.to_numpy())
        names = list(zones.name_ko)
        count = zones.cameras.to_numpy().astype(int)
        quality = "derived"
    rows: list[tuple[NDArray[np.float64], float, str, list[str], str]] = []
    for point, name, n in zip(middle, names, count, strict=True):
        distance, near = tree.query(point, k=max(2, int(n)))
        for k in range(int(n)):
            at = network.nodes[junctions[near[k]]]
            if distance[k] > 350:
                # no junction near: the camera stands at the zone itself
                at = point + 18 * np.array([np.cos(2.1 * k), np.sin(2.1 * k)])
            facing = float(np.degrees(np.arctan2(point[0] - at[0], point[1] - at[1])) % 360)
            rows.append((at, facing, f"{name} 어린이보호구역 {k + 1}", ["school_zone"], quality))
    rows += _at_junctions(streets, junctions, CAMERAS - len(rows), rng)
    attributes: list[dict[str, Any]] = [
        {
            "direction_deg": round(facing, 1),
            "field_of_view_deg": float(rng.choice([60, 75, 90, 110])),
            "range_m": float(rng.choice([60, 80, 100, 150]) if "traffic" not in purposes else 200),
            "height_m": float(rng.choice([4.5, 5.0, 6.0]) if "traffic" not in purposes else 9.0),
            "purposes": purposes,
            "owner": OWNERS[purposes[0]],
            "installed_year": int(rng.integers(2012, 2026)),
        }
        for _, facing, _, purposes, _ in rows
    ]
    # the mast stands at the corner, not in the middle of the junction
    xy = np.array([row[0] for row in rows]) + rng.uniform(4, 8, (len(rows), 1)) * _unit(
        rng.uniform(0, 2 * np.pi, len(rows))
    )
    return frame(
        {
            "key": [f"CAM-{i:04d}" for i in range(1, len(rows) + 1)],
            "name_ko": [row[2] for row in rows],
            "name_en": [f"Camera {i}" for i in range(1, len(rows) + 1)],
            "quality": [row[4] for row in rows],
            "attributes": attributes,
        },
        shapely.points(xy),
    )


def _unit(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _at_junctions(
    streets: Streets, junctions: NDArray[np.int64], n: int, rng: np.random.Generator
) -> list[tuple[NDArray[np.float64], float, str, list[str], str]]:
    network = streets.network
    ends = np.concatenate([network.u, network.v])
    street = np.tile(np.arange(len(network.u)), 2)
    order = np.argsort(ends, kind="stable")
    ends, street = ends[order], street[order]
    best = np.full(len(network.nodes), 999)
    np.minimum.at(best, ends, network.lines.rank[street])
    style = np.full(len(network.nodes), "", dtype=object)
    style[network.u] = network.lines.style
    weight = np.select([best[junctions] <= 104, best[junctions] == 105, best[junctions] == 106], [3.0, 5.0, 2.0], 1.0)
    weight *= np.where(np.isin(style[junctions], ["", "estate"]), 0.35, 1.0)
    chosen = rng.choice(junctions, n, replace=len(junctions) < n, p=weight / weight.sum())
    rows = []
    for at in np.sort(chosen):
        begin, end = np.searchsorted(ends, [at, at + 1])
        arm = int(street[rng.integers(begin, end)])
        line = network.lines.geom[arm]
        from_start = network.u[arm] == at
        ahead = shapely.get_coordinates(shapely.line_interpolate_point(line, 30 if from_start else -30))[0]
        step = ahead - network.nodes[at]
        facing = float(np.degrees(np.arctan2(step[0], step[1])) % 360)
        draw = rng.random()
        if best[at] <= 105 and draw < 0.3:
            purposes = ["traffic"]
        elif draw < 0.45:
            purposes = ["parking_enforcement", "traffic"]
        elif draw < 0.52:
            purposes = ["disaster"]
        else:
            purposes = ["crime_prevention"]
        rows.append((network.nodes[at], facing, f"{network.lines.name[arm]} 교차로", purposes, "synthetic"))
    return rows
