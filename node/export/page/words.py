"""The words the page says, from the one place that has them: `python -m node.export.page.words`."""

from __future__ import annotations

import json
from pathlib import Path

from node import words
from node.evidence.enrolment import ZH_ROLES
from node.export.bundle.flaws import Flaw
from node.export.signing.dual import SignatureNote

FILE = Path(__file__).parent / "src" / "words.json"
NOTICES = ("SCOPE", "RESAVING", "NO_LATER_THAN")
"""Of the sentences that are printed in full: those that concern an offline result."""


def text() -> str:
    """The bytes of words.json."""
    value = {
        "answers": {
            each.name: {"exit_code": each.exit_code, "zh": each.zh, "en": each.en}
            for each in words.Answer
        },
        "codes": {
            each.name: {"answer": each.answer.name, "zh": each.zh, "en": each.en}
            for each in words.ResultCode
        },
        "open_points": _bilingual(words.OpenPoint),
        "categories": _bilingual(words.Category),
        "notices": {name: _said(words.Notice[name]) for name in NOTICES},
        "flaws": _bilingual(Flaw),
        "signature_notes": _bilingual(SignatureNote),
        "roles": ZH_ROLES,
    }
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _bilingual(kind: type[words.Bilingual]) -> dict[str, dict[str, str]]:
    return {each.name: _said(each) for each in kind}


def _said(each: words.Bilingual) -> dict[str, str]:
    return {"zh": each.zh, "en": each.en}


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
