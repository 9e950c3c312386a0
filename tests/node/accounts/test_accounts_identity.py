"""Numbers of identity documents: published examples pass, and no slip of one character does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.accounts.identity import Identity, mask_id_no, mask_name, parse_id_no
from node.accounts.vocabulary import IdType, SubmitterType
from node.evidence.malformed import Malformed

USCC = ("91350100M000100Y43", "9144030071526726XG", "91110000802100433B")
ID_CARDS = ("11010519491231002X", "440524188001010014")
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@pytest.mark.parametrize("number", USCC)
def test_codes_of_organisations_that_exist(number: str) -> None:
    assert parse_id_no(IdType.USCC, number) == number
    assert parse_id_no(IdType.USCC, number.lower()) == number


@pytest.mark.parametrize("number", ID_CARDS)
def test_the_standards_own_card_numbers(number: str) -> None:
    assert parse_id_no(IdType.ID_CARD, number) == number


@pytest.mark.parametrize(("id_type", "numbers"), [(IdType.USCC, USCC), (IdType.ID_CARD, ID_CARDS)])
def test_every_change_of_one_character_is_seen(id_type: IdType, numbers: tuple[str, ...]) -> None:
    for number in numbers:
        for at, own in enumerate(number):
            for other in set(USCC_ALPHABET) - {own}:
                with pytest.raises(Malformed):
                    parse_id_no(id_type, number[:at] + other + number[at + 1 :])


@pytest.mark.parametrize(("id_type", "numbers"), [(IdType.USCC, USCC), (IdType.ID_CARD, ID_CARDS)])
def test_every_swap_of_neighbours_is_seen(id_type: IdType, numbers: tuple[str, ...]) -> None:
    for number in numbers:
        for at in range(17):
            left, right = number[at], number[at + 1]
            if left != right:
                with pytest.raises(Malformed):
                    parse_id_no(id_type, number[:at] + right + left + number[at + 2 :])


@pytest.mark.parametrize(
    ("id_type", "number", "why"),
    [
        (IdType.USCC, "91350100M000100Y4", "18 characters"),
        (IdType.USCC, "91350100I000100Y43", "18 characters"),
        (IdType.USCC, "91350100M000100Y44", "check character"),
        (IdType.ID_CARD, "110105194902310025", "no date"),
        (IdType.ID_CARD, "110105490231002", "18 characters"),
        (IdType.ID_CARD, "١١٠١٠٥١٩٤٩١٢٣١٠٠٢X", "18 characters"),
        (IdType.PASSPORT, "E1", "5 to 20"),
        (IdType.PASSPORT, "E 12345678", "5 to 20"),
    ],
)
def test_what_is_wrong_is_said_without_the_number(id_type: IdType, number: str, why: str) -> None:
    with pytest.raises(Malformed, match=why) as raised:
        parse_id_no(id_type, number)
    assert number not in str(raised.value)


@given(st.sampled_from(IdType), st.text(max_size=24))
def test_whatever_is_given_is_a_number_or_malformed(id_type: IdType, text: str) -> None:
    try:
        number = parse_id_no(id_type, text)
    except Malformed:
        return
    assert parse_id_no(id_type, number) == number
    assert number.isascii()


def test_shown_is_what_names_nobody() -> None:
    assert mask_id_no(USCC[0]) == "913*************43"
    assert mask_id_no("E1234") == "E1234"[:3] + "34"
    assert mask_name("张") == "张"
    assert mask_name("欧阳修") == "欧**"


def test_people_have_peoples_documents() -> None:
    person = Identity("张三", IdType.ID_CARD, ID_CARDS[0])
    person.check_belongs_to(SubmitterType.NATURAL_PERSON)
    firm = Identity("示例有限公司", IdType.USCC, USCC[0], "security@example.test")
    firm.check_belongs_to(SubmitterType.LEGAL_PERSON)
    with pytest.raises(Malformed, match="not a document of a legal person"):
        person.check_belongs_to(SubmitterType.LEGAL_PERSON)
    with pytest.raises(Malformed, match="not a document of a natural person"):
        firm.check_belongs_to(SubmitterType.NATURAL_PERSON)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "张\u202e三", "x" * 129])
def test_names_that_hide_something(name: str) -> None:
    with pytest.raises(Malformed, match="name"):
        Identity(name, IdType.ID_CARD, ID_CARDS[0])
