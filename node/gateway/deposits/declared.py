"""What a request may declare of an item: shapes, and how they become details that are bound.

The fields are those of judicial practice (docs/declared.md); a word of a vocabulary is its code.
Times are RFC 3339 with an offset, kept as they were written: the depositor's clock, not ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, StringConstraints
from pydantic_core import core_schema

from node.casework.declared import (
    FLAGS,
    NEVER_PLAIN,
    CopyDiffers,
    NotDeclared,
    complete,
    flatten,
    needs_profile,
)
from node.casework.vocabulary import (
    ActingCapacity,
    CarrierType,
    CollectionMethod,
    CorroborationType,
    DocumentNature,
    EvidenceType,
    OriginalityBasis,
    OriginalStatus,
)
from node.gateway.deposits.declared_problems import DeclaredProblem
from node.gateway.http.problems import Problem, ProblemError
from node.words import Bilingual, Category

TEXT_LENGTH_MAX = 2_000
"""A paragraph; all details of an item together have 16,384 bytes."""
CORROBORATION_MAX = 10
WITNESSES_MAX = 5

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_LENGTH_MAX)]
Time = Annotated[
    str,
    StringConstraints(
        pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
        r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
        r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$"
    ),
    Field(examples=["2026-09-21T22:13:20.002+08:00"]),
]


class Word:
    """A text that is the code of a word of this vocabulary."""

    def __init__(self, kind: type[Bilingual]) -> None:
        self._codes = [each.name for each in kind]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.literal_schema(self._codes)


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Source(_Block):
    """来源: where the data come from."""

    system: Text | None = None
    url: Text | None = None
    account: Text | None = None
    carrier_type: Annotated[str, Word(CarrierType)] | None = None
    carrier_serial: Text | None = None
    location: Text | None = None


class Generation(_Block):
    """生成机制: how they came about."""

    process: Text | None = None
    software: Text | None = None
    version: Text | None = None
    operator: Text | None = None
    clock_source: Text | None = None


class Network(_Block):
    """网络环境: addresses and certificate as the capture saw them."""

    ip: Text | None = None
    dns: Text | None = None
    tls_fp: Text | None = None


class Device(_Block):
    """取证设备."""

    model: Text | None = None
    os: Text | None = None
    id: Text | None = None


class Collection(_Block):
    """取证过程与设备软件环境."""

    method: Annotated[str, Word(CollectionMethod)] | None = None
    tool: Text | None = None
    tool_version: Text | None = None
    tool_digest: Digest | None = None
    operator: Text | None = None
    witness: list[Text] | None = Field(None, min_length=1, max_length=WITNESSES_MAX)
    place: Text | None = None
    started_at: Time | None = None
    ended_at: Time | None = None
    cleanliness_report_digest: Digest | None = None
    video_digest: Digest | None = None
    technical_standard: Text | None = None
    network: Network | None = None
    device: Device | None = None


class Storage(_Block):
    """存储过程."""

    medium: Text | None = None
    place: Text | None = None
    access_control: Text | None = None
    backup: Text | None = None


class Copy(_Block):
    """复制件来源和制作经过 (民事证据规定 Art. 23)."""

    original_carrier: Text | None = None
    reason_original_unavailable: Text | None = None
    making_process: Text | None = None
    source_digest: Digest | None = None
    target_digest: Digest | None = None
    difference_explained: Text | None = None
    copier: Text | None = None


class Corroboration(_Block):
    """印证材料."""

    type: Annotated[str, Word(CorroborationType)]
    ref: Text
    digest: Digest | None = None


class Declared(_Block):
    """What the depositor declares of an item. Nobody has checked it; every value is salted."""

    title: Text | None = None
    sub_type: Text | None = Field(None, description="Kind within the category, as you call it.")
    description: Text | None = None
    evidence_type: Annotated[str, Word(EvidenceType)] | None = None
    sender: Text | None = None
    recipient: Text | None = None
    sent_at: Time | None = None
    received_at: Time | None = None
    receiving_system: Text | None = None
    unknown_reason: Text | None = Field(
        None, description="Why what the category asks for is not known; it is printed."
    )
    event_time: Time | None = None
    created_at: Time | None = None
    finalized_at: Time | None = None
    collected_at: Time | None = None
    document_nature: Annotated[str, Word(DocumentNature)] | None = None
    agreement_ref: Digest | None = Field(
        None, description="Digest of the clause that agrees to the electronic form."
    )
    recipient_place_of_business: Text | None = None
    acting_capacity: Annotated[str, Word(ActingCapacity)] | None = None
    authorisation_digest: Digest | None = Field(
        None, description="Digest of the authorisation; an AGENT has one."
    )
    original_status: Annotated[str, Word(OriginalStatus)] | None = None
    originality_basis: Annotated[str, Word(OriginalityBasis)] | None = None
    maker: Text | None = None
    custody_place: Text | None = Field(
        None, description="Where the object is kept of which this is an image."
    )
    source: Source | None = None
    generation: Generation | None = None
    collection: Collection | None = None
    storage: Storage | None = None
    copied: Copy | None = Field(None, alias="copy")
    corroboration: list[Corroboration] | None = Field(
        None, min_length=1, max_length=CORROBORATION_MAX
    )

    def flat(self) -> dict[str, str | int | bool]:
        """As names and values of details."""
        return flatten(self.model_dump(exclude_none=True, by_alias=True))


Details = dict[str, str | int | bool]
Item = tuple[Details, Declared | None, Sequence[str]]
"""Its details, what is declared of it, and its digests in hex."""


def bound_details(category: str, item: Item) -> Details:
    """The details of an item with what is declared of it; refuses what is not declared."""
    kind, (details, declared, digests) = Category[category], item
    fields = {} if declared is None else declared.flat()
    if taken := details.keys() & ({*fields, *FLAGS}):
        raise ProblemError(DeclaredProblem.DETAIL_TAKEN, field=min(taken), items="")
    if kind is Category.A14_0 and not fields:
        return details
    try:
        return details | complete(kind, fields, digests)
    except NotDeclared as error:
        problem, law = DeclaredProblem.NOT_DECLARED, error.law
        name = f"declared.{_nested(error.field)}"
        raise ProblemError(problem, field=name, law_zh=law.zh, law_en=law.en, items="") from error
    except CopyDiffers as error:
        raise ProblemError(DeclaredProblem.COPY_DIFFERS, items="") from error


def _nested(name: str) -> str:
    """The name a client knows the detail by."""
    block, _, rest = name.partition("_")
    nested = block in ("source", "generation", "collection", "storage", "copy")
    return f"{block}.{rest}" if nested else name


def check_plain(category: str) -> None:
    """Of some categories there are no plain digests."""
    if Category[category] in NEVER_PLAIN:
        raise ProblemError(DeclaredProblem.PLAIN_REFUSED, category=category)


def plain_details(item: Item) -> Details:
    """The details of an item in mode `digest`, of which nothing is declared."""
    details, declared, _ = item
    if declared is not None:
        raise ProblemError(Problem.PLAIN_DIGEST_ONLY)
    return details


def check_profile(category: str, profile: str | None, *, declared_by_item: bool) -> None:
    """A source profile stands for what items do not say themselves."""
    if profile is None and needs_profile(Category[category], declared_by_item=declared_by_item):
        raise ProblemError(DeclaredProblem.PROFILE_MISSING, category=category)
