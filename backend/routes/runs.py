"""Simulations: what there is, asking for a run, watching it, taking its files."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from backend.city import CityParts, parts_of
from simulations import simulation_of, simulations
from twin import clock
from twin.access import AccessClass, Right
from twin.errors import NotFound
from twin.runs import Runs

router = APIRouter(prefix="/api")
Parts = Annotated[CityParts, Depends(parts_of)]


class Asked(BaseModel):
    """A run that is asked for."""

    model_config = ConfigDict(extra="forbid")

    simulation: str = Field(max_length=40)
    title: str = Field(default="", max_length=200)
    scenario: dict[str, Any]


class Cost(BaseModel):
    """What the measures of a run cost [million KRW]; null takes it away."""

    model_config = ConfigDict(extra="forbid")

    million_krw: float | None


@router.get("/simulations")
async def known(request: Request, city: Parts) -> dict[str, Any]:
    """List the simulations with their presets and the JSON Schema of their scenarios."""
    city.caller(request).require_class(AccessClass.INTERNAL, "simulations")
    return {"simulations": [one.describe() for one in simulations().values()]}


@router.get("/runs")
async def newest(request: Request, city: Parts, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> dict[str, Any]:
    """List the newest runs."""
    return {"runs": await Runs(city.pool).newest(city.caller(request), limit)}


@router.post("/runs", status_code=201)
async def submit(request: Request, city: Parts, asked: Asked) -> dict[str, Any]:
    """Queue a run; the scenario is checked before it waits."""
    caller = city.caller(request)
    caller.require(Right.SIMULATE, "a run")
    simulation = simulation_of(asked.simulation)
    scenario = simulation.check(asked.scenario)
    title = asked.title or (scenario.get("title") or simulation.title)["ko"]
    return await Runs(city.pool).submit(caller, simulation.id, title, scenario, clock.now())


@router.get("/runs/{run_id}")
async def run(request: Request, city: Parts, run_id: str) -> dict[str, Any]:
    """Return a run: scenario, state, progress, result."""
    return await Runs(city.pool).get(city.caller(request), run_id)


@router.post("/runs/{run_id}/cancel")
async def cancel(request: Request, city: Parts, run_id: str) -> dict[str, Any]:
    """Cancel a run."""
    return await Runs(city.pool).cancel(city.caller(request), run_id, clock.now())


@router.put("/runs/{run_id}/cost")
async def price(request: Request, city: Parts, run_id: str, cost: Cost) -> dict[str, Any]:
    """Keep what the measures of a run cost, as somebody says; nothing is assumed where nobody does."""
    return await Runs(city.pool).price(city.caller(request), run_id, cost.million_krw)


@router.get("/runs/{run_id}/files/{name}")
async def file(request: Request, city: Parts, run_id: str, name: str) -> Response:
    """Return a file of a run that is done; what ends in `.gz` travels as it lies and is unpacked by the client."""
    found = await Runs(city.pool).get(city.caller(request), run_id)
    path = city.settings.runs_dir / found["id"] / name
    if name not in found["result"].get("files", ()) or not path.is_file():
        raise NotFound(f"run {run_id} has no file {name[:80]!r}")
    packed = {"Content-Encoding": "gzip"} if name.endswith(".gz") else {}
    return FileResponse(path, headers=packed | {"Cache-Control": "private, max-age=86400, immutable"})
