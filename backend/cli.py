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
from typing import Any

from backend import account_command
from backend.checks import check
from backend.supervisor import Supervisor, build_city, environment, is_healthy
from simulations import simulation_of
from simulations.flood import command as flood
from simulations.receipt import compare, read_json, tell
from simulations.traffic import command as traffic
from twin import clock
from twin.accounts import FIRST
from twin.chain import verify as check_log
from twin.db import connect
from twin.errors import BadInput, BadScenario, TwinError
from twin.log import Deed, append, lines
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
    flood.add_arguments(water)
    roads = kinds.add_parser("traffic", help="roads of the city closed and flooded")
    for kind in (water, roads):
        kind.add_argument("--data-dir", type=Path, default=argparse.SUPPRESS, help="the city's folder")
    traffic.add_arguments(roads)
    account_command.add_arguments(command("account", "accounts: `account add NAME --role R`, `account reset NAME`"))
    streets = command("roads", "read a street network, say what is used of it, write it for SUMO")
    traffic.add_roads_arguments(streets)
    verify = command("verify", "repeat a run of `simulate` from its receipt and compare bit for bit")
    verify.add_argument("dir", type=Path)
    verify.add_argument("--roads", type=Path, help="folder of the streets that the run was asked on, if not the city's")
    audit = command("audit", "the log: `audit export FILE --reason TEXT`, `audit verify FILE --head HASH_OR_FILE`")
    audit.add_argument("action", choices=("export", "verify"))
    audit.add_argument("file", type=Path)
    audit.add_argument("--reason", default="", help="why it is exported; the log keeps it")
    audit.add_argument("--head", action="append", default=[], help="a published hash, or the file it stands in")
    bench = command("bench", "run benchmarks; prints a table and writes JSON")
    bench.add_argument("name", nargs="?", default="all", help="name of a benchmark, or all")
    bench.add_argument("--quick", action="store_true", help="short runs, to see that everything works")
    bench.add_argument("--docs", action="store_true", help="also write docs/reference/benchmarks.md")
    bench.add_argument("--peers", help="folder of Python packages that are measured beside ours (pip --target)")
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
    roles = ("ingest", "web", "worker", "traffic", *(("feed",) if settings.demo else ()))
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
            (settings.run_dir / "settings.json").write_text(
                settings.model_dump_json(exclude_none=True, exclude={"oidc_client_secret"})
            )
            print(f"\n군산 트윈이 켜졌습니다 · Gunsan Twin is up ({time.monotonic() - started:.1f} s)")
            print(f"  {console_address(settings)}\n")
            if city.first_password is not None:
                print("첫 계정의 비밀번호는 지금 한 번만 보입니다 · the first account's password is shown this once")
                print(f"  {FIRST}  {city.first_password}\n")
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
    """Run a preset, or a scenario file of traffic, on the city of the store."""
    simulation = simulation_of(arguments.simulation)
    if arguments.simulation == "traffic":
        asked = traffic.asked(arguments)
    else:
        asked = {"preset": arguments.scenario, "threads": arguments.threads}
    scenario = simulation.check(asked)
    arguments.out.mkdir(parents=True, exist_ok=True)
    async with store_of(settings) as (city, _):
        facts = await _run(arguments.simulation, getattr(arguments, "roads", None), city, scenario, arguments.out)
    told = ("totals", "mass_error", "teleports", "spread", "trusted", "wall_s")
    print(json.dumps({name: facts[name] for name in told if name in facts}, indent=1, ensure_ascii=False))
    return 0 if facts["trusted"] else 3


async def _run(
    name: str, streets: Path | None, city: Settings, scenario: dict[str, Any], out: Path
) -> dict[str, Any]:  # fmt: skip
    """Answer a question on the city, or on the streets of a folder."""
    given = (city.dsn(), city.data_dir, scenario, out, tell)
    if streets is None:
        return await asyncio.to_thread(simulation_of(name).run, *given)
    from simulations.traffic.roads import run_on

    return await asyncio.to_thread(run_on, streets, *given)


async def roads(settings: Settings, arguments: argparse.Namespace) -> int:
    """Say what a street network is; starts the database for the city's own when the city is off."""
    from simulations.traffic.roads import roads as read

    if arguments.source == "city":
        async with store_of(settings) as (city, _):
            facts = await asyncio.to_thread(read, arguments, city.dsn(), city.data_dir)
    else:
        facts = read(arguments, None, settings.data_dir)
    print(json.dumps(facts, indent=1, ensure_ascii=False))
    return 0


async def verify(settings: Settings, folder: Path, streets: Path | None) -> int:
    """Repeat a run and compare it bit for bit: of a terrain file by its receipt, of the city on the city of now."""
    if (folder / flood.RECEIPT).exists():
        return flood.verify(folder)
    kept = read_json(folder / "result.json")
    if kept.get("is_live"):
        raise BadScenario(
            f"{folder} began from the live city, whose state of that moment is gone; it cannot be repeated"
        )
    if kept["receipt"].get("is_on_given_roads") and streets is None:
        raise BadScenario(f"{folder} was asked on streets of a folder; limit: name it with --roads")
    async with store_of(settings) as (city, _):
        with tempfile.TemporaryDirectory() as again:
            asked = kept["receipt"]["asked"]
            facts = await _run(kept["simulation"], streets, city, asked, Path(again))
    if facts["receipt"]["digest"] != kept["receipt"]["digest"]:
        print("the city is not the one of that run: what it stands on has changed")
        return 1
    return compare(kept["receipt"]["outputs"], facts["receipt"]["outputs"], folder)


async def export_log(settings: Settings, file: Path, reason: str) -> int:
    """Write the log into a file; that it was exported is a row of it, too."""
    if not reason.strip():
        raise BadInput("to export the log needs --reason")
    async with store_of(settings) as (city, _):
        db = await connect(city.dsn())
        try:
            await append(db, Deed("command line", "local", "download", "log", reason.strip()), clock.now())
            with file.open("wb") as out:
                async for line in lines(db):
                    out.write(line)
        finally:
            await db.close()
    print(f"{file}; verify it with: ./gunsan audit verify {file} --head HEAD")
    return 0


def show_base(settings: Settings) -> int:
    """Print origin, quality and size of the base layers."""
    for row in base_status(settings.dsn()):
        size = f"{row['row_count']:>7} {row['quality']:12} {row['as_of']}"
        print(f"{row['id']:16} {size} {row['licence']:24} {row['origin']}")
    return 0


def bench(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run benchmarks."""
    flags = [f"--{flag}" for flag in ("quick", "docs") if getattr(arguments, flag)]
    flags += ["--peers", arguments.peers] if arguments.peers else []
    command = [sys.executable, "-m", "tests.benchmarks", arguments.name, *flags]
    return subprocess.run(command, cwd=ROOT, env=environment(settings), check=False).returncode


def main() -> int:
    """Run one command; errors of ours are one line, not a traceback."""
    if sys.argv[1:2] == ["test"]:
        return check(sys.argv[2:])
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
            case "simulate" if getattr(arguments, "dem", None) is not None:
                return flood.run(arguments)
            case "simulate":
                return asyncio.run(simulate_city(settings, arguments))
            case "roads":
                return asyncio.run(roads(settings, arguments))
            case "verify":
                return asyncio.run(verify(settings, arguments.dir, arguments.roads))
            case "audit" if arguments.action == "verify":
                return check_log(arguments.file, arguments.head)
            case "audit":
                return asyncio.run(export_log(settings, arguments.file, arguments.reason))
            case "account":
                return asyncio.run(account_command.run(settings, store_of(settings), arguments))
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
