"""What the tests of the demo feed share: a made-up city, and wires that keep what is sent."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from backend.feed.day import CityClock
from backend.feed.loop import Feed
from backend.feed.stream import City
from layers import LoadedLayer, load_layers
from layers.check import results_of
from tests.backend import toy_city
from twin.errors import BadMessage
from twin.report import Happening, Report

NOON = datetime(2026, 5, 6, 3, 0, 0, 250_000, tzinfo=UTC)
SEED = 20230714
DEMO_MINUTES = 10
GEOGRAPHY = Path(__file__).parents[2] / "gisdata" / "facts" / "geography.toml"


class Recorder:
    """Wires that keep what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.is_there = True

    def publish(self, layer: str, payload: bytes) -> None:
        self.sent.append((layer, payload))

    async def ais(self, lines: Sequence[str], *, is_class_b: bool) -> bool:
        if lines and self.is_there:
            self.sent.append(("vessel", "\r\n".join(lines).encode()))
        return self.is_there

    def take(self) -> list[tuple[str, bytes]]:
        taken, self.sent = self.sent, []
        return taken


def new_city(seed: int = SEED, start: datetime = NOON, speed: float = 1.0, **sizes: int) -> City:
    return City(load_layers(), toy_city.assets(**sizes), toy_city.roads(), seed, CityClock(start, speed))


async def played(seconds: int, **city: object) -> list[tuple[int, str, bytes]]:
    """Return (second, layer, payload) of a feed's first seconds."""
    made, wires = new_city(**city), Recorder()  # type: ignore[arg-type]
    feed = Feed(made, wires)
    sent = []
    for second in range(seconds):
        await feed.tick(second, made.clock.start + timedelta(seconds=second))
        sent += [(second, *message) for message in wires.take()]
    return sent


def entries(
    layers: dict[str, LoadedLayer], sent: Sequence[tuple[int, str, bytes]]
) -> Iterator[tuple[int, str, Report | Happening, dict[str, float]]]:
    """Read all messages as the pipeline does; a refusal fails the test."""
    for second, layer, payload in sent:
        for entry in layers[layer].adapt(payload, NOON + timedelta(seconds=second)):
            assert not isinstance(entry, BadMessage), (layer, str(entry))
            yield second, layer, entry, results_of(layers[layer].spec, entry) if isinstance(entry, Report) else {}
