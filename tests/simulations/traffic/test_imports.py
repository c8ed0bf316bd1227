"""Networks from outside and to outside: Korean standard node-link, GMNS, SUMO."""

import json
import xml.etree.ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from backend.cli import main
from simulations.traffic.gmns import read_gmns
from simulations.traffic.network import KINDS as ROAD_KINDS
from simulations.traffic.nodelink import read_nodelink
from simulations.traffic.records import KINDS
from simulations.traffic.sumo import write_sumo
from tests.simulations.traffic.toy import LINE, drive, street, way
from twin.crs import KOREA_CENTRAL
from twin.errors import BadBase, BadNetwork

X, Y = 176_000.0, 374_000.0
NODES = {3070001: (X, Y), 3070002: (X + 500, Y), 3070003: (X + 1000, Y), 3070004: (X + 500, Y + 500)}
LINKS = [
    # LINK_ID, F_NODE, T_NODE, LANES, ROAD_RANK, ROAD_TYPE, ROAD_NAME, MAX_SPD, REST_VEH, REST_W, REST_H
    (4071, 3070001, 3070002, 2, "103", "000", "대학로", 60, "0", 0.0, 0.0),
    (4072, 3070002, 3070003, 2, "103", "002", "대학로", 60, "0", 0.0, 3.5),
    (4073, 3070002, 3070001, 2, "103", "003", "대학로", 60, "4", 0.0, 0.0),
    (4074, 3070002, 3070004, 1, "107", "000", "월명로", 0, "0", 0.0, 0.0),
    (4075, 3070004, 3070002, 0, "107", "000", "월명로", 30, "0", 0.0, 0.0),
]
TURNS = [(3070002, 4071, 4074, "101"), (3070002, 4071, 4073, "011"), (3070002, 4071, 9999, "003")]


def write_nodelink(folder, encoding="cp949"):
    names = "LINK_ID F_NODE T_NODE LANES ROAD_RANK ROAD_TYPE ROAD_NAME MAX_SPD REST_VEH REST_W REST_H"
    table = pd.DataFrame(LINKS, columns=names.split())
    lines = [shapely.LineString([NODES[f], NODES[t]]) for f, t in zip(table["F_NODE"], table["T_NODE"], strict=True)]
    table["LENGTH"] = [line.length for line in lines]
    for name in ("LINK_ID", "F_NODE", "T_NODE"):
        table[name] = table[name].astype(str)
    gpd.GeoDataFrame(table, geometry=lines, crs=KOREA_CENTRAL).to_file(folder / "MOCT_LINK.shp", encoding=encoding)
    points = gpd.GeoDataFrame(
        {"NODE_ID": [str(n) for n in NODES], "NODE_TYPE": ["101"] * 4, "NODE_NAME": ["교차로"] * 4},
        geometry=[shapely.Point(at) for at in NODES.values()],
        crs=KOREA_CENTRAL,
    )
    points.to_file(folder / "MOCT_NODE.shp", encoding=encoding)
    turns = pd.DataFrame(TURNS, columns=["NODE_ID", "ST_LINK", "ED_LINK", "TURN_TYPE"]).astype(str)
    pyogrio.write_dataframe(turns, folder / "TURNINFO.dbf", driver="ESRI Shapefile", encoding=encoding)
    for path in folder.glob("*.cpg"):
        path.unlink()


def test_node_link_data_are_read_as_they_stand(tmp_path):
    write_nodelink(tmp_path)
    data = read_nodelink(tmp_path)
    net = data.network()
    assert list(net.link_id) == [4071, 4072, 4073, 4074]
    assert net.excluded == ((4075, "0 lanes; limit: 1 to 12"),)
    assert list(net.name) == ["대학로", "대학로", "대학로", "월명로"]
    assert [ROAD_KINDS[k] for k in net.kind] == ["plain", "underpass", "bridge", "plain"]
    assert list(net.speed_kmh) == [60, 60, 60, 50]
    assert list(net.class_limit) == [0, 1 << KINDS.index("truck"), 1 << KINDS.index("truck"), 0]
    assert data.rejected == {"nodes": 0, "links": 0, "turns": 1}
    assert net.node_xy.min(axis=0) == pytest.approx([X, Y])


def test_turn_codes_forbid_and_allow(tmp_path):
    """101 forbids the left 4071 -> 4074; 011 makes the way back 4071 -> 4073 an ordinary turn."""
    write_nodelink(tmp_path)
    net = read_nodelink(tmp_path).network()
    turns = {
        (int(net.link_id[a]), int(net.link_id[b])): t
        for t, (a, b) in enumerate(zip(net.turns.from_link, net.turns.to_link, strict=True))
    }
    assert (4071, 4074) not in turns
    assert not net.turns.is_back[turns[4071, 4073]]
    assert (4071, 4072) in turns


def test_broken_shapefile_is_refused(tmp_path):
    write_nodelink(tmp_path)
    (tmp_path / "MOCT_LINK.shp").write_bytes(b"not a shapefile")
    with pytest.raises(BadBase, match="MOCT_LINK"):
        read_nodelink(tmp_path)


def test_missing_column_is_refused(tmp_path):
    write_nodelink(tmp_path)
    table = gpd.read_file(tmp_path / "MOCT_LINK.shp", encoding="cp949").drop(columns="F_NODE")
    table.to_file(tmp_path / "MOCT_LINK.shp", encoding="cp949")
    with pytest.raises(BadNetwork, match=r"columns \['F_NODE'\] are missing"):
        read_nodelink(tmp_path)


