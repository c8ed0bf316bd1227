"""Totals, places and shapes of the generated city."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from gisdata import facts
from gisdata.city import City, write_terrain
from gisdata.generate import generate
from gisdata.generate.ground import share_out
from twin import model
from twin.crs import KOREA_CENTRAL

SEED = 7


def _columns(table: str) -> set[str]:
    return {column.name for column in model.Base.metadata.tables[table].columns} - {"geom_3857"}


def _boundary_ring(city: City) -> shapely.Geometry:
    return shapely.union_all(city.tables["admin_unit"].geometry.to_numpy())


def test_tables_have_the_columns_of_the_model(city: City) -> None:
    for name, table in city.tables.items():
        assert set(table.columns) == _columns(name), name
        assert table.crs.to_epsg() == KOREA_CENTRAL
        assert table.id.is_unique
        assert (table.id > 0).all()


def test_every_geometry_is_there_and_valid(city: City) -> None:
    for group in (city.tables, city.assets):
        for name, table in group.items():
            assert not table.geometry.isna().any(), name
            assert table.geometry.is_valid.all(), name
            assert not table.geometry.is_empty.any(), name


def test_geometry_types_are_those_of_the_model(city: City) -> None:
    for name, table in city.tables.items():
        kind = model.Base.metadata.tables[name].columns["geom"].type.geometry_type
        assert set(table.geom_type.str.upper()) == {kind}, name


def test_units_have_the_people_and_households_of_the_plan(city: City) -> None:
    units = city.tables["admin_unit"]
    assert len(units) == 27
    assert units.population.sum() == facts.POPULATION
    assert units.households.sum() == facts.HOUSEHOLDS
    for unit, row in zip(units.itertuples(), facts.read_csv("units.csv"), strict=True):
        assert (unit.name_ko, unit.population, unit.households) == (
            row["name_ko"],
            int(row["population"]),
            int(row["households"]),
        )


def test_units_have_the_areas_of_the_plan_within_2_percent(city: City) -> None:
    units = city.tables["admin_unit"]
    ratio = units.geometry.area / 1e6 / units.area_km2
    assert ratio.between(0.98, 1.02).all(), ratio.tolist()


def test_units_neither_overlap_nor_leave_land_without_unit(city: City) -> None:
    units = city.tables["admin_unit"].geometry
    assert abs(units.area.sum() - shapely.union_all(units.to_numpy()).area) < 1e4


def test_households_of_buildings_sum_to_those_of_their_unit(city: City) -> None:
    lodged = city.tables["building"].groupby("unit_id").households.sum()
    units = city.tables["admin_unit"].set_index("id").households
    assert (lodged.reindex(units.index) == units).all()


def test_two_thirds_of_the_homes_are_flats(city: City) -> None:
    buildings = city.tables["building"]
    flats = buildings[buildings.use == "apartment"].households.sum()
    assert flats / facts.HOUSEHOLDS == pytest.approx(facts.APARTMENT_SHARE, abs=0.005)


def test_there_are_40_000_to_60_000_buildings(city: City) -> None:
    assert 40_000 <= len(city.tables["building"]) <= 60_000


def test_heights_follow_the_use(city: City) -> None:
    buildings = city.tables["building"]
    assert buildings[buildings.use == "apartment"].floors.between(12, 25).all()
    assert buildings[buildings.use == "industry"].height_m.between(8, 14).all()
    assert buildings[buildings.use == "house"].floors.between(1, 8).all()


def test_no_building_stands_on_water(city: City) -> None:
    water = shapely.get_parts(city.tables["water_body"].geometry.to_numpy())
    shapely.prepare(water)
    hit = shapely.STRtree(city.tables["building"].geometry.to_numpy()).query(water, predicate="intersects")
    assert hit.shape[1] == 0


def test_every_building_stands_in_the_city(city: City) -> None:
    buildings = city.tables["building"].geometry.to_numpy()
    land = shapely.get_parts(_boundary_ring(city))
    shapely.prepare(land)
    inside = np.unique(shapely.STRtree(buildings).query(land, predicate="contains")[1])
    assert len(inside) == len(buildings)


def test_no_building_reaches_into_the_surface_of_a_street(city: City) -> None:
    links = city.tables["road_link"]
    reach = links.lanes.to_numpy() * 3.0
    tree = shapely.STRtree(city.tables["building"].geometry.to_numpy())
    hit = tree.query(links.geometry.to_numpy(), predicate="dwithin", distance=reach)
    assert hit.shape[1] == 0


def test_no_two_buildings_overlap(city: City) -> None:
    buildings = city.tables["building"].geometry.to_numpy()
    i, j = shapely.STRtree(buildings).query(buildings, predicate="intersects")
    assert (i == j).all()


def test_buildings_know_the_unit_they_stand_in(city: City) -> None:
    some = city.tables["building"].iloc[::97]
    units = city.tables["admin_unit"].set_index("id").geometry
    off = [shapely.distance(units[row.unit_id], row.geom.centroid) for row in some.itertuples()]
    assert max(off) < 1.0


def test_industrial_estates_cover_49_km2(city: City) -> None:
    land_use = city.tables["land_use"]
    assert land_use[land_use.kind == "industry"].area.sum() / 1e6 == pytest.approx(facts.INDUSTRY_KM2, rel=0.01)


def test_markets_have_their_shops(city: City) -> None:
    markets, shops = city.tables["market"], city.tables["shop"]
    assert len(shops) == 600
    expected = {row["name_ko"]: int(row["shops"]) for row in facts.read_csv("markets.csv")}
    for market in markets.itertuples():
        own = shops[shops.market_id == market.id]
        assert len(own) == market.shop_count == expected[market.name_ko]
        assert shapely.contains(market.geom, own.geometry.to_numpy()).all()


def test_three_markets_lie_in_a_line_of_515_m(city: City) -> None:
    markets = city.tables["market"].set_index("name_ko").geometry.centroid
    line = markets["신영시장"].distance(markets["군산공설시장"]) + markets["군산공설시장"].distance(
        markets["역전종합시장"]
    )
    assert line == pytest.approx(515, abs=15)


def test_city_hall_lies_where_it_is(city: City) -> None:
    hall = city.tables["facility"].set_index("name_ko").geometry["군산시청"]
    assert (hall.x, hall.y) == pytest.approx((176_265.96, 374_484.48), abs=0.6)


def test_94_schools_and_every_kind_of_facility_exist(city: City) -> None:
    kinds = city.tables["facility"].kind.value_counts()
    assert kinds["school"] == facts.SCHOOLS
    assert set(kinds.index) == {
        "fire",
        "police",
        "hospital",
        "shelter",
        "school",
        "hall",
        "station",
        "airport",
        "place",
    }


def test_coast_has_seawalls_quay_and_barrage(city: City) -> None:
    coast = city.tables["coast"]
    length = coast.assign(length=coast.length).groupby("kind").length.sum()
    assert length["seawall"] > 20_000
    assert 5_500 < length["quay"] < 9_000
    assert length["shore"] > 60_000
    assert length["barrage"] > 500


# --- streets ---------------------------------------------------------------------------------------------------------


def test_street_network_has_6_000_to_10_000_links(city: City) -> None:
    assert 6_000 <= len(city.tables["road_link"]) <= 10_000


def test_every_node_reaches_every_other(city: City) -> None:
    nodes, links = city.tables["road_node"], city.tables["road_link"]
    n = len(nodes)
    graph = coo_matrix((np.ones(len(links)), (links.from_node - 1, links.to_node - 1)), shape=(n, n))
    assert connected_components(graph, directed=True, connection="strong")[0] == 1


def test_links_run_from_their_first_node_to_their_last(city: City) -> None:
    links = city.tables["road_link"]
    nodes = city.tables["road_node"].set_index("id").geometry
    for column, at in (("from_node", 0), ("to_node", -1)):
        gap = shapely.distance(shapely.get_point(links.geometry.to_numpy(), at), nodes[links[column]].to_numpy())
        assert gap.max() < 0.01
    assert np.allclose(links.length_m, links.length, atol=0.01)


def _degree(city: City) -> np.ndarray:
    streets = city.tables["road_link"].iloc[::2]
    return np.bincount(np.concatenate([streets.from_node, streets.to_node]))[1:]


def test_fewer_than_15_percent_of_the_nodes_are_dead_ends(city: City) -> None:
    assert (_degree(city) == 1).mean() < 0.15


def test_most_junctions_have_three_or_four_arms(city: City) -> None:
    degree = _degree(city)
    assert np.isin(degree[degree >= 3], [3, 4]).mean() > 0.9


def test_median_block_edge_is_60_to_150_m(city: City) -> None:
    assert 60 <= city.tables["road_link"].length_m.median() <= 150


def test_signals_stand_at_junctions_of_main_streets(city: City) -> None:
    nodes = city.tables["road_node"]
    assert 150 < nodes.is_signalised.sum() < 600
    assert (_degree(city)[nodes.is_signalised.to_numpy()] >= 3).all()


def test_links_over_water_are_bridges_or_run_on_a_wall(city: City) -> None:
    links = city.tables["road_link"]
    walls = city.tables["coast"]
    walls = shapely.union_all(walls[walls.kind == "seawall"].buffer(80).to_numpy())
    water = shapely.difference(shapely.union_all(city.tables["water_body"].geometry.to_numpy()), walls)
    plain = links[links.kind.isin(["plain", "underpass"])].geometry.to_numpy()
    wet = shapely.length(shapely.intersection(plain, water))
    assert wet.max() < 25, plain[wet.argmax()]


def test_dongbaek_bridge_crosses_the_estuary(city: City) -> None:
    links = city.tables["road_link"]
    bridge = links[(links.name_ko == "동백대교") & (links.kind == "bridge")]
    assert bridge.length_m.max() > 500


def test_underpasses_are_about_eight(city: City) -> None:
    levels = city.assets["water_level"]
    under = [a for a in levels.attributes if a["kind"] == "underpass"]
    assert 6 <= len(under) <= 10
    kinds = city.tables["road_link"].set_index("id").kind
    assert all(kinds[a["road_link"]] == "underpass" for a in under)


# --- assets ----------------------------------------------------------------------------------------------------------


def test_asset_keys_are_unique_and_columns_complete(city: City) -> None:
    for layer, register in city.assets.items():
        assert set(register.columns) == {"key", "name_ko", "name_en", "quality", "attributes", "geom"}, layer
        assert register.key.is_unique, layer
        assert set(register.geom_type) == {"Point"}, layer
        assert set(register.quality) <= set(model.QUALITIES)


def test_there_are_1200_cameras_of_which_348_watch_school_zones(city: City) -> None:
    cameras = city.assets["cctv"]
    assert len(cameras) == facts.CAMERAS
    assert cameras.key.iloc[0] == "CAM-0001"
    zone = cameras[[a["purposes"] == ["school_zone"] for a in cameras.attributes]]
    assert len(zone) == facts.SCHOOL_ZONE_CAMERAS
    assert zone.name_ko.str.rsplit(" ", n=1).str[0].nunique() <= facts.SCHOOL_ZONES
    assert all(0 <= a["direction_deg"] < 360 for a in cameras.attributes)


def test_car_parks_hit_every_total(city: City) -> None:
    lots = city.assets["parking"]
    attributes = lots.attributes
    kinds = [a["kind"] for a in attributes]
    assert {kind: kinds.count(kind) for kind in facts.LOTS} == facts.LOTS
    assert sum(a["spaces_total"] for a in attributes) == facts.SPACES
    public = [a for a in attributes if a["is_public"]]
    assert (len(public), sum(a["spaces_total"] for a in public)) == (facts.PUBLIC_LOTS, facts.PUBLIC_SPACES)
    assert min(a["spaces_total"] for a in attributes) >= 1
    assert 480 <= sum(a["is_live"] for a in attributes) <= 520
    assert all(a["is_live"] for a in public)
    assert sum("bays" in a for a in attributes) == 10


def test_registers_have_the_agreed_sizes(city: City) -> None:
    sizes = {layer: len(register) for layer, register in city.assets.items()}
    assert 1_000 <= sizes.pop("traffic_speed") <= 2_000
    assert sizes == {
        "cctv": 1200,
        "parking": 5634,
        "rain": 28,
        "water_level": len(city.assets["water_level"]),
        "market_fire": 600,
        "berth": 31,
        "air_quality": 6,
        "waste_bin": 300,
        "bus_shelter": 200,
        "complaint": 27,
        "weather_station": 2,
        "water_quality": 3,
        "flood_forecast": len(city.assets["flood_forecast"]),
    }


def test_the_flood_forecast_warns_of_units_underpasses_and_public_car_parks(city: City) -> None:
    kinds = city.assets["flood_forecast"].attributes.map(lambda facts: facts["kind"]).value_counts().to_dict()
    under = city.assets["water_level"].attributes.map(lambda facts: facts["kind"] == "underpass").sum()
    public = city.assets["parking"].attributes.map(lambda facts: bool(facts.get("is_public"))).sum()
    assert kinds == {"unit": 27, "underpass": under, "car_park": public}


def test_water_levels_name_their_datum_and_thresholds(city: City) -> None:
    register = city.assets["water_level"].set_index("key").attributes
    kinds = [a["kind"] for a in register]
    assert kinds.count("tide") == 1
    assert kinds.count("stage") == 20
    assert kinds.count("gate") == 12
    assert kinds.count("pump") >= 3
    assert all(a["datum"] for a in register)
    for a in register:
        if a["kind"] in {"stage", "underpass"}:
            assert a["caution_m"] < a["alarm_m"] < a["danger_m"]


def test_berths_lie_on_the_quay_in_order(city: City) -> None:
    berths = city.assets["berth"]
    x = berths.geometry.x.to_numpy()
    assert (np.diff(x) < 0).all()
    quay = city.tables["coast"]
    quay = shapely.union_all(quay[quay.kind == "quay"].geometry.to_numpy())
    assert shapely.distance(berths.geometry.to_numpy(), quay).max() < 100
    assert all(5.5 <= a["depth_m"] <= 13 for a in berths.attributes)


def test_stage_gauges_stand_in_their_streams(city: City) -> None:
    register = city.assets["water_level"]
    gauges = register[[a["kind"] == "stage" for a in register.attributes]].geometry.to_numpy()
    waters = city.tables["water_body"]
    wet = shapely.union_all(waters.geometry.to_numpy())
    assert shapely.distance(gauges, wet).max() < 30


def test_catalogue_names_every_table_and_register(city: City) -> None:
    names = set(city.tables) | set(city.assets) | {"terrain"}
    assert names <= set(city.catalogue)
    for name in names:
        row = city.catalogue[name]
        assert row["quality"] == "synthetic"
        assert all(row[key] for key in ("title_ko", "title_en", "origin", "licence", "attribution", "as_of"))


# --- terrain ---------------------------------------------------------------------------------------------------------


def test_22_percent_of_the_built_up_area_lies_half_a_metre_below_high_water(city: City) -> None:
    land_use = city.tables["land_use"]
    built = land_use[(land_use.kind == "built") & land_use.name_ko.notna()]
    terrain = city.terrain
    inside = rasterio.features.rasterize(
        built.geometry, terrain.elevation.shape, transform=terrain.transform, dtype="uint8"
    ).astype(bool)
    low = (terrain.elevation[inside] <= facts.HIGH_WATER_M - 0.5).mean()
    assert low == pytest.approx(facts.BUILT_BELOW_TIDE, abs=0.02)


def test_hills_of_about_200_m_rise_in_the_north_east(city: City) -> None:
    x0, y0 = facts.to_metres([126.77, 35.99])
    terrain = city.terrain
    row, column = np.unravel_index(terrain.elevation.argmax(), terrain.elevation.shape)
    x, y = terrain.transform @ (column, row)
    assert 170 < terrain.elevation.max() < 280
    assert x > x0
    assert y > y0


def test_sea_lies_below_the_datum_and_streets_above_it(city: City) -> None:
    station = facts.to_metres([126.55, 35.99])
    assert city.terrain.sample(*station.reshape(2, 1))[0] < -1
    links = city.tables["road_link"]
    dry = links[links.kind == "plain"].geometry.to_numpy()
    middle = shapely.get_coordinates(shapely.line_interpolate_point(dry, 0.5, normalized=True))
    height = city.terrain.sample(middle[:, 0], middle[:, 1])
    assert (height > 0).mean() > 0.995


def test_terrain_file_is_a_cloud_optimised_geotiff_with_the_same_heights(city: City, tmp_path: Path) -> None:
    path = tmp_path / "terrain.tif"
    write_terrain(city.terrain, path)
    with rasterio.open(path) as file:
        assert file.crs.to_epsg() == KOREA_CENTRAL
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.res == (10.0, 10.0)
        assert np.array_equal(file.read(1), city.terrain.elevation)
        assert file.tags()["vertical_datum"] == "Incheon mean sea level"
    assert path.stat().st_size < 40e6


# --- determinism -----------------------------------------------------------------------------------------------------


def test_same_seed_makes_the_same_city_and_another_seed_another(city: City) -> None:
    again = generate(SEED)
    assert again.digest() == city.digest()
    other = generate(SEED + 1)
    assert other.digest() != city.digest()
    assert sum(a["spaces_total"] for a in other.assets["parking"].attributes) == facts.SPACES


def test_parts_of_a_shared_number_sum_to_it() -> None:
    shares = share_out(10, np.array([1.0, 1.0, 1.0]))
    assert shares.sum() == 10
    assert sorted(shares.tolist()) == [3, 3, 4]
