"""Drawing up a certificate: from a proof, its verification result, and what only others know.

What the proof says goes in as it says it; who deposited, the case, timestamps, filings come as
`Known`, each of which may be absent. Nothing is looked up and no clock is read here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from node.casework import declared
from node.casework.vocabulary import CollectionMethod, OriginalStatus
from node.evidence.doubts import later_cosigners
from node.evidence.item import DetailValue, parse_details
from node.evidence.keys import ED25519, P256, SM2
from node.evidence.merkle import leaf_hash
from node.evidence.policy import fingerprint
from node.evidence.proof import Proof
from node.evidence.sealed import further_signatures
from node.evidence.verdict import Verdict
from node.export.certificate.facts import Facts
from node.export.certificate.parts import (
    Case,
    Certified,
    Collection,
    Depositor,
    Digests,
    ElsewhereFact,
    FileFacts,
    Health,
    Item,
    Moment,
    Organisation,
    Place,
    Platform,
    Point,
    Root,
    Stamp,
    TimeFact,
    Trust,
    Versions,
    point,
)
from node.words import Category, OpenPoint, ResultCode

_ALGORITHMS = {
    ED25519: "Ed25519 (RFC 8032)",
    P256: "ECDSA P-256, SHA-256",
    SM2: "SM2-SM3, ID 1234567812345678",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known besides the proof."""

    case: Case | None = None
    depositor: Depositor | None = None
    channel: str | None = None
    title: str | None = None
    """Instead of the depositor's own, where that must not be shown whole."""
    block_hash: bytes | None = None
    elsewhere: tuple[ElsewhereFact, ...] = ()
    certificates: tuple[Certified, ...] = ()
    stamps: tuple[Stamp, ...] = ()
    """Timestamps that were verified, up to a root."""
    health: Health | None = None
    open_points: tuple[Point, ...] = ()
    roots: tuple[Root, ...] = ()
    published_at: str | None = None
    platform: Platform | None = None
    versions: Versions | None = None
    url: str | None = None
    contents: bytes | None = None


def draw_up(
    proof: Proof, verdict: Verdict, certificate_no: str, issued_ms: int, known: Known
) -> Facts:
    """The certificate of a proof that was found consistent; `Malformed` of any other."""
    points = tuple(_points(proof, verdict, known))
    return _drawn(proof, certificate_no, issued_ms, _result(verdict, points), points, known)


def drawn_again(facts: Facts, proof: Proof) -> Facts:
    """What a certificate with the same outside knowledge says of this proof."""
    collection, trust = facts.collection, facts.trust
    known = Known(
        case=facts.case,
        depositor=facts.depositor,
        channel=collection.channel if collection else None,
        title=facts.title,
        block_hash=facts.place.block_hash,
        elsewhere=facts.elsewhere,
        certificates=facts.certificates,
        stamps=facts.stamps,
        health=facts.health,
        roots=trust.roots,
        published_at=trust.published_at,
        platform=facts.platform,
        versions=facts.versions,
        url=facts.url,
        contents=facts.contents,
    )
    number, issued_ms = facts.certificate_no, facts.issued_ms
    return _drawn(proof, number, issued_ms, facts.result, facts.open_points, known)


def _drawn(
    proof: Proof,
    certificate_no: str,
    issued_ms: int,
    result: ResultCode,
    points: tuple[Point, ...],
    known: Known,
) -> Facts:
    details, opening = _details(proof), proof.opening
    return Facts(
        certificate_no=certificate_no,
        issued_ms=issued_ms,
        evidence_no=proof.number,
        category=Category[proof.deposit.category],
        item=Item(proof.item, proof.deposit.mode == "commitment", opening is not None),
        times=tuple(_times(proof, details, known)),
        place=_place(proof, known),
        quorum=proof.policy.quorum,
        organisations=tuple(_organisations(proof)),
        result=result,
        trust=Trust(fingerprint(proof.policy_text), known.roots, known.published_at),
        title=known.title or _text(details, "title"),
        case=known.case,
        depositor=known.depositor,
        collection=Collection(
            known.channel,
            CollectionMethod.__members__.get(_text(details, "collection_method") or ""),
            OriginalStatus.__members__.get(_text(details, "original_status") or ""),
        ),
        file=FileFacts(
            _text(details, "file_name"),
            None if opening is None else opening.size,
            _text(details, "media_type"),
        ),
        digests=_digests(proof),
        elsewhere=known.elsewhere,
        algorithms=tuple(_algorithms(proof)),
        certificates=known.certificates,
        stamps=known.stamps,
        health=known.health,
        open_points=points,
        platform=known.platform,
        versions=known.versions,
        url=known.url,
        contents=known.contents,
    )


