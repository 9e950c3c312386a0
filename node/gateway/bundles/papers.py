"""The bundle as files: certificate, evidence list, and the folders beside the core.

Everything here computes, and takes a second: it runs in a thread. The certificate is drawn up
only of a proof that verifies, with the policy that this gateway trusts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from node.evidence.keys import P256, SM2
from node.evidence.merkle import leaf_hash
from node.evidence.steps import Anchor
from node.evidence.verify import verify
from node.export.bundle import layout
from node.export.bundle.assembling import draft
from node.export.bundle.canonical import format_json
from node.export.bundle.core import core
from node.export.bundle.writing import Whole
from node.export.certificate.drawing_up import Known, draw_up
from node.export.certificate.exhibits import Exhibit, format_exhibits
from node.export.certificate.facts import Facts
from node.export.certificate.issuing import Issuer
from node.export.certificate.parts import (
    Depositor,
    Point,
    Stamp,
    Versions,
    masked_depositor,
    point,
)
from node.export.certificate.vouched import certified, roots, stamp
from node.export.kit.files import kit_files
from node.export.signing.certificate import Certificate, parse_certificates
from node.export.signing.chain import Anchors
from node.export.signing.dual import Platform
from node.export.timestamps.verifying import verify_response
from node.gateway.bundles.dossier import DOSSIER, dossier, not_provided
from node.gateway.bundles.making import Collected
from node.gateway.bundles.surroundings import surrounding_files
from node.offchain.accounts import AccountRecord
from node.words import Flag, OpenPoint

_POINTS = {Flag.SUPERSEDED: OpenPoint.O10, Flag.INVALIDATED: OpenPoint.O11}
ISSUES = f"{layout.OPEN_ISSUES}open-issues.json"


@dataclass(frozen=True, slots=True)
class Desk:
    """Who makes bundles: the platform's keys, the policy it trusts, whoever sets its pages."""

    issuer: Issuer
    platform: Platform
    policy_text: bytes


def make(desk: Desk, collected: Collected, now_ms: int, chance: bytes) -> Whole:
    """The whole bundle; raises `Malformed` if something of it does not belong together."""
    deposit, material = collected.deposit, collected.material
    name = layout.bag_name(deposit.number, now_ms, chance)
    serial = name.rpartition("_")[2]
    files = core([deposit], material.stamped, material.certificates)
    files |= kit_files()
    files[layout.EVIDENCE_LIST] = format_exhibits([Exhibit(1, deposit.number)])
    files[layout.EVENTS] = _events(collected)
    files |= surrounding_files({deposit.number: collected.surroundings}, version("cunzheng"))
    files[DOSSIER] = dossier(files)
    points = _facts(desk, collected, serial, now_ms, None).open_points
    points += collected.surroundings.issues
    files[ISSUES] = format_json(
        [
            *({**_issue(each), "evidence_no": deposit.number} for each in points),
            *map(_issue, not_provided(files)),
        ]
    )
    day = datetime.fromtimestamp(now_ms // 1000, UTC).date()
    drafted = draft(name, day, [deposit], files)
    facts = _facts(desk, collected, serial, now_ms, drafted.contents_digest)
    return drafted.finish(_certificate(desk, facts, deposit.proof_bytes, now_ms))


def _issue(each: Point) -> dict[str, object]:
    """One that names no deposit is of the whole bundle."""
    return {"code": each.code, "en": each.en, "zh": each.zh}


def _certificate(desk: Desk, facts: Facts, proof: bytes, now_ms: int) -> dict[str, bytes]:
    issued = desk.issuer.certificate(facts, proof)
    signed = desk.platform.sign(issued.data, now_ms // 1000)
    found = {
        layout.CERTIFICATE_PDF: issued.pdf,
        layout.CERTIFICATE_JSON: issued.data,
        layout.CERTIFICATE_CMS: signed.p7s,
        layout.CERTIFICATE_SM2: signed.sm2,
    }
    return {path: data for path, data in found.items() if data is not None}


def _facts(
    desk: Desk, collected: Collected, serial: str, now_ms: int, contents: bytes | None
) -> Facts:
    deposit, platform = collected.deposit, desk.platform
    verdict = verify(deposit.proof_bytes, Anchor(policy_text=desk.policy_text))
    stamps, anchors = _stamps(collected, now_ms)
    keys = [
        (platform.p256, f"平台签名 platform's signature, {P256}"),
        (platform.sm2, f"平台签名 platform's signature, {SM2}"),
    ]
    known = Known(
        depositor=_depositor(collected.depositor),
        block_hash=collected.block_hash,
        certificates=tuple(
            certified(each.leaf, purpose) for each, purpose in keys if each is not None
        ),
        stamps=stamps,
        health=collected.surroundings.summary,
        open_points=(
            *_marks(collected),
            *collected.surroundings.points,
            *desk.issuer.points,
        ),
        roots=roots(anchors),
        versions=Versions(software=version("cunzheng")),
        contents=contents,
    )
    return draw_up(deposit.proof, verdict, serial, now_ms, known)


def _stamps(collected: Collected, now_ms: int) -> tuple[tuple[Stamp, ...], list[Certificate]]:
    """The token that goes along, verified again, and the root that it was obtained under."""
    (reached,) = collected.material.tokens
    if reached is None:
        return (), []
    token, chain = reached.token, parse_certificates(reached.token.chain)
    found = verify_response(
        token.response, token.body, Anchors((chain[-1],)), now_ms // 1000, others=chain
    )
    return (stamp(found),), [chain[-1]]


def _marks(collected: Collected) -> tuple[Point, ...]:
    """The open points that later events leave."""
    flags = [flag for flag, _ in collected.history.flags]
    return tuple(point(_POINTS[flag]) for flag in flags if flag in _POINTS)


def _depositor(record: AccountRecord | None) -> Depositor | None:
    """Masked, with how it was verified the last time that it passed."""
    if record is None or record.identity is None:
        return None
    identity = record.identity
    proofs = [each for each in record.proofs if each.passed]
    passed = max(proofs, key=lambda each: each.verified_ms, default=None)
    how = (None, None) if passed is None else (passed.method, passed.verified_ms)
    return masked_depositor(identity.name, identity.id_type, identity.id_no, *how)


def _events(collected: Collected) -> bytes:
    """One canonical JSON object a line, in the order of the log."""
    lines = []
    for each in collected.history.events:
        entry = each.placed.entry
        said = {
            "block_time_ms": entry.time_ms,
            "entry_hash": leaf_hash(each.placed.entry_bytes).hex(),
            "evidence_no": collected.deposit.number,
            "has_effect": each.has_effect,
            "height": entry.height,
            "statement": each.placed.statement.statement_bytes.decode("ascii"),
            "type": each.event.type,
        }
        lines.append(format_json(said) + b"\n")
    return b"".join(lines)
