"""What lasts is told once a minute, however often it is met."""

import logging

import pytest

from consensus.reasons import REASONS_MAX, REPEAT_S, Reasons


class Telling:
    """Reasons with a clock in hand, and what they logged."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        self._caplog = caplog
        self.now_s = 1_000.0
        self.reasons = Reasons(logging.getLogger("told"), logging.INFO, lambda: self.now_s)

    def told(self) -> list[str]:
        lines = list(self._caplog.messages)
        self._caplog.clear()
        return lines


@pytest.fixture
def telling(caplog: pytest.LogCaptureFixture) -> Telling:
    return Telling(caplog)


def test_a_reason_that_lasts_is_logged_once_a_minute_with_a_count(telling: Telling) -> None:
    for _ in range(100):
        telling.reasons.note("court", "closed")
    assert telling.told() == ["closed"]
    telling.now_s += REPEAT_S
    telling.reasons.note("court", "closed")
    assert telling.told() == ["closed (and 99 times since it was last logged)"]
    telling.now_s += REPEAT_S
    telling.reasons.note("court", "closed")
    assert telling.told() == ["closed"]


def test_reasons_that_take_turns_are_logged_once_each(telling: Telling) -> None:
    for _ in range(100):
        telling.reasons.note("court", "closed")
        telling.reasons.note("court", "refused")
    assert telling.told() == ["closed", "refused"]


def test_each_of_them_is_told_of(telling: Telling) -> None:
    telling.reasons.note("court", "closed")
    telling.reasons.note("notary", "closed")
    assert telling.told() == ["closed", "closed"]
    telling.reasons.forget("court")
    telling.reasons.note("court", "closed")
    telling.reasons.note("notary", "closed")
    assert telling.told() == ["closed"]


def test_who_makes_up_reasons_fills_no_disk(telling: Telling) -> None:
    for number in range(1_000):
        telling.reasons.note("court", f"malformed: {number}")
    assert len(telling.told()) == REASONS_MAX
    telling.now_s += REPEAT_S
    for number in range(1_000, 2_000):
        telling.reasons.note("court", f"malformed: {number}")
    assert len(telling.told()) == REASONS_MAX
