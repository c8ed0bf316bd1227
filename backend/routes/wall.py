"""The wall's layouts: saved by name, and which of them the wall shows."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from backend.city import CityParts, parts_of
from twin import clock
from twin.access import AccessClass, Right
from twin.entries import Entries
from twin.errors import NotFound

router = APIRouter(prefix="/api/wall")
Parts = Annotated[CityParts, Depends(parts_of)]
SHOWN = "main"
"""The one wall there is."""


class View(BaseModel):
    """Where the map stands while it follows nothing [deg, WGS84]."""

    model_config = ConfigDict(extra="forbid")
    lon: float = Field(ge=125.9, le=127.2)
    lat: float = Field(ge=35.5, le=36.3)
    zoom: float = Field(ge=9, le=19)


class Layout(BaseModel):
    """What a wall shows and how."""

    model_config = ConfigDict(extra="forbid")
    arrangement: Literal["balanced", "map", "cameras", "figures"] = "balanced"
    """Which pane has the most room."""
    figures: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]] = Field(default=[], max_length=24)
    """Ids of figures; empty shows the usual ones."""
    follows: bool = True
    """The map flies to what matters."""
    view: View | None = None
    language: Literal["ko", "en"] = "ko"
    branch: str = Field(default="live", pattern=r"^(live|drill:[\w-]{1,60})$")
    """Whose incidents are shown; a drill bears its frame and word."""


@router.get("")
async def shown(request: Request, city: Parts) -> dict[str, Any]:
    """Return the layout that the wall shows and the saved ones."""
    city.caller(request).require_class(AccessClass.INTERNAL, "layouts of the wall")
    entries = Entries(city.pool)
    now = await entries.get("wall_shown", SHOWN)
    saved = [{"name": one["key"], "layout": one["value"], "changed": one["changed"], "by": one["changed_by"]}
             for one in await entries.list("wall_layout")]  # fmt: skip
    layout = now["value"] if now else {"name": None, "layout": Layout().model_dump()}
    return {"shown": layout, "saved": saved}


@router.put("/layouts/{name}")
async def save(request: Request, city: Parts, name: str, layout: Layout) -> dict[str, Any]:
    """Save a layout under a name."""
    await Entries(city.pool).put(city.caller(request), "wall_layout", {name: layout.model_dump()}, clock.now())
    return {"name": name}


@router.delete("/layouts/{name}")
async def forget(request: Request, city: Parts, name: str) -> dict[str, Any]:
    """Forget a layout."""
    await Entries(city.pool).delete(city.caller(request), "wall_layout", name)
    return {"name": name}


@router.post("/layouts/{name}/show")
async def show(request: Request, city: Parts, name: str) -> dict[str, Any]:
    """Push a saved layout to the wall, which takes it with its next look."""
    caller, entries = city.caller(request), Entries(city.pool)
    caller.require(Right.EDIT, "a layout of the wall")
    saved = await entries.get("wall_layout", name)
    if saved is None:
        raise NotFound(f"there is no layout {name[:40]!r}")
    await entries.put(caller, "wall_shown", {SHOWN: {"name": name, "layout": saved["value"]}}, clock.now())
    return {"name": name}
