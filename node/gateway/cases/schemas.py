"""The shapes of requests and answers about cases."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from node.casework.vocabulary import LitigationRole
from node.gateway.deposits.declared import Text, Word
from node.gateway.http.schemas import Moment, StrictRequest

LINKS_MAX = 100
"""Exhibits linked at once; each is looked for on the chain."""
PARTIES_MAX = 100
COPIES_MAX = 1_000
PAGES_MAX = 100_000

EvidenceNo = Annotated[
    str,
    StringConstraints(min_length=1, max_length=40),
    # Shown, not applied: a number that is misspelled is told among all that are.
    WithJsonSchema({"type": "string", "pattern": "^EV[0-9]{20}-[0-9]{2}$"}),
]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ExhibitRequest(StrictRequest):
    """An exhibit as a party submits it (民事证据规定 Art. 19)."""

    evidence_no: EvidenceNo = Field(examples=["EV20260921000000000000-06"])
    litigation_role: Annotated[str, Word(LitigationRole)] = Field(
        description="Which party submits it."
    )
    name: Line
    source: Text
    proof_object: Text = Field(description="What it is to prove.")
    content: Text
    copies: int = Field(1, ge=1, le=COPIES_MAX)
    pages: int = Field(1, ge=0, le=PAGES_MAX)
    adverse_to_submitter: bool = Field(
        False, description="Noted by the court; shown on the evidence list only."
    )


class LinksRequest(StrictRequest):
    """Exhibits in their order: all are linked or none is."""

    exhibits: list[ExhibitRequest] = Field(min_length=1, max_length=LINKS_MAX)


class CourtReceiptRequest(StrictRequest):
    """Which exhibits the court took in, and who took them."""

    exhibits: list[int] | None = Field(
        None,
        min_length=1,
        max_length=1_000,
        description="Exhibit numbers; all that stand on the list if left out.",
    )
    handler: Line = Field(description="Who took them in and signs the receipt.")


class CourtValue(BaseModel):
    """A court. `name` is there if a registry knows the code; otherwise `text` says 未核对."""

    court_code: str
    name: str | None = None
    text: str


class ExhibitValue(BaseModel):
    """An exhibit under its number (证据目录序号)."""

    exhibit_no: int
    evidence_no: str
    litigation_role: str
    litigation_role_text: str
    name: str
    source: str
    proof_object: str
    content: str
    copies: int
    pages: int
    adverse_to_submitter: bool
    linked_at: Moment


class FoundInterest(BaseModel):
    """A party that the operator's registry names."""

    uscc: str
    litigation_role: str
    litigation_role_text: str
    member: str = Field(description="The member's name, or PLATFORM.")
    name: str
    relation: str
    relation_text: str
    source: str = Field(description="Where the operator read it.")


class InterestValue(BaseModel):
    """利害关系核对 (民事证据规定 Art. 94, 在线诉讼规则 Art. 17): the parties of a case, by their
    codes, beside the organisations behind members and platform. What is found is an open point of
    the case; no conclusion is drawn from it."""

    result: Literal["FOUND", "NONE_FOUND", "NOT_CHECKED"]
    text: str
    found: list[FoundInterest]
    not_checked: list[str] = Field(description="Of whom the registry says nothing.")


class PartyRequest(StrictRequest):
    """An organisation that takes part in a case."""

    litigation_role: Annotated[str, Word(LitigationRole)] = Field(
        description="NONE is who deposited and is no party."
    )
    uscc: Annotated[
        str,
        StringConstraints(min_length=1, max_length=40),
        # Shown, not applied: the answer says which one is misspelled.
        WithJsonSchema({"type": "string", "pattern": "^[0-9A-HJ-NPQRTUWXY]{18}$"}),
    ] = Field(description="统一社会信用代码.", examples=["91350100M000100Y43"])


class PartiesRequest(StrictRequest):
    """The parties of a case, all of them."""

    parties: list[PartyRequest] = Field(max_length=PARTIES_MAX)


class PartyValue(BaseModel):
    """A party of a case."""

    uscc: str
    litigation_role: str
    litigation_role_text: str


class PartiesAnswer(BaseModel):
    """A case's parties and what came of the comparison."""

    case_no: str
    parties: list[PartyValue]
    interests: InterestValue


class CaseAnswer(BaseModel):
    """A case's exhibits: those that were linked now, or its whole evidence list."""

    case_no: str = Field(description="In its one spelling, with full-width brackets.")
    court: CourtValue
    exhibits: list[ExhibitValue]
    interests: InterestValue


class ReceivedExhibit(BaseModel):
    """A line of a court receipt."""

    exhibit_no: int
    name: str
    copies: int
    pages: int
    evidence_no: str


class CourtReceiptAnswer(BaseModel):
    """A court receipt. `text` is the document byte for byte; `digests` are those of it in UTF-8,
    to be deposited like those of any file."""

    receipt_id: str
    case_no: str
    court: CourtValue
    exhibits: list[ReceivedExhibit]
    copies: int
    pages: int
    received_at: Moment
    handler: str
    text: str
    digests: dict[str, str]
    size: int


class ListQuery(BaseModel):
    """As JSON, or as text to print and sign."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["json", "text"] = "json"
