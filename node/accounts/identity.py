"""Numbers of identity documents: their form, their check digits, how they are shown to others.

    USCC      统一社会信用代码, GB 32100: 18 characters without I O S V Z; the last is what makes
              the sum of value times 3^place divisible by 31
    ID_CARD   公民身份号码, GB 11643: 17 digits with a date of birth, and a check character of
              ISO 7064 MOD 11-2

    >>> parse_id_no(IdType.USCC, "91350100M000100Y43")
    '91350100M000100Y43'
    >>> parse_id_no(IdType.ID_CARD, "11010519491231002x")
    '11010519491231002X'
    >>> mask_id_no("11010519491231002X"), mask_name("张三丰")
    ('110*************2X', '张**')

Of other documents only the characters are checked: their rules differ by issuer and year. A number
that passes is well spelled; whose it is, the identity proof says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from node.accounts.vocabulary import IdType, SubmitterType
from node.evidence.malformed import Malformed

NAME_LENGTH_MAX = 128
CONTACT_LENGTH_MAX = 256

_WHERE = "identity document"
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_ID_CARD = re.compile(r"[1-9][0-9]{5}(?P<born>(?:18|19|20)[0-9]{6})[0-9]{3}[0-9X]")
_ID_CARD_CHECK = "10X98765432"
_OTHER = re.compile(r"[A-Z0-9-]{5,20}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

_PERSONAL = frozenset(
    {
        IdType.ID_CARD,
        IdType.PASSPORT,
        IdType.HK_MACAO_PERMIT,
        IdType.TW_PERMIT,
        IdType.FOREIGN_PR,
    }
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an account says it is. Personal data: stored only as ciphertext."""

    name: str
    id_type: IdType
    id_no: str
    contact: str | None = None

    def __post_init__(self) -> None:
        _check_text("name", self.name, NAME_LENGTH_MAX)
        if self.contact is not None:
            _check_text("contact", self.contact, CONTACT_LENGTH_MAX)
        assert parse_id_no(self.id_type, self.id_no) == self.id_no

    def check_belongs_to(self, submitter: SubmitterType) -> None:
        """People have people's documents, organisations have organisations'."""
        if (self.id_type in _PERSONAL) != (submitter is SubmitterType.NATURAL_PERSON):
            raise Malformed(_WHERE, f"{self.id_type.name} is not a document of a {submitter.en}")


def parse_id_no(id_type: IdType, text: str) -> str:
    """The number in its one spelling; `Malformed` says what is wrong with it, not what it was."""
    number = text.upper()
    if id_type is IdType.USCC:
        _check_uscc(number)
    elif id_type is IdType.ID_CARD:
        _check_id_card(number)
    elif not _OTHER.fullmatch(number):
        raise Malformed(_WHERE, "not 5 to 20 characters of A-Z 0-9 -")
    return number


def mask_id_no(number: str) -> str:
    """脱敏: as it is shown, the first three and the last two characters."""
    return number[:3] + "*" * (len(number) - 5) + number[-2:]


def mask_name(name: str) -> str:
    """脱敏: a person's name as it is shown, its first character."""
    return name[0] + "*" * (len(name) - 1)


def _check_uscc(number: str) -> None:
    if not _USCC.fullmatch(number):
        raise Malformed(_WHERE, "not 18 characters of a unified social credit code")
    weighed = (_USCC_ALPHABET.index(each) * pow(3, at, 31) for at, each in enumerate(number[:17]))
    if _USCC_ALPHABET[-sum(weighed) % 31] != number[17]:
        raise Malformed(_WHERE, "the check character does not fit; compare it with the document")


def _check_id_card(number: str) -> None:
    match = _ID_CARD.fullmatch(number)
    if match is None:
        raise Malformed(_WHERE, "not 18 characters of an identity card number")
    try:
        date.fromisoformat(match["born"])
    except ValueError as error:
        raise Malformed(_WHERE, "the date of birth is no date") from error
    weighed = (int(each) * pow(2, 17 - at, 11) for at, each in enumerate(number[:17]))
    if _ID_CARD_CHECK[sum(weighed) % 11] != number[17]:
        raise Malformed(_WHERE, "the check character does not fit; compare it with the document")


def _check_text(where: str, text: str, length_max: int) -> None:
    if not text.strip() or len(text) > length_max or _CONTROL.search(text):
        raise Malformed(where, f"not 1 to {length_max} visible characters")
