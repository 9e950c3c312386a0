"""POST /v1/verify with a proof file or an evidence bundle: the same steps as `cunzheng verify`.

Nothing in the upload is trusted. A proof counts under the policy that this gateway was set up with,
or one that follows from it; a timestamp under the roots of its own settings. The platform's
signatures are not checked here: whoever made them would vouch for itself. The answer says so.

A proof file is for everybody, as its number is. A bundle costs seconds of a processor and needs an
account with the scope `verify`; it is streamed into a file that is gone with the answer. Whatever
is wrong with either is a finding and no problem.
"""

from __future__ import annotations

import asyncio
import tempfile
from functools import lru_cache
from pathlib import Path

from fastapi import Request

from node.accounts.account import Account
from node.accounts.action import Action
from node.accounts.scopes import Scope
from node.evidence.doubts import Doubts
from node.evidence.policy import fingerprint
from node.evidence.policy_note import PolicyNote
from node.evidence.proof_text import PROOF_SIZE_MAX
from node.evidence.steps import Anchor, FileDigests
from node.evidence.succession import Succession
from node.evidence.verdict import Facts, Finding, Verdict
from node.evidence.verify import NO_DOUBTS, verify
from node.export.bundle.checking import CheckedBundle, check_bundle
from node.export.bundle.flaws import Broken
from node.export.bundle.package import listed_numbers, open_bag
from node.export.bundle.trust import Trust
from node.export.signing.certificate import parse_certificates
from node.export.vouching import vouching
from node.gateway.accounts.access import permitted, recorded
from node.gateway.deposits.answers import always, moment
from node.gateway.gateway import Gateway, gateway_of
from node.gateway.http import bodies
from node.gateway.http.language import Language, language_of
from node.gateway.http.problems import ProblemError
from node.gateway.lookups.problems import VerifyProblem
from node.gateway.lookups.schemas import (
    VERIFY_BUNDLE_MAX,
    VERIFY_INFLATED_MAX,
    VERIFY_JSON_MAX,
    HeldAgainst,
    OpenPointValue,
    PackageValue,
    ProofFacts,
    StepValue,
    UploadAnswer,
    UploadQuery,
    VerdictValue,
)
from node.gateway.members.client import CannotCheck
from node.words import Answer, Bilingual, Notice, ResultCode


class UploadNotice(Bilingual):
    """What is said beside every result of an upload."""

    HELD_AGAINST_OWN = (
        "以本网关自身所设的策略和时间戳根证书核验；上传内容所附的策略、证书一律不作为信任锚",
        "held against this gateway's own policy and timestamp roots; no policy and no certificate "
        "in the upload was trusted",
    )


async def verify_proof(http: Request, query: UploadQuery) -> UploadAnswer:
    """The result of the proof file that is the body."""
    gateway, file = gateway_of(http), _file(query)
    if query.evidence_no is not None:
        raise ProblemError(VerifyProblem.WHICH_DEPOSIT, count=1)
    async with gateway.room.hold() as held, gateway.checks.hold() as slot:
        data = await bodies.read_body(http, PROOF_SIZE_MAX, _too_large(), held)
        trust, doubts = await _trust(gateway), await _doubts(gateway)
        await slot.grow(1)
        verdict = await asyncio.to_thread(verify, data, trust.anchor, file, doubts)
    language = language_of(http)
    number = None if verdict.facts is None else verdict.facts.number
    deposits = [_verdict(number, verdict, language)]
    return _answer(gateway, trust, verdict.code, deposits, None, language)


