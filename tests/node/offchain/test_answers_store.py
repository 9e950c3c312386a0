"""Kept answers: claimed, given, released; sealed, and gone after a day."""

from typing import Any

import pytest
from sqlalchemy import text

from node.offchain.answers import KEEP_MS, Answered, AnswerStore, Asked, OtherRequest
from node.vault.keys import VaultKey
from node.vault.sealing import Vault

pytestmark = pytest.mark.anyio

ASKED = Asked("acme", "key", bytes(32))
OTHER = Asked("acme", "key", bytes([1]) * 32)
GIVEN = Answered(201, "zh", b'{"key":"cz_told_once"}')


@pytest.fixture
def answers(database: Any) -> AnswerStore:
    return AnswerStore(database, Vault(VaultKey(bytes(range(32)))))


async def test_one_that_is_claimed_is_done_until_it_is_answered(answers: AnswerStore) -> None:
    """A claim without an answer is a crash, or a work that still runs."""
    assert await answers.claim(ASKED, 1) is None
    assert await answers.claim(ASKED, 2) is None
    with pytest.raises(OtherRequest):
        await answers.claim(OTHER, 3)
    assert await answers.keep(ASKED, GIVEN, 4) == GIVEN
    assert await answers.claim(ASKED, 5) == GIVEN
    with pytest.raises(OtherRequest):
        await answers.claim(OTHER, 6)
    assert await answers.claim(Asked("other", "key", bytes(32)), 7) is None


async def test_of_two_answers_the_first_stands(answers: AnswerStore) -> None:
    await answers.claim(ASKED, 1)
    await answers.claim(ASKED, 1)
    assert await answers.keep(ASKED, GIVEN, 2) == GIVEN
    assert await answers.keep(ASKED, Answered(200, "en", b"{}"), 3) == GIVEN


async def test_one_that_was_refused_leaves_the_key_free(answers: AnswerStore) -> None:
    """Not one that was answered; and an answer comes also after a twin's release."""
    await answers.claim(ASKED, 1)
    await answers.release(OTHER)
    with pytest.raises(OtherRequest):
        await answers.claim(OTHER, 2)
    await answers.release(ASKED)
    assert await answers.keep(ASKED, GIVEN, 3) == GIVEN
    await answers.release(ASKED)
    assert await answers.claim(ASKED, 4) == GIVEN


async def test_it_is_sealed_and_gone_after_a_day(answers: AnswerStore, database: Any) -> None:
    await answers.claim(ASKED, 1)
    await answers.keep(ASKED, GIVEN, 1)
    rows = await database.read(
        lambda connection: connection.execute(text("select * from answers")).all()
    )
    assert "told_once" not in str(rows)
    assert await answers.forget(KEEP_MS + 1) == 0
    assert await answers.forget(KEEP_MS + 2) == 1
    assert await answers.claim(OTHER, KEEP_MS + 3) is None
