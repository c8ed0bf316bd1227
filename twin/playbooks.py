"""Playbooks: what to do in an incident of a topic, step by step, and whom to tell in which order. Data, not code."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from twin.cap import CATEGORIES, RESPONSES
from twin.layer import Identifier, Text

FILE = Path(__file__).with_suffix(".toml")


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(_Record):
    """One thing to do, by when after the announcement [s]."""

    id: Identifier
    text: Text
    within_s: float = Field(gt=0)


class AlertWords(_Record):
    """What a public alert of a topic usually says; `{place}` stands for the district. People change it."""

    category: str
    response: str
    event: Text
    headline: Text
    instruction: Text
    radius_m: float = Field(gt=0)
    valid_h: float = Field(gt=0)
    """How long it holds [h] unless it is renewed or cancelled."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.category not in CATEGORIES or self.response not in RESPONSES:
            raise ValueError(f"{self.category!r} or {self.response!r} is no word of CAP")
        return self


class Playbook(_Record):
    """What to do in an incident of one topic."""

    topic: Identifier
    title: Text
    purposes: tuple[str, ...] = ()
    """Purposes of the cameras that may be looked through (PIPA art. 25); in this order of preference."""
    resources: tuple[str, ...] = ()
    """Kinds of facility from which help comes."""
    notice: tuple[Identifier, ...] = ()
    """Whom to tell, in this order: roles of the address book."""
    alert: AlertWords | None = None
    """None for what is never told to the public."""
    steps: Annotated[tuple[Step, ...], Field(alias="step", min_length=1)]


@cache
def playbooks() -> dict[str, Playbook]:
    """Return all playbooks by topic."""
    found = [Playbook.model_validate(one) for one in tomllib.loads(FILE.read_text("utf-8"))["playbook"]]
    return {one.topic: one for one in found}
