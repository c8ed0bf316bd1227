"""The network: bad links are named, short ones merged, islands left out, turns and lanes spelt out."""

import numpy as np
import pytest

from simulations.traffic.network import build
from tests.simulations.traffic.toy import LINE, street, tables
from twin.errors import BadNetwork

CROSS = {1: (-500.0, 0.0), 2: (500.0, 0.0), 3: (0.0, -500.0), 4: (0.0, 500.0), 9: (0.0, 0.0)}
ARMS = {10 + k: (k, 9, 500, 2) for k in (1, 2, 3, 4)} | {20 + k: (9, k, 500, 2) for k in (1, 2, 3, 4)}


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ((1, 2, 0.0, 1), r"link 7: length 0.0 m; limit: above 0"),
        ((1, 2, 600, 0), r"link 7: 0 lanes; limit: 1 to 12"),
        ((1, 2, 600, 1, 0), r"link 7: 0 km/h; limit: 1 to 130"),
    ],
)
def test_bad_link_is_refused_by_its_number(link, says):
    with pytest.raises(BadNetwork, match=says):
        street(LINE, {1: (1, 2, 600, 1), 7: link})


def test_link_to_an_unknown_node_is_refused():
    nodes, links = tables(LINE, {1: (1, 2, 600, 1), 2: (2, 3, 600, 1)})
    with pytest.raises(BadNetwork, match="link 2: its last node is unknown"):
        build(nodes[nodes["id"] != 3], links)


def test_bad_links_can_be_left_out_by_name():
    net = street(LINE, {1: (1, 2, 600, 1), 2: (2, 3, 600, 0), 3: (2, 3, 600, 1)}, is_strict=False)
    assert list(net.link_id) == [1, 3]
    assert net.excluded == ((2, "0 lanes; limit: 1 to 12"),)


def test_island_is_left_out_by_name():
    points = {**LINE, 8: (0.0, 5000.0), 9: (500.0, 5000.0)}
    net = street(points, {1: (1, 2, 600, 1), 2: (2, 3, 600, 1), 5: (8, 9, 500, 1)})
    assert list(net.link_id) == [1, 2]
    assert net.excluded == ((5, "not connected with the rest"),)


def test_nothing_left_is_refused():
    with pytest.raises(BadNetwork, match="0 of 1 links can be used"):
        street(LINE, {1: (1, 2, 3.0, 1)})


def test_short_link_becomes_part_of_the_junction():
    """2-3 is 8 m: 1 leads straight into 3, and a ban on the way through 2 bans that turn."""
    import pandas as pd

    points = {1: (0.0, 0.0), 2: (600.0, 0.0), 3: (608.0, 0.0), 4: (1200.0, 0.0), 5: (608.0, 600.0)}
    links = {1: (1, 2, 600, 1), 2: (2, 3, 8, 1), 3: (3, 4, 592, 1), 4: (3, 5, 600, 1)}
    net = street(points, links)
    assert list(net.link_id) == [1, 3, 4]
    assert net.link_at[2] == -1
    assert set(net.turns.to_link[net.turns.from_link == 0]) == {1, 2}
    bans = pd.DataFrame({"from_link": [2], "to_link": [4], "is_allowed": [False]})
    banned = street(points, links, bans=bans)
    assert set(banned.turns.to_link[banned.turns.from_link == 0]) == {1}


def test_turns_bend_the_way_they_are_drawn():
    """From the west, 24 lies to the left, 22 straight on, 23 to the right, and 21 back."""
    net = street(CROSS, ARMS)
    at = {int(net.link_id[net.turns.to_link[t]]): t for t in net.turns.of(net.link_at[11])}
    assert net.turns.angle_deg[[at[24], at[22], at[23]]] == pytest.approx([90, 0, -90])
    assert net.turns.is_back[at[21]]
    assert list(net.turns.lanes[[at[24], at[22], at[23]]]) == [1, 2, 1]


def test_side_road_gives_way_and_left_waits_for_oncoming():
    """1-9-2 is the main road: from 3 all wait for it; from 1, only the left waits, for who comes from 2."""
    nodes, links = tables(CROSS, ARMS)
    links["rank"] = np.where(links["id"] % 10 <= 2, 105, 107)
    net = build(nodes, links)
    turns = net.turns

    def waits_for(a, b):
        t = int(turns.between(np.array([net.link_at[a]]), np.array([net.link_at[b]]))[0])
        foes = turns.foes[turns.foe_at[t] : turns.foe_at[t + 1]]
        return {(int(net.link_id[turns.from_link[f]]), int(net.link_id[turns.to_link[f]])) for f in foes if f >= 0}

    assert (11, 22) in waits_for(13, 24)
    assert (12, 21) in waits_for(13, 24)
    assert waits_for(11, 22) == set()
    assert waits_for(11, 24) == {(12, 21), (12, 24)}


def test_digest_tells_networks_apart():
    one, same = street(CROSS, ARMS), street(CROSS, ARMS)
    assert one.digest() == same.digest()
    assert one.digest() != street(CROSS, ARMS | {24: (9, 4, 500, 1)}).digest()
