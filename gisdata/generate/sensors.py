"""Other things that observe: detectors in the markets, speeds of links, air, bins, bus shelters."""

import geopandas as gpd
import numpy as np
import shapely

from gisdata.facts import to_metres
from gisdata.generate.ground import frame

AIR = (
    ("신풍동 측정소", "Sinpung-dong station", 126.7080, 35.9790),
    ("소룡동 측정소", "Soryong-dong station", 126.6690, 35.9720),
    ("개정동 측정소", "Gaejeong-dong station", 126.7590, 35.9660),
    ("비응도동 측정소", "Bieungdo-dong station", 126.5420, 35.9470),
    ("사정동 측정소", "Sajeong-dong station", 126.7300, 35.9560),
    ("나운동 측정소", "Naun-dong station", 126.7000, 35.9660),
)
STATIONS = (
    ("KMA-140", "군산 기상대", "Gunsan weather station", 126.7614, 36.0053),
    ("AWS-1", "외항 기상", "Outer port weather", 126.6000, 35.9760),
)
WATER_QUALITY = (
    ("1", "금강하굿둑", "Geum river barrage", 126.7450, 36.0200),
    ("2", "은파호수", "Eunpa lake", 126.6905, 35.9560),
    ("3", "만경강", "Mangyeong river", 126.7600, 35.8650),
)
BINS = 300
BUS_SHELTERS = 200


def market_fire_register(markets: gpd.GeoDataFrame, shops: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return one fire detector for each shop."""
    name = dict(zip(markets.id, markets.name_ko, strict=True))
    name_en = dict(zip(markets.id, markets.name_en, strict=True))
    return frame(
        {
            "key": [f"FD-{i:04d}" for i in range(1, len(shops) + 1)],
            "name_ko": [f"{name[m]} {n}호" for m, n in zip(shops.market_id, shops.number, strict=True)],
            "name_en": [f"{name_en[m]} shop {n}" for m, n in zip(shops.market_id, shops.number, strict=True)],
            "quality": "synthetic",
            "attributes": [
                {"market": name[m], "market_en": name_en[m], "shop": int(n)}
                for m, n in zip(shops.market_id, shops.number, strict=True)
            ],
        },
        shapely.centroid(shops.geometry.to_numpy()),
    )


def traffic_register(links: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return one speed asset for each link of rank 105 and above."""
    main = links[links["rank"] <= 105]
    return frame(
        {
            "key": [str(i) for i in main.id],
            "name_ko": [f"{name} {i}" for name, i in zip(main.name_ko, main.id, strict=True)],
            "name_en": [f"Link {i}" for i in main.id],
            "quality": "synthetic",
            "attributes": [
                {"road_link": int(row.id), "road_name": row.name_ko, "max_speed_kmh": int(row.max_speed_kmh)}
                for row in main.itertuples()
            ],
        },
        shapely.line_interpolate_point(main.geometry.to_numpy(), 0.5, normalized=True),
    )


def air_register() -> gpd.GeoDataFrame:
    """Return the six air-quality stations."""
    return frame(
        {
            "key": [f"AIR-{i}" for i in range(1, len(AIR) + 1)],
            "name_ko": [row[0] for row in AIR],
            "name_en": [row[1] for row in AIR],
            "quality": "approximate",
            "attributes": [{} for _ in AIR],
        },
        shapely.points(to_metres([[row[2], row[3]] for row in AIR])),
    )


def bin_register(links: gpd.GeoDataFrame, seed: int) -> gpd.GeoDataFrame:
    """Return the waste bins with a fill sensor, beside streets of the town."""
    points, names = _roadside(links, BINS, 106, 7.0, np.random.default_rng([seed, 91]))
    return frame(
        {
            "key": [f"BIN-{i:03d}" for i in range(1, BINS + 1)],
            "name_ko": [f"{name} 수거함" for name in names],
            "name_en": [f"Bin {i}" for i in range(1, BINS + 1)],
            "quality": "synthetic",
            "attributes": [{"volume_l": 1100} for _ in names],
        },
        points,
    )


def bus_shelter_register(links: gpd.GeoDataFrame, seed: int) -> gpd.GeoDataFrame:
    """Return the bus shelters, beside main streets."""
    points, names = _roadside(links, BUS_SHELTERS, 105, 8.5, np.random.default_rng([seed, 92]))
    return frame(
        {
            "key": [f"BST-{i:03d}" for i in range(1, BUS_SHELTERS + 1)],
            "name_ko": [f"{name} 정류장" for name in names],
            "name_en": [f"Bus shelter {i}" for i in range(1, BUS_SHELTERS + 1)],
            "quality": "synthetic",
            "attributes": [{} for _ in names],
        },
        points,
    )


def weather_register() -> gpd.GeoDataFrame:
    """Return the weather stations: the synoptic one of the weather service, and one at the outer port."""
    return _stations("", STATIONS)


def water_quality_register() -> gpd.GeoDataFrame:
    """Return the places where the water's quality is measured."""
    return _stations("WQ-", WATER_QUALITY)


def complaint_register(units: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the complaint desk of each administrative unit, at a point inside it."""
    return frame(
        {
            "key": [f"CIV-{i:02d}" for i in units.id],
            "name_ko": [f"{name} 민원" for name in units.name_ko],
            "name_en": [f"{name} complaints" for name in units.name_en],
            "quality": "synthetic",
            "attributes": [{"population": int(people)} for people in units.population],
        },
        shapely.point_on_surface(units.geometry.to_numpy()),
    )


def _stations(prefix: str, rows: tuple[tuple[str, str, str, float, float], ...]) -> gpd.GeoDataFrame:
    return frame(
        {
            "key": [prefix + row[0] for row in rows],
            "name_ko": [row[1] for row in rows],
            "name_en": [row[2] for row in rows],
            "quality": "approximate",
            "attributes": [{} for _ in rows],
        },
        shapely.points(to_metres([[row[3], row[4]] for row in rows])),
    )


def _roadside(
    links: gpd.GeoDataFrame, n: int, lowest_rank: int, out_m: float, rng: np.random.Generator
) -> tuple[np.ndarray, list[str]]:
    fit = links[
        (links["rank"] >= 104) & (links["rank"] <= lowest_rank) & (links.kind == "plain") & (links.length_m < 450)
    ]
    chosen = fit.iloc[np.sort(rng.choice(len(fit), n, replace=False))]
    lines = chosen.geometry.to_numpy()
    a = shapely.get_coordinates(shapely.line_interpolate_point(lines, 0.4, normalized=True))
    b = shapely.get_coordinates(shapely.line_interpolate_point(lines, 0.5, normalized=True))
    along = (b - a) / np.hypot(*(b - a).T)[:, None]
    return np.asarray(shapely.points(a + out_m * np.stack([along[:, 1], -along[:, 0]], axis=1))), list(chosen.name_ko)
