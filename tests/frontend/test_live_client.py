"""The live client's frame reader and table, run in Node against frames of our own encoder."""

import base64
import json
import subprocess

import numpy as np
import pytest

from frontend.build import COMPONENT, _find_node
from twin.frame import encode

PROGRAM = """
import { decodeFrame } from '%(src)s/frame.js';
import { Table } from '%(src)s/table.js';
import { snapOutward } from '%(src)s/live.js';
const given = JSON.parse(process.argv[1]);
const bytes = (text) => Uint8Array.from(Buffer.from(text, 'base64')).buffer;
const table = new Table(given.spec);
const shown = [];
for (const [text, at] of given.frames) {
  table.apply(decodeFrame(bytes(text)), at);
  const part = (column) => [...column.subarray(0, table.n)];
  shown.push({ n: table.n, rows: part(table.asset), lon: part(table.lon), value: part(table.values[0]) });
}
const later = given.glide.map((at) => { table.glide(at); return table.lon[0]; });
console.log(JSON.stringify({ shown, later, box: snapOutward(given.box) }));
"""


def run(frames: list[tuple[bytes, float]], *, is_moving: bool = False, glide: list[float] | None = None) -> dict:
    """Feed frames, as (bytes, arrival [ms]), to the table and return what it shows."""
    spec = {
        "isMoving": is_moving,
        "intervalS": 10,
        "staleAfterS": 60,
        "properties": [{"id": "speed", "kind": "number"}],
    }
    given = {
        "spec": spec,
        "frames": [(base64.b64encode(data).decode(), at) for data, at in frames],
        "glide": glide or [],
        "box": [126.601, 35.951, 126.799, 36.049],
    }
    node, _ = _find_node()
    program = PROGRAM % {"src": (COMPONENT / "src").as_uri()}
    done = subprocess.run(
        [node, "--input-type=module", "-e", program, json.dumps(given)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def frame(
    assets: list[int], speeds: list[float], *, full: bool, lon: list[float] | None = None, time: float = 990
) -> bytes:
    columns = [("asset", np.array(assets, "u4"))]
    if lon is not None:
        columns += [
            ("longitude", np.round(np.array(lon) * 1e7).astype("i4")),
            ("latitude", np.full(len(assets), 360000000, "i4")),
        ]
    columns += [("time", np.full(len(assets), time, "f8")), ("severity", np.zeros(len(assets), "u1"))]
    columns += [("speed", np.array(speeds, "f4"))]
    return encode({"layer": "x", "gen": 1, "at": 0, "full": full}, columns)


def test_delta_changes_its_rows_and_leaves_the_others() -> None:
    told = run(
        [
            (frame([3, 1, 2], [1, 2, 3], full=True, lon=[126.5, 126.6, 126.7]), 0),
            (frame([1], [9], full=False), 1000),
        ]
    )
    assert told["shown"][1]["rows"] == [3, 1, 2]
    assert told["shown"][1]["value"] == [1, 9, 3]
    assert told["shown"][1]["lon"] == pytest.approx([126.5, 126.6, 126.7])


def test_full_frame_replaces_all_rows() -> None:
    told = run(
        [(frame([1, 2], [1, 2], full=True, lon=[126.5, 126.6]), 0), (frame([2], [5], full=True, lon=[126.6]), 1000)]
    )
    assert told["shown"][1]["rows"] == [2]


def test_delta_of_an_asset_outside_the_view_is_left_out() -> None:
    told = run([(frame([1], [1], full=True, lon=[126.5]), 0), (frame([7], [1], full=False), 1000)])
    assert told["shown"][1]["rows"] == [1]


def test_table_grows_beyond_its_first_capacity() -> None:
    many = list(range(1, 501))
    told = run([(frame(many, [0.5] * 500, full=True, lon=[126.5] * 500), 0)])
    assert told["shown"][0]["n"] == 500


def test_moving_row_glides_on_and_stops_after_a_few_seconds_of_silence() -> None:
    told = run(
        [
            (frame([1], [5], full=True, lon=[126.5], time=980), 0),
            (frame([1], [5], full=False, lon=[126.501], time=990), 10_000),
        ],
        is_moving=True,
        glide=[10_000, 12_000, 15_000, 40_000],
    )
    at_once, after_2s, after_5s, long_after = told["later"]
    assert at_once == pytest.approx(126.5, abs=1e-6), "no jump when a report comes"
    assert after_2s == pytest.approx(126.5012, abs=1e-6)
    assert after_5s == pytest.approx(126.5015, abs=1e-6)
    assert long_after == after_5s


def test_box_is_widened_to_a_grid_that_screens_share() -> None:
    west, south, east, north = run([(frame([1], [1], full=True, lon=[126.5]), 0)])["box"]
    assert west <= 126.601
    assert south <= 35.951
    assert east >= 126.799
    assert north >= 36.049
    assert all((edge * 1024) % 1 == 0 for edge in (west, south, east, north))
