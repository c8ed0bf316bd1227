"""What the desk hears when a flood forecast warns of every place at once: a few incidents, not two hundred alarms."""

from gisdata.city import City
from layers import load_layers
from twin.alarms import State
from twin.annunciation import Annunciator
from twin.board import Board, Site
from twin.rules import Transition

LAYER = "flood_forecast"
BUDGET = 10
"""Annunciations in ten minutes and operator."""


def test_a_forecast_that_warns_of_every_place_stays_in_the_budget_and_loses_none(city: City) -> None:
    spec = load_layers()[LAYER].spec
    units = city.tables["admin_unit"]
    register = city.assets[LAYER]
    within = register.sjoin_nearest(units[["id", "name_ko", "name_en", "geom"]], rsuffix="unit")
    assert len(within) == len(register)
    board = Board(sites={
        n: Site(row.name_ko_left, row.name_en_left or "", row.id, row.name_ko_unit, row.name_en_unit,
                row.geom.x, row.geom.y, row.attributes)
        for n, row in enumerate(within.itertuples())
    })  # fmt: skip
    desk = Annunciator(board, {LAYER: spec})
    for n, row in enumerate(within.itertuples()):
        kind = "people" if row.attributes["kind"] == "unit" else "depth"
        for rule, severity in ((f"{kind}_expected", "caution"), (f"{kind}_soon", "alarm")):
            desk.take(Transition(LAYER, n, rule, severity, True, 1.0, 0.0, 0.0))
    heard = sum(entry.announces for entry in desk.entries)
    assert 0 < heard <= 2 * len(board.incidents)
    assert len(board.alarms) == 2 * len(register)
    assert all(alarm.incident is not None for alarm in board.alarms.values())
    assert all(alarm.state in (State.UNACK, State.DSUPR) for alarm in board.alarms.values())
    assert heard <= BUDGET
