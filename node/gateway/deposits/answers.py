"""What the gateway answers about deposits: values of the chain in words for people and programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from node.casework.declared import SIGNATURE_EFFECT, points
from node.casework.vocabulary import DeclaredPoint
from node.evidence.item import DetailValue, Opening
from node.evidence.keys import Signature, format_signature
from node.evidence.merkle import leaf_hash
from node.evidence.number import beijing_time, utc_time
from node.evidence.proof import Proof
from node.evidence.proof_text import format_proof
from node.evidence.receipt import Receipt, receipt_message
from node.evidence.record import StatementRecord, parse_record
from node.evidence.statement import Deposit, parse_statement, receipt_number
from node.gateway.deposits.depositing import Progress, least_far
from node.gateway.events.history import NO_HISTORY, History
from node.gateway.events.marks import flag_notices, flag_values
from node.gateway.http.language import Language
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.schemas import (
    AnchorAnswer,
    BatchAnswer,
    BatchPart,
    EvidenceSummary,
    Moment,
    ReceiptValue,
    Times,
)
from node.gateway.http.timestamped import TimestampedValue
from node.gateway.members.answers import Placed
from node.vault.keepsake import opening_value, submitter_value
from node.words import Bilingual, Category, Notice, OpenPoint, ResultCode, State

KEEP_OPENING = {
    "zh": "请妥善保存摘要开启数据（证明文件中已包含）：一旦遗失，任何人都无法再用本存证核验文件，"
    "等于失去本存证。本网关加密保存一份，可由存证主体取回，直至依其请求删除。",
    "en": "Keep the opening (the proof file contains it): without it nobody can ever match this "
    "deposit with a file again, so losing it loses the deposit. This gateway keeps it too, "
    "encrypted, for the depositor to fetch, until it is erased at the depositor's wish.",
}
MOMENTS_KEPT = 256
"""Times kept as spelled: all deposits of one block have the same."""
OPENING_ELSEWHERE = {
    "zh": "摘要开启数据只在存证主体手中；一旦遗失，等于失去本存证。",
    "en": "The opening is with the depositor alone; losing it loses the deposit.",
}


@dataclass(frozen=True, slots=True)
class _Known:
    """A statement's progress with all that is stored or proven about it, read once.

    The signed things come from its record or, once that is deleted, from the chain.
    """

    progress: Progress
    statement: bytes
    signature: Signature
    receipt: Receipt
    deposit: Deposit

    @property
    def openings(self) -> tuple[Opening, ...]:
        return self.progress.taken.keepsake.openings

    @property
    def first_number(self) -> str | None:
        placed = self.progress.placed
        return placed.statement.number(0) if placed else None

    @property
    def points(self) -> list[Bilingual]:
        """What the depositor's own declarations leave to be examined."""
        category = Category[self.deposit.category]
        found = dict.fromkeys(
            point for fields in self._declared() for point in points(category, fields)
        )
        if self.deposit.profile is not None and not self.openings:
            found[DeclaredPoint.ITEMS_NOT_DECLARED] = None
        return list(found)

    @property
    def signature_effect(self) -> str | None:
        """What is asserted of a signature on one of the items, where that is unusual."""
        effects = (fields.get(SIGNATURE_EFFECT) for fields in self._declared())
        return next((str(each) for each in effects if each is not None), None)

    def _declared(self) -> Iterator[dict[str, DetailValue]]:
        """The details of each item that has some, without their salts."""
        for opening in self.openings:
            if opening.details is not None:
                pairs = json.loads(opening.details)
                yield {name: value for name, (_, value) in pairs.items()}

    @property
    def attested(self) -> bool:
        """Whether the gateway signed in the depositor's place."""
        return self.deposit.key == self.receipt.gateway


def _know(progress: Progress) -> _Known:
    stored, signed = progress.taken.stored, None
    if stored.record is not None:
        record = parse_record(stored.record)
        assert isinstance(record, StatementRecord)
        signed = record.statement_bytes, record.signature, record.receipt
    elif progress.placed is not None:
        entry = progress.placed.statement
        signed = entry.statement_bytes, entry.signature, entry.receipt
    else:
        raise ProblemError(Problem.CANNOT_CHECK)
    deposit = parse_statement(signed[0])
    assert isinstance(deposit, Deposit), "the gateway stores deposits only"
    return _Known(progress, *signed, deposit)


def moment(time_ms: int, by: Literal["gateway", "proposer", "members"]) -> Moment:
    """A time for people and programs, Beijing time first."""
    beijing, utc = _spelled(time_ms)
    return Moment(beijing=beijing, utc=utc, ms=time_ms, by=by)


