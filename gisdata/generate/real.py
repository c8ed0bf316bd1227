"""Fit real base data into the city: what each file of the base becomes."""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from shapely import MultiPolygon
from shapely.geometry.base import BaseGeometry as Geometry

from gisdata.base import Base
from gisdata.facts import read_csv
from gisdata.generate.coast import shape_ground
from gisdata.generate.facilities import Place
from gisdata.generate.ground import Ground, Water, city_box, frame, lines_of, multi, polygons_of
from gisdata.generate.network import Lines, join, lines

KINDS = {
    "city_hall": "hall",
    "hospital": "hospital",
    "bus_terminal": "station",
    "rail_station": "station",
    "airport": "airport",
    "fire_119": "fire",
    "police": "police",
}
"""Kinds of poi_facts -> kinds of facility; the others are places."""
RANKS = {"motorway": 101, "trunk": 103, "primary": 104}


@dataclass(frozen=True, slots=True)
class Real:
    """The parts of the city that real data give; None where the generated part stays."""

    ground: Ground
    admin_unit: gpd.GeoDataFrame | None = None
    railway: gpd.GeoDataFrame | None = None
    berths: gpd.GeoDataFrame | None = None
    market_places: gpd.GeoDataFrame | None = None
    trunk: Lines | None = None
    places: list[Place] | None = None
    addresses: gpd.GeoDataFrame | None = None
    school_zones: gpd.GeoDataFrame | None = None
    parking: gpd.GeoDataFrame | None = None


def fit(base: Base, seed: int) -> Real:
    """Turn base data into the parts of the city."""
    own = shape_ground(seed)
    found = base.frames
    units = _units(found["admin_emd"]) if "admin_emd" in found else None
    ground = _ground(own, units, base)
    return Real(
        ground,
        units,
        _railway(found["rail_osm"]) if "rail_osm" in found else None,
        _berths(found["port_berths_derived"]) if "port_berths_derived" in found else None,
        _markets(found["markets"]) if "markets" in found else None,
        _trunk(found["roads_trunk_osm"], ground) if "roads_trunk_osm" in found else None,
        _places(found["poi_facts"]) if "poi_facts" in found else None,
        found.get("address_points"),
        _zones(found["school_zones_cctv"]) if "school_zones_cctv" in found else None,
        _parking(found["parking_lots"]) if "parking_lots" in found else None,
    )


