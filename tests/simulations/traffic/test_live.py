"""The live estimate on a village: it follows the clock, is nudged by measurements, goes on without, and forks."""

import pickle
from datetime import datetime, timedelta

import numpy as np
import pytest

from simulations.traffic.bases import Bases
from simulations.traffic.city import keep_bases
from simulations.traffic.events import Close
from simulations.traffic.ground_of import CityGround
from simulations.traffic.live import DRAWN_AT_A_TIME_S, Live, Sample, fork_live, read_live, state_path
from simulations.traffic.records import ARRIVED, PENDING, RUNNING
from simulations.traffic.scenario import Ground, Scenario, begin_from, what_if
from simulations.traffic.warm_up import village
from twin.clock import KST
from twin.errors import BadScenario

MORNING = datetime(2026, 7, 14, 8, 10, 30, tzinfo=KST)


@pytest.fixture(scope="module")
def ground() -> Ground:
    return village()


@pytest.fixture
def live(ground) -> Live:
    return Live.begin(ground, MORNING)


def test_it_stands_at_the_whole_second_of_now(live):
    assert live.began == datetime(2026, 7, 14, 7, 0, tzinfo=KST)
    assert live.now == MORNING
    assert not live.step(MORNING + timedelta(seconds=60))
    assert live.step(MORNING + timedelta(seconds=300))
    assert live.now == MORNING + timedelta(seconds=300)


def test_time_that_has_passed_changes_nothing(live):
    before = live.sim.world.vehicles.tobytes()
    assert not live.step(MORNING - timedelta(seconds=30))
    assert live.sim.world.vehicles.tobytes() == before


def test_hours_follow_each_other_and_what_has_arrived_is_forgotten(live):
    live.step(MORNING + timedelta(hours=5))
    assert live.drawn_s >= 5 * 3600 + DRAWN_AT_A_TIME_S
    assert len(live.sim.bins) <= 61
    live.step(MORNING + timedelta(hours=5, minutes=50))
    assert (live.sim.world.vehicles["depart"] > 3 * 3600).all()


def test_dropping_who_is_there_changes_nothing_for_the_others(live):
    """Two copies, one of which forgets: the same vehicles go on in the same way."""
    one, two = live.sim, live.sim.fork()
    kept = two.forget(1)
    assert 0 < (~kept).sum() == (one.world.vehicles["state"] >= ARRIVED).sum()
    for sim in (one, two):
        sim.run_to(sim.t + 900)
    for name in ("link", "state", "entry", "done", "distance_m"):
        assert one.world.vehicles[kept][name].tobytes() == two.world.vehicles[name].tobytes(), name
    assert (one.world.links["tail"] == two.world.links["tail"]).all()


def test_measured_speeds_draw_the_estimate(live):
    """A street driven at 50 km/h is measured at 10: each correction halves the gap in time, five leave 3 %."""
    net, link = live.ground.net, 3
    before = live.speed_kmh()[link]
    assert before > 20
    for k in range(1, 9):
        live.correct({int(net.link_id[link]): 10.0})
        live.step(MORNING + timedelta(seconds=300 * k))
    assert live.speed_kmh()[link] == pytest.approx(10, rel=0.15)
    assert live.is_corrected.sum() == 1
    for k in range(9, 20):
        live.correct({})
        live.step(MORNING + timedelta(seconds=300 * k))
    assert live.speed_kmh()[link] > 20, "without a measurement it is the model's again"
    assert not live.is_corrected.any()


def test_unknown_links_and_absurd_speeds_do_no_harm(live):
    live.correct({987654: 30.0, int(live.ground.net.link_id[0]): 0.0, int(live.ground.net.link_id[1]): 500.0})
    live.step(MORNING + timedelta(seconds=600))
    assert (live.sim.world.links["free_s"] >= live.ground.net.free_s - 1e-9).all()
    assert np.isfinite(live.speed_kmh()).all()


