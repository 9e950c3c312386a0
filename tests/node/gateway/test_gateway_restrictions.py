"""限制处理: what may not be erased yet is opened to nobody but courts; then it is erased."""

import hashlib
from typing import Any
from urllib.parse import quote

import pytest

from node.evidence.events import details_digest
from node.evidence.keys import Signer
from node.evidence.statement import Subject
from node.gateway.events.restricting import Reviewer
from node.offchain.erasures import REVIEW_MS
from tests.databases import ON_BOTH
from tests.node.gateway.admitted import CLERK_KEY

pytestmark = [pytest.mark.anyio, ON_BOTH]

COURT = Signer(b"\x21" * 32)
DIGEST = hashlib.sha256(b"record").hexdigest()
DEPOSIT = {"digests": {"sha256": DIGEST}, "size": 6, "details": {"title": "张三的病历"}}
ERASURE = {"ground": "CONSENT_WITHDRAWN", "count": 1}
LINKS = f"/v1/cases/{quote('（2026）浙0192民初1234号')}/links"
EXHIBIT = {
    "litigation_role": "PLAINTIFF",
    "name": "病历",
    "source": "医院",
    "proof_object": "就诊",
    "content": "门诊记录",
}
CLERK = {"authorization": f"Bearer {CLERK_KEY}"}


class Kept:
    """A deposit that its owner wants to have erased."""

    def __init__(self, client: Any, cluster: Any, made: dict[str, Any]) -> None:
        self.client, self.cluster, self.made = client, cluster, made
        self.number: str = made["evidence_no"]
        cluster.apply([cluster.world.key("enrol", COURT.public, role="court")])

    def say(self, kind: str) -> None:
        """The court holds it, or releases it."""
        event = self.cluster.world.event(
            7,
            type=kind,
            key=COURT.public,
            subject=Subject(self.number, bytes.fromhex(self.made["statement_id"])),
            details=details_digest(bytes(32), b"{}"),
        )
        self.cluster.apply([self.cluster.world.record(event, by=COURT)])

    async def erase(self) -> Any:
        return await self.client.post(f"/v1/evidence/{self.number}/erasures", ERASURE)

    async def told(self, **options: Any) -> dict[str, Any]:
        response = await self.client.get(f"/v1/deposits/{self.number}", **options)
        assert response.status_code == 200, response.text
        value: dict[str, Any] = response.json()
        return value

    async def link(self) -> None:
        body = {"exhibits": [{**EXHIBIT, "evidence_no": self.number}]}
        linked = await self.client.post(LINKS, body, headers=CLERK)
        assert linked.status_code == 201, linked.text

    async def look(self) -> None:
        """The gateway looks whether it may be erased."""
        await Reviewer(self.client.gateway).look()


@pytest.fixture
async def kept(client: Any, cluster: Any) -> Kept:
    response = await client.anchor(DEPOSIT, key="deposit")
    assert response.status_code == 201, response.text
    return Kept(client, cluster, response.json())


async def test_nobody_is_shown_what_a_court_keeps_from_being_erased(
    kept: Kept, client: Any, clock: Any
) -> None:
    kept.say("hold")
    began = clock.now
    refused = await kept.erase()
    assert (refused.status_code, refused.json()["code"]) == (409, "ERASURE_HELD")
    assert refused.json()["result_code"] == "V602"
    told = await kept.told()
    assert (told["result_code"], told["openings"], told["erased"]) == ("V602", [], False)
    assert not told.keys() & {"submitter", "declared"}
    assert told["review_at"]["ms"] == told["restricted_at"]["ms"] + REVIEW_MS
    assert told["restricted_at"]["ms"] >= began
    assert told["review_at"]["beijing"] in refused.json()["detail"]
    (listed,) = (await client.get("/v1/deposits")).json()["deposits"]
    assert listed["restricted_at"] == told["restricted_at"]
    asked = {"evidence_no": kept.number, "alg": "sha256", "digest": DIGEST}
    assert (await client.http.post("/v1/verify", json=asked)).json()["result_code"] == "V602"
    found = await client.get("/v1/evidence", params={"alg": "sha256", "digest": DIGEST})
    assert found.json()["deposits"] == []
    again = await client.anchor(DEPOSIT, key="deposit")
    assert (again.status_code, "opening" in again.json()) == (200, False)
    number = await client.get(f"/v1/evidence/{kept.number}")
    assert number.json()["deposit"]["flags"][0]["flag"] == "HELD"


async def test_once_released_it_is_erased_without_being_asked_again(
    kept: Kept, client: Any, cluster: Any, eventually: Any
) -> None:
    kept.say("hold")
    assert (await kept.erase()).status_code == 409
    await kept.look()
    assert not (await kept.told())["erased"]
    kept.say("release")
    await kept.look()
    told = await kept.told()
    assert (told["result_code"], told["erased"]) == ("V601", True)
    assert not told.keys() & {"restricted_at", "review_at"}

    async def on_the_chain() -> bool:
        events = (await client.get(f"/v1/evidence/{kept.number}/events")).json()["events"]
        return [each["type"] for each in events] == ["HOLD", "RELEASE", "ERASED"]

    await eventually(on_the_chain)
    await kept.look()
    assert len(cluster.statements) == 4, "it is erased once"


async def test_a_court_that_has_it_in_a_case_reads_it_meanwhile(kept: Kept) -> None:
    await kept.link()
    refused = await kept.erase()
    assert (refused.status_code, refused.json()["code"]) == (409, "ERASURE_IN_CASE")
    assert (await kept.told())["openings"] == []
    seen = await kept.told(headers=CLERK)
    assert (len(seen["openings"]), "result_code" in seen) == (1, False)
    removed = await kept.client.http.delete(f"{LINKS}/1", headers=CLERK)
    assert removed.status_code == 204
    await kept.look()
    assert (await kept.told())["result_code"] == "V601"


async def test_what_is_examined_in_time_and_goes_on_is_examined_again(
    kept: Kept, clock: Any
) -> None:
    kept.say("hold")
    await kept.erase()
    first = await kept.told()
    clock.now = first["review_at"]["ms"] - 1
    await kept.look()
    assert (await kept.told())["review_at"] == first["review_at"]
    clock.now += 1
    await kept.look()
    told = await kept.told()
    assert told["review_at"]["ms"] == clock.now + REVIEW_MS
    assert told["restricted_at"] == first["restricted_at"]


async def test_who_asks_again_moves_no_date(kept: Kept, clock: Any) -> None:
    kept.say("hold")
    first = await kept.erase()
    clock.now += 86_400_000
    again = await kept.erase()
    assert again.json()["detail"] == first.json()["detail"]


async def test_other_refusals_restrict_nothing(kept: Kept, client: Any) -> None:
    wrong = {**ERASURE, "count": 2}
    refused = await client.post(f"/v1/evidence/{kept.number}/erasures", wrong)
    assert refused.json()["code"] == "ERASURE_COUNT"
    assert len((await kept.told())["openings"]) == 1


async def test_another_gateways_deposit_is_left_to_it(
    kept: Kept, make_gateway: Any, cluster: Any
) -> None:
    """Where gateways with different keys share a database, the one that took it in erases it."""
    kept.say("hold")
    await kept.erase()
    kept.say("release")
    stranger = Signer(b"\x22" * 32)
    cluster.apply([cluster.world.key("enrol", stranger.public, role="gateway")])
    await Reviewer(await make_gateway(signer=stranger)).look()
    assert (await kept.told())["result_code"] == "V602"
    await kept.look()
    assert (await kept.told())["result_code"] == "V601"
