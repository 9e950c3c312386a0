"""interest.json of a case's bundle: its parties, compared with who keeps the evidence.

在线诉讼规则 Art. 17 (2), 民事证据规定 Art. 94 (2): the comparison that the case's own answers show
(docs/cases.md), as it was at the export. Only where somebody has named the parties; what the
registry finds is an open issue, and what it says nothing of is listed. PURE.
"""

from __future__ import annotations

from dataclasses import dataclass

from node.casework.interest import InterestCheck, InterestResult, Party
from node.export.bundle import layout
from node.export.bundle.canonical import format_json
from node.export.certificate.parts import Point, point
from node.words import Bilingual

INTEREST = f"{layout.DOSSIER}interest.json"


class InterestPoint(Bilingual):
    """What the comparison leaves to be examined."""

    INTEREST_FOUND = (
        "当事人与平台或成员有利害关系，见 interest.json；可排除该成员后重新核验（--without）",
        "a party has an interest in the platform or a member, see interest.json; verify again "
        "without that member (--without)",
    )
    INTEREST_NOT_CHECKED = (
        "当事人与平台、成员的利害关系未能全部核对，见 interest.json",
        "interests of the parties in the platform and the members could not all be checked, see "
        "interest.json",
    )


@dataclass(frozen=True, slots=True)
class Interests:
    """The parties that were named in a case, and what came of the comparison."""

    case_no: str
    parties: tuple[Party, ...]
    check: InterestCheck

    def file(self) -> bytes:
        """interest.json. Only organisations are parties here, by their public code."""
        check = self.check
        return format_json(
            {
                "case_no": self.case_no,
                "found": [
                    {
                        "member": each.interest.member,
                        "name": each.interest.name,
                        "relation": each.interest.relation.name,
                        "said": _said(each.interest.relation),
                        "source": each.interest.source,
                        "uscc": each.party.uscc,
                    }
                    for each in check.found
                ],
                "not_checked": list(check.unknown),
                "parties": [
                    {"litigation_role": each.role.name, "said": _said(each.role), "uscc": each.uscc}
                    for each in self.parties
                ],
                "result": check.result.name,
                "said": _said(check.result),
            }
        )

    def issues(self) -> list[Point]:
        """What of it stands among the open issues."""
        found = []
        if self.check.result is InterestResult.FOUND:
            found.append(point(InterestPoint.INTEREST_FOUND))
        if self.check.unknown:
            found.append(point(InterestPoint.INTEREST_NOT_CHECKED))
        return found


def _said(word: Bilingual) -> dict[str, str]:
    return {"en": word.en, "zh": word.zh}
