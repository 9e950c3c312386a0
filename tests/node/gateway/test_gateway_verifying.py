"""A court's filing: each digest with its result, and nothing guessed where nothing can be said."""

import hashlib
from typing import Any

import pytest
from sqlalchemy import text

from node.evidence.number import format_number
from node.words import Notice, ResultCode
from tests.node.gateway.admitted import CLERK_KEY, RIVAL_KEY

pytestmark = pytest.mark.anyio

FILE = hashlib.sha256(b"file").hexdigest()
FILE_SM3 = hashlib.sha256(b"stands for the SM3 digest").hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()
SALTED = {"digests": {"sha256": FILE, "sm3": FILE_SM3}, "size": 4}
PLAIN = {"digests": {"sha256": FILE}, "mode": "digest", "plain_declaration": True}
UNKNOWN = format_number(1_790_000_000_000, 99)


def with_key(key: str) -> dict[str, dict[str, str]]:
    return {"headers": {"authorization": f"Bearer {key}"}}


@pytest.fixture
async def court(client: Any, clients: Any) -> Any:
    court = clients(client.gateway)
    court.http.headers["authorization"] = f"Bearer {CLERK_KEY}"
    return court


@pytest.fixture
async def stranger(client: Any, clients: Any) -> Any:
    stranger = clients(client.gateway)
    del stranger.http.headers["authorization"]
    return stranger


def item(number: str | None = None, digest: str = FILE, alg: str = "sha256", **more: Any) -> Any:
    named = {} if number is None else {"evidence_no": number}
    return {**named, "digest": digest, "alg": alg, **more}


async def verified(client: Any, *items: Any) -> Any:
    response = await client.http.post("/v1/verify:batch", json={"items": items})
    assert response.status_code == 200, response.text
    return response.json()


async def codes(client: Any, *items: Any) -> list[str]:
    return [each["result_code"] for each in (await verified(client, *items))["results"]]


async def deposit(client: Any, body: Any = SALTED, **options: Any) -> str:
    number: str = (await client.anchor(body, **options)).json()["evidence_no"]
    return number


async def test_every_result_of_a_filing(client: Any, court: Any) -> None:
    salted, plain = await deposit(client), await deposit(client, PLAIN)
    other = await deposit(client, {"digests": {"sha256": OTHER}, "size": 5})
    asked = {
        "the file": (item(salted), "V001"),
        "by SM3": (item(salted, FILE_SM3, "sm3"), "V001"),
        "by both": (item(salted, other_digest=FILE_SM3), "V001"),
        "a plain one": (item(plain), "V001"),
        "without its number": (item(), "V001"),
        "other bytes": (item(salted, "ab" * 32), "V102"),
        "other bytes, plain": (item(plain, "ab" * 32), "V102"),
        "another number": (item(other), "V103"),
        "no such number": (item(UNKNOWN), "V103"),
        "neither number nor file": (item(UNKNOWN, "ab" * 32), "V101"),
        "no such file": (item(None, "ab" * 32), "V101"),
        "the other algorithm": (item(salted, FILE, "sm3"), "V105"),
        "the other algorithm, plain": (item(plain, FILE, "sm3"), "V105"),
        "the other algorithm, no number": (item(None, FILE, "sm3"), "V105"),
        "two files": (item(salted, other_digest=OTHER), "V106"),
        "two files, no number": (item(None, FILE_SM3, "sm3", other_digest=OTHER), "V106"),
        "no digest of this algorithm": (item(plain, "ab" * 32, "sm3"), "V502"),
    }
    found = await codes(court, *(each for each, _ in asked.values()))
    assert dict(zip(asked, found, strict=True)) == {what: code for what, (_, code) in asked.items()}


async def test_a_result_says_what_it_is_about_and_what_stays_open(client: Any, court: Any) -> None:
    salted, plain = await deposit(client), await deposit(client, PLAIN)
    answer = await verified(court, item(salted), item(), item(UNKNOWN), item(salted, "ab" * 32))
    one, unnamed, elsewhere, differs = answer["results"]
    assert [each["evidence_no"] for each in one["deposits"]] == [salted]
    assert [each["evidence_no"] for each in unnamed["deposits"]] == [salted, plain]
    assert [each["evidence_no"] for each in elsewhere["deposits"]] == [salted, plain]
    assert differs["deposits"] == []
    assert [each["code"] for each in one["open_points"]] == ["O01", "O05"]
    assert [each["consistent"] for each in answer["results"]] == [True, True, False, False]
    assert answer["consistent"] == 2
    assert one["result_text"] == ResultCode.V001.en
    assert Notice.RESAVING.en in answer["notices"]
    assert answer["searched"]["height"] == 3


