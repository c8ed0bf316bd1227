"""Which cameras see a place: over terrain and buildings, within their field, for their purpose."""

import numpy as np
from shapely.geometry import box

from twin.sight import MOST, Camera, Floats, Obstacles, best, is_clear

PLACE = (0.0, 0.0)
OPEN = Obstacles([], [])


def flat(x: Floats, y: Floats) -> Floats:
    return np.zeros(len(x))


def camera(number: int, south_m: float, **more: object) -> Camera:
    given: dict = {"direction_deg": 0.0, "field_of_view_deg": 60.0, "range_m": 100.0, "height_m": 6.0,
                   "purposes": ("disaster",), "works": True} | more  # fmt: skip
    return Camera(number, 0.0, -south_m, **given)


def test_a_house_between_blocks_the_view_and_a_low_wall_does_not() -> None:
    between = box(-5, -32, 5, -28)
    assert is_clear(camera(1, 60), PLACE, flat, OPEN)
    assert not is_clear(camera(1, 60), PLACE, flat, Obstacles([between], [9.0]))
    assert is_clear(camera(1, 60), PLACE, flat, Obstacles([between], [1.0]))
    assert is_clear(camera(1, 60, height_m=60.0), PLACE, flat, Obstacles([between], [9.0]))


def test_a_hill_between_blocks_the_view() -> None:
    assert not is_clear(camera(1, 60), PLACE, lambda x, y: 12 * np.exp(-(((y + 30) / 8) ** 2)), OPEN)


def test_the_house_that_burns_does_not_hide_itself() -> None:
    assert is_clear(camera(1, 60), PLACE, flat, Obstacles([box(-2, -3, 2, 3)], [5.0]))


def test_the_best_work_see_and_are_near_and_are_four_at_most() -> None:
    cameras = [
        camera(1, 90), camera(2, 40), camera(3, 20, works=False), camera(4, 30, direction_deg=180.0),
        camera(5, 70), camera(6, 300), camera(7, 80),
    ]  # fmt: skip
    found = best(cameras, PLACE, ("disaster",), flat, OPEN)
    assert [view.camera.id for view in found] == [2, 5, 7, 1]
    assert len(found) == MOST


def test_a_camera_is_not_used_for_what_it_does_not_stand_for() -> None:
    cameras = [camera(1, 20, purposes=("parking_enforcement",)), camera(2, 90), camera(3, 40, purposes=("traffic",))]
    found = best(cameras, PLACE, ("disaster", "traffic"), flat, OPEN)
    assert [view.camera.id for view in found] == [2, 3]
