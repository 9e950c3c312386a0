"""The bundle as files: certificates, evidence list, and the folders beside the core.

Everything here computes, and takes a second, or a minute for a large case: it runs in a thread. A
certificate is drawn up only of a proof that verifies, with the policy that this gateway trusts.

A bundle of one deposit has its certificate. One of several has a certificate of each, and in the
place of the one a list of them all, which names the list of contents and is signed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from node.evidence.keys import P256, SM2
from node.evidence.merkle import leaf_hash
from node.evidence.steps import Anchor
from node.evidence.verify import verify
from node.export.bundle import layout
from node.export.bundle.assembling import draft
from node.export.bundle.canonical import format_json
from node.export.bundle.core import core
from node.export.bundle.writing import Source, Whole
from node.export.certificate.drawing_up import Known, draw_up
from node.export.certificate.exhibits import EvidenceList, Exhibit, Result, format_exhibits
from node.export.certificate.facts import Facts
from node.export.certificate.issuing import Issued, Issuer
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
from node.gateway.bundles.interests import INTEREST
from node.gateway.bundles.making import Collected, CollectedDeposit
from node.gateway.bundles.surroundings import surrounding_files
from node.gateway.timestamps.reaching import Reached
from node.offchain.accounts import AccountRecord
from node.words import Flag, OpenPoint

_POINTS = {Flag.SUPERSEDED: OpenPoint.O10, Flag.INVALIDATED: OpenPoint.O11}
ISSUES = f"{layout.OPEN_ISSUES}open-issues.json"


@dataclass(frozen=True, slots=True)
class Desk:
    """Who makes bundles: the platform's keys, the policy it trusts, whoever sets its pages."""

    issuer: Issuer
    of_several: Issuer
    """Of the certificates that stand in a list: it is what an authority's time is asked for."""
    platform: Platform
    policy_text: bytes


