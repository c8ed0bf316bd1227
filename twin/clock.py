"""The one file that reads the clock. Inside, time is aware UTC; on the screen it is KST."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

KST = ZoneInfo("Asia/Seoul")


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)
