"""What the gateway answers about deposits: values of the chain in words for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from node.evidence.item import Opening
from node.evidence.keys import format_signature
from node.evidence.merkle import leaf_hash
from node.evidence.number import beijing_time, utc_time
from node.evidence.proof import Proof
from node.evidence.proof_text import format_proof
from node.evidence.receipt import Receipt, receipt_message
from node.evidence.record import StatementRecord, parse_record
from node.evidence.statement import Deposit, parse_statement, receipt_number
from node.gateway.depositing import Progress, least_far
from node.gateway.keepsake import Keepsake, opening_value, parse_keepsake, submitter_value
from node.gateway.language import Language
from node.gateway.problems import Problem, ProblemError
from node.gateway.schemas import (
    AnchorAnswer,
    BatchAnswer,
    BatchPart,
    EvidenceSummary,
    Moment,
    ReceiptValue,
    Times,
)
from node.gateway.told import Placed
from node.words import Notice, OpenPoint, ResultCode, State

KEEP_OPENING = {
    "zh": "请妥善保存摘要开启数据（证明文件中已包含）：一旦遗失，任何人都无法再用本存证核验文件，"
    "等于失去本存证。本网关只保留 24 小时。",
    "en": "Keep the opening (the proof file contains it): without it nobody can ever match this "
    "deposit with a file again, so losing it loses the deposit. It is kept here for 24 hours only.",
}
OPENING_WITH_DEPOSITOR = {
    "zh": "摘要开启数据只在存证主体手中；一旦遗失，等于失去本存证。",
    "en": "The openings are with the depositor alone; losing them loses the deposit.",
}
OPENING_DELETED = {
    "zh": "摘要开启数据已超过 24 小时保留期，本网关不再持有。",
    "en": "The opening was kept for 24 hours and is no longer here.",
}


@dataclass(frozen=True, slots=True)
class _Signed:
    """The signed things of a statement, from its record or, once that is gone, from the chain."""

    statement: bytes
    signature: bytes
    receipt: Receipt

    @property
    def deposit(self) -> Deposit:
        parsed = parse_statement(self.statement)
        assert isinstance(parsed, Deposit), "the gateway stores deposits only"
        return parsed


def moment(time_ms: int, by: Literal["gateway", "proposer", "members"]) -> Moment:
    """A time for people and programs, Beijing time first."""
    utc = utc_time(time_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    beijing = beijing_time(time_ms).isoformat(timespec="milliseconds")
    return Moment(beijing=beijing, utc=utc, ms=time_ms, by=by)


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
    keepsake = _keepsake(progress)
    opening = keepsake.openings[0] if keepsake and keepsake.openings else None
    return AnchorAnswer(
        **_deposited(progress, keepsake, opening, language),
        evidence_no=_first_number(progress),
        opening=opening_value(opening) if opening else None,
        notices=_notices([progress], language, network),
    )


def batch_answer(progress: Sequence[Progress], language: Language, network: str) -> BatchAnswer:
    """The answer to the deposit of many."""
    parts = [_part(each, language) for each in progress]
    return BatchAnswer(
        **state_words(least_far(progress), language),
        first_evidence_no=parts[0].first_evidence_no,
        count=sum(part.count for part in parts),
        statements=parts,
        notices=_notices(progress, language, network),
    )


def _part(progress: Progress, language: Language) -> BatchPart:
    keepsake = _keepsake(progress)
    openings = keepsake.openings if keepsake else ()
    return BatchPart(
        **_deposited(progress, keepsake, None, language),
        first_evidence_no=_first_number(progress),
        count=_signed(progress).deposit.count,
        openings=[opening_value(each) for each in openings] or None,
    )


def _deposited(
    progress: Progress, keepsake: Keepsake | None, opening: Opening | None, language: Language
) -> dict[str, Any]:
    signed, placed, proof = _signed(progress), progress.placed, progress.proof
    stored = progress.stored
    message = receipt_message(
        signed.deposit.origin, stored.statement_id, signed.receipt.accepted_at
    )
    # A statement may have come through another gateway before: then that one accepted it first.
    first = placed.statement.receipt if placed else signed.receipt
    if proof is not None and opening is not None:
        proof = replace(proof, opening=opening)
    return {
        **state_words(progress.state, language),
        "reason": progress.skipped,
        "statement_id": stored.statement_id.hex(),
        "statement": signed.statement.decode("ascii"),
        "signature": format_signature(signed.signature),
        "receipt": ReceiptValue(
            number=receipt_number(stored.statement_id),
            gateway=signed.receipt.gateway.text,
            signed=message.decode("ascii"),
            signature=format_signature(signed.receipt.signature),
        ),
        "times": times(first, placed, proof),
        "height": placed and placed.entry.height,
        "entry_hash": placed and leaf_hash(placed.entry_bytes).hex(),
        "submitter": keepsake and keepsake.submitter and submitter_value(keepsake.submitter),
        "proof": None if proof is None else format_proof(proof).decode(),
    }


def _first_number(progress: Progress) -> str | None:
    return progress.placed.statement.number(0) if progress.placed else None


def _signed(progress: Progress) -> _Signed:
    if progress.stored.record is not None:
        record = parse_record(progress.stored.record)
        assert isinstance(record, StatementRecord)
        return _Signed(record.statement_bytes, record.signature, record.receipt)
    if progress.placed is None:
        raise ProblemError(Problem.CANNOT_CHECK)
    entry = progress.placed.statement
    return _Signed(entry.statement_bytes, entry.signature, entry.receipt)


def _keepsake(progress: Progress) -> Keepsake | None:
    stored = progress.stored.keepsake
    return None if stored is None else parse_keepsake(stored)


def _notices(progress: Sequence[Progress], language: Language, network: str) -> list[str]:
    signed, keepsake = _signed(progress[0]), _keepsake(progress[0])
    said = []
    if signed.deposit.mode == "commitment":
        if keepsake is None:
            said.append(OPENING_DELETED[language])
        else:
            text = KEEP_OPENING if keepsake.openings else OPENING_WITH_DEPOSITOR
            said.append(text[language])
    if signed.deposit.key == signed.receipt.gateway:
        said.append(getattr(OpenPoint.O01, language))
    return [*said, *_always(language, network)]


def _always(language: Language, network: str) -> list[str]:
    said = [getattr(Notice.NO_LATER_THAN, language)]
    if network == "test":
        said.append(getattr(OpenPoint.O05, language))
    return said


def summary(
    placed: Placed, item_index: int, state: State, proof: Proof | None, language: Language
) -> EvidenceSummary:
    """What a number alone tells."""
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
    )


def lookup_notices(found: bool, language: Language, network: str) -> list[str]:
    """What is said beside a lookup: not found never means that there is no deposit at all."""
    said = [] if found else [getattr(Notice.SEARCHED, language)]
    return said + _always(language, network)


def state_words(state: State, language: Language) -> dict[str, Any]:
    """A state and its words."""
    return {"state": state.name, "state_text": getattr(state, language)}


def result(code: ResultCode | None, language: Language) -> dict[str, Any]:
    """A result code and its words, for a lookup's answer."""
    return (
        {} if code is None else {"result_code": code.name, "result_text": getattr(code, language)}
    )
