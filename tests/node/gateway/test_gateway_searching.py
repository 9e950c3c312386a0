"""One field for a number, a digest or an entry hash; salted deposits only for whom they concern."""

import hashlib
from typing import Any

import pytest

from node.evidence.number import format_number
from tests.node.gateway.admitted import AUDITOR_KEY, CLERK_KEY, RIVAL_KEY

pytestmark = pytest.mark.anyio

DIGEST = hashlib.sha256(b"a page everyone can see").hexdigest()
PLAIN = {"digests": {"sha256": DIGEST}, "mode": "digest", "plain_declaration": True}
SALTED = {"digests": {"sha256": DIGEST}, "size": 23}


def with_key(key: str) -> dict[str, dict[str, str]]:
    return {"headers": {"authorization": f"Bearer {key}"}}


async def looked_up(client: Any, q: str, **options: Any) -> Any:
    response = await client.get("/v1/lookup", params={"q": q}, **options)
    assert response.status_code == 200, response.text
    return response.json()


async def anonymous(client: Any, q: str) -> Any:
    key = client.http.headers.pop("authorization")
    try:
        return await looked_up(client, q)
    finally:
        client.http.headers["authorization"] = key


def matched(answer: Any) -> list[tuple[str, str]]:
    return [(each["evidence_no"], each["matched"]) for each in answer["deposits"]]


async def test_one_field_takes_a_number_a_digest_and_an_entry_hash(client: Any) -> None:
    made = (await client.anchor(PLAIN)).json()
    number, entry_hash = made["evidence_no"], made["entry_hash"]
    for q, mark in ((number, "evidence_no"), (DIGEST, "sha256"), (entry_hash, "entry_hash")):
        answer = await anonymous(client, q)
        assert matched(answer) == [(number, mark)]
        assert answer["deposits"][0]["times"] == made["times"]
        assert (answer["found"], answer["complete"]) == (True, True)
        assert made["statement_id"] not in str(answer)


async def test_spaces_and_large_letters_do_not_matter(client: Any) -> None:
    made = (await client.anchor(PLAIN)).json()
    number = made["evidence_no"]
    for q in (f" {number[:10]} {number[10:]}\n", number.lower(), DIGEST.upper(), DIGEST + "\r\n"):
        assert [each for each, _ in matched(await anonymous(client, q))] == [number]


async def test_nothing_found_is_an_answer_with_what_was_searched(client: Any) -> None:
    for q in (format_number(1_790_000_000_000, 7), "00" * 32):
        answer = await anonymous(client, q)
        assert (answer["found"], answer["result_code"]) == (False, "V101")
        assert answer["searched"]["height"] == 1
        assert answer["deposits"] == []
        assert any("Salted deposits cannot be found" in each for each in answer["notices"])


@pytest.mark.parametrize(
    ("q", "code"),
    [
        ("", "FIELD_INVALID"),
        ("张三", "FIELD_INVALID"),
        ("ab" * 31, "FIELD_INVALID"),
        ("0" * 201, "FIELD_INVALID"),
        ("EV20261121000000000042-48", "NUMBER_SPELLING"),
    ],
)
async def test_what_is_neither_is_told(client: Any, q: str, code: str) -> None:
    response = await client.get("/v1/lookup", params={"q": q})
    assert (response.status_code, response.json()["code"]) == (422, code)


async def test_salted_deposits_are_told_to_their_depositor_and_to_courts(client: Any) -> None:
    own = (await client.anchor(SALTED)).json()["evidence_no"]
    other = (await client.anchor(SALTED, **with_key(RIVAL_KEY))).json()["evidence_no"]
    plain = (await client.anchor(PLAIN, **with_key(RIVAL_KEY))).json()["evidence_no"]
    for ask in (looked_up, searched):
        told = {
            "anonymous": await anonymous(client, DIGEST),
            "acme": await ask(client, DIGEST),
            "rival": await ask(client, DIGEST, **with_key(RIVAL_KEY)),
            "court": await ask(client, DIGEST, **with_key(CLERK_KEY)),
            "auditor": await ask(client, DIGEST, **with_key(AUDITOR_KEY)),
        }
        numbers = {
            who: [each["evidence_no"] for each in answer["deposits"]]
            for who, answer in told.items()
        }
        assert numbers == {
            "anonymous": [plain],
            "acme": [own, plain],
            "rival": [other, plain],
            "court": [own, other, plain],
            "auditor": [plain],
        }
    lines = await client.gateway.accesses.between(0, 1 << 50)
    recorded = [each for each in lines if each.action.name == "DIGEST_SEARCHED"]
    assert {each.account for each in recorded} == {"clerk"}
    assert DIGEST not in str(recorded)


async def searched(client: Any, digest: str, **options: Any) -> Any:
    path = f"/v1/evidence?digest={digest}&alg=sha256"
    return (await client.get(path, **options)).json()


async def test_the_same_digest_twice_is_two_deposits_oldest_first(client: Any) -> None:
    """US-2: a different Idempotency-Key is a new record, and the first one stays as it was."""
    first, second = [(await client.anchor(SALTED)).json() for _ in range(2)]
    answer = await searched(client, DIGEST)
    told = [(each["evidence_no"], each["times"]) for each in answer["deposits"]]
    assert told == [(each["evidence_no"], each["times"]) for each in (first, second)]


async def test_a_deposit_of_many_items_is_found_by_each_of_its_files(client: Any) -> None:
    digests = [hashlib.sha256(b"%d" % n).hexdigest() for n in range(3)]
    items = [{"digests": {"sha256": each}, "size": 1} for each in digests]
    part = (await client.batch({"items": items})).json()["statements"][0]
    first = int(part["first_evidence_no"][10:22])
    for at, digest in enumerate(digests):
        ((number, _),) = matched(await looked_up(client, digest))
        assert int(number[10:22]) == first + at


async def test_could_not_check_is_never_not_found(client: Any, cluster: Any) -> None:
    for member in cluster.members.values():
        for _ in range(20):
            member.refuse("Find", "UNAVAILABLE", "unavailable")
    response = await client.get("/v1/lookup", params={"q": DIGEST})
    assert (response.status_code, response.json()["result_code"]) == (503, "V502")
