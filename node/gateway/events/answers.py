"""What the gateway answers about events: values of the chain in words for people and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from node.evidence.events import BY_DEPOSITOR
from node.evidence.item import parse_details
from node.evidence.keys import Signature, format_signature
from node.evidence.merkle import leaf_hash
from node.evidence.receipt import Receipt, receipt_message
from node.evidence.record import StatementRecord, parse_record
from node.evidence.statement import Event, parse_statement, receipt_number
from node.gateway.deposits.answers import always, moment, state_words, times
from node.gateway.events.eventing import EventProgress
from node.gateway.events.history import History, Judged
from node.gateway.events.marks import flag_notices, flag_values
from node.gateway.events.schemas import EventAnswer, EventsAnswer, EventSummary
from node.gateway.http.language import Language
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.schemas import ReceiptValue, Times
from node.offchain.events import OpenedEvent
from node.vault.keepsake import submitter_value
from node.words import EventType, OpenPoint

EFFECT = {
    True: {"zh": "有效力", "en": "has effect"},
    False: {
        "zh": "无效力：提交人无权登记该事件，仅予显示",
        "en": "without effect: its maker may not make it; it is shown, no more",
    },
}
AWAITS = {
    "zh": "尚待当时代签该存证的网关签名；该网关恢复运行后即签名并上链。",
    "en": "It waits for the signature of the gateway that attested the deposit, and goes on to the "
    "chain as soon as that one runs.",
}


def events_answer(
    number: str,
    history: History,
    opened: Mapping[bytes, OpenedEvent],
    language: Language,
    network: str,
) -> EventsAnswer:
    """All events; `opened` are those whose details are told."""
    flags = flag_values(history, language)
    return EventsAnswer(
        evidence_no=number,
        flags=flags,
        events=[_summary(each, opened, language) for each in history.events],
        complete=history.complete,
        notices=[*flag_notices(flags, language), *always(language, network)],
    )


def _summary(
    judged: Judged, opened: Mapping[bytes, OpenedEvent], language: Language
) -> EventSummary:
    entry, details = judged.placed.statement, None
    told = opened.get(entry.statement_id)
    if told is not None and told.opening is not None:
        details = {key: value for key, (_, value) in parse_details(told.opening.details).items()}
    return EventSummary(
        **_type_words(judged.event, language),
        effect=judged.has_effect,
        effect_text=EFFECT[judged.has_effect][language],
        attested=entry.attested,
        times=times(entry.receipt, judged.placed, None),
        height=entry.height,
        entry_hash=leaf_hash(judged.placed.entry_bytes).hex(),
        details=details,
    )


def event_answer(progress: EventProgress, language: Language, network: str) -> EventAnswer:
    """The answer to who made an event."""
    stored, placed = progress.taken.stored, progress.placed
    statement, signature, receipt = _signed(progress)
    event, opening = parse_statement(statement), progress.taken.opening
    assert isinstance(event, Event)
    assert event.subject is not None
    attested = receipt is None or event.key == receipt.gateway
    points = [getattr(OpenPoint.O01, language)] if attested and event.type in BY_DEPOSITOR else []
    if receipt is None:
        points.append(AWAITS[language])
    submitter = None if opening is None else opening.submitter
    return EventAnswer(
        **_type_words(event, language),
        **state_words(progress.state, language),
        evidence_no=event.subject.evidence_no,
        reason=progress.skipped,
        statement_id=stored.statement_id.hex(),
        statement=statement.decode("ascii"),
        signature=None if signature is None else format_signature(signature),
        receipt=None if receipt is None else _receipt(event.origin, stored.statement_id, receipt),
        times=Times(accepted_at=moment(stored.stored_ms, "gateway"))
        if receipt is None
        else times(receipt, placed, None),
        height=None if placed is None else placed.entry.height,
        entry_hash=None if placed is None else leaf_hash(placed.entry_bytes).hex(),
        opening=None
        if opening is None
        else {"salt": opening.salt.hex(), "details": opening.details.decode()},
        submitter=None if submitter is None else submitter_value(submitter),
        notices=[*points, *always(language, network)],
    )


def _signed(progress: EventProgress) -> tuple[bytes, Signature | None, Receipt | None]:
    """The statement with its signature and receipt, as far as it has them."""
    stored, placed = progress.taken.stored, progress.placed
    if placed is not None:
        entry = placed.statement
        return entry.statement_bytes, entry.signature, entry.receipt
    if stored.record is None:
        raise ProblemError(Problem.CANNOT_CHECK)
    if stored.awaits is not None:
        return stored.record, None, None
    record = parse_record(stored.record)
    assert isinstance(record, StatementRecord)
    return record.statement_bytes, record.signature, record.receipt


def _receipt(origin: str, identity: bytes, receipt: Receipt) -> ReceiptValue:
    return ReceiptValue(
        number=receipt_number(identity),
        gateway=receipt.gateway.text,
        signed=receipt_message(origin, identity, receipt.accepted_at).decode("ascii"),
        signature=format_signature(receipt.signature),
    )


def _type_words(event: Event, language: Language) -> dict[str, Any]:
    kind = EventType[event.type.upper()]
    return {"type": kind.name, "type_text": getattr(kind, language)}
