"""The official formats: encodings, coordinate systems, codes, repeated and missing rows."""

from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from pyproj import CRS

from gisdata.formats import (
    identify,
    is_in_province,
    is_of_city,
    normal_code,
    read_csv,
    read_shapefile,
    write_geopackage,
)
from twin.crs import KOREA_CENTRAL, KOREA_CENTRAL_BESSEL, KOREA_CENTRAL_OLD, KOREA_UNIFIED, WGS84, transformer
from twin.errors import BadBase

HALL = (126.73688, 35.96763)
HALL_5186 = (176_265.96, 374_484.48)
HALL_IN = {
    KOREA_UNIFIED: (931_192.62, 1_774_811.83),
    KOREA_CENTRAL_OLD: (176_265.96, 274_484.48),
    KOREA_CENTRAL: HALL_5186,
    KOREA_CENTRAL_BESSEL: (176_193.43, 274_178.29),
}
ITS_PRJ = (
    'PROJCS["ITRF2000_Central_Belt_60",GEOGCS["GCS_ITRF_2000",DATUM["D_ITRF_2000",'
    'SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],'
    'PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",200000.0],PARAMETER["False_Northing",{north}],'
    'PARAMETER["Central_Meridian",127.0],PARAMETER["Scale_Factor",1.0],PARAMETER["Latitude_Of_Origin",38.0],'
    'UNIT["Meter",1.0]]'
)


def _shape(folder: Path, epsg: int, encoding: str = "cp949", name: str = "대학로") -> Path:
    path = folder / "MOCT_LINK.shp"
    x, y = HALL_IN[epsg]
    table = gpd.GeoDataFrame({"ROAD_NAME": [name], "LANES": [2]}, geometry=[shapely.Point(x, y)], crs=epsg)
    table.to_file(path, encoding=encoding)
    path.with_suffix(".cpg").unlink()
    return path


@pytest.mark.parametrize("epsg", sorted(HALL_IN))
def test_city_hall_lands_in_one_place_from_every_system(tmp_path: Path, epsg: int) -> None:
    rows = read_shapefile(_shape(tmp_path, epsg))
    point = rows.table.geom.iloc[0]
    assert (point.x, point.y) == pytest.approx(HALL_5186, abs=1.0)


def test_shapefile_without_cpg_is_read_as_cp949(tmp_path: Path) -> None:
    assert read_shapefile(_shape(tmp_path, KOREA_CENTRAL)).table.ROAD_NAME.iloc[0] == "대학로"


def test_shapefile_with_cpg_keeps_its_own_encoding(tmp_path: Path) -> None:
    path = _shape(tmp_path, KOREA_CENTRAL, encoding="utf-8")
    path.with_suffix(".cpg").write_text("UTF-8")
    assert read_shapefile(path).table.ROAD_NAME.iloc[0] == "대학로"


def test_text_without_hangul_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadBase, match="no Hangul"):
        read_shapefile(_shape(tmp_path, KOREA_CENTRAL, name="Daehak-ro"))


def test_its_style_prj_without_code_is_told_by_its_parameters(tmp_path: Path) -> None:
    for north, epsg in ((600_000, KOREA_CENTRAL), (500_000, KOREA_CENTRAL_OLD)):
        crs = CRS.from_wkt(ITS_PRJ.format(north=f"{north}.0"))
        assert crs.to_epsg() is None
        assert identify(crs, tmp_path) == epsg


def test_ellipsoid_tells_5174_from_5181(tmp_path: Path) -> None:
    assert identify(CRS.from_epsg(KOREA_CENTRAL_BESSEL), tmp_path) == KOREA_CENTRAL_BESSEL
    assert identify(CRS.from_epsg(KOREA_CENTRAL_OLD), tmp_path) == KOREA_CENTRAL_OLD


def test_system_that_fits_none_is_refused_and_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(BadBase, match="nothing is guessed"):
        identify(CRS.from_wkt(ITS_PRJ.format(north="550000.0")), tmp_path)
    bessel_on_plain_meridian = ITS_PRJ.format(north="500000.0").replace(
        "6378137.0,298.257222101", "6377397.155,299.1528128"
    )
    with pytest.raises(BadBase, match="fits none"):
        identify(CRS.from_wkt(bessel_on_plain_meridian), tmp_path)


def test_missing_prj_is_refused_until_the_system_is_named(tmp_path: Path) -> None:
    path = _shape(tmp_path, KOREA_CENTRAL_OLD)
    path.with_suffix(".prj").unlink()
    with pytest.raises(BadBase, match="missing"):
        read_shapefile(path)
    point = read_shapefile(path, epsg=KOREA_CENTRAL_OLD).table.geom.iloc[0]
    assert (point.x, point.y) == pytest.approx(HALL_5186, abs=1.0)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_csv_is_read_in_the_usual_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "lots.csv"
    path.write_text(f"관리번호,이름,위도,경도\n1,수송주차장,{HALL[1]},{HALL[0]}\n", encoding=encoding)
    rows = read_csv(path, key="관리번호")
    assert rows.table["이름"].iloc[0] == "수송주차장"
    assert (rows.table.geom.iloc[0].x, rows.table.geom.iloc[0].y) == pytest.approx(HALL_5186, abs=0.6)


def test_csv_rows_without_place_or_with_repeated_number_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "lots.csv"
    lines = ["관리번호,이름,위도,경도", f"1,가,{HALL[1]},{HALL[0]}", f"1,나,{HALL[1]},{HALL[0]}", "2,다,,", "3,라,0,0"]
    path.write_text("\n".join(lines), encoding="cp949")
    rows = read_csv(path, key="관리번호")
    assert (len(rows.table), rows.rejected) == (1, 3)


def test_csv_in_neither_encoding_or_without_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lots.csv"
    path.write_bytes(b"\xff\xfe\x00\x01\xff")
    with pytest.raises(BadBase, match="neither UTF-8 nor CP949"):
        read_csv(path)
    path.write_text("이름,x\n가,1\n", "utf-8")
    with pytest.raises(BadBase, match="경도"):
        read_csv(path)


def test_codes_and_names_of_both_provinces_are_accepted() -> None:
    assert is_of_city("4513025000")
    assert is_of_city("5213025000")
    assert is_of_city("4670000")
    assert is_of_city("4671000")
    assert not is_of_city("4514025000")
    assert normal_code("4513025000") == normal_code("5213025000") == "5213025000"
    assert is_in_province("전라북도 군산시 대학로 12")
    assert is_in_province("전북특별자치도 군산시 대학로 12")


def test_geopackage_is_written_in_version_1_3(tmp_path: Path) -> None:
    path = tmp_path / "lots.gpkg"
    write_geopackage(gpd.GeoDataFrame({"name": ["가"]}, geometry=[shapely.Point(HALL)], crs=WGS84), path, "lots")
    head = path.read_bytes()[:100]
    assert int.from_bytes(head[60:64]) == 10_300
    assert gpd.read_file(path).name.iloc[0] == "가"


def test_transforms_agree_with_the_published_pairs() -> None:
    for epsg, there in HALL_IN.items():
        assert transformer(WGS84, epsg).transform(*HALL) == pytest.approx(there, abs=1.0)