def test_sample_follows_a_vehicle_until_it_is_there_and_then_rests(live):
    rng, followed = np.random.default_rng(1), {}
    for k in range(400):
        live.step(MORNING + timedelta(seconds=3 * k))
        places, seen = live.look(rng)
        assert len(places) == len(seen)
        for place in places.tolist():
            vehicle = int(live.sample.vehicle[place])
            last = followed.get(place)
            if last is not None and last[0] != vehicle:
                assert live.sim.t - last[1] >= 60, "the map must not drag a mark across the city"
            followed[place] = (vehicle, live.sim.t)
    assert len(followed) > 5


def test_sample_keeps_its_vehicles_when_numbers_change():
    sample = Sample.of(3)
    sample.vehicle[:] = [5, 2, -1]
    sample.renumber(np.array([True, False, True, True, False, True]))
    assert sample.vehicle.tolist() == [3, 1, -1]


def test_a_state_that_another_version_kept_is_not_read_and_goes(live, ground, tmp_path):
    old = tmp_path / "traffic" / "live-0123456789abcdef.pickle"
    old.parent.mkdir()
    old.write_bytes(b"records of another layout")
    with pytest.raises(BadScenario, match="no live traffic"):
        read_live(ground, tmp_path, MORNING)
    live.save(old.parent)
    assert list(old.parent.glob("live*")) == [state_path(old.parent)]


def test_what_if_forks_from_the_kept_state(live, ground, tmp_path):
    live.save(tmp_path / "traffic")
    size = state_path(tmp_path / "traffic").stat().st_size
    assert size < 5_000_000, "the ground is not kept with it"
    kept = read_live(ground, tmp_path, MORNING + timedelta(seconds=100))
    assert kept.hour == pytest.approx(8 + 15 / 60), "from the next time bin on"
    base = fork_live(kept, 0.5)
    found = what_if(ground, Scenario(hours=0.5, events=(Close(links=(1, 2)),)), begin=begin_from(base))
    assert found is not None
    assert found.begins_s % 300 == 0
    assert found.run.t - found.begins_s == 1800
    assert all(found.run.bins[-1].is_closed[ground.net.links((1, 2))])
    assert live.now == MORNING


def test_seeds_of_a_fork_share_the_present_and_differ_in_who_comes(live):
    """Who drives now is the same in both; the trips that have not begun are drawn anew, as many to within 4 sigma."""
    one, other = fork_live(live, 0.5), fork_live(live, 0.5, seed=1)
    driving = [sim.world.vehicles[sim.world.vehicles["state"] == RUNNING] for sim in (one, other)]
    assert (driving[0]["depart"] == driving[1]["depart"]).all()
    coming = [np.sort(sim.world.vehicles["depart"][sim.world.vehicles["state"] == PENDING]) for sim in (one, other)]
    assert abs(len(coming[0]) - len(coming[1])) < 4 * np.sqrt(len(coming[0]) + len(coming[1]))
    assert not np.array_equal(*coming)
    assert (
        min(sim.world.vehicles["depart"][sim.world.vehicles["state"] == PENDING].min() for sim in (one, other)) >= one.t
    )
    assert other.run_to(one.t + 300).world.counts[0]["departed"] > 0


def test_old_or_missing_state_is_refused(live, ground, tmp_path):
    with pytest.raises(BadScenario, match="there is no live traffic"):
        read_live(ground, tmp_path, MORNING)
    live.save(tmp_path / "traffic")
    with pytest.raises(BadScenario, match="limit: 0:15:00"):
        read_live(ground, tmp_path, MORNING + timedelta(hours=1))


def test_state_can_be_read_back_whole(live):
    again = pickle.loads(pickle.dumps(live))
    assert again.sim.world.vehicles.tobytes() == live.sim.world.vehicles.tobytes()


def test_hours_of_the_presets_are_driven_before_anybody_asks(ground, tmp_path):
    """Two mornings and an evening are asked for in the presets: two bases of two files, and then nothing is driven."""
    city = CityGround(ground, {}, is_synthetic=True, version="village")
    keep_bases(city, tmp_path)
    files = {path: path.read_bytes() for path in (tmp_path / "traffic").iterdir()}
    assert len(files) == 4
    told = []
    bases = Bases(tmp_path / "traffic", ground, "village")
    assert bases(Scenario(start_h=7, hours=2), 3600.0, lambda t: bool(told.append(t))) is not None
    assert told == [7200.0]
    assert {path: path.read_bytes() for path in files} == files
