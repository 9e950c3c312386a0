"""Case numbers: what is one, in which spelling, and which element is wrong if it is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.casework.case_number import PROVINCES, BadCaseNumber, CaseNumber, parse_case_number


@pytest.mark.parametrize(
    ("text", "year", "court", "kind", "running"),
    [
        ("（2018）浙0192民初81号", 2018, "浙0192", "民初", 81),
        ("(2018)浙0192民初81号", 2018, "浙0192", "民初", 81),
        ("（2019）最高法知民终1号", 2019, "最高法", "知民终", 1),
        ("（2022）沪74民初9号", 2022, "沪74", "民初", 9),
        ("（2023）浙0192民初1234号之一", 2023, "浙0192", "民初", 1234),
        ("（2021）浙0192诉前调100号", 2021, "浙0192", "诉前调", 100),
        ("（2020）京民终3号", 2020, "京", "民终", 3),
        (" （2020)京73民初3号 ", 2020, "京73", "民初", 3),
    ],
)
def test_numbers_in_use(text: str, year: int, court: str, kind: str, running: int) -> None:
    number = parse_case_number(text)
    assert (number.year, number.court_code, number.kind) == (year, court, kind)
    assert number.running == running
    assert number.text.startswith(f"（{year}）")
    assert parse_case_number(number.text) == number


def test_a_number_from_before_2016_names_no_court_code() -> None:
    text = "（2015）杭西知民初字第123号"
    assert parse_case_number(text) == CaseNumber(text, 2015, None, None, 123)


@pytest.mark.parametrize(
    ("text", "element"),
    [
        ("", "年度"),
        ("2018浙0192民初81号", "年度"),
        ("（18）浙0192民初81号", "年度"),
        ("（2018）杭0192民初81号", "法院代字"),
        ("（2018）浙192民初81号", "法院代字"),
        ("（2018）浙01921民初81号", "法院代字"),
        ("（2018）浙019281号", "法院代字"),
        ("（2018）浙0192民事初审案81号", "类型代字"),
        ("（2018）浙0192民初", "类型代字"),
        ("（2018）浙0192民初0号", "编号"),
        ("（2018）浙0192民初81", "编号"),
        ("（2018）浙0192民初81号之", "编号"),
        ("（2018）浙0192民初81号之一二三四", "编号"),
        ("（2018）浙0192民初81号 之一", "编号"),
        ("（2018）浙0192民初８１号", "类型代字"),
    ],
)
def test_the_wrong_element_is_named(text: str, element: str) -> None:
    with pytest.raises(BadCaseNumber) as raised:
        parse_case_number(text)
    assert raised.value.element == element


@given(
    st.integers(1900, 2099),
    st.sampled_from(PROVINCES),
    st.sampled_from(("", "01", "0192")),
    st.sampled_from(("民初", "知民终", "执", "诉前调")),
    st.integers(1, 99_999_999),
)
def test_what_is_written_is_read(
    year: int, province: str, digits: str, kind: str, running: int
) -> None:
    text = f"（{year}）{province}{digits}{kind}{running}号"
    assert parse_case_number(text) == CaseNumber(text, year, province + digits, kind, running)


@given(st.text(max_size=60))
def test_anything_else_is_refused_in_one_way(text: str) -> None:
    try:
        number = parse_case_number(text)
    except BadCaseNumber:
        return
    assert parse_case_number(number.text) == number
