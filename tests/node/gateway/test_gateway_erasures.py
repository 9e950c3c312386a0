"""Erasing what opens a deposit: for good, for whoever may ask, and never while a court needs it."""

import contextlib
import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from devnet.accounts import admit
from node.accounts.vocabulary import Role
from node.evidence.events import details_digest
from node.evidence.keys import Signer
from node.evidence.number import format_number, parse_number
from node.evidence.statement import Event, Subject, parse_statement
from tests.node.gateway.admitted import CLERK_KEY, JUDGE_KEY, RIVAL_KEY, START_MS, VAULT_KEY

pytestmark = pytest.mark.anyio

DIGESTS = [hashlib.sha256(each).hexdigest() for each in (b"contract", b"invoice")]
TITLE = "张三丰的租赁合同"
ASKED = {"ground": "CONSENT_WITHDRAWN", "count": 2}
CASE = f"/v1/cases/{quote('（2026）浙0192民初1234号')}"
OFFICER_KEY = "czk_" + "0f" * 32
COURT, STRANGER = Signer(b"\x21" * 32), Signer(b"\x22" * 32)


async def deposit(client: Any) -> dict[str, Any]:
    """Two files in one statement."""
    items = [
        {"digests": {"sha256": each}, "size": 8, "details": {"title": TITLE}} for each in DIGESTS
    ]
    response = await client.batch({"items": items, "client_ref": "order-7"}, key="deposit")
    assert response.status_code == 201, response.text
    (statement,) = response.json()["statements"]
    first, block_time = statement["first_evidence_no"], statement["times"]["block_time"]["ms"]
    second = format_number(block_time, parse_number(first)[1] + 1)
    return {"statement_id": statement["statement_id"], "numbers": [first, second]}


async def erase(client: Any, made: dict[str, Any], key: str = "e", **changes: Any) -> Any:
    url = f"/v1/evidence/{made['numbers'][0]}/erasures"
    return await client.post(url, {**ASKED, **changes}, key=key)


def speaking(clients: Any, gateway: Any, api_key: str) -> Any:
    client = clients(gateway)
    client.http.headers["authorization"] = f"Bearer {api_key}"
    return client


OPENING = (
    "select data_key from deposits",
    "select submitter_sealed from deposits",
    "select client_ref from deposits",
    "select opening_sealed from items",
    "select sha256_blind from items",
    "select data_key from events where type = 'correction'",
    "select opening_sealed from events where type = 'correction'",
)
"""Where in the database it stands what opens a deposit, and leads to it."""


