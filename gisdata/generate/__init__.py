"""The generated city: everything from a seed and a few facts, improved by real base data where there is some."""

from collections.abc import Callable

import numpy as np
import shapely

from gisdata.base import Base, resample
from gisdata.catalogue import make_catalogue
from gisdata.city import City, terrain_table
from gisdata.generate.addresses import address_table
from gisdata.generate.buildings import put_up
from gisdata.generate.cameras import camera_register
from gisdata.generate.coast import coast_table, water_table
from gisdata.generate.facilities import (
    facility_table,
    named_places,
    public_buildings,
    schools,
    shelters,
)
from gisdata.generate.gauges import forecast_register, rain_register, water_register
from gisdata.generate.land_use import built_area, land_use_table
from gisdata.generate.markets import market_ground, market_tables
from gisdata.generate.parking import parking_register
from gisdata.generate.port import berth_lines, berth_register, sheds
from gisdata.generate.railway import railway_table
from gisdata.generate.real import fit
from gisdata.generate.sensors import (
    air_register,
    bin_register,
    bus_shelter_register,
    complaint_register,
    market_fire_register,
    traffic_register,
    water_quality_register,
    weather_register,
)
from gisdata.generate.streets import lay_streets, street_tables
from gisdata.generate.terrain import raise_terrain
from gisdata.generate.units import partition


def _silent(_share: float, _text: str) -> None:
    """Report to nobody."""


def generate(seed: int, base: Base | None = None, progress: Callable[[float, str], None] = _silent) -> City:
    """Make the whole city; equal arguments give equal cities.

    Parameters
    ----------
    seed
        Seed of everything that is drawn.
    base
        Real base data; each layer it has replaces the generated one.
    progress
        Told the share done [-] and what is being made.
    """
    base = base or Base()
    progress(0.0, "land and units")
    real = fit(base, seed)
    ground = real.ground
    units = real.admin_unit if real.admin_unit is not None else partition(ground, seed)
    railway = real.railway if real.railway is not None else railway_table()
    rails = shapely.union_all(railway.geometry.to_numpy())
    berths = real.berths if real.berths is not None else berth_lines(ground)
    markets, shops = market_tables(real.market_places)
    bazaar = market_ground(markets)

    progress(0.15, "streets")
    streets = lay_streets(ground, units, rails, bazaar, seed, real.trunk)
    nodes, links = street_tables(streets)

    progress(0.3, "terrain")
    terrain = raise_terrain(ground, built_area(streets.districts), seed)
    if base.terrain is not None:
        terrain = resample(base.terrain, terrain)
    land_use = land_use_table(ground, streets.districts, terrain)

    progress(0.55, "buildings")
    rng = np.random.default_rng([seed, 1])
    all_schools = schools(units, streets, rng)
    places = real.places if real.places is not None else named_places()
    first = [public_buildings([*places, *all_schools], streets, rng), sheds(berths, ground, rng)]
    green = land_use[land_use.kind.isin(["park", "airport"])].geometry.to_numpy()
    clear = shapely.union_all([*green, bazaar, shapely.buffer(rails, 10)])
    buildings = put_up(ground, units, streets, first, clear, seed)
    facilities = facility_table([*places, *all_schools, *shelters(units, all_schools, rng)])

    progress(0.85, "things that observe")
    tables = {
        "admin_unit": units,
        "road_node": nodes,
        "road_link": links,
        "building": buildings,
        "railway": railway,
        "water_body": water_table(ground),
        "coast": coast_table(ground, berths),
        "land_use": land_use,
        "market": markets,
        "shop": shops,
        "facility": facilities,
        "address": address_table(links, real.addresses, seed),
        "terrain": terrain_table(terrain),
    }
    assets = {
        "cctv": camera_register(streets, all_schools, real.school_zones, seed),
        "parking": parking_register(buildings, links, real.parking, seed),
        "rain": rain_register(units, ground),
        "water_level": water_register(ground, links, terrain, seed),
        "market_fire": market_fire_register(markets, shops),
        "berth": berth_register(berths, "derived" if real.berths is not None else "synthetic"),
        "traffic_speed": traffic_register(links),
        "air_quality": air_register(),
        "waste_bin": bin_register(links, seed),
        "bus_shelter": bus_shelter_register(links, seed),
        "complaint": complaint_register(units),
        "weather_station": weather_register(),
        "water_quality": water_quality_register(),
    }
    assets["flood_forecast"] = forecast_register(ground, units, assets["water_level"], assets["parking"])
    progress(1.0, "done")
    return City(tables, assets, make_catalogue(base.files), terrain, seed)
