"""The made-up day of the demo feed keeps to its own rules: water, town, port."""

import tomllib
from datetime import timedelta

import numpy as np
import pytest
from pyproj import Geod
from shapely import LineString, MultiLineString, Point, Polygon

from backend.feed.bus import Buses
from backend.feed.day import CityClock, Parking, Roads, Traffic
from backend.feed.port import Fix, Port, imo_number
from backend.feed.water import HIGH_WATER_S, Rain, Waters, tide_m
from gisdata.facts import TIDE
from layers import load_layers
from tests.backend import toy_city
from tests.backend.feed_city import GEOGRAPHY, NOON, SEED, new_city
from twin.report import Report


def test_four_main_constituents_make_the_tidal_range_of_the_port() -> None:
    amplitude = {name: height for name, _, height, _ in TIDE}
    assert len(amplitude) == 9
    assert 2 * sum(amplitude[name] for name in ("M2", "S2", "K1", "O1")) == pytest.approx(7.2, abs=0.1)


def test_tide_turns_about_twice_a_day_with_a_range_that_the_port_knows() -> None:
    level = np.array([tide_m(SEED, t) for t in np.arange(0, 29.5 * 86_400, 600)])
    turns = np.flatnonzero((level[1:-1] > level[:-2]) & (level[1:-1] >= level[2:]))
    assert len(turns) / 29.5 == pytest.approx(24 / 12.42, abs=0.05)
    assert 6.0 < level.max() - level.min() < 8.4
    assert abs(level.mean()) < 0.05


@pytest.mark.parametrize("seed", range(5))
def test_cloudburst_falls_on_high_tide(seed: int) -> None:
    rain = Rain(seed, toy_city.assets()["rain"], CityClock(NOON))
    times = np.arange(-6 * 3600, 6 * 3600, 60.0)
    wettest = times[int(np.argmax([rain.fallen(t, 3600)[1] for t in times]))]
    highest = times[int(np.argmax([tide_m(seed, t) for t in times]))]
    assert abs(highest - HIGH_WATER_S) <= 60
    assert abs(wettest - highest) < 3600
    assert 3.2 < tide_m(seed, highest) < 3.6


def test_sums_of_rain_agree_with_each_other() -> None:
    gauges = toy_city.assets()["rain"]
    rain = Rain(SEED, gauges, CityClock(NOON))
    for t in (-3600.0, 0.0, 600.0, 5000.0, 50_000.0):
        for row in rain.rows(t, np.arange(len(gauges))):
            assert 0 <= row["rain_10min"] <= row["rain_1h"] <= row["rain_3h"] + 0.1
            assert row["rain_1h"] <= 152.2, "the heaviest hour on record"
    one, both = rain.fallen(600, 1800)[1] + rain.fallen(-1200, 1800)[1], rain.fallen(600, 3600)[1]
    assert one == pytest.approx(both, rel=1e-6)


def test_only_the_core_gauge_passes_fifty_millimetres() -> None:
    gauges = toy_city.assets()["rain"]
    rain = Rain(SEED, gauges, CityClock(NOON))
    for t in range(0, 7200, 300):
        heavy = [i for i, row in enumerate(rain.rows(t, np.arange(len(gauges)))) if row["rain_1h"] >= 50]
        assert heavy in ([], [rain.core])


def waters(seed: int = SEED) -> Waters:
    assets = toy_city.assets()
    return Waters(seed, assets["water_level"], Rain(seed, assets["rain"], CityClock(NOON)))


def test_only_one_stream_passes_its_caution_stage_and_it_falls_again() -> None:
    made = waters()
    stage = np.array(
        [[row.get("stage", 0.0) for row in made.rows(t, np.arange(len(made.assets)))] for t in range(0, 20_000, 300)]
    )
    assert set(np.flatnonzero((stage > 1.2).any(axis=0))) == {made.stream}
    assert stage[-1, made.stream] < 0.9


