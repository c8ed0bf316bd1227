"""The demo feed: every layer is fed, and the story of the first minutes is one an operator can follow."""

from datetime import timedelta

import pytest

from backend.feed.day import CityClock, Roads
from backend.feed.loop import Feed
from backend.feed.stream import OWN, City
from layers import load_layers
from tests.backend import toy_city
from tests.backend.feed_city import DEMO_MINUTES, NOON, SEED, Recorder, entries, new_city, played
from tests.conftest import CITY_HALL
from twin.register import read_city
from twin.report import Happening, Report
from twin.rules import RuleEngine, Transition
from twin.settings import Settings

COMPUTED = {"flood_forecast", "traffic_flow", "traffic_vehicle"}
"""Layers that simulations fill, not the demo feed."""


async def test_every_asset_of_every_layer_speaks_at_once_at_the_start() -> None:
    layers, assets = load_layers(), toy_city.assets()
    heard: dict[str, set[str]] = {}
    for _, layer, entry, _ in entries(layers, await played(1)):
        heard.setdefault(layer, set()).add(entry.asset)
    assert set(heard) == set(layers) - COMPUTED
    for layer, facts in assets.items():
        live = {fact.key for fact in facts if fact.attributes.get("is_live", True)}
        assert heard[layer] == live, layer
    assert len(heard["bus"]) >= 30
    assert len(heard["vessel"]) >= 30


async def test_every_property_of_every_layer_is_fed() -> None:
    fed: dict[str, set[str]] = {}
    layers = load_layers()
    for _, layer, _, results in entries(layers, await played(1)):
        fed.setdefault(layer, set()).update(results)
    for name, layer in layers.items():
        assert name in COMPUTED or set(layer.spec.observed) == fed[name], name


async def test_every_asset_speaks_again_within_its_layers_interval() -> None:
    layers = load_layers()
    last: dict[tuple[str, str], int] = {}
    for second, layer, entry, _ in entries(layers, await played(700)):
        if isinstance(entry, Report):
            before = last.get((layer, entry.asset), second)
            assert second - before <= layers[layer].spec.interval_s, (layer, entry.asset)
            last[layer, entry.asset] = second
    assert all(second + layers[layer].spec.interval_s > 400 for (layer, _), second in last.items())


async def test_same_seed_sends_the_same_bytes_and_another_seed_others() -> None:
    assert await played(40) == await played(40)
    assert await played(1) != await played(1, seed=SEED + 1)


async def test_load_is_modest_and_the_messages_small() -> None:
    sent = await played(120, lots=500, shops=600, cameras=1200, links=1500)
    after = [message for message in sent if message[0] > 0]
    assert 0.5 < len(after) / 119 < 50
    assert sum(len(payload) for _, _, payload in after) / 119 < 20_000
    assert max(len(payload) for _, _, payload in sent) < 100_000


async def test_faster_demo_keeps_to_the_real_clock() -> None:
    for second, layer, entry, _ in entries(load_layers(), await played(20, speed=60.0)):
        if layer == "complaint" and isinstance(entry, Happening):  # told again, and the week before once
            assert entry.phenomenon_time <= NOON + timedelta(seconds=second)
            continue
        assert abs((entry.phenomenon_time - NOON).total_seconds() - second) <= 1.5


async def test_layer_that_is_only_configured_wanders_in_its_demo_ranges() -> None:
    layers = load_layers()
    for _, layer, _, results in entries(layers, await played(1)):
        if layer not in OWN:
            for prop in layers[layer].spec.properties:
                low, high = prop.demo or (0, 0)
                assert low <= results[prop.id] <= high, (layer, prop.id)


async def test_registers_come_from_the_store_and_even_the_smallest_city_is_fed(settings: Settings) -> None:
    assets, roads = read_city(settings.dsn())
    assert [fact.key for fact in assets["rain"]] == ["A-1", "A-2"]
    assert (assets["rain"][0].lon, assets["rain"][0].lat) == pytest.approx(CITY_HALL, abs=1e-6)
    assert assets["water_level"][0].attributes["caution_m"] == 1.0
    wires = Recorder()
    await Feed(City(load_layers(), assets, roads, SEED, CityClock(NOON)), wires).tick(0, NOON)
    layers = {layer for _, layer, _, _ in entries(load_layers(), [(0, *message) for message in wires.take()])}
    assert {"rain", "water_level", "berth", "vessel", "air_quality"} <= layers


