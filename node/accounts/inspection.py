"""An inspection by an authority: who inspects, on what legal basis, and who was there for us.

公安部令第82号 Art. 16: at least two officers inspect, they show their certificates, and the
operator sends somebody. 网络安全法 Art. 47 binds them to secrecy, so what they are shown has a
document number under which they ask. The operator writes this down before anything is shown:

    {"authority": "某市公安局网络安全保卫支队", "legal_basis": "公安部令第82号第十六条",
     "document_no": "网安检〔2026〕7号", "scope": "访问记录的留存",
     "officers": [{"name": "张三", "certificate_no": "310001"},
                  {"name": "李四", "certificate_no": "310002"}],
     "accompanied_by": ["王五"]}

    >>> parse_inspection(b'{"authority": "x"}')
    Traceback (most recent call last):
    node.evidence.malformed.Malformed: inspection: field missing: accompanied_by
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from node.evidence.malformed import Malformed

OFFICERS_MIN = 2
"""公安部令第82号 Art. 16."""
PEOPLE_MAX = 20
"""Of either side; more are no inspection but an assembly."""
TEXT_LENGTH_MAX = 128

_WHERE = "inspection"


@dataclass(frozen=True, slots=True)
class InspectingOfficer:
    """Who inspects, as the certificate says that was shown (执法身份证件)."""

    name: str
    certificate_no: str

    def __post_init__(self) -> None:
        _check_text("name", self.name)
        _check_text("certificate_no", self.certificate_no)


@dataclass(frozen=True, slots=True)
class Inspection:
    """One inspection; what is shown in it is recorded under it."""

    authority: str
    legal_basis: str
    document_no: str
    scope: str
    officers: tuple[InspectingOfficer, ...]
    accompanied_by: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in ("authority", "legal_basis", "document_no", "scope"):
            _check_text(name, getattr(self, name))
        for name in self.accompanied_by:
            _check_text("accompanied_by", name)
        if not 1 <= len(self.accompanied_by) <= PEOPLE_MAX:
            raise Malformed(_WHERE, f"not 1 to {PEOPLE_MAX} of the operator accompany it")
        if not OFFICERS_MIN <= len(self.officers) <= PEOPLE_MAX:
            raise Malformed(_WHERE, f"not {OFFICERS_MIN} to {PEOPLE_MAX} officers")
        for name in ("name", "certificate_no"):
            if len({getattr(each, name) for each in self.officers}) < len(self.officers):
                raise Malformed(_WHERE, f"two officers have the same {name}")


def format_inspection(inspection: Inspection) -> bytes:
    """JSON, as it is kept (encrypted) and exported."""
    return json.dumps(asdict(inspection), ensure_ascii=False, sort_keys=True).encode()


def parse_inspection(data: bytes) -> Inspection:
    """What the JSON says; raises `Malformed`."""
    try:
        value = json.loads(data)
    except ValueError as error:
        raise Malformed(_WHERE, f"not JSON: {error}") from error
    _check_fields(value, [each.name for each in fields(Inspection)])
    for name in ("officers", "accompanied_by"):
        if not isinstance(value[name], list):
            raise Malformed(_WHERE, f"{name} is not a list")
    for officer in value["officers"]:
        _check_fields(officer, [each.name for each in fields(InspectingOfficer)])
    officers = tuple(InspectingOfficer(**each) for each in value["officers"])
    people = tuple(value["accompanied_by"])
    return Inspection(**{**value, "officers": officers, "accompanied_by": people})


def _check_fields(value: object, names: Sequence[str]) -> None:
    """Exactly these."""
    if not isinstance(value, dict):
        raise Malformed(_WHERE, "not a JSON object where one is needed")
    if missing := set(names) - value.keys():
        raise Malformed(_WHERE, f"field missing: {min(missing)}")
    if unknown := value.keys() - set(names):
        raise Malformed(_WHERE, f"unknown field: {min(unknown)}")


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= len(value) <= TEXT_LENGTH_MAX:
        raise Malformed(_WHERE, f"{name} is not a text of 1 to {TEXT_LENGTH_MAX} characters")