def test_gates_close_on_high_tide_and_open_on_low() -> None:
    made = waters()
    gates = [i for i, asset in enumerate(made.assets) if asset.attributes["kind"] == "gate"]
    low = min(np.arange(0, 44_700, 300.0), key=lambda t: tide_m(SEED, t))
    assert {row["gate_state"] for row in made.rows(HIGH_WATER_S, np.array(gates))} == {"closed"}
    assert {row["gate_state"] for row in made.rows(low, np.array(gates))} == {"open"}
    seen = {row["gate_state"] for t in range(0, 30_000, 60) for row in made.rows(t, np.array(gates[:1]))}
    assert seen == {"closed", "moving", "open"}


def test_one_pump_fails_and_the_others_lift_no_more_than_they_can() -> None:
    made = waters()
    pumps = [i for i, asset in enumerate(made.assets) if asset.attributes["kind"] == "pump"]
    rows = {t: made.rows(t, np.array(pumps)) for t in (0, 300, 1500, 3700)}
    assert [sum(row["pump_state"] == "failed" for row in rows[t]) for t in rows] == [0, 1, 1, 0]
    assert all(0 <= row["flow"] <= 20 for found in rows.values() for row in found)


# --- town ------------------------------------------------------------------------------------------------------------


def test_parking_is_never_above_capacity_and_bays_agree_with_the_count() -> None:
    lots = toy_city.assets(lots=200)["parking"]
    parking = Parking(SEED, lots, CityClock(NOON))
    for t in range(0, 2 * 86_400, 3600):
        for lot, row in zip(parking.lots, parking.rows(t, np.arange(len(parking.lots))), strict=True):
            if "bays" in row:
                assert len(row["bays"]) == lot.attributes["bays"]
            else:
                assert 0 <= row["spaces_free"] <= row["spaces_total"] == lot.attributes["spaces_total"]


def test_lots_in_town_fill_by_day_and_homes_by_night() -> None:
    parking = Parking(SEED, toy_city.assets(lots=200)["parking"], CityClock(NOON))
    noon, night = parking.occupancy(2 * 3600), parking.occupancy(15 * 3600)
    uses = np.array(parking._use)
    assert noon[uses == "town"].mean() > night[uses == "town"].mean() + 0.3
    assert night[uses == "home"].mean() > noon[uses == "home"].mean() + 0.2


def test_traffic_is_slower_in_the_rush_hour_and_in_the_rain() -> None:
    links = toy_city.assets()["traffic_speed"]
    traffic = Traffic(SEED, links, Roads.none(), CityClock(NOON))
    noon, evening = traffic.speed(0, 0).mean(), traffic.speed(6.25 * 3600, 0).mean()
    assert evening < noon - 5
    assert traffic.speed(0, 30).mean() < noon
    assert traffic.speed(6.25 * 3600, 200).min() >= 10


@pytest.mark.parametrize("hour", [0, 14])
def test_buses_stay_on_real_links(hour: int) -> None:
    roads = toy_city.roads()
    streets = MultiLineString([LineString(line) for line in roads.lines])
    buses = Buses(SEED, roads, CityClock(NOON + timedelta(hours=hour)))
    assert len(buses.lines) == 20
    everyone = np.arange(len(buses))
    for t in range(0, 7200, 600):
        for bus in buses.positions(t, everyone):
            assert streets.distance(Point(bus.lon, bus.lat)) < 1e-7
            assert 0 <= bus.speed_m_s < 15


def test_routes_follow_links_that_join() -> None:
    roads = toy_city.roads()
    ends = {int(i): (int(a), int(b)) for i, a, b in zip(roads.id, roads.from_node, roads.to_node, strict=True)}
    for line in Buses(SEED, roads, CityClock(NOON)).lines:
        for first, second in zip(line.links, (*line.links[1:], line.links[0]), strict=True):
            assert ends[first][1] == ends[second][0]


