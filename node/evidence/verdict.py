"""Verdicts (核验结果): what a verification says, for people and programs.

A verdict has one bottom line, its `code`; the findings in the order of the recipe, each telling
what was compared; the open points a court still has to examine; and the facts of the proof. It is
never reduced to yes or no: `Answer` has nine values, and only one of them speaks about the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from node.evidence.head import format_milliseconds, format_seconds
from node.evidence.members import Member
from node.words import Answer, OpenPoint, ResultCode


class Outcome(Enum):
    """What became of one step."""

    PASSED = ("通过", "passed")
    FAILED = ("未通过", "failed")
    NOT_CHECKED = ("未核验", "not checked")

    def __init__(self, zh: str, en: str) -> None:
        self.zh = zh
        self.en = en


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison of the recipe (docs/proof-format.md, section 13); step 0 is reading."""

    step: int
    outcome: Outcome
    zh: str
    en: str
    code: ResultCode | None = None

    def __post_init__(self) -> None:
        assert (self.outcome is Outcome.FAILED) == (self.code is not None)

    def to_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "step": self.step,
            "outcome": self.outcome.en,
            "code": self.code.name if self.code else None,
            "zh": self.zh,
            "en": self.en,
        }


@dataclass(frozen=True, slots=True)
class Facts:
    """What the proof says, for printing; nothing here is verified unless the verdict says so."""

    number: str
    origin: str
    network: str
    seal_time_s: int | None
    block_time_ms: int
    accepted_at_ms: int
    claimed_at_ms: int
    category: str
    entry_hash: bytes
    tree_size: int
    fingerprint: str
    quorum: int
    signed: tuple[Member, ...]
    later: tuple[Member, ...]
    """Those who cosigned the later checkpoint and not this one."""
    missing: tuple[Member, ...]

    def lines(self) -> list[tuple[str, str, str]]:
        """(zh, en, value) for a printed result, the time that counts first."""
        seal = "-" if self.seal_time_s is None else format_seconds(self.seal_time_s)
        return [
            ("存证编号", "evidence number", self.number),
            ("不晚于（联签时间）", "no later than (seal time)", seal),
            (
                "区块时间（出块成员时钟）",
                "block time (its proposer's clock)",
                format_milliseconds(self.block_time_ms),
            ),
            ("网关接收时间", "accepted by the gateway", format_milliseconds(self.accepted_at_ms)),
            ("签名人所称时间", "claimed by the signer", format_milliseconds(self.claimed_at_ms)),
            ("证据类别（存证人申报）", "evidence category (as declared)", self.category),
            ("交易哈希", "entry hash", self.entry_hash.hex()),
            ("树大小", "tree size", str(self.tree_size)),
            ("已联签", "cosigned by", _organisations(self.signed)),
            *self._later_line(),
            ("未联签", "not cosigned by", _organisations(self.missing)),
            ("最低联签数", "quorum", str(self.quorum)),
            ("策略指纹", "policy fingerprint", self.fingerprint),
            ("链", "chain", self.origin),
        ]

    def _later_line(self) -> list[tuple[str, str, str]]:
        if not self.later:
            return []
        return [("后续联签", "later cosigned by", _organisations(self.later))]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one verification."""

    code: ResultCode
    findings: tuple[Finding, ...]
    open_points: tuple[OpenPoint, ...] = ()
    facts: Facts | None = None
    repaired: Verdict | None = None
    """If line ends or a BOM were damaged in transit: the result for the text without the damage."""

    @property
    def answer(self) -> Answer:
        """Which of the nine answers this is."""
        return self.code.answer

    @property
    def consistent(self) -> bool:
        """Whether it is one of the two consistent answers."""
        return self.answer in (Answer.CONSISTENT, Answer.CONSISTENT_OPEN_POINTS)

    def to_json(self) -> dict[str, object]:
        """For programs: stable names, codes as in the glossary."""
        value: dict[str, object] = {
            "code": self.code.name,
            "answer": self.answer.en,
            "result": {"zh": self.code.zh, "en": self.code.en},
            "findings": [each.to_json() for each in self.findings],
            "open_points": [
                {"key": each.name, "zh": each.zh, "en": each.en} for each in self.open_points
            ],
        }
        if self.facts is not None:
            value["facts"] = _facts_json(self.facts)
        if self.repaired is not None:
            value["repaired"] = self.repaired.to_json()
        return value


def _facts_json(facts: Facts) -> dict[str, object]:
    return {
        "evidence_no": facts.number,
        "origin": facts.origin,
        "network": facts.network,
        "seal_time_s": facts.seal_time_s,
        "block_time_ms": facts.block_time_ms,
        "accepted_at_ms": facts.accepted_at_ms,
        "claimed_at_ms": facts.claimed_at_ms,
        "category": facts.category,
        "entry_hash": facts.entry_hash.hex(),
        "tree_size": facts.tree_size,
        "policy_fingerprint": facts.fingerprint,
        "quorum": facts.quorum,
        "cosigned": [each.to_json() for each in facts.signed],
        "cosigned_later": [each.to_json() for each in facts.later],
        "not_cosigned": [each.to_json() for each in facts.missing],
    }


def _organisations(members: tuple[Member, ...]) -> str:
    return ", ".join(f"{each.organisation} ({each.name})" for each in members) or "-"
