"""The one command, `./gunsan`."""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from backend.supervisor import Supervisor, build_city, environment, is_healthy
from simulations import simulation_of
from simulations.flood import command as flood
from simulations.traffic import command as traffic
from twin.errors import TwinError
from twin.reader_city import base_status
from twin.settings import ROOT, Settings


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    top = argparse.ArgumentParser(prog="gunsan", description="군산 트윈 · Gunsan Twin")
    commands = top.add_subparsers(dest="command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--data-dir", type=Path, help="what this city writes (default: data/ in the checkout)")
        sub.add_argument("--port", type=int, help="web port (default 8050); broker +1, AIS +2")
        return sub

    up = command("up", "set up what is missing, run the city, print its address")
    up.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    up.add_argument("--no-feed", action="store_true", help="without the demo feed: real sources only")
    up.add_argument("--speed", type=float, help="how many times faster than the clock the demo day runs")
    up.add_argument("--seed", type=int, help="seed of the generated city and of the demo")
    command("status", "show whether the city runs, its address and keys")
    command("stop", "stop the running city")
    tail = command("tail", "print live changes of a layer")
    tail.add_argument("layer")
    tail.add_argument("-n", type=int, default=0, help="stop after this many lines")
    replay = command("replay", "send a file through the pipeline, one message a line")
    replay.add_argument("layer")
    replay.add_argument("file", type=Path)
    base = command("base", "base data: `base import DIR` puts the city on real data, `base status` shows its origin")
    base.add_argument("action", choices=("import", "status"))
    base.add_argument("dir", type=Path, nargs="?")
    simulate = command("simulate", "run a simulation: `simulate flood --dem FILE --scenario FILE --out DIR`")
    kinds = simulate.add_subparsers(dest="simulation", required=True)
    water = kinds.add_parser("flood", help="water over any terrain, or over the city")
    water.add_argument("--data-dir", type=Path, default=argparse.SUPPRESS, help="the city's folder, for a preset on it")
    flood.add_arguments(water)
    traffic.add_arguments(kinds.add_parser("traffic", help="roads closed and flooded, on the generated city"))
    verify = command("verify", "repeat a run of `simulate` from its receipt and compare bit for bit")
    verify.add_argument("dir", type=Path)
    bench = command("bench", "run benchmarks; prints a table and writes JSON")
    bench.add_argument("name", nargs="?", default="all", help="ingest, live, tiles, crash, page, flood or all")
    bench.add_argument("--quick", action="store_true", help="short runs, to see that everything works")
    bench.add_argument("--docs", action="store_true", help="also write docs/reference/benchmarks.md")
    commands.add_parser("test", help="run the whole test suite; what follows goes to pytest")
    return top


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Build the settings once: the environment, overruled by the arguments."""
    given = {
        name: value for name, value in vars(arguments).items() if name in Settings.model_fields and value is not None
    }
    if getattr(arguments, "no_feed", False):
        given["demo"] = False
    settings = Settings(**given)
    return settings.model_copy(
        update={
            "data_dir": settings.data_dir.resolve(),
            "gisdata_dir": settings.gisdata_dir and settings.gisdata_dir.resolve(),
        }
    )


async def up(settings: Settings) -> None:
    """Run the city until Ctrl-C."""
    roles = ("ingest", "web", "worker", *(("feed",) if settings.demo else ()))
    city = Supervisor(settings, roles)
    stopped = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, stopped.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, city.restart_roles)
    started = time.monotonic()
    try:
        starting = asyncio.create_task(city.start())
        waiting = asyncio.create_task(stopped.wait())
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not stopped.is_set():
            await starting
            (settings.run_dir / "settings.json").write_text(settings.model_dump_json(exclude_none=True))
            print(f"\n군산 트윈이 켜졌습니다 · Gunsan Twin is up ({time.monotonic() - started:.1f} s)")
            print(f"  {console_address(settings)}\n")
            print("Ctrl-C 로 끕니다 · stops it", flush=True)
            await stopped.wait()
        starting.cancel()
    finally:
        await city.stop()


def console_address(settings: Settings) -> str:
    """Return the address that opens the console, with the key in it."""
    return f"http://{settings.host}:{settings.port}/sign-in?key={settings.secrets().operator_key}"


def running(settings: Settings) -> tuple[int, Settings] | None:
    """Return pid and settings of the city that runs in the data folder, or None."""
    try:
        pid = int((settings.run_dir / "supervisor.pid").read_text())
        os.kill(pid, 0)
        return pid, Settings.model_validate_json((settings.run_dir / "settings.json").read_text())
    except (OSError, ValueError):
        return None


def status(settings: Settings) -> int:
    """Print how the city is."""
    found = running(settings)
    if found is None:
        print(f"꺼져 있습니다 · not running in {settings.data_dir}")
        return 1
    pid, settings = found
    print(f"pid {pid}, {'정상 · healthy' if is_healthy(settings) else '장애 · degraded'}")
    print(f"console      {console_address(settings)}")
    print(f"ingest key   {settings.secrets().ingest_key}")
    print(f"MQTT         {settings.broker_host}:{settings.mqtt_port}, user feed")
    print(f"MQTT secret  {settings.secrets().broker_password}")
    print(f"AIS          {settings.host}:{settings.nmea_port} (TCP and UDP)")
    return 0


def stop(settings: Settings) -> int:
    """Stop the running city and wait until it is gone."""
    found = running(settings)
    if found is None:
        print(f"꺼져 있습니다 · not running in {settings.data_dir}")
        return 1
    os.kill(found[0], signal.SIGTERM)
    for _ in range(300):
        if running(settings) is None:
            return 0
        time.sleep(0.1)
    print(f"pid {found[0]} did not stop within 30 s")
    return 1


async def tail(settings: Settings, layer: str, limit: int) -> int:
    """Print the live changes of a layer through the public WebSocket."""
    from backend.tail import lines

    found = running(settings)
    count = 0
    async for line in lines((found[1] if found else settings), layer):
        print(line, flush=True)
        count += 1
        if count == limit:
            break
    return 0


async def replay(settings: Settings, layer: str, file: Path) -> int:
    """Send a file through the pipeline: one message a line."""
    from backend.sources.inlet import Inlet

    inlet, accepted, rejected = Inlet(settings.inlet_path), 0, 0
    with file.open("rb") as lines:
        for line in lines:
            if line.strip():
                outcome = await inlet.send(layer, line.strip(), "replay")
                accepted += outcome.accepted
                rejected += len(outcome.rejects)
                for reason, text in outcome.rejects:
                    print(f"{reason}: {text}")
    print(f"{accepted} accepted, {rejected} rejected")
    return 0 if rejected == 0 else 1


@asynccontextmanager
async def store_of(settings: Settings) -> AsyncIterator[tuple[Settings, int | None]]:
    """Yield the settings and the pid of the running city; when it is off, start its database alone for a while."""
    if found := running(settings):
        yield found[1], found[0]
        return
    store = Supervisor(settings, roles=())
    try:
        await store.start()
        yield settings, None
    finally:
        await store.stop()


async def base(settings: Settings, action: str, folder: Path | None) -> int:
    """Import base data, or show where the base layers came from; starts the database when the city is off."""
    if action == "import" and (folder is None or not folder.is_dir()):
        print(f"base import needs a folder; {folder} is none")
        return 2
    async with store_of(settings) as (city, pid):
        if action == "import" and folder:
            build_city(city.model_copy(update={"gisdata_dir": folder.resolve()}))
            if pid is not None:
                os.kill(pid, signal.SIGHUP)
        return show_base(city)


async def simulate_city(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run a preset on the city's own terrain."""
    simulation = simulation_of(arguments.simulation)
    scenario = simulation.check({"preset": arguments.scenario, "threads": arguments.threads})
    arguments.out.mkdir(parents=True, exist_ok=True)
    async with store_of(settings) as (city, _):
        facts = await asyncio.to_thread(simulation.run, city.dsn(), city.data_dir, scenario, arguments.out, flood.tell)
    print(json.dumps({name: facts[name] for name in ("totals", "mass_error", "trusted", "wall_s")}, indent=1))
    return 0 if facts["trusted"] else 3


