"""The loader of real base data: what it takes, what it refuses, what it counts."""

import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from gisdata.base import Base, read_base
from gisdata.catalogue import make_catalogue, read_sources
from gisdata.city import City
from gisdata.facts import PUBLIC_SPACES, SPACES, read_csv, to_metres
from gisdata.generate import generate
from gisdata.generate.real import fit
from twin.crs import KOREA_CENTRAL, WGS84
from twin.errors import BadBase
from twin.model import QUALITIES

HALL = (126.73688, 35.96763)


def _lots(rows: int = 3, **columns: object) -> gpd.GeoDataFrame:
    table: dict[str, object] = {
        "id": [f"P-{i}" for i in range(rows)],
        "name": [f"수송동 {i}" for i in range(rows)],
        "type": ["노상", "노외", "노외"][:rows],
        "spaces": [20, 50, 71][:rows],
        "fee": ["무료", "유료", "무료"][:rows],
    }
    points = [shapely.Point(HALL[0] + 0.002 * i, HALL[1]) for i in range(rows)]
    return gpd.GeoDataFrame({**table, **columns}, geometry=points, crs=WGS84)


def _dem(
    path: Path, height: float = 3.0, crs: str | None = f"EPSG:{KOREA_CENTRAL}", datum: str = "Incheon mean sea level"
) -> None:
    x, y = to_metres(HALL)
    transform = Affine(30, 0, x - 900, 0, -30, y + 900)
    options = {"driver": "GTiff", "height": 60, "width": 60, "count": 1, "dtype": "float32", "nodata": -9999}
    with rasterio.open(path, "w", crs=crs, transform=transform, **options) as file:
        file.write(np.full((60, 60), height, np.float32), 1)
        file.update_tags(**({"vertical_datum": datum} if datum else {}))


def test_empty_folder_is_an_empty_base(tmp_path: Path) -> None:
    base = read_base(tmp_path)
    assert base == Base({}, None, {})


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadBase, match="not there"):
        read_base(tmp_path / "nowhere")


def test_good_rows_come_in_metres(tmp_path: Path) -> None:
    _lots().to_parquet(tmp_path / "parking_lots.parquet")
    base = read_base(tmp_path)
    lots = base.frames["parking_lots"]
    assert lots.crs.to_epsg() == KOREA_CENTRAL
    assert (lots.geom.iloc[0].x, lots.geom.iloc[0].y) == pytest.approx((176_265.96, 374_484.48), abs=0.6)
    assert base.files == {"parking_lots.parquet": 0}


def test_rows_without_coordinate_and_repeated_ids_are_counted_and_the_others_kept(tmp_path: Path) -> None:
    lots = _lots(id=["P-1", "P-1", "P-2"])
    lots.loc[2, "geometry"] = None
    lots.to_parquet(tmp_path / "parking_lots.parquet")
    base = read_base(tmp_path)
    assert len(base.frames["parking_lots"]) == 1
    assert base.files == {"parking_lots.parquet": 2}
    assert make_catalogue(dict(base.files))["parking"]["rejected"] == 2


def test_broken_file_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "parking_lots.parquet").write_bytes(b"this is no parquet")
    with pytest.raises(BadBase, match=r"parking_lots\.parquet: cannot be read"):
        read_base(tmp_path)


def test_file_without_coordinate_system_is_refused(tmp_path: Path) -> None:
    _lots().set_crs(None, allow_override=True).to_parquet(tmp_path / "parking_lots.parquet")
    with pytest.raises(BadBase, match="coordinate system is missing"):
        read_base(tmp_path)


def test_file_without_a_needed_column_is_refused(tmp_path: Path) -> None:
    _lots().drop(columns="spaces").to_parquet(tmp_path / "parking_lots.parquet")
    with pytest.raises(BadBase, match="spaces"):
        read_base(tmp_path)


def test_file_without_rows_is_refused(tmp_path: Path) -> None:
    _lots().iloc[:0].to_parquet(tmp_path / "parking_lots.parquet")
    with pytest.raises(BadBase, match="0 rows"):
        read_base(tmp_path)


def test_file_of_another_city_is_refused(tmp_path: Path) -> None:
    lots = _lots()
    lots["geometry"] = shapely.transform(lots.geometry.to_numpy(), lambda p: p + np.array([2.0, 0.0]))
    lots.to_parquet(tmp_path / "parking_lots.parquet")
    with pytest.raises(BadBase, match="limit: within"):
        read_base(tmp_path)


def test_terrain_without_coordinate_system_is_refused(tmp_path: Path) -> None:
    _dem(tmp_path / "dem_synthetic_30m_5186_cog.tif", crs=None)
    with pytest.raises(BadBase, match="coordinate system is missing"):
        read_base(tmp_path)


@pytest.mark.parametrize(
    ("datum", "told"),
    [("", "an unnamed datum"), ("approximate lowest low water", "above approximate lowest low water")],
)
def test_terrain_above_no_or_another_datum_is_refused(tmp_path: Path, datum: str, told: str) -> None:
    _dem(tmp_path / "dem_synthetic_30m_5186_cog.tif", datum=datum)
    with pytest.raises(BadBase, match=told):
        read_base(tmp_path)


def test_terrain_may_name_its_datum_by_its_reference_system(tmp_path: Path) -> None:
    _dem(tmp_path / "dem_synthetic_30m_5186_cog.tif", crs=f"EPSG:{KOREA_CENTRAL}+5193", datum="")
    assert read_base(tmp_path).terrain is not None


def test_terrain_with_impossible_heights_is_refused(tmp_path: Path) -> None:
    _dem(tmp_path / "dem_synthetic_30m_5186_cog.tif", height=4000)
    with pytest.raises(BadBase, match="4000"):
        read_base(tmp_path)


