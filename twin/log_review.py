"""The monthly review of the log: who looked, exported, shared and changed how often, out of hours, and was refused."""

from datetime import datetime
from typing import Any

import asyncpg

Record = dict[str, Any]
HOURS = (8, 19)
"""Office hours (KST), Monday to Friday; the rest is out of hours, which in a control room is no fault by itself."""
SIGNED = "review_signed"
_BY_ACCOUNT = (
    "SELECT account, count(*) AS deeds, "
    "count(*) FILTER (WHERE work = 'sign_in' AND outcome = 'done') AS sign_ins, "
    "count(*) FILTER (WHERE work = 'sign_in' AND outcome <> 'done') AS failed, "
    "count(*) FILTER (WHERE work IN ('camera_view', 'share_camera') AND outcome = 'done') AS views, "
    "count(*) FILTER (WHERE work = 'download' AND outcome = 'done') AS downloads, "
    "count(*) FILTER (WHERE work = 'share.grant' AND outcome = 'done') AS shares, "
    "count(*) FILTER (WHERE outcome = 'refused') AS refused, "
    "count(*) FILTER (WHERE extract(isodow FROM at AT TIME ZONE 'Asia/Seoul') > 5 "
    "OR extract(hour FROM at AT TIME ZONE 'Asia/Seoul') NOT BETWEEN $3 AND $4) AS out_of_hours, "
    "count(DISTINCT place) AS places, max(at) AS last "
    "FROM log WHERE at >= $1 AND at < $2 GROUP BY account ORDER BY deeds DESC, account LIMIT 1000"
)
_STRIKING = (
    "SELECT seq, at, account, place, work, subject, reason, ground, outcome FROM log WHERE at >= $1 AND at < $2 "
    "AND (outcome <> 'done' OR work IN ('camera_view', 'share_camera', 'download', 'share.grant')) "
    "ORDER BY seq DESC LIMIT 500"
)


async def review(db: asyncpg.Pool, start: datetime, end: datetime, month: str) -> Record:
    """Return what a reviewer has to see of a month: counts by account, striking rows, who has signed.

    Parameters
    ----------
    month
        `YYYY-MM`, under which reviews of it were signed.
    """
    accounts = await db.fetch(_BY_ACCOUNT, start, end, HOURS[0], HOURS[1] - 1)
    rows = await db.fetch(_STRIKING, start, end)
    signed = await db.fetch(
        "SELECT seq, at, account, reason FROM log WHERE work = $1 AND subject = $2 ORDER BY seq", SIGNED, month
    )
    return {
        "month": month, "accounts": [dict(row) for row in accounts], "rows": [dict(row) for row in rows],
        "signed": [dict(row) for row in signed],
    }  # fmt: skip
