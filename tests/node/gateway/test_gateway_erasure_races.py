"""What comes in while an erasure is under way: it has looked, and has not erased yet."""

import base64
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import pytest

from node.evidence.events import details_digest
from node.evidence.item import format_details
from node.evidence.keys import Signer, format_signature
from node.evidence.statement import Subject, format_statement
from node.gateway.events import erasing
from tests.databases import ON_BOTH
from tests.node.gateway.admitted import CLERK_KEY, JUDGE_KEY

pytestmark = [pytest.mark.anyio, ON_BOTH]

COURT = Signer(b"\x21" * 32)
DEPOSIT = {"digests": {"sha256": "01" * 32}, "size": 1, "details": {"title": "张三的病历"}}
DETAILS = format_details({"reason": (bytes(16), "保全裁定")})
ERASURE = {"ground": "CONSENT_WITHDRAWN", "count": 1}
LINKS = f"/v1/cases/{quote('（2026）浙0192民初1234号')}/links"
EXHIBIT = {
    "litigation_role": "PLAINTIFF",
    "name": "病历",
    "source": "医院",
    "proof_object": "就诊",
    "content": "门诊记录",
}


class Race:
    """A deposit at one gateway, and a court's people at another one of the same database."""

    def __init__(self, cluster: Any, client: Any, court: Any, made: dict[str, Any]) -> None:
        self.cluster, self.client, self.court, self.made = cluster, client, court, made
        self.url = f"/v1/evidence/{made['evidence_no']}"

    async def erase(self, key: str = "e") -> Any:
        return await self.client.post(f"{self.url}/erasures", ERASURE, key=key)

    async def hold(self, **params: Any) -> Any:
        subject = Subject(self.made["evidence_no"], bytes.fromhex(self.made["statement_id"]))
        event = self.cluster.world.event(
            7,
            type="hold",
            key=COURT.public,
            subject=subject,
            details=details_digest(bytes(32), DETAILS),
        )
        data = format_statement(event)
        headers = {
            "authorization": f"Bearer {JUDGE_KEY}",
            "cunzheng-statement": base64.b64encode(data).decode(),
            "cunzheng-signature": format_signature(COURT.sign(data)),
        }
        body = {"opening": {"salt": "00" * 32, "details": DETAILS.decode()}}
        return await self.court.post(f"{self.url}/holds", body, headers=headers, params=params)

    async def link(self) -> Any:
        exhibit = {**EXHIBIT, "evidence_no": self.made["evidence_no"]}
        headers = {"authorization": f"Bearer {CLERK_KEY}"}
        return await self.court.post(LINKS, {"exhibits": [exhibit]}, headers=headers)


@pytest.fixture
async def race(client: Any, cluster: Any, make_gateway: Any, clients: Any) -> Race:
    cluster.apply([cluster.world.key("enrol", COURT.public, role="court")])
    response = await client.anchor(DEPOSIT)
    assert response.status_code == 201, response.text
    return Race(cluster, client, clients(await make_gateway()), response.json())


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Awaitable[Any]]], None]:
    """Has something happen once after the next erasure has found nothing that forbids it."""

    def arrange(happens: Callable[[], Awaitable[Any]]) -> None:
        check_free = erasing.check_free

        async def then(*arguments: Any) -> Any:
            erasable = await check_free(*arguments)
            monkeypatch.setattr(erasing, "check_free", check_free)
            response = await happens()
            assert response.status_code in (200, 201, 202), response.text
            return erasable

        monkeypatch.setattr(erasing, "check_free", then)

    return arrange


async def nothing_was_erased(race: Race) -> bool:
    identity, store = bytes.fromhex(race.made["statement_id"]), race.client.gateway.deposits
    kept = await store.keepsake(identity, "acme", for_court=True)
    record = await store.by_id(identity)
    return len(kept.openings) == 1 and record.erased_ms is None


async def test_a_hold_that_the_court_was_promised_first_wins(race: Race, between: Any) -> None:
    between(race.hold)
    refused = await race.erase()
    assert (refused.status_code, refused.json()["code"]) == (409, "ERASURE_HELD")
    assert await nothing_was_erased(race)
    assert len(race.cluster.statements) == 2, "the deposit and the hold"


async def test_also_before_the_hold_stands_on_the_chain(race: Race, between: Any) -> None:
    """The court was told 202: what it was promised is kept whoever leads, and in whatever order the
    chain takes the two."""
    race.cluster.applying.clear()
    between(lambda: race.hold(wait="none"))
    refused = await race.erase()
    assert (refused.status_code, refused.json()["code"]) == (409, "ERASURE_HELD")
    assert await nothing_was_erased(race)
    race.cluster.applying.set()


async def test_an_exhibit_that_a_court_linked_first_wins(race: Race, between: Any) -> None:
    between(race.link)
    refused = await race.erase()
    assert (refused.status_code, refused.json()["code"]) == (409, "ERASURE_IN_CASE")
    assert await nothing_was_erased(race)


async def test_of_two_erasures_one_is_done(race: Race, between: Any) -> None:
    between(lambda: race.erase("other"))
    refused = await race.erase()
    assert (refused.status_code, refused.json()["code"]) == (409, "ERASED_ALREADY")
    assert len(race.cluster.statements) == 2


async def test_a_hold_that_comes_after_the_erasure_is_taken_in(race: Race) -> None:
    """It is the court's word about a deposit that nobody can open here any more."""
    assert (await race.erase()).status_code == 201
    held = await race.hold()
    assert held.status_code == 201, held.text
