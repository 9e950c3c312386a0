"""Evidence numbers: dates of Beijing, twelve digits, ISO 7064 check digits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.evidence.malformed import Malformed
from node.evidence.number import ORDINAL_MAX, TIME_S_END, format_number, parse_number
from node.evidence.spelling import TIME_MS_END

MIDNIGHT_MS = 1_795_190_400_000
"""2026-11-21 00:00:00 in UTC+8, still the 20th in UTC."""

quick = settings(derandomize=True, deadline=None, max_examples=200)


def test_the_number_of_the_document() -> None:
    assert format_number(MIDNIGHT_MS, 42) == "EV20261121000000000042-47"
    assert parse_number("EV20261121000000000042-47") == ("20261121", 42)


def test_the_date_is_that_of_utc_plus_8() -> None:
    assert format_number(MIDNIGHT_MS - 1, 0).startswith("EV20261120")
    assert format_number(0, 0).startswith("EV19700101")


def test_the_last_number_there_is() -> None:
    assert format_number(TIME_MS_END - 1, ORDINAL_MAX).startswith("EV99991231999999999999-")
    assert TIME_MS_END == 1000 * TIME_S_END


def test_an_ordinal_beyond_twelve_digits_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        format_number(MIDNIGHT_MS, ORDINAL_MAX + 1)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "EV",
            "EV20261121000000000042",
            "EV20261121000000000042-4",
            "EV20261121000000000042_47",
        ),
        *("EV20261121000000000042-48", "EV20261121000000000042-47\n", "ev20261121000000000042-47"),
        *("XX20261121000000000042-47", "EV2026112100000000004٢-47", " EV20261121000000000042-47"),
        *(None, 7, b"EV20261121000000000042-47"),
    ],
)
def test_what_is_no_number(text: object) -> None:
    with pytest.raises(Malformed):
        parse_number(text)


@quick
@given(st.integers(0, TIME_MS_END - 1), st.integers(0, ORDINAL_MAX))
def test_iso_7064_holds(time_ms: int, ordinal: int) -> None:
    """The rule as the standard tells it: letters as 10 to 35, the whole number mod 97 is 1."""
    text = format_number(time_ms, ordinal)
    digits = "".join(str(int(c, 36)) for c in text.replace("-", ""))
    assert int(digits) % 97 == 1
    assert parse_number(text)[1] == ordinal


@quick
@given(st.integers(0, 10**20 - 1), st.integers(0, 19), st.integers(1, 9))
def test_one_wrong_digit_or_two_swapped_are_noticed(digits: int, at: int, more: int) -> None:
    good = format_number(MIDNIGHT_MS, digits % 10**12)
    place = 2 + at
    wrong = good[:place] + str((int(good[place]) + more) % 10) + good[place + 1 :]
    with pytest.raises(Malformed):
        parse_number(wrong)
    swapped = good[:place] + good[place + 1] + good[place] + good[place + 2 :]
    if at < 19 and swapped != good:
        with pytest.raises(Malformed):
            parse_number(swapped)