async def test_with_the_number_anybody_is_answered(client: Any, stranger: Any) -> None:
    salted = await deposit(client)
    answers = []
    for asked in (item(salted), item(salted, OTHER), item(), item(UNKNOWN)):
        response = await stranger.http.post("/v1/verify", json=asked)
        assert response.status_code == 200, response.text
        answers.append(response.json()["result_code"])
        assert "acme" not in response.text
    # Without it nobody is told that there is a salted deposit of this file.
    assert answers == ["V001", "V102", "V101", "V101"]


async def test_depositors_find_their_own_and_nobody_elses(client: Any) -> None:
    await deposit(client)
    assert await codes(client, item()) == ["V001"]
    response = await client.http.post("/v1/verify", json=item(), **with_key(RIVAL_KEY))
    assert response.json()["result_code"] == "V101"


async def test_what_was_erased_cannot_be_opened(client: Any, court: Any) -> None:
    salted = await deposit(client)
    erase = text(
        "update deposits set data_key = null, erased_ms = 1 where statement_id in "
        "(select statement_id from items)"
    )
    await client.gateway.database.write(lambda connection: connection.execute(erase))
    assert await codes(court, item(salted), item(salted, OTHER)) == ["V601", "V601"]


async def test_an_opening_that_is_not_the_items_says_nothing(client: Any, court: Any) -> None:
    """Whoever changes the database cannot make another file consistent."""
    salted = await deposit(client)
    store = client.gateway.deposits
    honest = store.keepsake
    other = await deposit(client, {"digests": {"sha256": OTHER}, "size": 5})
    own = {each: await client.get(f"/v1/deposits/{each}") for each in (salted, other)}
    identity = bytes.fromhex(own[other].json()["statement_id"])

    async def swapped(_: bytes, account: str, *where: int) -> Any:
        return await honest(identity, account, *where)

    store.keepsake = swapped
    assert await codes(court, item(salted, OTHER), item(salted)) == ["V502", "V502"]


async def test_what_the_depositor_salted_needs_its_proof_file(client: Any, court: Any) -> None:
    part = (await client.batch(bytes(32), params={"alg": "sha256"})).json()["statements"][0]
    assert await codes(court, item(part["first_evidence_no"])) == ["V502"]


async def test_before_the_seals_it_is_pending(client: Any, cluster: Any, court: Any) -> None:
    cluster.sealing.clear()
    answer = (await client.anchor(SALTED, params={"wait": "committed"})).json()
    assert await codes(court, item(answer["evidence_no"]), item()) == ["V100", "V100"]


async def test_every_bad_item_is_named_and_nothing_is_verified(client: Any, court: Any) -> None:
    good, cluster_asked = item(), client.gateway.accesses
    items = [
        good,
        {"digest": FILE.upper(), "alg": "sha256"},
        good,
        {"digest": FILE, "alg": "md5"},
        {"digest": FILE},
        {**good, "evidence_no": "EV20261121000000000042-48"},
        {**good, "colour": "red"},
    ]
    response = await court.http.post("/v1/verify:batch", json={"items": items})
    assert response.status_code == 422
    problem = response.json()
    assert problem["code"] == "DIGEST_SPELLING"
    told = [(each["index"], each["code"]) for each in problem["items"]]
    assert told == [
        (1, "DIGEST_SPELLING"),
        (3, "DIGEST_ALGORITHM"),
        (4, "FIELD_MISSING"),
        (5, "FIELD_INVALID"),
        (6, "FIELD_UNKNOWN"),
    ]
    assert "check digits" in problem["items"][3]["detail"]
    lines = await cluster_asked.between(0, 1 << 50)
    assert not [each for each in lines if each.action.name == "DEPOSITS_VERIFIED"]


