"""One clock: which moment of which branch is asked for, in one form for every layer (`as_of`, `valid_at`, `branch`)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from twin.errors import BadInput

LIVE = "live"
RUN = "run:"
DRILL = "drill:"
HORIZON = timedelta(hours=24)
"""Farthest a forecast is asked for."""
PRESENT = timedelta(seconds=2)
"""A moment nearer than this is now: the request itself took its time."""
MODES = ("live", "replay", "forecast", "what-if", "drill")


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment as it is asked for.

    Parameters
    ----------
    as_of
        What the twin knew at that time; None means now.
    valid_at
        The time that the answer is about: before `as_of` it is history, after it a forecast that was issued by
        `as_of`; None means `as_of`.
    branch
        `live`, `run:<id>` (the city at the start of a simulation, which the run's own files continue) or `drill:<id>`.
    """

    as_of: datetime | None = None
    valid_at: datetime | None = None
    branch: str = LIVE

    def check(self, now: datetime) -> "Moment":
        """Return the moment itself.

        Raises
        ------
        BadInput
            Knowledge of the future is asked for, a forecast beyond the horizon, or a branch that no one could name.
        """
        if self.as_of is not None and self.as_of > now + PRESENT:
            raise BadInput(f"as_of {self.as_of.isoformat()} lies after now, {now.isoformat()}; ask with valid_at")
        if self.valid_at is not None and self.valid_at > (self.as_of or now) + HORIZON:
            raise BadInput(f"valid_at {self.valid_at.isoformat()} lies more than {HORIZON} after what was known")
        if self.branch != LIVE and not (self.branch.startswith((RUN, DRILL)) and len(self.branch) <= 80):
            raise BadInput(f"branch {self.branch[:80]!r} is none of live, run:<id>, drill:<id>")
        return self

    @property
    def is_now(self) -> bool:
        """Tell whether this is the live present."""
        return self == Moment()

    @property
    def run(self) -> str | None:
        """Id of the run whose branch this is."""
        return self.branch.removeprefix(RUN) if self.branch.startswith(RUN) else None

    def known(self, now: datetime) -> datetime:
        """Return up to when things were known."""
        return self.as_of or now

    def observed(self, now: datetime) -> datetime:
        """Return the newest time that an observation may have to count."""
        return min(self.valid_at or self.known(now), self.known(now))

    def shown(self, now: datetime) -> datetime:
        """Return the time that the answer is about."""
        return self.valid_at or self.known(now)

    def is_forecast(self, now: datetime) -> bool:
        """Tell whether the answer lies after what was known."""
        return self.shown(now) > self.known(now)

    def mode(self, now: datetime) -> str:
        """Return which word the screen bears: one of `MODES`."""
        if self.branch.startswith(RUN):
            return "what-if"
        if self.branch.startswith(DRILL):
            return "drill"
        if self.shown(now) > now + PRESENT:
            return "forecast"
        return "live" if self.is_now else "replay"


NOW = Moment()
