"""The register of decree art. 15: what was passed on to whom, why, on which ground; it fills itself."""

from datetime import datetime
from typing import Any

import asyncpg

from twin.clock import KST

Record = dict[str, Any]
METHOD = "열람 전용 공유 링크 · view-only share link"
ACT_KO = {"granted": "제공 시작", "opened": "열람", "camera": "영상 열람", "seen": "확인", "ended": "제공 종료"}
COLUMNS = ("at", "act", "incident", "file_name", "body", "purpose", "ground", "items", "period", "method", "limits",
           "share_id")  # fmt: skip
_ALL = (
    "SELECT r.*, s.incident_id AS incident FROM share_register r JOIN share s ON s.id = r.share_id "
    "WHERE ($1::bigint IS NULL OR s.incident_id = $1) AND ($2::timestamptz IS NULL OR r.at >= $2) "
    "ORDER BY r.at, r.id LIMIT 20000"
)


def period_of(share: Record) -> str:
    """Return from when until when a share is granted (KST)."""
    start, end = (share[name].astimezone(KST) for name in ("granted", "expires"))
    return f"{start:%Y-%m-%d %H:%M} – {end:%Y-%m-%d %H:%M} KST"


def limits_of(share: Record) -> str:
    """Return the limits that a share sets."""
    parts = [
        "열람만, 저장·재제공 금지 · view only, no keeping or passing on",
        "사건 종료 시 폐쇄 · ends with the incident",
    ]
    parts += ["영상 모자이크 · pictures masked"] if share["is_masked"] and share["cameras"] else []
    parts += ["비밀번호 · PIN"] if share["pin_hash"] else []
    return "; ".join(parts)


async def enter(db: asyncpg.Connection, share: Record, act: str, items: str, now: datetime) -> None:
    """Append a row, in the caller's transaction."""
    await db.execute(
        "INSERT INTO share_register (share_id, at, act, file_name, body, purpose, ground, items, period, method, "
        "limits) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        share["id"], now, act, f"사건 #{share['incident_id']} 상황 정보 · incident {share['incident_id']}",
        share["agency"], share["purpose"], share["ground"], items, period_of(share), METHOD, limits_of(share),
    )  # fmt: skip


def items_of(share: Record) -> str:
    """Return what a share opens, in words."""
    cameras = f"; 카메라 · cameras: {len(share['cameras'])}" if share["cameras"] else ""
    layers = ", ".join(share["layers"]) or "–"
    area = f"{share['south']:.4f}, {share['west']:.4f} – {share['north']:.4f}, {share['east']:.4f}"
    return f"사건 개요, 할 일, 위치 · facts, tasks, place; 범위 · area: {area}; 레이어 · layers: {layers}{cameras}"


async def rows(db: asyncpg.Pool, incident_id: int | None = None, since: datetime | None = None) -> list[Record]:
    """Return rows of the register, the oldest first."""
    return [dict(row) for row in await db.fetch(_ALL, incident_id, since)]