def kept(database: Path) -> list[Any]:
    """What stands there."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return [value for query in OPENING for (value,) in connection.execute(query)]


def files(database: Path) -> bytes:
    """The database and its log, as bytes."""
    return b"".join(each.read_bytes() for each in database.parent.glob(f"{database.name}*"))


async def test_what_opens_a_deposit_is_gone_and_lookups_say_so(client: Any) -> None:
    made = await deposit(client)
    answer = (await erase(client, made)).json()
    assert (answer["type"], answer["state"], answer["count"]) == ("ERASED", "FINAL", 2)
    told = (await client.get(f"/v1/deposits/{made['statement_id']}")).json()
    assert (told["result_code"], told["erased"], told["openings"]) == ("V601", True, [])
    assert not told.keys() & {"submitter", "declared", "client_ref"}
    for number, digest in zip(made["numbers"], DIGESTS, strict=True):
        asked = {"evidence_no": number, "alg": "sha256", "digest": digest}
        assert (await client.http.post("/v1/verify", json=asked)).json()["result_code"] == "V601"
        told = (await client.get(f"/v1/evidence/{number}")).json()["deposit"]
        assert [each["flag"] for each in told["flags"]] == ["ERASED"]
        found = await client.get("/v1/evidence", params={"alg": "sha256", "digest": digest})
        assert found.json()["deposits"] == []


async def test_the_answer_is_a_certificate_that_the_chain_proves(client: Any) -> None:
    made = await deposit(client)
    answer = (await erase(client, made)).json()
    event = parse_statement(answer["statement"].encode())
    assert isinstance(event, Event)
    assert (event.type, event.subject) == (
        "erased",
        Subject(made["numbers"][0], bytes.fromhex(made["statement_id"])),
    )
    opening = answer["opening"]
    assert event.details == details_digest(
        bytes.fromhex(opening["salt"]), opening["details"].encode()
    )
    said = {key: value for key, (_, value) in json.loads(opening["details"]).items()}
    assert said == {**ASKED, "erased_at": answer["erased_at"]["ms"]}
    for part in (made["numbers"][0], answer["statement_id"], answer["entry_hash"], "撤回同意"):
        assert part in answer["certificate"]
    (told,) = (await client.get(f"/v1/evidence/{made['numbers'][0]}/events")).json()["events"]
    assert (told["type"], told["effect"]) == ("ERASED", True)


async def test_nothing_that_could_open_it_is_left_in_the_database(
    client: Any, tmp_path: Path
) -> None:
    made = await deposit(client)
    number = made["numbers"][1]
    await client.post(f"/v1/evidence/{number}/corrections", {"reason": TITLE}, key="correction")
    database = tmp_path / "gateway.db"
    before = kept(database)
    assert len(before) == 9
    assert None not in before
    await erase(client, made)
    assert set(kept(database)) == {None}
    assert not [each for each in before if isinstance(each, bytes) and each in files(database)]
    with contextlib.closing(sqlite3.connect(database)) as connection:
        digests = connection.execute("select request_digest from requests order by rowid")
        assert [any(each) for (each,) in digests] == [False, False, True]


async def test_a_retry_is_answered_alike_and_more_is_refused(client: Any, cluster: Any) -> None:
    made = await deposit(client)
    first, again = await erase(client, made), await erase(client, made)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    other = await erase(client, made, key="other")
    assert (other.status_code, other.json()["code"]) == (409, "ERASED_ALREADY")
    assert len(cluster.statements) == 2
    # The digest of the request that deposited was erased too: nobody can try a guess on it.
    items = [{"digests": {"sha256": each}, "size": 8} for each in DIGESTS]
    retried = await client.batch({"items": items}, key="deposit")
    assert retried.json()["code"] == "IDEMPOTENCY_MISMATCH"


async def test_all_items_are_named_before_all_are_erased(client: Any) -> None:
    made = await deposit(client)
    refused = await erase(client, made, count=1)
    assert (refused.status_code, refused.json()["code"]) == (422, "ERASURE_COUNT")
    unknown = await erase(client, made, ground="BECAUSE")
    assert unknown.json()["code"] == "FIELD_INVALID"
    told = (await client.get(f"/v1/deposits/{made['statement_id']}")).json()
    assert len(told["openings"]) == 2


async def test_a_hold_forbids_it_until_the_release(client: Any, cluster: Any) -> None:
    made = await deposit(client)
    cluster.apply([cluster.world.key("enrol", COURT.public, role="court")])
    subject = Subject(made["numbers"][1], bytes.fromhex(made["statement_id"]))
    for kind in ("hold", "release"):
        event = cluster.world.event(
            7,
            type=kind,
            key=COURT.public,
            subject=subject,
            details=details_digest(bytes(32), b"{}"),
        )
        cluster.apply([cluster.world.record(event, by=COURT)])
        if kind == "hold":
            refused = await erase(client, made)
            assert (refused.status_code, refused.json()["code"]) == (409, "ERASURE_HELD")
    assert (await erase(client, made)).status_code == 201


async def test_an_exhibit_of_a_case_is_kept_and_its_words_go_once_it_is_out(
    client: Any, tmp_path: Path
) -> None:
    made = await deposit(client)
    clerk = {"authorization": f"Bearer {CLERK_KEY}"}
    words = {"name": TITLE, "source": "手机", "proof_object": "租金", "content": "合同"}
    exhibit = {"evidence_no": made["numbers"][1], "litigation_role": "PLAINTIFF"}
    linked = await client.http.post(
        f"{CASE}/links",
        json={"exhibits": [{**exhibit, **words}]},
        headers={**clerk, "idempotency-key": "link"},
    )
    assert linked.status_code == 201, linked.text
    refused = await erase(client, made)
    assert (refused.status_code, refused.json()["code"]) == (409, "ERASURE_IN_CASE")
    removed = await client.http.delete(f"{CASE}/links/1", headers=clerk)
    assert removed.status_code in (200, 204), removed.text
    assert (await erase(client, made)).status_code == 201
    with contextlib.closing(sqlite3.connect(tmp_path / "gateway.db")) as connection:
        (row,) = connection.execute("select data_key, words_sealed from exhibits")
    assert row == (None, None)


async def test_who_may_ask(client: Any, clients: Any, gateway: Any) -> None:
    made = await deposit(client)
    rival, judge = (speaking(clients, gateway, each) for each in (RIVAL_KEY, JUDGE_KEY))
    assert (await erase(rival, made)).json()["code"] == "EVENT_NOT_YOURS"
    assert (await erase(judge, made)).json()["code"] == "SCOPE_MISSING"
    role = [Role.DATA_PROTECTION_OFFICER]
    await admit(gateway.database, VAULT_KEY, "officer", OFFICER_KEY, role, START_MS)
    officer = speaking(clients, gateway, OFFICER_KEY)
    assert (await erase(officer, made)).status_code == 201
    lines = [
        (each.account, each.action.name, each.allowed)
        for each in await gateway.accesses.between(0, 2 * START_MS)
    ]
    assert ("rival", "DEPOSIT_ERASED", False) in lines
    assert ("officer", "DEPOSIT_ERASED", True) in lines


async def test_who_withdrew_the_consent_may_still_ask(client: Any) -> None:
    made = await deposit(client)
    assert (await client.http.delete("/v1/account/consents")).status_code == 200
    assert (await erase(client, made)).status_code == 201


async def test_only_the_gateway_that_took_it_in_erases(
    client: Any, clients: Any, make_gateway: Any, cluster: Any
) -> None:
    made = await deposit(client)
    cluster.apply([cluster.world.key("enrol", STRANGER.public, role="gateway")])
    other = clients(await make_gateway(signer=STRANGER))
    refused = await erase(other, made)
    assert (refused.status_code, refused.json()["code"]) == (409, "ERASURE_OTHER_GATEWAY")
    assert (await erase(client, made)).status_code == 201