async def verify_bundle(http: Request, account: Account | None, query: UploadQuery) -> UploadAnswer:
    """The result of the bundle that is the body, and of each deposit in it."""
    gateway, file = gateway_of(http), _file(query)
    await recorded(http, permitted(account, Scope.VERIFY), Action.DEPOSITS_VERIFIED, "a bundle")
    with tempfile.TemporaryFile() as target:  # No name: a gateway that is killed leaves nothing.
        async with gateway.uploads.hold() as held, gateway.checks.hold() as slot:
            await bodies.save_body(http, VERIFY_BUNDLE_MAX, _too_large(), held, target)
            target.flush()
            trust, doubts = await _trust(gateway), await _doubts(gateway)
            await slot.grow(1)
            asked = Path(f"/dev/fd/{target.fileno()}"), query.evidence_no, file, trust, doubts
            checked = await asyncio.to_thread(_check, *asked, gateway.clock() // 1000)
    language = language_of(http)
    deposits = [_verdict(each.number, each.verdict, language) for each in checked.deposits]
    package = _package(checked, language)
    return _answer(gateway, trust, checked.code, deposits, package, language)


def _file(query: UploadQuery) -> FileDigests | None:
    """The file in hand; raises `ProblemError` if it is told by halves."""
    told = (query.size, query.sha256, query.sm3)
    if query.size is None or query.sha256 is None or query.sm3 is None:
        if told != (None, None, None) or query.evidence_no is not None:
            raise ProblemError(VerifyProblem.FILE_FACTS_INCOMPLETE)
        return None
    digests = {"sha256": bytes.fromhex(query.sha256), "sm3": bytes.fromhex(query.sm3)}
    return FileDigests(query.size, digests)


def _too_large() -> ProblemError:
    return ProblemError(
        VerifyProblem.UPLOAD_TOO_LARGE,
        proof=f"{PROOF_SIZE_MAX:,}",
        limit=f"{VERIFY_BUNDLE_MAX:,}",
        inflated=f"{VERIFY_INFLATED_MAX:,}",
        json=f"{VERIFY_JSON_MAX:,}",
    )


async def _trust(gateway: Gateway) -> Trust:
    """What came to this gateway another way: its first policy, and the roots of its settings."""
    try:
        notes = await gateway.log.shown_policies()
    except CannotCheck:  # A proof needs no member.
        notes = [gateway.first_policy]
    anchor = Anchor(
        policy_text=gateway.first_policy.policy_text, succession=_succession(tuple(notes))
    )
    return Trust(anchor, tsa_roots=gateway.for_courts.timestamp_roots)


@lru_cache(1)
def _succession(notes: tuple[PolicyNote, ...]) -> Succession:
    """Each policy's signatures are verified once, and not by every request anew."""
    return Succession(notes)


async def _doubts(gateway: Gateway) -> Doubts:
    try:
        return await gateway.log.doubts()
    except CannotCheck:
        return NO_DOUBTS


def _check(
    path: Path,
    number: str | None,
    file: FileDigests | None,
    trust: Trust,
    doubts: Doubts,
    now_s: int,
) -> CheckedBundle:
    """In a thread. What it unpacks to is known before anything is unpacked."""
    numbers: list[str] = []
    try:
        with open_bag(path) as bag:
            json = (size for path, size in bag.sizes.items() if path.endswith((".json", ".jsonl")))
            if sum(bag.sizes.values()) > VERIFY_INFLATED_MAX or sum(json) > VERIFY_JSON_MAX:
                raise _too_large()
            numbers = listed_numbers(bag)
    except Broken:  # Told in full when it is checked.
        pass
    files = {}
    if file is not None and numbers:
        if (number is None and len(numbers) > 1) or number not in (None, *numbers):
            raise ProblemError(VerifyProblem.WHICH_DEPOSIT, count=len(numbers))
        files = {number or numbers[0]: file}
    return check_bundle(path, trust, files=files, verifiers=vouching(now_s), doubts=doubts)


# What is told.


def _answer(
    gateway: Gateway,
    trust: Trust,
    code: ResultCode,
    deposits: list[VerdictValue],
    package: PackageValue | None,
    language: Language,
) -> UploadAnswer:
    anchor = trust.anchor
    assert anchor is not None
    assert anchor.policy_text is not None
    assert anchor.succession is not None
    consistent = code.answer in (Answer.CONSISTENT, Answer.CONSISTENT_OPEN_POINTS)
    said: list[Bilingual] = [UploadNotice.HELD_AGAINST_OWN]
    if consistent:
        said.append(Notice.SCOPE)
    if any(each.result_code == ResultCode.V102.name for each in deposits):
        said.append(Notice.RESAVING)
    return UploadAnswer(
        kind="proof" if package is None else "bundle",
        result_code=code.name,
        result_text=getattr(code, language),
        consistent=consistent,
        held_against=HeldAgainst(
            policy_fingerprint=fingerprint(anchor.policy_text),
            policies=len(anchor.succession.notes),
            timestamp_roots=_fingerprints(trust.tsa_roots),
            platform_roots=_fingerprints(trust.platform_roots),
        ),
        package=package,
        deposits=deposits,
        notices=[*(getattr(each, language) for each in said), *always(language, gateway.network)],
    )


def _fingerprints(roots: tuple[bytes, ...]) -> list[str]:
    found = (each for text in roots for each in parse_certificates(text))
    return sorted({each.digest.hex() for each in found})


def _package(checked: CheckedBundle, language: Language) -> PackageValue:
    code = checked.package_code
    return PackageValue(
        name=checked.name,
        result_code=None if code is None else code.name,
        steps=[_step(each, language) for each in checked.findings],
        flaws=[flaw.name for flaw, _, _ in checked.flaws.told()],
        contents_sha256=None if checked.contents is None else checked.contents.hex(),
    )


def _verdict(number: str | None, verdict: Verdict, language: Language) -> VerdictValue:
    repaired, facts = verdict.repaired, verdict.facts
    return VerdictValue(
        evidence_no=number,
        result_code=verdict.code.name,
        result_text=getattr(verdict.code, language),
        consistent=verdict.consistent,
        steps=[_step(each, language) for each in verdict.findings],
        open_points=[
            OpenPointValue(code=each.name, text=getattr(each, language))
            for each in verdict.open_points
        ],
        facts=None if facts is None else _facts(facts),
        without_transit_damage=(None if repaired is None else _verdict(number, repaired, language)),
    )


def _step(finding: Finding, language: Language) -> StepValue:
    return StepValue(
        step=finding.step,
        outcome=finding.outcome.name,  # type: ignore[arg-type]
        outcome_text=getattr(finding.outcome, language),
        text=getattr(finding, language),
        result_code=None if finding.code is None else finding.code.name,
    )


def _facts(facts: Facts) -> ProofFacts:
    sealed_s = facts.seal_time_s
    return ProofFacts(
        evidence_no=facts.number,
        origin=facts.origin,
        network=facts.network,
        no_later_than=None if sealed_s is None else moment(sealed_s * 1000, "members"),
        block_time=moment(facts.block_time_ms, "proposer"),
        entry_hash=facts.entry_hash.hex(),
        tree_size=facts.tree_size,
        policy_fingerprint=facts.fingerprint,
        quorum=facts.quorum,
        cosigned=[each.name for each in facts.signed],
        not_cosigned=[each.name for each in facts.missing],
    )