def _details(proof: Proof) -> Mapping[str, DetailValue]:
    if proof.opening is None or proof.opening.details is None:
        return {}
    return {name: value for name, (_, value) in parse_details(proof.opening.details).items()}


def _text(details: Mapping[str, DetailValue], name: str) -> str | None:
    value = details.get(name)
    return None if value is None else str(value) or None


def _digests(proof: Proof) -> Digests | None:
    """Of the file: from the opening, or the item itself where it is one."""
    if proof.deposit.mode == "digest":
        return Digests(**{proof.deposit.alg: proof.item})
    return None if proof.opening is None else Digests(**dict(proof.opening.digests))


def _times(proof: Proof, details: Mapping[str, DetailValue], known: Known) -> Iterator[TimeFact]:
    for moment, name in ((Moment.CREATED, "created_at"), (Moment.COLLECTED, "collected_at")):
        if (written := _text(details, name)) is not None:
            yield TimeFact(moment, written=written)
    yield TimeFact(Moment.CLAIMED, proof.deposit.claimed_at)
    yield TimeFact(Moment.RECEIVED, proof.entry.receipt.accepted_at)
    yield TimeFact(Moment.COMMITTED, proof.entry.time_ms)
    if (sealed_s := proof.seal_time_s) is not None:
        yield TimeFact(Moment.SEALED, sealed_s * 1000)
    if known.stamps:
        yield TimeFact(Moment.STAMPED, min(each.time_ms for each in known.stamps))


def _place(proof: Proof, known: Known) -> Place:
    checkpoint = proof.sealed.checkpoint
    return Place(
        origin=checkpoint.origin,
        test_network=proof.policy.network == "test",
        height=proof.entry.height,
        entry_hash=leaf_hash(proof.entry_bytes),
        root=checkpoint.root,
        index=proof.tlog.index,
        size=checkpoint.size,
        block_hash=known.block_hash,
    )


def _organisations(proof: Proof) -> Iterator[Organisation]:
    sealed = {seal.member: seal.time_s for seal in proof.sealed.seals}
    later = later_cosigners(proof) - sealed.keys()
    for each in proof.members:
        yield Organisation(
            each.name, each.kind, each.organisation, sealed.get(each.name), each.name in later
        )


def _algorithms(proof: Proof) -> Iterator[str]:
    """Of the deposit, its receipt and the seals, each once."""
    used = {ED25519, proof.deposit.key.algorithm, proof.entry.receipt.gateway.algorithm}
    used |= {key.algorithm for _, key, _ in further_signatures(proof.sealed, proof.members)}
    yield from (name for algorithm, name in _ALGORITHMS.items() if algorithm in used)


def _points(proof: Proof, verdict: Verdict, known: Known) -> Iterator[Point]:
    """Those of the verification, of what was declared, of the timestamps, of whoever asks."""
    own = [each for each in known.stamps if not each.independent]
    found = [point(each) for each in verdict.open_points if each is not OpenPoint.O09]
    found += map(point, declared.points(Category[proof.deposit.category], _details(proof)))
    found += [point(OpenPoint.O03)] if own and len(own) == len(known.stamps) else []
    if not known.stamps and OpenPoint.O14 not in verdict.open_points:
        found.append(point(OpenPoint.O08))
    yield from dict.fromkeys([*found, *known.open_points])


def _result(verdict: Verdict, points: tuple[Point, ...]) -> ResultCode:
    """A verification without the file is consistent or not; what is printed counts all points."""
    if verdict.code is ResultCode.V000 and points:
        return ResultCode.V001
    return verdict.code