async def verify(settings: Settings, folder: Path) -> int:
    """Repeat a run and compare it bit for bit: of a terrain file by its receipt, of the city on the city of now."""
    if (folder / flood.RECEIPT).exists():
        return flood.verify(folder)
    kept = flood.read_json(folder / "result.json")
    async with store_of(settings) as (city, _):
        simulation = simulation_of(kept["simulation"])
        with tempfile.TemporaryDirectory() as again:
            facts = await asyncio.to_thread(
                simulation.run, city.dsn(), city.data_dir, kept["receipt"]["asked"], Path(again), flood.tell
            )
    if facts["receipt"]["digest"] != kept["receipt"]["digest"]:
        print("the city is not the one of that run: its ground, buildings or drains have changed")
        return 1
    return flood.compare(kept["receipt"]["outputs"], facts["receipt"]["outputs"], folder)


def show_base(settings: Settings) -> int:
    """Print origin, quality and size of the base layers."""
    for row in base_status(settings.dsn()):
        size = f"{row['row_count']:>7} {row['quality']:12} {row['as_of']}"
        print(f"{row['id']:16} {size} {row['licence']:24} {row['origin']}")
    return 0


def test(arguments: list[str]) -> int:
    """Run the checks and the tests."""
    env = environment(Settings())
    python = [sys.executable, "-m"]
    steps = [
        [*python, "ruff", "check", "."],
        [*python, "ruff", "format", "--check", "."],
        [*python, "mypy"],
        [str(Path(sys.executable).parent / "lint-imports")],
    ]
    for step in [] if arguments else steps:
        if code := subprocess.run(step, cwd=ROOT, env=env, check=False).returncode:
            return code
    return subprocess.run([*python, "pytest", *arguments], cwd=ROOT, env=env, check=False).returncode


def bench(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run benchmarks."""
    flags = [f"--{flag}" for flag in ("quick", "docs") if getattr(arguments, flag)]
    command = [sys.executable, "-m", "tests.benchmarks", arguments.name, *flags]
    return subprocess.run(command, cwd=ROOT, env=environment(settings), check=False).returncode


def main() -> int:
    """Run one command; errors of ours are one line, not a traceback."""
    if sys.argv[1:2] == ["test"]:
        return test(sys.argv[2:])
    arguments = parser().parse_args()
    try:
        settings = settings_of(arguments)
        match arguments.command:
            case "up":
                asyncio.run(up(settings))
            case "status":
                return status(settings)
            case "stop":
                return stop(settings)
            case "tail":
                return asyncio.run(tail(settings, arguments.layer, arguments.n))
            case "replay":
                return asyncio.run(replay(settings, arguments.layer, arguments.file))
            case "base":
                return asyncio.run(base(settings, arguments.action, arguments.dir))
            case "simulate" if arguments.simulation == "traffic":
                return traffic.run(arguments)
            case "simulate" if arguments.dem is not None:
                return flood.run(arguments)
            case "simulate":
                return asyncio.run(simulate_city(settings, arguments))
            case "verify":
                return asyncio.run(verify(settings, arguments.dir))
            case "bench":
                return bench(settings, arguments)
    except TwinError as error:
        print(f"gunsan: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