@lru_cache(MOMENTS_KEPT)
def _spelled(time_ms: int) -> tuple[str, str]:
    utc = utc_time(time_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return beijing_time(time_ms).isoformat(timespec="milliseconds"), utc


def times(receipt: Receipt, placed: Placed | None, proof: Proof | None) -> Times:
    """Accepted, in a block, sealed: as far as it has come."""
    sealed_s = proof.seal_time_s if proof is not None else None
    return Times(
        accepted_at=moment(receipt.accepted_at, "gateway"),
        block_time=moment(placed.entry.time_ms, "proposer") if placed else None,
        sealed_at=None if sealed_s is None else moment(sealed_s * 1000, "members"),
    )


def anchor_answer(progress: Progress, language: Language, network: str) -> AnchorAnswer:
    """The answer to the deposit of one file."""
    known = _know(progress)
    opening = known.openings[0] if known.openings else None
    return AnchorAnswer(
        **_deposited(known, opening, language),
        evidence_no=known.first_number,
        opening=opening_value(opening) if opening else None,
        notices=_notices(known, language, network),
    )


def batch_answer(progress: Sequence[Progress], language: Language, network: str) -> BatchAnswer:
    """The answer to the deposit of many."""
    known = [_know(each) for each in progress]
    return BatchAnswer(
        **state_words(least_far(progress), language),
        first_evidence_no=known[0].first_number,
        count=sum(each.deposit.count for each in known),
        statements=[_part(each, language) for each in known],
        notices=list(
            dict.fromkeys(said for each in known for said in _notices(each, language, network))
        ),
    )


def _part(known: _Known, language: Language) -> BatchPart:
    return BatchPart(
        **_deposited(known, None, language),
        first_evidence_no=known.first_number,
        count=known.deposit.count,
        openings=[opening_value(each) for each in known.openings] or None,
    )


def _deposited(known: _Known, opening: Opening | None, language: Language) -> dict[str, Any]:
    progress, receipt = known.progress, known.receipt
    identity, placed, proof = progress.taken.stored.statement_id, progress.placed, progress.proof
    message = receipt_message(known.deposit.origin, identity, receipt.accepted_at)
    # A statement may have come through another gateway before: then that one accepted it first.
    first = placed.statement.receipt if placed else receipt
    if proof is not None and opening is not None:
        proof = replace(proof, opening=opening)
    submitter = progress.taken.keepsake.submitter
    return {
        **state_words(progress.state, language),
        "reason": progress.skipped,
        "statement_id": identity.hex(),
        "statement": known.statement.decode("ascii"),
        "signature": format_signature(known.signature),
        "receipt": ReceiptValue(
            number=receipt_number(identity),
            gateway=receipt.gateway.text,
            signed=message.decode("ascii"),
            signature=format_signature(receipt.signature),
        ),
        "times": times(first, placed, proof),
        "height": placed and placed.entry.height,
        "entry_hash": placed and leaf_hash(placed.entry_bytes).hex(),
        "signature_effect": known.signature_effect,
        "submitter": submitter and submitter_value(submitter),
        "proof": None if proof is None else format_proof(proof).decode(),
    }


def _notices(known: _Known, language: Language, network: str) -> list[str]:
    said = []
    if known.deposit.mode == "commitment":
        text = KEEP_OPENING if known.openings else OPENING_ELSEWHERE
        said.append(text[language])
    if known.attested:
        said.append(getattr(OpenPoint.O01, language))
    said += [getattr(point, language) for point in known.points]
    return [*said, *always(language, network)]


def always(language: Language, network: str) -> list[str]:
    """What is said beside every answer about deposits."""
    said = [getattr(Notice.NO_LATER_THAN, language)]
    if network == "test":
        said.append(getattr(OpenPoint.O05, language))
    return said


def summary(
    placed: Placed,
    item_index: int,
    state: State,
    proof: Proof | None,
    language: Language,
    history: History = NO_HISTORY,
    timestamped: TimestampedValue | None = None,
) -> EvidenceSummary:
    """What a number alone tells, and what later events mark the deposit with."""
    entry = placed.statement
    deposit = entry.statement
    assert isinstance(deposit, Deposit), "only deposits have evidence numbers"
    return EvidenceSummary(
        evidence_no=entry.number(item_index),
        **state_words(state, language),
        times=times(entry.receipt, placed, proof),
        height=entry.height,
        entry_hash=leaf_hash(placed.entry_bytes).hex(),
        mode=deposit.mode,  # type: ignore[arg-type]
        count=deposit.count,
        flags=flag_values(history, language),
        timestamped=timestamped,
    )


def lookup_notices(
    found: bool, language: Language, network: str, told: Iterable[EvidenceSummary] = ()
) -> list[str]:
    """What is said beside a lookup: not found never means that there is no deposit at all, and what
    is `told` of may have been corrected since."""
    said = [] if found else [getattr(Notice.SEARCHED, language)]
    told = list(told)
    said += flag_notices((flag for each in told for flag in each.flags), language)
    if any(each.timestamped and not each.timestamped.independent for each in told):
        said.append(getattr(OpenPoint.O03, language))
    return said + always(language, network)


def state_words(state: State, language: Language) -> dict[str, Any]:
    """A state and its words."""
    return {"state": state.name, "state_text": getattr(state, language)}


def result(code: ResultCode | None, language: Language) -> dict[str, Any]:
    """A result code and its words, for a lookup's answer."""
    return (
        {} if code is None else {"result_code": code.name, "result_text": getattr(code, language)}
    )