def _units(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Join the real boundaries with the people of our facts by name."""
    facts = {row["name_ko"]: row for row in read_csv("units.csv")}
    table = table[table.name.isin(facts)].drop_duplicates("name")
    order = [str(name) for name in facts if name in set(table.name)]
    table = table.set_index("name").loc[order]
    code = table["code10_new"] if "code10_new" in table else [None] * len(table)
    clipped = shapely.intersection(table.geometry.to_numpy(), city_box())
    return frame(
        {
            "id": [int(facts[name]["id"]) for name in order],
            "name_ko": order,
            "name_en": [facts[name]["name_en"] for name in order],
            "kind": [facts[name]["kind"] for name in order],
            "code": [None if value is None else str(value) for value in code],
            "area_km2": [round(float(v), 3) for v in table.geometry.area / 1e6],
            "population": [int(facts[name]["population"]) for name in order],
            "households": [int(facts[name]["households"]) for name in order],
        },
        [multi(geom) for geom in clipped],
    )


def _ground(own: Ground, units: gpd.GeoDataFrame | None, base: Base) -> Ground:
    found = base.frames
    if units is None and "land" not in found and "sea_and_estuary" not in found:
        return own
    box = city_box()
    city = shapely.union_all(units.geometry.to_numpy()) if units is not None else own.land
    city = shapely.buffer(shapely.buffer(city, 5), -5)
    walls = list(own.walls)
    dams: Geometry = MultiPolygon()
    if "seawall_osm" in found:
        dams = shapely.intersection(shapely.union_all(found["seawall_osm"].geometry.to_numpy()), box)
    else:
        dams = shapely.union_all([wall.geom.buffer(50, cap_style="flat") for wall in walls if wall.kind == "seawall"])
    everything = [city, dams]
    around = own.neighbours
    if "land" in found:
        around = shapely.intersection(shapely.union_all(found["land"].geometry.to_numpy()), box)
    everything.append(around)
    sea = shapely.difference(box, shapely.union_all(everything))
    if "sea_and_estuary" in found:
        water = shapely.intersection(shapely.union_all(found["sea_and_estuary"].geometry.to_numpy()), box)
        sea = shapely.difference(water, shapely.union(city, dams))
    land = multi(shapely.union_all([city, dams]))
    mainland = max(polygons_of(city), key=lambda part: part.area)
    waters = _waters(own, base, mainland)
    streams = dict(own.streams)
    return Ground(mainland, land, shapely.difference(around, shapely.union(city, dams)), sea, waters, walls, streams)


def _waters(own: Ground, base: Base, mainland: Geometry) -> list[Water]:
    # the coarse reservoirs of OpenStreetMap are triangles of a strong simplification: ours are drawn where they are
    waters = [w for w in own.waters if w.kind == "reservoir"]
    streams = [w for w in own.waters if w.kind == "stream"]
    if "hydro_lines_approx" in base.frames:
        rows = base.frames["hydro_lines_approx"]
        rows = rows[rows.kind == "stream"]
        known = {w.name_ko: w for w in streams}
        for row in rows.itertuples():
            name = str(row.name).split("(")[0].split(" ")[0]
            surface = shapely.buffer(row.geom, 13)
            before = known.get(name)
            known[name] = Water("stream", name, before.name_en if before else None, surface)
        streams = list(known.values())
    return [
        Water(w.kind, w.name_ko, w.name_en, cut)
        for w in [*waters, *streams]
        if polygons_of(cut := shapely.intersection(w.geom, mainland))
    ]


def _railway(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    inside = shapely.intersection(table.geometry.to_numpy(), city_box())
    found = [line for geom in inside for line in lines_of(geom)]
    return frame({"id": range(1, len(found) + 1), "name_ko": ["장항선"] * len(found)}, found)


def _berths(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    depth = {5000: 5.5, 10000: 8.5, 15000: 9.0, 20000: 11.0, 30000: 12.0, 50000: 13.0}
    odd = iter(range(91, 99))
    number = [str(b) if str(b).isdigit() else "80" if "여객" in str(b) else str(next(odd)) for b in table.berth]
    return frame(
        {
            "number": number,
            "pier": list(table.pier),
            "depth_m": [depth.get(int(d), 11.0) for d in table.dwt],
            "length_m": table.length_m.astype(float).tolist(),
            "cargo": list(table.cargo),
            "dwt": table.dwt.astype(int).tolist(),
        },
        table.geometry.to_numpy(),
    )


def _markets(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Keep our names and shops; take the real place of the market whose name ends alike."""
    short = {row["name_ko"].removeprefix("군산"): row["name_ko"] for row in read_csv("markets.csv")}
    rows = []
    for row in table.itertuples():
        name = str(row.name).removeprefix("군산")
        if name in short:
            rows.append((short[name], row.geom))
    return frame({"name_ko": [row[0] for row in rows]}, [row[1] for row in rows])


def _trunk(table: gpd.GeoDataFrame, ground: Ground) -> Lines:
    """Take the trunk roads of the city with their bridges.

    Left out are stretches shorter than 250 m (ramps), those that end in the water (the straight edges of this
    skeleton cut corners of the shore), and the road on the seawall, which ours follows better.
    """
    near = shapely.buffer(ground.land, 1500)
    ends = shapely.get_point(table.geometry.to_numpy(), [[0], [-1]])
    in_water = np.asarray(shapely.intersects(shapely.buffer(ground.sea, -30), ends), dtype=bool)
    is_wet = list(in_water[0] | in_water[1])
    parts = []
    for row, wet in zip(table.itertuples(), is_wet, strict=True):
        name = _road_name(str(row.name))
        if wet or name == "새만금로":
            continue
        for line in lines_of(shapely.intersection(row.geom, near)):
            if line.length > 250:
                rank = RANKS.get(str(row.cls_guess), 103)
                lanes = max(1, int(row.lanes_guess) // 2)
                parts.append(lines([line], rank, lanes, int(row.kph_guess), name))
    return join(parts)


def _road_name(name: str) -> str:
    """Return the street's own name: that in brackets after a route's number, else that before them."""
    before, _, within = name.partition("(")
    chosen = within if before.startswith(("국도21", "산업단지")) else before
    return chosen.split("/")[0].rstrip(")").strip() or "국도 연결로"


def _places(table: gpd.GeoDataFrame) -> list[Place]:
    skip = {"market", "pump_station", "tide_gauge", "current_station"}
    return [
        Place(
            KINDS.get(str(row.kind), "place"),
            str(row.name),
            None,
            float(row.geom.x),
            float(row.geom.y),
            float(row.acc_m),
        )
        for row in table.itertuples()
        if row.kind not in skip and shapely.intersects(city_box(), row.geom)
    ]


def _zones(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    watched = table[table.cctv_n.fillna(0) > 0]
    return frame(
        {"name_ko": list(watched.name), "cameras": watched.cctv_n.astype(int).tolist()}, watched.geometry.to_numpy()
    )


def _parking(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    fee = {"무료": "free", "유료": "paid", "혼합": "mixed"}
    return frame(
        {
            "name_ko": [f"{name} 공영주차장" if "주차장" not in str(name) else str(name) for name in table.name],
            "kind": ["on_street" if value == "노상" else "off_street" for value in table.type],
            "spaces_total": np.maximum(1, table.spaces.astype(int)).tolist(),
            "fee": [fee.get(str(value)) for value in table.fee],
        },
        table.geometry.to_numpy(),
    )
