"""What a depositor declares of one item, and what the law asks to be declared.

Declared fields stand in the item's details beside its other details, so that each value has a salt
of its own and all are bound by the commitment. What is nested in a request is one name there:

    {"sender": "...", "copy": {"making_process": "..."}, "corroboration": [{"type": "NOTARY"}]}
    sender   copy_making_process   corroboration_0_type

`complete` judges the fields of a category and adds the flags that follow from them, which are bound
by the commitment too: `pre_capture_check` = ABSENT where evidence was captured without a report on
the cleanliness of the machine (民事证据规定 Art. 24), `signature_effect` = NOT_ASSERTED_ART3 where
the document is of a kind to which the law gives no effect of electronic signatures (电子签名法
Art. 3). What is declared is what the depositor says; nobody has checked it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from node.casework.vocabulary import (
    CAPTURES,
    ActingCapacity,
    DeclaredPoint,
    DocumentNature,
    OriginalStatus,
    SignatureEffect,
)
from node.words import Bilingual, Category, OpenPoint

Value = str | int | bool
Fields = Mapping[str, Value]

PRE_CAPTURE_CHECK = "pre_capture_check"
SIGNATURE_EFFECT = "signature_effect"
FLAGS = (PRE_CAPTURE_CHECK, SIGNATURE_EFFECT)
"""Details that only the gateway writes."""
ABSENT = "ABSENT"

UNKNOWN_REASON = "unknown_reason"

NEVER_PLAIN = frozenset(
    {Category.A14_2_NETWORK_COMMUNICATION, Category.A14_3_ACCOUNT_TRANSACTION_LOG}
)
"""Communications and logs are about people and can be guessed: never as plain digests."""


@dataclass(frozen=True, slots=True)
class Law:
    """What asks for a field."""

    zh: str
    en: str


SIGNATURES_6 = Law("电子签名法第六条", "电子签名法 Art. 6")
CIVIL_CODE_143 = Law("民法典第一百四十三条", "民法典 Art. 143")
EVIDENCE_12 = Law("民事证据规定第十二、十三条", "民事证据规定 Art. 12 and 13")
EVIDENCE_14 = Law("民事证据规定第十四条", "民事证据规定 Art. 14")
EVIDENCE_15 = Law("民事证据规定第十五条", "民事证据规定 Art. 15")
EVIDENCE_23 = Law("民事证据规定第二十三条", "民事证据规定 Art. 23")


class NotDeclared(Exception):
    """A field that must be declared is missing; `field` is its name in the details."""

    def __init__(self, field: str, law: Law) -> None:
        super().__init__(field)
        self.field = field
        self.law = law


class CopyDiffers(Exception):
    """A copy said to be identical with its source has another digest."""


BY_CATEGORY: Mapping[Category, tuple[tuple[str, ...], Law]] = {
    Category.A14_0: ((), EVIDENCE_14),
    Category.A14_1_WEB_PUBLICATION: (("source_url", "collected_at"), EVIDENCE_14),
    Category.A14_2_NETWORK_COMMUNICATION: (
        ("sender", "recipient", "sent_at", "received_at"),
        SIGNATURES_6,
    ),
    Category.A14_3_ACCOUNT_TRANSACTION_LOG: ((), EVIDENCE_14),
    Category.A14_4_ELECTRONIC_FILE: (("original_status",), EVIDENCE_15),
    Category.A14_5_OTHER_DIGITAL: (("sub_type", "description"), EVIDENCE_14),
}
"""What each item of a category says; of A14_3 its source profile says it."""

_BY_STATUS: Mapping[str, tuple[tuple[str, ...], Law]] = {
    OriginalStatus.MAKER_COPY.name: (("maker", "copy_source_digest"), EVIDENCE_15),
    OriginalStatus.DIRECT_OUTPUT.name: (
        ("maker", "generation_process", "copy_source_digest"),
        EVIDENCE_15,
    ),
    OriginalStatus.REPRODUCTION.name: (
        ("copy_reason_original_unavailable", "copy_making_process"),
        EVIDENCE_23,
    ),
    OriginalStatus.IMAGE_OF_PHYSICAL.name: (("custody_place",), EVIDENCE_12),
}
_WITH_REASON = frozenset({Category.A14_1_WEB_PUBLICATION, Category.A14_2_NETWORK_COMMUNICATION})
"""Where a stated reason stands for what is not known."""


def needs_profile(category: Category, *, declared_by_item: bool) -> bool:
    """Whether a registered source profile must stand for what the items cannot say themselves."""
    if category is Category.A14_3_ACCOUNT_TRANSACTION_LOG:
        return True
    return category is not Category.A14_0 and not declared_by_item


def flatten(declared: Mapping[str, object]) -> dict[str, Value]:
    """What was declared, nested, as names and values of details."""
    return dict(_flat("", declared))


def _flat(name: str, value: object) -> Iterator[tuple[str, Value]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _flat(f"{name}_{key}" if name else str(key), each)
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _flat(f"{name}_{index}", each)
    elif isinstance(value, str | int | bool):
        yield name, value
    else:
        raise AssertionError(f"{name}: {type(value)}")


def complete(category: Category, fields: Fields, digests: Iterable[str]) -> dict[str, Value]:
    """The fields with the flags that follow from them; raises `NotDeclared`, `CopyDiffers`.

    `digests` are those of the item, in hex: a copy that its maker says is identical has one of
    them.
    """
    for name, law in _required(category, fields):
        if name not in fields:
            raise NotDeclared(name, law)
    if _is(fields, "original_status", OriginalStatus.MAKER_COPY):
        if fields["copy_source_digest"] not in set(digests):
            raise CopyDiffers
    elif _copy_differs(fields) and "copy_difference_explained" not in fields:
        raise NotDeclared("copy_difference_explained", EVIDENCE_23)
    completed = dict(fields)
    if _captured(category, fields) and "collection_cleanliness_report_digest" not in fields:
        completed[PRE_CAPTURE_CHECK] = ABSENT
    nature = fields.get("document_nature", DocumentNature.ORDINARY.name)
    if nature != DocumentNature.ORDINARY.name:
        completed[SIGNATURE_EFFECT] = SignatureEffect.NOT_ASSERTED_ART3.name
    return completed


def _required(category: Category, fields: Fields) -> Iterator[tuple[str, Law]]:
    names, law = BY_CATEGORY[category]
    if not (category in _WITH_REASON and UNKNOWN_REASON in fields):
        yield from ((name, law) for name in names)
    status = str(fields.get("original_status", ""))
    names, law = _BY_STATUS.get(status, ((), EVIDENCE_15))
    yield from ((name, law) for name in names)
    # Whoever describes a copy describes it whole, unless its maker made it.
    if "copy_making_process" in fields or "copy_reason_original_unavailable" in fields:
        names, law = _BY_STATUS[OriginalStatus.REPRODUCTION.name]
        yield from ((name, law) for name in names)
    if _is(fields, "acting_capacity", ActingCapacity.AGENT):
        yield "authorisation_digest", CIVIL_CODE_143


def points(category: Category, fields: Fields) -> list[Bilingual]:
    """What the declared fields of a deposited item leave to be examined."""
    found: list[Bilingual] = []
    if category in _WITH_REASON and UNKNOWN_REASON in fields:
        communication = category is Category.A14_2_NETWORK_COMMUNICATION
        found.append(
            DeclaredPoint.COMMUNICATION_UNKNOWN
            if communication
            else DeclaredPoint.PROVENANCE_UNKNOWN
        )
    if fields.get(PRE_CAPTURE_CHECK) == ABSENT:
        found.append(OpenPoint.O04)
    if _is(fields, "original_status", OriginalStatus.REPRODUCTION):
        found.append(DeclaredPoint.NOT_DEEMED_ORIGINAL)
    if _copy_differs(fields):
        found.append(DeclaredPoint.COPY_DIFFERS)
    if fields.get(SIGNATURE_EFFECT) == SignatureEffect.NOT_ASSERTED_ART3.name:
        found.append(SignatureEffect.NOT_ASSERTED_ART3)
    return found


def _captured(category: Category, fields: Fields) -> bool:
    if category is Category.A14_1_WEB_PUBLICATION:
        return True
    return any(_is(fields, "collection_method", each) for each in CAPTURES)


def _copy_differs(fields: Fields) -> bool:
    source, target = fields.get("copy_source_digest"), fields.get("copy_target_digest")
    return None not in (source, target) and source != target


def _is(fields: Fields, name: str, word: Bilingual) -> bool:
    return fields.get(name) == word.name
