"""Complaints of the synthetic day: shares of the categories as the city counted them, texts of our own making."""

from typing import Any

import numpy as np

from backend.feed.day import CityClock, plateau, rng_of
from twin.register import AssetFact

SLOT_S = 120.0
PER_DAY = 75
"""Complaints of the whole city on a working day: about what two counted channels bring."""
TEXTS = {
    "illegal_parking": (0.30, ("횡단보도 위 불법 주차 단속 요청", "학교 앞 주차 단속 바랍니다")),
    "disabled_bay": (0.19, ("장애인 주차 구역 위반 신고", "장애인 구역에 계속 주차합니다")),
    "road_repair": (0.08, ("도로 포트홀 보수 요청", "보도 블록 파손")),
    "illegal_ads": (0.05, ("불법 현수막 철거 요청", "광고물이 신호등을 가립니다")),
    "security_lamp": (0.10, ("보안등 고장", "골목 보안등이 꺼져 있습니다")),
    "street_lamp": (0.08, ("가로등 고장", "가로등이 깜빡입니다")),
    "quarantine": (0.06, ("모기 방역 요청", "하수구 모기 방역")),
    "carcass_removal": (0.05, ("도로에 동물 사체", "사체 처리 요청")),
    "other": (0.09, ("공원 소음", "쓰레기 악취", "버스 시간 문의")),
}
URGENT = ("도로에 싱크홀이 생겼습니다", "지하차도 침수 신고", "가스 냄새가 납니다")
URGENT_SHARE = 0.02
LATE_SLOTS, HISTORY_SLOTS = 6, int(7 * 86_400 / SLOT_S)
"""Slots that a round tells again; slots of the week before the start."""


class Complaints:
    """What comes in, slot by slot, by district and the people who live there."""

    def __init__(self, seed: int, districts: list[AssetFact], clock: CityClock) -> None:
        self.districts, self._seed, self._clock = districts, seed, clock
        people = np.array([float(one.attributes.get("population") or 1) for one in districts])
        self._share = people / people.sum() if len(people) else people

    def _slot(self, slot: int) -> list[tuple[int, dict[str, Any]]]:
        """Return number of the district and row of what comes in during a slot."""
        rng = rng_of(self._seed, "complaint", slot)
        busy = 0.25 + 1.5 * plateau(self._clock.hour(slot * SLOT_S), 8, 19)
        kinds = list(TEXTS)
        found = []
        for k in range(int(rng.poisson(PER_DAY * busy * SLOT_S / 86_400)) if len(self._share) else 0):
            category = kinds[int(rng.choice(len(kinds), p=[TEXTS[kind][0] for kind in kinds]))]
            text = str(rng.choice(URGENT if rng.random() < URGENT_SHARE else TEXTS[category][1]))
            row = {"id": f"{slot}-{k}", "category": category, "text": text}
            found.append((int(rng.choice(len(self._share), p=self._share)), row))
        return found

    def rows(self, t: float, which: np.ndarray, now: str) -> list[dict[str, Any]]:
        """Return counts of the day for some districts, and what came in at all of them of late.

        A slot is told again in the next rounds; the store takes an event only once. The first round tells the days
        before, so that there is something to compare with.
        """
        last = int(t // SLOT_S)
        first = last - int(self._clock.hour(t) * 3600 // SLOT_S)
        counts = np.zeros(len(self.districts), int)
        for slot in range(first, last):
            for district, _ in self._slot(slot):
                counts[district] += 1
        rows = [{"district": self.districts[i].key, "time": now, "received_today": int(counts[i])} for i in which]
        back = HISTORY_SLOTS if t < SLOT_S / 2 else LATE_SLOTS
        for slot in range(last - back, last):
            time = self._clock.real((slot + 1) * SLOT_S).isoformat()
            rows += [row | {"district": self.districts[i].key, "time": time} for i, row in self._slot(slot)]
        return rows
