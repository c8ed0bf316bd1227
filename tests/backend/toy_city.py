"""A made-up town small enough for a test: registers of every layer and a grid of streets."""

import numpy as np

from twin.register import AssetFact, Roads

MARKETS = ("군산공설시장", "신영시장")
QUAY = ((126.6345, 35.9800), (126.5690, 35.9760))


def assets(lots: int = 40, shops: int = 60, cameras: int = 80, links: int = 60) -> dict[str, list[AssetFact]]:
    """Return the registers; numbers can be raised to those of the real city."""
    rng = np.random.default_rng(3)

    def place() -> tuple[float, float]:
        return float(rng.uniform(126.66, 126.76)), float(rng.uniform(35.94, 35.99))

    def some(key: str, n: int, **attributes: object) -> list[AssetFact]:
        return [AssetFact(key.format(i + 1), *place(), dict(attributes)) for i in range(n)]

    gauge = {"kind": "stage", "caution_m": 1.2, "alarm_m": 1.7, "danger_m": 2.2}
    under = {"kind": "underpass", "caution_m": 0.1, "alarm_m": 0.15, "danger_m": 0.3}
    parking = [
        AssetFact(
            f"LOT-{i + 1:05d}",
            *place(),
            {
                "kind": ("off_street", "on_street", "attached")[i % 3],
                "spaces_total": 10 + 3 * i,
                "is_live": i % 8 != 7,
                **({"bays": 10 + 3 * i} if i == 0 else {}),
            },
        )
        for i in range(lots)
    ]
    east, west = np.array(QUAY[0]), np.array(QUAY[1])
    berths = [
        AssetFact(
            f"B-{i + 11}", *map(float, east + (west - east) * i / 30), {"length_m": 210, "depth_m": 11, "cargo": "잡화"}
        )
        for i in range(31)
    ]
    return {
        "parking": parking,
        "rain": [*some("RAIN-{:02d}", 27), AssetFact("KMA-140", 126.76135, 36.0053, {})],
        "water_level": [
            AssetFact(
                "DT_0018", 126.56305, 35.97555, {"kind": "tide", "caution_m": 3.2, "alarm_m": 3.6, "danger_m": 4.0}
            ),
            *some("WL-{:02d}", 20, **gauge),
            *some("PUMP-{}", 3, kind="pump", capacity_m3s=20.0),
            *some("GATE-{:02d}", 12, kind="gate"),
            *some("UP-{:02d}", 4, **under),
        ],
        "market_fire": [
            AssetFact(f"FD-{i + 1:04d}", 126.7203, 35.9832, {"market": MARKETS[i % 2], "shop": i // 2 + 1})
            for i in range(shops)
        ],
        "cctv": some("CAM-{:04d}", cameras),
        "traffic_speed": [
            AssetFact(str(1 + i), *place(), {"road_link": 1 + i, "max_speed_kmh": (50, 60, 80)[i % 3]})
            for i in range(links)
        ],
        "berth": berths,
        "air_quality": some("AIR-{}", 6),
        "waste_bin": some("BIN-{:03d}", 30),
        "bus_shelter": some("BST-{:03d}", 20),
        "complaint": some("CIV-{:02d}", 5, population=1000),
        "weather_station": some("AWS-{}", 2),
        "water_quality": some("WQ-{}", 3),
    }


def roads(side: int = 15, cell_m: float = 500.0) -> Roads:
    """Return a square grid of two-way streets."""
    xs = 126.66 + np.arange(side) * cell_m / 90_000
    ys = 35.93 + np.arange(side) * cell_m / 110_940
    ends = []
    for row in range(side):
        for column in range(side):
            node = row * side + column
            if column + 1 < side:
                ends += [(node, node + 1), (node + 1, node)]
            if row + 1 < side:
                ends += [(node, node + side), (node + side, node)]
    points = np.array([(xs[i % side], ys[i // side]) for i in range(side * side)])
    start, end = np.array(ends).T
    n = len(ends)
    return Roads(
        np.arange(1, n + 1),
        start + 1,
        end + 1,
        np.full(n, cell_m),
        np.full(n, 50.0),
        np.full(n, 104),
        tuple(points[[a, b]] for a, b in ends),
    )
