"""`python -m backend.feed`: the demo feed as a process of its own."""

import argparse
import asyncio

from backend.feed.loop import run
from twin.settings import Settings


def main() -> None:
    """Read `--speed` and `--seed` over the settings of the environment, and run until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m backend.feed", description=__doc__)
    parser.add_argument("--speed", type=float, help="city seconds in a real second")
    parser.add_argument("--seed", type=int, help="seed of the day")
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    try:
        asyncio.run(run(Settings(**given)))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