async def test_what_is_asked_twice_is_looked_up_once(client: Any, court: Any, cluster: Any) -> None:
    """A thousand copies of an item are a thousand results and one search."""
    number = await deposit(client)
    before = sum(len(each.asked) for each in cluster.members.values())
    told = await verified(court, *[item(number)] * 999, item())
    assert [each["consistent"] for each in told["results"]] == [True] * 1_000
    asked = sum(len(each.asked) for each in cluster.members.values()) - before
    assert asked < 100  # The gateway's own questions to its members are among them.


async def test_bad_items_are_named_up_to_a_hundred(client: Any, court: Any) -> None:
    items = [{"digest": "x", "alg": "sha256"}] * 300
    problem = (await court.http.post("/v1/verify:batch", json={"items": items})).json()
    assert [each["index"] for each in problem["items"]] == list(range(100))
    for count, code in ((0, "BATCH_EMPTY"), (1_001, "BATCH_TOO_LARGE")):
        refused = await court.http.post("/v1/verify:batch", json={"items": [item()] * count})
        assert refused.json()["code"] == code


async def test_bad_items_of_a_deposit_are_named_too(client: Any) -> None:
    good = {"digests": {"sha256": FILE}, "size": 1}
    items = [good, {"digests": {"sha256": "x"}, "size": 1}, good, {**good, "size": -1}]
    problem = (await client.batch({"items": items})).json()
    told = [(each["index"], each["code"]) for each in problem["items"]]
    assert told == [(1, "DIGEST_SPELLING"), (3, "FIELD_INVALID")]
    assert client.left_nothing()


async def test_items_that_make_no_sense_are_all_named_too(client: Any) -> None:
    """Each with its own problem; nothing is deposited, also of the good ones."""
    empty = hashlib.sha256(b"").hexdigest()
    good = {"digests": {"sha256": FILE}, "size": 1}
    items: list[dict[str, Any]] = [
        good,
        {"digests": {}, "size": 1},
        {"digests": {"sha256": FILE}},
        {"digests": {"sha256": empty}, "size": 0},
        {"digests": {"sha256": FILE, "sm3": FILE}, "size": 1},
        {**good, "details": {"Name": "x"}},
        {**good, "declared": {"acting_capacity": "AGENT"}},
        {**good, "details": {"signature_effect": "x"}, "declared": {"title": "y"}},
        good,
    ]
    response = await client.batch({"items": items})
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "DIGEST_MISSING")
    assert [(each["index"], each["code"]) for each in problem["items"]] == [
        (1, "DIGEST_MISSING"),
        (2, "SIZE_MISSING"),
        (3, "DIGEST_OF_NOTHING"),
        (4, "BATCH_MIXED"),
        (5, "DETAILS_REFUSED"),
        (6, "NOT_DECLARED"),
        (7, "DETAIL_TAKEN"),
    ]
    assert "authorisation_digest" in problem["items"][5]["detail"]
    many = (await client.batch({"items": [good, *items[2:3] * 150]})).json()
    assert [each["index"] for each in many["items"]] == list(range(1, 101))
    plain = {"mode": "digest", "plain_declaration": True}
    few = (await client.batch({"items": [{"digests": {"sha256": FILE}}, good], **plain})).json()
    assert [(each["index"], each["code"]) for each in few["items"]] == [(1, "PLAIN_DIGEST_ONLY")]
    packed = bytes([1]) * 32 + 2 * bytes.fromhex(empty)
    query = {"mode": "digest", "alg": "sha256", "plain_declaration": "true"}
    none = (await client.batch(packed, params=query)).json()
    assert (none["code"], [each["index"] for each in none["items"]]) == (
        "DIGEST_OF_NOTHING",
        [1, 2],
    )
    assert client.left_nothing()


async def test_a_filing_needs_an_account_and_is_recorded(
    client: Any, court: Any, stranger: Any
) -> None:
    response = await stranger.http.post("/v1/verify:batch", json={"items": [item()]})
    assert (response.status_code, response.json()["code"]) == (401, "API_KEY_MISSING")
    await verified(court, item(), item())
    lines = await client.gateway.accesses.between(0, 1 << 50)
    told = {(each.account, each.action.name, each.object) for each in lines}
    assert ("clerk", "DEPOSITS_VERIFIED", "2 items") in told
