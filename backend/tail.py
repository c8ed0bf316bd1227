"""Live changes of a layer as lines of text, through the public WebSocket like any other screen."""

from collections.abc import AsyncIterator
from datetime import datetime

import numpy as np
import orjson
import websockets

from twin import frame
from twin.clock import KST
from twin.crs import CITY_BBOX
from twin.errors import Refused, Unavailable
from twin.settings import Settings


async def lines(settings: Settings, layer: str) -> AsyncIterator[str]:
    """Yield one line per changed asset and per event; the standing values come first.

    Raises
    ------
    Refused
        There is no such layer, or it is not for us.
    Unavailable
        The city does not run.
    """
    address = f"ws://{settings.host}:{settings.port}/ws/live"
    bearer = {"Authorization": f"Bearer {settings.secrets().operator_key}"}
    try:
        async with websockets.connect(address, additional_headers=bearer, max_size=None, proxy=None) as socket:
            await socket.send(orjson.dumps({"type": "subscribe", "layers": [layer], "bbox": CITY_BBOX}).decode())
            async for message in socket:
                if isinstance(message, bytes):
                    for line in _rows(message):
                        yield line
                    continue
                text = orjson.loads(message)
                if text["type"] == "error":
                    raise Refused(text["what"])
                if text["type"] == "event":
                    yield f"{text['phenomenon_time']} {text['severity']} {text['kind']} {text['key']} {text['detail']}"
    except (OSError, websockets.ConnectionClosed) as error:
        raise Unavailable(f"{address} does not answer ({error}); is the city up?") from error


def _rows(data: bytes) -> list[str]:
    header, columns = frame.decode(data)
    names = [name for name in columns if name not in ("asset", "time", "severity")]
    found = []
    for row in range(header["n"]):
        time = columns["time"][row]
        at = "-" if np.isnan(time) else f"{datetime.fromtimestamp(time, KST):%H:%M:%S}"
        values = " ".join(f"{name}={columns[name][row]:g}" for name in names if not np.isnan(columns[name][row]))
        found.append(f"{at} {header['layer']} #{columns['asset'][row]} {values}")
    return found