def test_broken_terrain_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dem_synthetic_30m_5186_cog.tif").write_bytes(b"II*\0 broken")
    with pytest.raises(BadBase, match="cannot be read"):
        read_base(tmp_path)


def test_present_files_replace_their_layers_and_missing_ones_leave_the_generated(tmp_path: Path, city: City) -> None:
    _lots().to_parquet(tmp_path / "parking_lots.parquet")
    zones = gpd.GeoDataFrame(
        {"name": ["수송초등학교", "미룡초등학교"], "cctv_n": [3.0, np.nan]},
        geometry=[shapely.Point(HALL)] * 2,
        crs=WGS84,
    )
    zones.to_parquet(tmp_path / "school_zones_cctv.parquet")
    market = gpd.GeoDataFrame(
        {"name": ["군산신영시장"], "shops": [77.0]}, geometry=[shapely.Point(126.7202, 35.9857)], crs=WGS84
    )
    market.to_parquet(tmp_path / "markets.parquet")
    _dem(tmp_path / "dem_synthetic_30m_5186_cog.tif", height=7.0)
    real = generate(7, read_base(tmp_path))
    lots = real.assets["parking"]
    assert lots.name_ko.iloc[0] == "수송동 0 공영주차장"
    assert lots.quality.tolist().count("official") == 3
    assert sum(a["spaces_total"] for a in lots.attributes) == SPACES
    assert sum(a["spaces_total"] for a in lots.attributes if a["is_public"]) == PUBLIC_SPACES
    cameras = real.assets["cctv"]
    assert cameras.quality.tolist().count("derived") == 3
    assert len(cameras) == 1200
    place = real.tables["market"].set_index("name_ko").geometry["신영시장"].centroid
    assert place.distance(shapely.Point(*to_metres([126.7202, 35.9857]))) < 1
    x, y = to_metres(HALL)
    assert real.terrain.sample(np.array([x]), np.array([y]))[0] == pytest.approx(7.0)
    assert real.terrain.elevation.shape == city.terrain.elevation.shape
    for same in ("admin_unit", "water_body"):
        assert real.tables[same].geometry.geom_equals_exact(city.tables[same].geometry, 0).all()
    assert real.catalogue["parking"]["quality"] == "official"
    assert "공공누리" in real.catalogue["parking"]["attribution"]
    assert real.catalogue["building"]["quality"] == "synthetic"


def test_real_boundaries_bring_their_areas_and_codes_and_keep_our_people(tmp_path: Path) -> None:
    west, east = shapely.box(126.55, 35.9, 126.7, 36.0), shapely.box(126.7, 35.9, 126.8, 36.0)
    table = gpd.GeoDataFrame(
        {
            "name": ["수송동", "나포면", "무명동"],
            "kind": ["dong", "myeon", "dong"],
            "area_km2": [1.0, 1.0, 1.0],
            "code10_new": ["52130690", "52130380", "x"],
        },
        geometry=[west, east, east],
        crs=WGS84,
    )
    table.to_parquet(tmp_path / "admin_emd.parquet")
    units = fit(read_base(tmp_path), 7).admin_unit
    assert units is not None
    susong = units.set_index("name_ko").loc["수송동"]
    people = {row["name_ko"]: int(row["population"]) for row in read_csv("units.csv")}
    assert susong.population == people["수송동"]
    assert susong.code == "52130690"
    assert susong.area_km2 == pytest.approx(susong.geom.area / 1e6, rel=0.01)
    assert len(units) == 2


def test_every_source_names_origin_licence_attribution_date_and_quality() -> None:
    sources = read_sources()
    for name, facts in sources["file"].items():
        assert facts["quality"] in QUALITIES, name
        assert facts["as_of"].year >= 2010
        assert all(facts[key] for key in ("origin", "licence", "attribution", "feeds"))
        assert set(facts["feeds"]) <= set(sources["title"])
        if "ODbL" in facts["licence"]:
            assert "© OpenStreetMap contributors" in facts["attribution"]
        if "KOGL" in facts["licence"] and facts["quality"] == "official":
            assert "공공누리" in facts["attribution"]


@pytest.mark.skipif("GISDATA_DIR" not in os.environ, reason="needs the real base (GISDATA_DIR)")
def test_city_on_the_real_base_keeps_the_totals() -> None:
    base = read_base(Path(os.environ["GISDATA_DIR"]))
    real = generate(7, base)
    assert len(real.tables["admin_unit"]) == 27
    assert real.tables["admin_unit"].population.sum() == 262_264
    assert real.tables["building"].households.sum() == 123_275
    assert 6_000 <= len(real.tables["road_link"]) <= 10_000
    assert 40_000 <= len(real.tables["building"]) <= 60_000
    assert sum(a["purposes"] == ["school_zone"] for a in real.assets["cctv"].attributes) == 348
    assert sum(a["spaces_total"] for a in real.assets["parking"].attributes) == SPACES
    assert sum(a["spaces_total"] for a in real.assets["parking"].attributes if a["is_public"]) == PUBLIC_SPACES
    assert len(real.assets["berth"]) == 31
    assert base.files["parking_lots.parquet"] == 1
    assert real.catalogue["road_link"]["attribution"] == "© OpenStreetMap contributors"
    water = shapely.get_parts(real.tables["water_body"].geometry.to_numpy())
    assert (
        shapely.STRtree(real.tables["building"].geometry.to_numpy()).query(water, predicate="intersects").shape[1] == 0
    )
    for table in [*real.tables.values(), *real.assets.values()]:
        assert table.geometry.is_valid.all()