def write_gmns(folder, speed="60"):
    (folder / "node.csv").write_text(
        "node_id,x_coord,y_coord,ctrl_type\na,126.73688,35.96763,\nb,126.748,35.96763,signal\nc,126.748,35.98,\n"
    )
    (folder / "link.csv").write_text(
        "link_id,from_node_id,to_node_id,directed,length,lanes,free_speed,capacity,facility_type,name\n"
        f"1,a,b,0,900,2,{speed},3600,primary,Main\n2,b,c,1,1100,1,50,900,residential,Side\n"
    )
    (folder / "movement.csv").write_text("mvmt_id,node_id,ib_link_id,ob_link_id,type\n1,b,1,2,prohibited\n")


def test_gmns_is_read_as_it_stands(tmp_path):
    """A link that is not directed runs both ways; the prohibited movement is no turn. Node a is the city hall."""
    write_gmns(tmp_path)
    net = read_gmns(tmp_path)
    assert sorted(net.link_id) == [-1, 1, 2]
    at = net.link_at[1]
    assert (net.length_m[at], net.lanes[at], net.speed_kmh[at], net.lane_capacity[at], net.rank[at]) == (
        900,
        2,
        60,
        1800,
        104,
    )
    assert net.turns.between(np.array([at]), np.array([net.link_at[2]]))[0] == -1
    assert net.node_xy[0] == pytest.approx([176_265.96, 374_484.48], abs=1.0)


def test_gmns_units_are_turned_into_ours(tmp_path):
    write_gmns(tmp_path, speed="30")
    net = read_gmns(tmp_path, speed_unit="mph", is_strict=False)
    assert net.speed_kmh[net.link_at[1]] == pytest.approx(48.28032)
    with pytest.raises(BadNetwork, match="units knots"):
        read_gmns(tmp_path, speed_unit="knots")


def test_sumo_export_holds_the_part_and_its_trips(tmp_path):
    net = street(
        {**LINE, 5: (600.0, 600.0)}, {1: (1, 2, 600, 2), 2: (2, 3, 600, 1), 3: (3, 4, 600, 1), 4: (2, 5, 600, 1)}
    )
    sim = drive(net, (np.arange(3.0), (1, 2)), (np.arange(3.0), (2, 3)))
    from simulations.traffic.trips import Trips

    trips = Trips.of(np.arange(2.0), np.array([0, 1]), np.zeros(2), np.zeros(2), [way(net, 1, 2), way(net, 2, 3)])
    assert sim.t == 0
    area = shapely.box(-10, -10, 1100, 700)
    assert write_sumo(tmp_path, net, area, trips) == 3
    edges = ET.parse(tmp_path / "city.edg.xml").getroot()
    assert [one.get("id") for one in edges] == ["1", "2", "4"]
    assert [one.get("numLanes") for one in edges] == ["2", "1", "1"]
    routes = [one.get("edges") for one in ET.parse(tmp_path / "city.rou.xml").getroot().iter("route")]
    assert routes == ["1 2"]
    with pytest.raises(BadNetwork, match="no link lies in the area"):
        write_sumo(tmp_path, net, shapely.box(9e5, 9e5, 9e5 + 1, 9e5 + 1))


def roads_of(capsys, *arguments: str) -> dict:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["gunsan", "roads", *arguments])
        assert main() == 0
    return json.loads(capsys.readouterr().out)


def test_the_command_reads_both_kinds_and_writes_for_sumo(tmp_path, capsys):
    """The polygon lies round everything: all links are written."""
    write_nodelink(tmp_path)
    net = read_nodelink(tmp_path).network()
    ring = [[126.0, 35.0], [128.0, 35.0], [128.0, 37.0], [126.0, 37.0], [126.0, 35.0]]
    (tmp_path / "area.json").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    area, out = str(tmp_path / "area.json"), str(tmp_path / "sumo")
    told = roads_of(capsys, str(tmp_path), "--area", area, "--sumo", out)
    assert (told["links"], told["written"], told["turns"]) == (len(net), len(net), len(net.turns))
    assert (tmp_path / "sumo" / "city.edg.xml").exists()
    (tmp_path / "gmns").mkdir()
    write_gmns(tmp_path / "gmns")
    assert roads_of(capsys, str(tmp_path / "gmns"))["links"] == len(read_gmns(tmp_path / "gmns"))


@pytest.mark.parametrize(
    ("area", "says"),
    [("{", "cannot be read as JSON"), ('{"type": "Point", "coordinates": [126, 36]}', "is a Point; limit: a valid")],
)
def test_the_command_refuses_by_name(tmp_path, capsys, monkeypatch, area, says):
    monkeypatch.setattr("sys.argv", ["gunsan", "roads", str(tmp_path)])
    assert main() == 1
    assert "holds no street network; limit: MOCT_LINK.shp or link.csv" in capsys.readouterr().err
    write_nodelink(tmp_path)
    (tmp_path / "area.json").write_text(area)
    given = ["gunsan", "roads", str(tmp_path), "--area", str(tmp_path / "area.json"), "--sumo", str(tmp_path / "s")]
    monkeypatch.setattr("sys.argv", given)
    assert main() == 1
    assert says in capsys.readouterr().err
