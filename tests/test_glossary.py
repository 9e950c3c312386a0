"""The glossary is one source in two copies, and what it forbids appears nowhere in the product."""

import doctest
import itertools
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from node import words
from node.accounts import vocabulary
from node.accounts.consent import ConsentScope
from node.accounts.scopes import Scope

ROOT = Path(__file__).parent.parent
GLOSSARY = ROOT / "docs" / "glossary.md"

# These two must spell out what is forbidden in order to forbid it.
FORBIDDING = {GLOSSARY, ROOT / "node" / "words.py"}


def table(heading: str) -> list[list[str]]:
    """Rows of the first table under `## heading`, without the line of column names."""
    lines = GLOSSARY.read_text("utf-8").splitlines()
    section = lines[lines.index(f"## {heading}") + 1 :]
    section = list(itertools.takewhile(lambda line: not line.startswith("## "), section))
    start = next(i for i, line in enumerate(section) if line.startswith("|"))
    rows = list(itertools.takewhile(lambda line: line.startswith("|"), section[start:]))
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def allowed_in_glossary() -> list[str]:
    text = GLOSSARY.read_text("utf-8").partition("| allowed inside |\n|---|\n")[2]
    return [line.strip("| ") for line in text.splitlines()]


def test_words_are_the_glossarys() -> None:
    assert table("Words") == [[w.thing, w.en, w.zh, "、".join(w.never)] for w in words.WORDS]


def test_answers_are_the_glossarys() -> None:
    ours = [[a.name, str(a.exit_code), a.zh, a.en] for a in words.Answer]
    assert [row[:4] for row in table("Answers")] == ours


def test_result_codes_are_the_glossarys() -> None:
    ours = [[c.name, c.zh, c.en, c.answer.name, str(c.answer.exit_code)] for c in words.ResultCode]
    assert [row[:3] + row[4:] for row in table("Result codes")] == ours


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("Open points", words.OpenPoint),
        ("States", words.State),
        ("Flags", words.Flag),
        ("Events", words.EventType),
        ("Grounds of erasure", words.ErasureGround),
        ("Evidence categories", words.Category),
        ("Notices", words.Notice),
        ("Submitters", vocabulary.SubmitterType),
        ("Identity documents", vocabulary.IdType),
        ("Identity verification", vocabulary.ProofMethod),
        ("Account states", vocabulary.AccountStatus),
        ("Roles", vocabulary.Role),
        ("Scopes", Scope),
        ("Account keys", vocabulary.KeyKind),
        ("Consents", ConsentScope),
    ],
)
def test_bilingual_tables_are_the_glossarys(
    heading: str,
    kind: type[words.Bilingual],
) -> None:
    assert [row[:3] for row in table(heading)] == [[e.name, e.zh, e.en] for e in kind]


def test_banned_phrases_are_the_glossarys() -> None:
    assert table("Banned phrases") == [[b.text, b.why] for b in words.BANNED]
    assert allowed_in_glossary() == list(words.ALLOWED_INSIDE)


def test_no_cell_is_empty_but_never() -> None:
    for heading in ("Answers", "Result codes", "Open points", "States", "Notices"):
        assert all(all(row) for row in table(heading)), heading


def test_exit_codes_tell_the_nine_answers_apart() -> None:
    """0 is the unreserved yes alone; a crash (1) and wrong usage (2) look like no answer."""
    codes = [answer.exit_code for answer in words.Answer]
    assert len(codes) == len(set(codes)) == 9
    assert [a for a in words.Answer if a.exit_code == 0] == [words.Answer.CONSISTENT]
    assert not {1, words.WRONG_USAGE_EXIT_CODE} & set(codes)
    assert max(codes) < 126  # above that a shell means signals and missing commands


def test_every_answer_has_a_result_code() -> None:
    assert {code.answer for code in words.ResultCode} == set(words.Answer)


def test_enums_have_no_aliases() -> None:
    """Two members of one enum with equal texts would silently become one member."""
    kinds = (words.ResultCode, words.OpenPoint, words.State, words.Category, words.Notice)
    for kind in kinds:
        assert list(kind.__members__) == [member.name for member in kind]


def test_notices_take_the_same_numbers_in_both_languages() -> None:
    for notice in words.Notice:
        assert set(re.findall(r"\{\w+\}", notice.zh)) == set(re.findall(r"\{\w+\}", notice.en))


def test_chinese_texts_use_full_width_punctuation() -> None:
    texts = [word.zh for word in words.WORDS]
    for kind in (words.Answer, words.ResultCode, words.OpenPoint, words.State, words.Notice):
        texts += [member.zh for member in kind]
    for text in texts:
        assert not re.search(r"[一-鿿][,:;()]|[,:;()][一-鿿]", text), text


def test_docstring_examples_are_true() -> None:
    assert doctest.testmod(words).failed == 0


def product_texts() -> Iterator[Path]:
    """Everything written in the product's own voice: read-mes, documents, code, pages, samples."""
    for pattern in ("README*.md", "SECURITY.md"):
        yield from ROOT.glob(pattern)
    for folder in ("docs", "node", "devnet", "consensus"):
        for suffix in ("md", "py", "html", "js", "txt", "json"):
            yield from (ROOT / folder).rglob(f"*.{suffix}")


def banned_in(line: str) -> list[str]:
    """Forbidden words in a line, whatever the width of its characters and the case of letters."""
    line = unicodedata.normalize("NFKC", line).casefold()
    for allowed in words.ALLOWED_INSIDE:
        line = line.replace(allowed, " ")
    forbidden = [never for word in words.WORDS for never in word.never]
    forbidden += [unicodedata.normalize("NFKC", banned.text) for banned in words.BANNED]
    return [text for text in forbidden if text in line]


def test_no_forbidden_word_in_the_product() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {text}"
        for path in sorted(set(product_texts()) - FORBIDDING)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        for text in banned_in(line)
    ]
    assert not found, "see docs/glossary.md for what to say instead:\n" + "\n".join(found)


def test_the_search_finds_what_it_should() -> None:
    assert banned_in("本平台对数据进行公证") == ["公证"]
    assert banned_in("电子数据存证证书(非公证书)由公证处的节点联签") == []
    assert banned_in("结果: Tamper-Proof, 100%采信") == ["100%采信", "tamper-proof"]
    assert banned_in("核验结果:真实") == ["结果:真实"]


def test_our_own_words_are_not_forbidden() -> None:
    ours = [word.zh for word in words.WORDS] + [word.en for word in words.WORDS]
    for kind in (words.Answer, words.ResultCode, words.OpenPoint, words.State, words.Notice):
        ours += [text for member in kind for text in (member.zh, member.en)]
    assert [text for text in ours if banned_in(text)] == []