async def test_ships_introduce_themselves_when_the_receiver_comes_late() -> None:
    city, wires = new_city(), Recorder()
    feed, names = Feed(city, wires), set()
    for second in range(5):
        wires.is_there = second >= 3
        await feed.tick(second, NOON + timedelta(seconds=second))
        sent = [(second, *message) for message in wires.take()]
        names |= {entry.name for _, layer, entry, _ in entries(load_layers(), sent) if layer == "vessel"}
    assert len(names - {None}) == len(city.port.fixes(0))


async def test_city_without_assets_sends_nothing_but_small_craft() -> None:
    wires = Recorder()
    await Feed(City(load_layers(), {}, Roads.none(), SEED, CityClock(NOON)), wires).tick(0, NOON)
    assert {layer for layer, _ in wires.take()} == {"vessel"}


# --- the story -------------------------------------------------------------------------------------------------------


async def story(seconds: int, seed: int = SEED) -> list[tuple[int, str, str, Transition]]:
    """Return the alarm transitions (second, layer, asset, transition) of the first seconds."""
    layers = load_layers()
    rules = RuleEngine(layer.spec for layer in layers.values())
    facts = {(layer, fact.key): fact.attributes for layer, register in toy_city.assets().items() for fact in register}
    ids: dict[tuple[str, str], int] = {}
    changes = []
    for second, layer, entry, results in entries(layers, await played(seconds, seed=seed)):
        asset = ids.setdefault((layer, entry.asset), len(ids))
        for name, result in results.items():
            at = entry.phenomenon_time.timestamp()
            known = facts.get((layer, entry.asset), {})
            changes += [
                (second, layer, entry.asset, change) for change in rules.observe(layer, asset, name, at, result, known)
            ]
    return changes


@pytest.mark.parametrize("seed", [SEED, 1, 2])
async def test_operator_sees_rain_stage_and_fire_within_three_minutes_and_no_flood_in_ten(seed: int) -> None:
    changes = await story(DEMO_MINUTES * 60, seed)
    early = {change.rule for second, _, _, change in changes if second <= 190}
    assert {"heavy_rain_1h", "stage_caution", "fire_smoke", "fire_heat"} <= early
    standing: set[tuple[str, str]] = set()
    for _, _, asset, change in changes:
        (standing.add if change.is_raised else standing.discard)((asset, change.rule))
        assert len(standing) <= 6
    assert len({asset for asset, rule in standing if rule.startswith("fire")}) == 1


async def test_whiff_of_smoke_of_four_seconds_raises_nothing() -> None:
    layers = load_layers()
    smoky = {
        entry.asset
        for second, layer, entry, results in entries(layers, await played(50))
        if layer == "market_fire" and results["smoke"] > 10
    }
    assert len(smoky) == 1
    assert not [change for change in await story(50) if change[1] == "market_fire"]


async def test_city_is_calm_six_hours_later() -> None:
    city, wires, layers = new_city(), Recorder(), load_layers()
    late = NOON + timedelta(hours=6)
    await Feed(city, wires).tick(0, late)
    wires_sent = [(0, layer, payload) for layer, payload in wires.take() if layer != "vessel"]
    rules = RuleEngine(layer.spec for layer in layers.values())
    facts = {(layer, fact.key): fact.attributes for layer, register in toy_city.assets().items() for fact in register}
    beyond = []
    for _, layer, entry, results in entries(layers, [message for message in wires_sent if message[1] != "cctv"]):
        for name, result in results.items():
            for at in (0.0, 90_000.0):
                beyond += rules.observe(
                    layer, hash((layer, entry.asset)), name, at, result, facts.get((layer, entry.asset), {})
                )
    assert beyond == []