def make(desk: Desk, collected: Collected, now_ms: int, chance: bytes, folder: Path) -> Whole:
    """The whole bundle, whose larger files lie in this folder; raises `Malformed` if something of
    it does not belong together."""
    deposits = [each.deposit for each in collected.deposits]
    name = layout.bag_name(deposits[0].number, now_ms, chance)
    papers = _Papers(desk, collected, now_ms, name.rpartition("_")[2])
    material = collected.material
    files: dict[str, Source] = {**core(deposits, material.stamped, material.certificates)}
    files[layout.EVIDENCE_LIST] = format_exhibits(papers.exhibits)
    files[layout.EVENTS] = b"".join(_events(collected))
    around = {each.deposit.number: each.surroundings for each in collected.deposits}
    files |= surrounding_files(around, version("cunzheng"))
    files |= kit_files()
    if collected.interests is not None:
        files[INTEREST] = collected.interests.file()
    files[DOSSIER] = dossier(files)
    files[ISSUES] = papers.issues(files)
    if len(deposits) > 1:
        files |= papers.certificates(folder)
    day = datetime.fromtimestamp(now_ms // 1000, UTC).date()
    drafted = draft(name, day, deposits, files)
    return drafted.finish(papers.signed(drafted.contents_digest))


@dataclass(frozen=True)
class _Papers:
    """What is drawn up for one bundle, under its serial."""

    desk: Desk
    collected: Collected
    now_ms: int
    serial: str

    @cached_property
    def facts(self) -> list[Facts]:
        """The certificate of each deposit, which names no list: it stands in it itself."""
        found = enumerate(self._each(), 1)
        several = len(self.collected.deposits) > 1
        return [
            self._facts(each, reached, f"{self.serial}-{place:03d}" if several else self.serial)
            for place, (each, reached) in found
        ]

    @cached_property
    def exhibits(self) -> tuple[Exhibit, ...]:
        """The evidence list; what a court has not named is called as its depositor called it."""
        pairs = zip(self.collected.deposits, self.facts, strict=True)
        return tuple(
            replace(each.exhibit, name=_name(each.exhibit, facts)) for each, facts in pairs
        )

    def issues(self, files: Collection[str]) -> bytes:
        """open-issues.json: the open points of every deposit, and what is missing."""
        listed: list[dict[str, object]] = []
        for facts, each in zip(self.facts, self.collected.deposits, strict=True):
            points = (*facts.open_points, *each.surroundings.issues)
            listed += ({**_issue(point), "evidence_no": facts.evidence_no} for point in points)
        interests = self.collected.interests
        wide = (*(interests.issues() if interests else ()), *not_provided(files))
        return format_json([*listed, *map(_issue, wide)])

    def certificates(self, folder: Path) -> dict[str, Source]:
        """A certificate of each deposit; a page is set one after the other, and is not kept in
        memory."""
        files: dict[str, Source] = {}
        pairs = zip(self.facts, self.collected.deposits, strict=True)
        for place, (facts, each) in enumerate(pairs, 1):
            issued = self.desk.of_several.certificate(facts, each.deposit.proof_bytes)
            page = folder / f"{place:03d}.pdf"
            page.write_bytes(issued.pdf)
            files[layout.exhibit(place, facts.evidence_no, "pdf")] = page
            files[layout.exhibit(place, facts.evidence_no, "json")] = issued.data
        return files

    def signed(self, contents: bytes) -> dict[str, bytes]:
        """The certificate, which names the list of contents, and the platform's signatures."""
        issued = self._issued(contents)
        signed = self.desk.platform.sign(issued.data, self.now_ms // 1000)
        found = {
            layout.CERTIFICATE_PDF: issued.pdf,
            layout.CERTIFICATE_JSON: issued.data,
            layout.CERTIFICATE_CMS: signed.p7s,
            layout.CERTIFICATE_SM2: signed.sm2,
        }
        return {path: data for path, data in found.items() if data is not None}

    def _issued(self, contents: bytes) -> Issued:
        """Of one deposit its certificate, of several the list of them."""
        (each, reached), *others = self._each()
        if not others:
            facts = self._facts(each, reached, self.serial, contents)
            return self.desk.issuer.certificate(facts, each.deposit.proof_bytes)
        listed = EvidenceList(
            self.exhibits,
            self.now_ms,
            any(facts.place.test_network for facts in self.facts),
            self.collected.case,
            self.serial,
            contents,
            tuple(Result.of(facts) for facts in self.facts),
        )
        return self.desk.issuer.evidence_list(listed)

    def _each(self) -> list[tuple[CollectedDeposit, Reached | None]]:
        """The deposits, and the token that goes along with each."""
        tokens = self.collected.material.tokens
        return list(zip(self.collected.deposits, tokens, strict=True))

    def _facts(
        self,
        each: CollectedDeposit,
        reached: Reached | None,
        certificate_no: str,
        contents: bytes | None = None,
    ) -> Facts:
        deposit, platform = each.deposit, self.desk.platform
        verdict = verify(deposit.proof_bytes, Anchor(policy_text=self.desk.policy_text))
        stamps, anchors = _stamps(reached, self.now_ms)
        keys = [
            (platform.p256, f"平台签名 platform's signature, {P256}"),
            (platform.sm2, f"平台签名 platform's signature, {SM2}"),
        ]
        known = Known(
            case=self.collected.case,
            depositor=_depositor(each.depositor),
            block_hash=each.block_hash,
            certificates=tuple(
                certified(key.leaf, purpose) for key, purpose in keys if key is not None
            ),
            stamps=stamps,
            health=each.surroundings.summary,
            open_points=(
                *_marks(each),
                *each.surroundings.points,
                *self.desk.issuer.points,
            ),
            roots=roots(anchors),
            versions=Versions(software=version("cunzheng")),
            contents=contents,
        )
        return draw_up(deposit.proof, verdict, certificate_no, self.now_ms, known)


def _name(exhibit: Exhibit, facts: Facts) -> str | None:
    return exhibit.name or facts.title or (None if facts.file is None else facts.file.name)


def _issue(each: Point) -> dict[str, object]:
    """One that names no deposit is of the whole bundle."""
    return {"code": each.code, "en": each.en, "zh": each.zh}


def _stamps(reached: Reached | None, now_ms: int) -> tuple[tuple[Stamp, ...], list[Certificate]]:
    """The token that goes along, verified again, and the root that it was obtained under."""
    if reached is None:
        return (), []
    token, chain = reached.token, parse_certificates(reached.token.chain)
    found = verify_response(
        token.response, token.body, Anchors((chain[-1],)), now_ms // 1000, others=chain
    )
    return (stamp(found),), [chain[-1]]


def _marks(collected: CollectedDeposit) -> tuple[Point, ...]:
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


def _events(collected: Collected) -> Iterator[bytes]:
    """One canonical JSON object a line, of each deposit in the order of the log."""
    for deposit in collected.deposits:
        for each in deposit.history.events:
            entry = each.placed.entry
            said = {
                "block_time_ms": entry.time_ms,
                "entry_hash": leaf_hash(each.placed.entry_bytes).hex(),
                "evidence_no": deposit.deposit.number,
                "has_effect": each.has_effect,
                "height": entry.height,
                "statement": each.placed.statement.statement_bytes.decode("ascii"),
                "type": each.event.type,
            }
            yield format_json(said) + b"\n"
