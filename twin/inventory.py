"""The data inventory: which layers and tables hold personal or restricted data, how long, on what ground."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from twin.layer import Layer, Text
from twin.log_model import KEPT
from twin.model import Base

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """Personal data of one table.

    Parameters
    ----------
    columns
        Which hold them.
    """

    columns: tuple[str, ...]
    what: Text
    kept: Text
    ground: Text


_WITH_CASE = Text(ko="사건과 함께 보존", en="kept with the incident")
_DUTY = Text(ko="공공기관 소관 업무 수행 (제15조)", en="duty of a public body (PIPA art. 15)")
_BY = Text(ko="처리한 직원의 계정명", en="account of the employee who did it")
PERSONAL: dict[str, Held] = {
    "alarm": Held(("acknowledged_by", "shelved_by"), _BY, Text(ko="다음 조치까지", en="until the next act"), _DUTY),
    "incident_entry": Held(("by",), _BY, _WITH_CASE, _DUTY),
    "incident_task": Held(("ended_by",), _BY, _WITH_CASE, _DUTY),
    "notice": Held(
        ("name", "address", "asked_by"),
        Text(ko="통보 대상의 이름과 연락처, 계정명", en="name and address told, account"),
        Text(ko="사건 종료 90일 뒤 이름과 연락처를 지움", en="erased 90 days after the incident is closed"),
        Text(ko="급박한 생명·재산의 이익 (제15조)", en="urgent danger to life or property (PIPA art. 15)"),
    ),
    "alert": Held(("drafted_by", "approved_by", "issued_by"), _BY, _WITH_CASE, _DUTY),
    "drill": Held(("by",), _BY, _WITH_CASE, _DUTY),
    "maintenance": Held(("by",), _BY, Text(ko="정비가 끝날 때까지", en="until it ends"), _DUTY),
    "entry": Held(("changed_by",), _BY, Text(ko="교체될 때까지", en="until replaced"), _DUTY),
    "run": Held(("asked_by",), _BY, Text(ko="삭제할 때까지", en="until deleted"), _DUTY),
    "share": Held(
        ("contact", "granted_by", "ended_by"), Text(ko="담당자 연락처, 계정명", en="contact and account of the sharer"),
        _WITH_CASE, _DUTY,
    ),
    "account": Held(
        ("name", "display", "subject", "made_by"), Text(ko="계정명과 표시 이름", en="account and display name"),
        Text(ko="기록의 뜻을 지키기 위해 삭제하지 않음", en="never deleted, so that the log keeps its sense"), _DUTY,
    ),
    "account_grant": Held(("by",), _BY, Text(ko="삭제할 때까지", en="until deleted"), _DUTY),
    "session": Held(
        ("place",), Text(ko="접속 주소와 브라우저", en="address and browser"),
        Text(ko="로그아웃까지", en="until signed out"), _DUTY,
    ),
    "log": Held(
        ("account", "place"), Text(ko="계정명과 접속 주소", en="account and network address"),
        Text(ko="2년", en=KEPT),
        Text(ko="접속기록 보관 (안전성 확보조치 기준 제8조)", en="access log duty (PIPA safety standard art. 8)"),
    ),
}  # fmt: skip
"""Tables with personal data; a test walks all columns that could hold some."""
CAMERAS = Text(
    ko="고정형 영상정보처리기기 (제25조), 영상은 저장하지 않음", en="fixed cameras (PIPA art. 25); no picture is stored"
)
NONE = Text(ko="개인정보 없음", en="no personal data")


def suspects() -> Iterator[tuple[str, str]]:
    """Yield table and column of everything whose name says that it may hold a person."""
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            name = column.name
            if name in ("by", "account", "name", "address", "place", "contact") or name.endswith("_by"):
                yield table.name, name


def inventory(layers: Iterable[Layer]) -> Record:
    """Return the inventory: layers by class, the most sensitive first, and the tables that hold persons."""
    told = [
        {
            "id": layer.id, "title": layer.title, "access": layer.access,
            "fields": [prop.title for prop in layer.properties], "kept_days": layer.retention_days,
            "source": layer.source, "licence": layer.licence,
            "ground": CAMERAS if layer.access == "restricted" else NONE,
        }
        for layer in sorted(layers, key=lambda layer: (-int(layer.access_class), layer.id))
    ]  # fmt: skip
    tables = [
        {"table": name, "columns": held.columns, "what": held.what, "kept": held.kept, "ground": held.ground}
        for name, held in PERSONAL.items()
    ]
    return {"layers": told, "tables": tables}
