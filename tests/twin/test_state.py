"""The state that screens are shown: newest values, catch-up by generation, viewport."""

import numpy as np
import pytest

from layers import load_layers
from twin import frame
from twin.crs import CITY_BBOX
from twin.state import LayerState


@pytest.fixture
def state() -> LayerState:
    state = LayerState(load_layers()["air_quality"].spec)
    state._resize([11, 12, 13])
    state.lon[:], state.lat[:] = (126.70, 126.71, 126.90), 35.97
    return state


def tell(state: LayerState, asset: int, time: float, result: float, observed: int = 0) -> None:
    state.update(np.array([asset], np.uint32), np.array([observed], np.uint16), np.array([time]), np.array([result]))


def rows(data: bytes | None) -> dict[int, float]:
    if data is None:
        return {}
    header, columns = frame.decode(data)
    return dict(zip(columns["asset"].tolist(), columns[header["columns"][-1][0]].tolist(), strict=True))


def assets(data: bytes | None) -> list[int]:
    return [] if data is None else frame.decode(data)[1]["asset"].tolist()


def test_full_frame_holds_all_rows_with_positions(state: LayerState) -> None:
    header, columns = frame.decode(state.encode(-1, CITY_BBOX, 5) or b"")
    assert header["full"]
    assert columns["asset"].tolist() == [11, 12, 13]
    assert columns["longitude"].tolist() == [1267000000, 1267100000, 1269000000]
    assert np.isnan(columns["time"]).all()


def test_slow_screen_gets_the_newest_value_of_every_asset_it_missed(state: LayerState) -> None:
    stood_at = state.gen_max
    for second in range(5):
        tell(state, 11 + second % 2, second, second)
    data = state.encode(stood_at, CITY_BBOX, 0)
    header, columns = frame.decode(data or b"")
    assert columns["asset"].tolist() == [11, 12]
    assert columns[state.layer.properties[0].id].tolist() == [4, 3]
    assert state.encode(header["gen"], CITY_BBOX, 0) is None


def test_late_value_overwrites_nothing_but_another_property_of_the_same_time_is_taken(state: LayerState) -> None:
    tell(state, 11, 10, 1.0, observed=0)
    tell(state, 11, 9, 7.0, observed=0)
    tell(state, 11, 9, 8.0, observed=1)
    assert state.result[0, :2].tolist() == [1.0, 8.0]
    assert state.time[0] == 10


def test_viewport_cuts_assets_that_stand_still(state: LayerState) -> None:
    assert assets(state.encode(-1, (126.69, 35.9, 126.72, 36.0), 0)) == [11, 12]


def test_moving_assets_are_not_cut_at_the_edge_of_the_view() -> None:
    state = LayerState(load_layers()["vessel"].spec)
    state._resize([5])
    state.update(
        np.array([5, 5], np.uint32), np.array([0, 1], np.uint16), np.array([1.0, 1.0]), np.array([126.5, 35.9])
    )
    _, columns = frame.decode(state.encode(0, (126.8, 36.0, 126.9, 36.05), 0) or b"")
    assert columns["longitude"].tolist() == [1265000000]


def test_severity_travels_and_returns_to_none(state: LayerState) -> None:
    before = state.gen_max
    state.set_severity(12, 3)
    assert assets(state.encode(before, CITY_BBOX, 0)) == [12]
    state.set_severity(12, 3)
    assert state.encode(state.gen_max, CITY_BBOX, 0) is None
