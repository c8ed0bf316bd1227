"""Car parks: attached to buildings, off the street, on the street; with the published totals."""

from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from gisdata.facts import LIVE_PRIVATE_LOTS, LOTS, PUBLIC_LOTS, PUBLIC_SPACES, SPACES
from gisdata.generate.ground import frame, share_out

BAY_LOTS = 10
"""Car parks that report each bay."""


def parking_register(
    buildings: gpd.GeoDataFrame, links: gpd.GeoDataFrame, official: gpd.GeoDataFrame | None, seed: int
) -> gpd.GeoDataFrame:
    """Return the asset register of the car parks.

    Parameters
    ----------
    buildings, links
        Rows of building and road_link.
    official
        Real public car parks with the columns name_ko, kind, spaces_total, fee; they replace generated ones.
    seed
        Seed of every choice.
    """
    rng = np.random.default_rng([seed, 61])
    n_real = 0 if official is None else min(len(official), PUBLIC_LOTS)
    kinds_real = [] if official is None else [str(kind) for kind in official.kind[:n_real]]
    on_left = max(0, LOTS["on_street"] - kinds_real.count("on_street"))
    off_left = LOTS["off_street"] - kinds_real.count("off_street")
    public_left = PUBLIC_LOTS - n_real
    kinds = ["on_street"] * min(on_left, public_left)
    kinds += ["off_street"] * (public_left - len(kinds))
    private = ["on_street"] * (LOTS["on_street"] - kinds_real.count("on_street") - kinds.count("on_street"))
    private += ["off_street"] * (off_left - kinds.count("off_street"))
    street_points, street_names = _beside_streets(links, len(kinds) + len(private), rng)
    house_points, house_names, weight = _beside_buildings(buildings, LOTS["attached"], rng)

    real_spaces = [] if official is None else [int(n) for n in official.spaces_total[:n_real]]
    public_rest = PUBLIC_SPACES - sum(real_spaces)
    public_spaces = _spread(public_rest, rng.lognormal(0, 0.5, len(kinds)))
    private_spaces = rng.integers(18, 70, len(private))
    attached_spaces = _spread(SPACES - sum(real_spaces) - int(public_spaces.sum()) - int(private_spaces.sum()), weight)

    rows: list[tuple[Any, str, str, int, bool, str | None]] = []
    if official is not None:
        rows += [
            (row.geom, row.name_ko, row.kind, int(row.spaces_total), True, row.fee)
            for row in official.iloc[:n_real].itertuples()
        ]
    spaces = [*public_spaces, *private_spaces]
    for i, kind in enumerate([*kinds, *private]):
        is_public = i < len(kinds)
        price = "free" if is_public and rng.random() < 0.7 else "paid"
        name = f"{street_names[i]} {'공영' if is_public else '민영'}{'노상' if kind == 'on_street' else ''}주차장"
        rows.append((street_points[i], name, kind, int(spaces[i]), is_public, price))
    for point, name, count in zip(house_points, house_names, attached_spaces, strict=True):
        rows.append((point, name, "attached", int(count), False, None))

    is_private = np.array([not row[4] for row in rows])
    size = np.array([row[3] for row in rows])
    live = ~is_private
    biggest = np.flatnonzero(is_private)[np.argsort(-size[is_private], kind="stable")][: 2 * LIVE_PRIVATE_LOTS]
    live[rng.permutation(biggest)[:LIVE_PRIVATE_LOTS]] = True
    with_bays = set(np.flatnonzero(live & ~is_private & (size >= 30))[:BAY_LOTS].tolist())
    attributes: list[dict[str, Any]] = []
    for i, (_, _, kind, count, is_public, fee) in enumerate(rows):
        facts: dict[str, Any] = {
            "kind": kind,
            "spaces_total": count,
            "is_public": is_public,
            "fee": fee,
            "is_live": bool(live[i]),
        }
        if i in with_bays:
            facts["bays"] = count
        attributes.append(facts)
    return frame(
        {
            "key": [f"LOT-{i:05d}" for i in range(1, len(rows) + 1)],
            "name_ko": [row[1] for row in rows],
            "name_en": [None] * len(rows),
            "quality": ["official"] * n_real + ["synthetic"] * (len(rows) - n_real),
            "attributes": attributes,
        },
        [row[0] for row in rows],
    )


def _spread(total: int, weight: Any) -> Any:
    """Share spaces out by weight, at least one to each lot."""
    return 1 + share_out(total - len(weight), weight) if len(weight) else np.zeros(0, dtype=np.int64)


def _beside_streets(links: gpd.GeoDataFrame, n: int, rng: np.random.Generator) -> tuple[Any, list[str]]:
    town = links[(links["rank"] >= 105) & (links.kind == "plain") & (links.length_m < 320) & links.name_ko.notna()]
    chosen = town.iloc[rng.choice(len(town), n, replace=False)]
    coords = shapely.get_coordinates(shapely.line_interpolate_point(chosen.geometry.to_numpy(), 0.45, normalized=True))
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(chosen.geometry.to_numpy(), 0.55, normalized=True))
    along = (ahead - coords) / np.hypot(*(ahead - coords).T)[:, None]
    side = np.stack([along[:, 1], -along[:, 0]], axis=1)
    return shapely.points(coords + side * 9), list(chosen.name_ko)


def _beside_buildings(buildings: gpd.GeoDataFrame, n: int, rng: np.random.Generator) -> tuple[Any, list[str], Any]:
    factor = buildings.use.map(
        {"apartment": 40.0, "office": 3.0, "public": 8.0, "school": 5.0, "shop": 1.0, "industry": 0.12, "house": 0.02}
    ).fillna(0.0)
    weight = buildings.area.to_numpy() ** 0.6 * buildings.floors.to_numpy() * factor.to_numpy()
    weight = np.maximum(weight, 1e-9)
    chosen = np.sort(rng.choice(len(buildings), n, replace=False, p=weight / weight.sum()))
    rows = buildings.iloc[chosen]
    bounds = rows.bounds.to_numpy()
    x = (bounds[:, 0] + bounds[:, 2]) / 2
    y = bounds[:, 1] - 4.0
    words = {
        "apartment": "아파트",
        "office": "업무시설",
        "public": "청사",
        "school": "학교",
        "shop": "상가",
        "industry": "공장",
        "house": "주택",
    }
    names = [f"{words.get(use, '건물')} {number}호 부설주차장" for use, number in zip(rows.use, rows.id, strict=True)]
    spaces = rows.area.to_numpy() ** 0.7 * np.sqrt(rows.floors.to_numpy()) * rng.uniform(0.6, 1.5, n)
    return shapely.points(np.stack([x, y], axis=1)), names, spaces
