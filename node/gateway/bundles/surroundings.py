"""What stood around a deposit: how the members were doing, and who was told of it.

Folders 07 and 08 of a bundle. Asked of the members and read out of the database at the export, for
each deposit; a bundle is made all the same where somebody cannot be asked, and says so by name.

Of the record of accesses a bundle has who asked only by the right they had, and no addresses: the
other party reads it too. `request_id` leads whoever is responsible for network security to the
whole line (`GET /v1/accesses`), should a court want it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from node.accounts.action import Action
from node.evidence.entry import StatementEntry
from node.evidence.keys import format_signature
from node.evidence.merkle import leaf_hash
from node.evidence.proof import Proof
from node.evidence.record import StatementRecord, parse_record
from node.export.bundle import layout
from node.export.bundle.canonical import format_json
from node.export.certificate.parts import Health, Point, point
from node.gateway.gateway import Gateway
from node.gateway.members.client import CannotCheck
from node.gateway.operating.around import Around, Impact, around
from node.gateway.operating.health_reports import Shown
from node.offchain.accesses import KEEP_MS, READ_MAX, Access
from node.offchain.deposit_values import DepositRecord
from node.operating.versions import PYTHON, code_digest
from node.words import Bilingual

ACCESSES_MAX = 10_000
"""Of one deposit: the oldest are told, and that there are more."""
ACCESSES = f"{layout.CUSTODY}accesses.jsonl"
_OF_CODE = " code "


class SurroundingPoint(Bilingual):
    """What is missing of the surroundings, by name."""

    HEALTH_UNKNOWN = (
        "存证时段的成员运行记录：导出时无法取得",
        "members' health records around the deposit: could not be had at the export",
    )
    HEALTH_NOT_YET_KNOWN = (
        "存证时段的成员运行记录：导出时成员尚未提交涵盖上链时间的记录",
        "members' health records around the deposit: none spoke for its block time yet at the "
        "export",
    )
    HEALTH_TO_BE_EXAMINED = (
        "存证时段的成员运行记录：证明正常运行的成员未达到法定家数，有待审查",
        "members' health records around the deposit: they show fewer members in good order than a "
        "quorum, to be examined",
    )
    HEALTH_INCOMPLETE = (
        "存证时段的成员运行记录：有空缺、矛盾或未能询问的成员，见 health-window.json",
        "members' health records around the deposit: there are gaps, contradictions, or members "
        "that could not be asked; see health-window.json",
    )
    ACCESSES_DELETED = (
        "访问记录：存证早于保存期限，期限之前的记录已依规定删除",
        "record of accesses: the deposit is older than what is kept, and what was before is "
        "deleted",
    )
    ACCESSES_CUT = (
        f"访问记录：仅附最早的 {ACCESSES_MAX} 条",
        f"record of accesses: only the oldest {ACCESSES_MAX} lines are enclosed",
    )
    ACCESSES_ELSEWHERE = (
        "访问记录：存证经由其他数据库的网关提交，本平台不掌握其记录",
        "record of accesses: deposited through a gateway with another database, whose record is "
        "not here",
    )


@dataclass(frozen=True)
class Surroundings:
    """What was found out; `health` is None if no member could be asked."""

    health: Around | None
    accesses: tuple[Access, ...]
    owner: str | None
    """The account that deposited it here, which is told apart from the others."""
    points: tuple[Point, ...]
    """For page 1 of the certificate: what bears on the deposit."""
    issues: tuple[Point, ...]
    """What else is missing; it stands among the open issues."""

    @property
    def summary(self) -> Health | None:
        """Field 19 of a certificate."""
        if self.health is None:
            return None
        found, span = self.health, self.health.span
        members, good = len(span.told.members), len(found.good)
        gaps = len(span.window.gaps)
        zh = f"成员 {members} 家，有记录证明上链时正常运行 {good} 家，法定 {found.quorum} 家；"
        en = f"{good} of {members} members in good order by their records, {found.quorum} needed; "
        return Health(
            span.from_ms,
            span.to_ms,
            f"{zh}无记录时段 {gaps} 处。{found.impact.zh}",
            f"{en}{gaps} spans without a record. {found.impact.en}",
        )


async def look_around(
    gateway: Gateway,
    number: str,
    entry: StatementEntry,
    proof: Proof,
    record: DepositRecord | None,
) -> Surroundings:
    """At the time of the export."""
    try:
        health = await around(gateway, entry, proof)
    except CannotCheck:
        health = None
    owner = None if record is None else record.account
    accesses = await _accesses(gateway, number, owner)
    found = {
        SurroundingPoint.HEALTH_INCOMPLETE: health is not None and _is_incomplete(health),
        SurroundingPoint.ACCESSES_ELSEWHERE: record is None,
        SurroundingPoint.ACCESSES_CUT: len(accesses) > ACCESSES_MAX,
        SurroundingPoint.ACCESSES_DELETED: gateway.clock() - entry.time_ms > KEEP_MS,
    }
    return Surroundings(
        health,
        tuple(accesses[:ACCESSES_MAX]),
        owner,
        tuple(map(point, _health_points(health))),
        tuple(point(each) for each, is_so in found.items() if is_so),
    )


async def _accesses(gateway: Gateway, number: str, owner: str | None) -> list[Access]:
    """Of the number itself, and through any code of it."""
    codes = [] if owner is None else await gateway.readers.codes(owner, number)
    objects = [number, *(f"{number}{_OF_CODE}{each.id}" for each in codes)]
    found: list[Access] = []
    while len(found) <= ACCESSES_MAX:
        after = found[-1].place if found else None
        page = await gateway.accesses.about(objects, after=after)
        found += page
        if len(page) < READ_MAX:
            break
    return found


def _health_points(health: Around | None) -> Iterator[SurroundingPoint]:
    if health is None:
        yield SurroundingPoint.HEALTH_UNKNOWN
    elif health.impact is Impact.NOT_YET_KNOWN:
        yield SurroundingPoint.HEALTH_NOT_YET_KNOWN
    elif health.impact is Impact.POSSIBLE:
        yield SurroundingPoint.HEALTH_TO_BE_EXAMINED


def _is_incomplete(health: Around) -> bool:
    told, window = health.span.told, health.span.window
    return bool(window.gaps or window.breaks or told.silent or not told.complete)


# As files.


def surrounding_files(deposits: Mapping[str, Surroundings], software: str) -> dict[str, bytes]:
    """Folders 07 and 08 of these deposits, but for their events."""
    files = {
        health_window(number): format_json(_window(number, each.health))
        for number, each in deposits.items()
        if each.health is not None
    }
    files[f"{layout.ENVIRONMENT}versions.json"] = format_json(_versions(deposits, software))
    lines = (
        _access(number, each, line) for number, each in deposits.items() for line in each.accesses
    )
    files[ACCESSES] = b"".join(format_json(line) + b"\n" for line in lines)
    return files


def health_window(number: str) -> str:
    """Where the window of a deposit stands."""
    return f"{layout.ENVIRONMENT}{number}/health-window.json"


def _window(number: str, found: Around) -> dict[str, object]:
    span = found.span
    return {
        "block_time_ms": found.block_ms,
        "breaks": [
            {"at_ms": each.at_ms, "member": each.member, "why": each.why}
            for each in span.window.breaks
        ],
        "complete": span.told.complete,
        "evidence_no": number,
        "from_ms": span.from_ms,
        "gaps": [
            {
                "from_ms": each.from_ms,
                "kind": each.kind,
                "member": each.member,
                "to_ms": each.to_ms,
            }
            for each in span.window.gaps
        ],
        "impact": found.impact.name,
        "in_good_order": list(found.good),
        "members": span.told.members,
        "quorum": found.quorum,
        "records": [_record(each) for each in span.inside],
        "said": {"en": found.impact.en, "zh": found.impact.zh},
        "to_ms": span.to_ms,
        "unreachable": list(span.told.silent),
    }


def _record(shown: Shown) -> dict[str, object]:
    """Verbatim, so that its digest, its signature and its place on the chain can be checked."""
    reported = shown.reported
    sent = parse_record(reported.submission)
    assert isinstance(sent, StatementRecord), "it was checked"
    value: dict[str, object] = {
        "member": reported.record.member,
        "record": reported.record_bytes.decode("ascii"),
        "signature": format_signature(sent.signature),
        "statement": sent.statement_bytes.decode("ascii"),
        "statement_id": reported.statement_id.hex(),
    }
    if shown.entry is not None:
        value["block_time_ms"] = shown.entry.time_ms
        value["entry_hash"] = leaf_hash(shown.entry_bytes).hex()
        value["height"] = shown.entry.height
    return value


def _versions(deposits: Mapping[str, Surroundings], software: str) -> dict[str, object]:
    """What makes the bundle, and what each member said it ran when the deposits were made."""
    said: dict[str, list[dict[str, object]]] = {}
    for number, each in deposits.items():
        shown = [] if each.health is None else each.health.span.inside
        said[number] = [
            {
                "code": record.code.hex(),
                "configuration": record.configuration.hex(),
                "from_ms": record.from_ms,
                "member": record.member,
                "python": record.python,
                "to_ms": record.to_ms,
                "version": record.version,
            }
            for record in (one.reported.record for one in shown)
            if each.health is not None and record.from_ms <= each.health.block_ms <= record.to_ms
        ]
    return {
        "gateway": {"code": code_digest().hex(), "python": PYTHON, "version": software},
        "members": said,
        "software": software,
    }


def _access(number: str, found: Surroundings, access: Access) -> dict[str, object]:
    return {
        "action": access.action.name,
        "allowed": access.allowed,
        "at_ms": access.at_ms,
        "by": _by(found, access),
        "evidence_no": number,
        "said": {"en": access.action.en, "zh": access.action.zh},
        **({} if access.request_id is None else {"request_id": access.request_id}),
    }


def _by(found: Surroundings, access: Access) -> str:
    """By which right, as far as the line says it."""
    making = access.action in (Action.EXTRACTION_CODE_MADE, Action.EXTRACTION_CODE_REVOKED)
    if access.object is not None and _OF_CODE in access.object and not making:
        return "extraction code"
    if access.account is None:
        return "nobody known"
    return "depositor" if access.account == found.owner else "another account"
