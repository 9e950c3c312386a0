"""What is found wrong with a history: each kind of wrong answer, and nothing in a right one."""

from dataclasses import replace

import pytest

from devnet.history import Deposited, Findings, Looked, Standing, judge
from node.evidence.number import format_number

NOW_MS = 1_790_000_000_000


def number(ordinal: int) -> str:
    return format_number(NOW_MS, ordinal)


def digest(ordinal: int) -> bytes:
    return bytes([ordinal]) * 32


LOG = {each: Standing(number(each), digest(each), 2 * each + 3) for each in range(3)}
"""Three deposits; other leaves stand between them."""
LOGS = {"court": LOG, "notary": LOG}

DEPOSITS = [
    Deposited("a", 0.0, 2.0, number(0), digest(0)),
    Deposited("c", 1.0, 6.0, number(2), digest(2)),
    Deposited("b", 2.0, 4.0, number(1), digest(1)),
]
LOOKS = [
    Looked(number(1), 1.0, 1.5, None, 4),
    Looked(number(0), 2.0, 3.0, digest(0), 4),
    Looked(number(1), 4.0, 5.0, digest(1), 6),
    Looked(number(7), 5.0, 6.0, None, 6),
    # The ordinal of the third, on a day on which it never stood there.
    Looked(format_number(NOW_MS - 86_400_000, 2), 8.0, 9.0, None, 8),
]


def test_a_right_history() -> None:
    assert judge(DEPOSITS, LOOKS, LOGS) == Findings(3)


def test_what_is_missing_at_one_member_is_lost() -> None:
    short = {ordinal: standing for ordinal, standing in LOG.items() if ordinal != 1}
    findings = judge(DEPOSITS, LOOKS, {"court": LOG, "notary": short})
    assert findings.lost == (f"b, answered as {number(1)}, is not at notary",)
    assert (findings.duplicated, findings.non_linearizable) == ((), ())


@pytest.mark.parametrize("change", [{"number": number(9)}, {"entry_hash": digest(9)}])
def test_another_deposit_under_the_number_is_a_loss(change: dict[str, object]) -> None:
    log = LOG | {2: replace(LOG[2], **change)}  # type: ignore[arg-type]
    assert len(judge(DEPOSITS, [], {"court": LOG, "notary": log}).lost) == 1


def test_what_nobody_was_answered_is_one_too_many() -> None:
    log = LOG | {3: Standing(number(3), digest(3), 9)}
    findings = judge(DEPOSITS, LOOKS, {"court": log, "notary": log})
    assert len(findings.duplicated) == 2
    assert findings.lost == ()


@pytest.mark.parametrize(
    "look",
    [
        Looked(number(0), 2.5, 3.0, None, 4),  # It had been answered before.
        Looked(number(1), 1.0, 1.5, digest(1), 6),  # It had not been sent yet.
        Looked(number(1), 4.0, 5.0, digest(2), 6),  # The entry of another number.
        Looked(number(7), 5.0, 6.0, digest(7), 6),  # A number that was never given out.
        Looked(number(7), 7.0, 8.0, None, 6),  # The tree of before the last answer.
        Looked(number(0), 1.5, 1.8, digest(0), 6),  # The tree of after what was not sent yet.
    ],
)
def test_a_look_up_that_no_moment_explains(look: Looked) -> None:
    findings = judge(DEPOSITS, [*LOOKS, look], LOGS)
    assert len(findings.non_linearizable) == 1
    assert findings.lost == findings.duplicated == ()


def test_two_deposits_with_one_number() -> None:
    findings = judge([*DEPOSITS, replace(DEPOSITS[0], name="again")], LOOKS, LOGS)
    assert len(findings.non_linearizable) == 1