def test_camera_events_come_at_plausible_rates() -> None:
    cameras = new_city().cameras
    events = cameras.events(0, 24 * 3600)
    assert 24 * 25 < len(events) < 24 * 45
    assert len({event.name for event in events}) == len(events)
    fights = sum(event.kind == "crowd_fight" for event in events)
    assert fights < 20
    assert sum(len(cameras.events(t, t + 60)) for t in range(0, 24 * 3600, 60)) == len(events)


# --- port ------------------------------------------------------------------------------------------------------------


def land() -> list[Polygon]:
    """Return the coarse land of the generated city and its islands."""
    facts = tomllib.loads(GEOGRAPHY.read_text("utf-8"))
    main = facts["mainland"]
    ring = [point for part in ("river_bank", "inland", "south", "west", "north") for point in main[part]]
    return [Polygon(ring), *(Polygon(other["ring"]) for other in facts["neighbour"] + facts["island"])]


def test_ships_sail_on_the_water_inside_the_box() -> None:
    port, shores = new_city().port, land()
    for t in range(0, 2 * 86_400, 240):
        for fix in port.fixes(t):
            assert 126.2 <= fix.lon <= 126.95
            assert 35.7 <= fix.lat <= 36.1
            off_the_quay = fix.lat - float(np.interp(fix.lon, [126.569, 126.6345], [35.976, 35.980]))
            if 126.565 < fix.lon < 126.638 and off_the_quay < 0.0012:
                assert off_the_quay > 0.0003, "beside the toy quay, on its water side"
            else:
                assert not any(shore.contains(Point(fix.lon, fix.lat)) for shore in shores), fix


def test_ships_do_not_jump() -> None:
    port, geod = new_city().port, Geod(ellps="GRS80")
    before: dict[int, Fix] = {}
    for t in range(0, 86_400, 60):
        now = {fix.vessel.mmsi: fix for fix in port.fixes(t)}
        for mmsi, fix in now.items():
            if mmsi in before and before[mmsi].status == fix.status:
                _, _, metres = geod.inv(before[mmsi].lon, before[mmsi].lat, fix.lon, fix.lat)
                assert metres < 60 * 8, fix
        assert len(now) == len(port.fixes(t)), "a ship is in one place"
        before = now


def test_berths_say_occupied_when_their_ship_lies_there() -> None:
    port = new_city().port
    for t in range(0, 2 * 86_400, 3600):
        moored = {fix.vessel.name for fix in port.fixes(t) if fix.status == 5}
        said = {row["vessel"]["name"] for row in port.rows(t) if row["state"] == "occupied"}
        assert moored == said


def test_berths_are_neither_all_full_nor_all_empty() -> None:
    port = new_city().port
    share = [sum(row["state"] == "occupied" for row in port.rows(t)) / 31 for t in range(0, 10 * 86_400, 7200)]
    assert 0.35 < np.mean(share) < 0.75


def test_one_call_is_moved_to_another_berth_at_six_minutes() -> None:
    port = new_city().port
    before, after = port.rows(359.0), port.rows(361.0)
    moved = [row for row in after if "previous_berth" in row]
    assert not [row for row in before if "previous_berth" in row]
    assert len(moved) == 1
    [old] = [row for row in before if row["berth"] == moved[0]["previous_berth"]]
    assert old["vessel"] == moved[0]["vessel"]


def test_made_up_numbers_are_valid_and_nobodys() -> None:
    berth = load_layers()["berth"]
    for fix in new_city().port.fixes(0):
        assert str(fix.vessel.mmsi).startswith("442")
        assert fix.vessel.name.startswith("DEMO ")
    call = b'{"berth":"B","time":"2026-05-01T09:00:00Z","state":"occupied","vessel":{"imo":%d}}'
    for serial in range(200):
        [entry] = berth.adapt(call % imo_number(serial), NOON)
        assert isinstance(entry, Report)
        assert str(imo_number(serial)).startswith("3")


def test_ports_of_any_size_work() -> None:
    for n in (0, 1, 9, 11):
        Port(SEED, toy_city.assets()["berth"][:n], CityClock(NOON)).rows(100.0)
