"""Road addresses along the streets: street name and a number that grows by two every 20 m on each side."""

import geopandas as gpd
import numpy as np
import shapely

from gisdata.generate.ground import frame

MOST = 6_000


def address_table(links: gpd.GeoDataFrame, real: gpd.GeoDataFrame | None, seed: int) -> gpd.GeoDataFrame:
    """Return the rows of address, e.g. `전북특별자치도 군산시 대학로 12`.

    Parameters
    ----------
    links
        Rows of road_link.
    real
        Real address points with the column addr; they come first.
    seed
        Seed of the choice of numbers.

    Notes
    -----
    A street's numbers run from its western end to its eastern one, odd on the left, even on the right.
    """
    rng = np.random.default_rng([seed, 95])
    streets = links[(links.id % 2 == 1) & links.name_ko.notna() & (links["rank"] > 101) & (links.kind == "plain")]
    streets = streets[streets.length_m >= 45]
    middle = shapely.get_coordinates(shapely.line_interpolate_point(streets.geometry.to_numpy(), 0.5, normalized=True))
    streets = streets.assign(_x=middle[:, 0]).sort_values(["name_ko", "_x", "id"])
    begin = streets.groupby("name_ko").length_m.cumsum().to_numpy() - streets.length_m.to_numpy()
    per = np.where(streets["rank"] <= 105, 3, 1)
    which = np.repeat(np.arange(len(streets)), per)
    share = rng.uniform(0.15, 0.85, len(which))
    line = streets.geometry.to_numpy()[which]
    at = share * streets.length_m.to_numpy()[which]
    a = shapely.get_coordinates(shapely.line_interpolate_point(line, at))
    b = shapely.get_coordinates(shapely.line_interpolate_point(line, at + 2))
    along = (b - a) / np.maximum(np.hypot(*(b - a).T), 0.1)[:, None]
    side = rng.integers(0, 2, len(which))
    sign = np.where(side == 0, 1.0, -1.0)[:, None]
    points = a + 10 * sign * np.stack([-along[:, 1], along[:, 0]], axis=1)
    number = 2 * np.round((begin[which] + at) / 20).astype(int) + np.where(side == 0, 1, 2)
    name = streets.name_ko.to_numpy()[which]
    text = np.array(
        [f"전북특별자치도 군산시 {street} {n}" for street, n in zip(name, number, strict=True)], dtype=object
    )
    _, first = np.unique(text, return_index=True)
    first = np.sort(first)[:MOST] if len(first) <= MOST else np.sort(rng.permutation(first)[:MOST])
    text, where = text[first], shapely.points(points[first])
    if real is not None:
        known = real.drop_duplicates("addr")
        text = np.concatenate([known.addr.to_numpy(dtype=object), text])
        where = np.concatenate([known.geometry.to_numpy(), where])
    return frame({"id": np.arange(1, len(text) + 1), "text_ko": text}, where)
