"""An account's own deposits: listed page by page, searched, opened; nobody else's are told."""

import asyncio
import base64
import hashlib
from typing import Any

import pytest
from sqlalchemy import text

from node.accounts.action import Action
from node.gateway.deposits.listing import OPENINGS_AT_ONCE
from node.gateway.lookups import marking
from tests.databases import ON_BOTH
from tests.node.gateway.admitted import AUDITOR_KEY, CLERK_KEY, RIVAL_KEY

pytestmark = [pytest.mark.anyio, ON_BOTH]

NAMES = ("statement_id", "evidence_no")


def body(name: str = "one", **more: Any) -> dict[str, Any]:
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    return {"digests": {"sha256": sha256}, "size": len(name), **more}


def with_key(key: str) -> dict[str, dict[str, str]]:
    return {"headers": {"authorization": f"Bearer {key}"}}


async def listed(client: Any, **query: Any) -> list[str]:
    answer = (await client.get("/v1/deposits", params=query)).json()
    return [each["statement_id"] for each in answer["deposits"]]


@pytest.fixture
def settled(eventually: Any) -> Any:
    """Waits until nothing is on its way in the database, and notes what is sealed by now."""

    async def wait(client: Any) -> None:
        async def is_settled() -> bool:
            return not await client.gateway.store.unsettled()

        await eventually(is_settled)
        await client.gateway.finality.look()

    return wait


async def test_a_deposit_is_listed_with_all_that_is_known_of_it(client: Any, settled: Any) -> None:
    made = (await client.anchor(body(client_ref="订单 7", matter_id="M-1"))).json()
    await settled(client)
    answer = (await client.get("/v1/deposits")).json()
    (told,) = answer["deposits"]
    assert "next" not in answer
    assert told["receipt_no"] == made["receipt"]["number"]
    assert told["first_evidence_no"] == made["evidence_no"]
    assert (told["client_ref"], told["matter_id"]) == ("订单 7", "M-1")
    assert (told["state"], told["count"], told["category"]) == ("FINAL", 1, "A14_0")
    assert (told["height"], told["entry_hash"]) == (made["height"], made["entry_hash"])
    assert told["block_time"] == made["times"]["block_time"]
    assert told["final_at"]["ms"] >= told["received_at"]["ms"]


async def test_a_cursor_leads_through_all_of_them_once(client: Any, clock: Any) -> None:
    made = []
    for number in range(7):
        clock.now += number % 2  # Some of them in the same millisecond.
        made.append((await client.anchor(body(str(number)))).json()["statement_id"])
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        answer = (await client.get("/v1/deposits", params=query)).json()
        times = [each["received_at"]["ms"] for each in answer["deposits"]]
        assert times == sorted(times, reverse=True)
        seen += [each["statement_id"] for each in answer["deposits"]]
        if "next" not in answer:
            break
        query["after"] = answer["next"]
    assert sorted(seen) == sorted(made)


async def test_a_list_is_searched(client: Any, clock: Any, settled: Any) -> None:
    one = (await client.anchor(body(client_ref="a"))).json()["statement_id"]
    clock.now += 1_000
    then = clock.now
    category = "A14_4_ELECTRONIC_FILE"
    declared = body(client_ref="b", category=category, declared={"original_status": "ORIGINAL"})
    two = (await client.anchor(declared)).json()["statement_id"]
    items = {"items": [body("x"), body("y")], "client_ref": "a", "matter_id": "m"}
    three = (await client.batch(items)).json()["statements"][0]["statement_id"]
    packed = {"alg": "sha256", "client_ref": "p", "matter_id": "m"}
    four = (await client.batch(bytes(range(32)), params=packed)).json()["statements"][0]
    await settled(client)
    assert set(await listed(client, client_ref="a")) == {one, three}
    assert set(await listed(client, matter_id="m")) == {three, four["statement_id"]}
    assert await listed(client, category=category) == [two]
    assert await listed(client, received_to=then) == [one]
    assert set(await listed(client, received_from=then, client_ref="a")) == {three}
    assert len(await listed(client, state="FINAL")) == 4
    assert await listed(client, state="FAILED") == []
    assert await listed(client, series="00" * 32) == []


@pytest.mark.parametrize(
    "query",
    [
        {"state": "DONE"},
        {"limit": 0},
        {"limit": 101},
        {"client_ref": ""},
        {"client_ref": "a\x00b"},
        {"client_ref": "a" * 129},
        {"series": "xyz"},
        {"received_from": "yesterday"},
        {"received_from": -1},
        {"unknown": "1"},
    ],
)
async def test_conditions_that_make_no_sense_are_refused(client: Any, query: Any) -> None:
    response = await client.get("/v1/deposits", params=query)
    assert response.status_code == 422
    assert response.json()["code"] in ("FIELD_INVALID", "FIELD_UNKNOWN")


async def test_a_cursor_goes_with_its_conditions(client: Any) -> None:
    for name in "abc":
        await client.anchor(body(name, client_ref="same"))
    query = {"client_ref": "same", "limit": 1}
    cursor = (await client.get("/v1/deposits", params=query)).json()["next"]
    for changed in (
        {"client_ref": "other"},
        {"after": cursor[:-1]},
        {"after": cursor + "AAAA"},
        {"after": "nonsense"},
        {"after": "é" * 64},
        {"after": base64.urlsafe_b64encode(b"\xff" * 48).decode()},
    ):
        response = await client.get("/v1/deposits", params={**query, "after": cursor, **changed})
        assert (response.status_code, response.json()["code"]) == (422, "CURSOR_INVALID")
    more = await client.get("/v1/deposits", params={**query, "after": cursor, "limit": 2})
    assert len(more.json()["deposits"]) == 2


async def test_deposits_are_their_accounts_alone(client: Any) -> None:
    made = (await client.anchor(body())).json()
    rival = with_key(RIVAL_KEY)
    assert (await client.get("/v1/deposits", **rival)).json()["deposits"] == []
    for reference in (made["receipt"]["number"], made["statement_id"]):
        response = await client.get(f"/v1/deposits/{reference}", **rival)
        assert (response.status_code, response.json()["code"]) == (404, "DEPOSIT_UNKNOWN")
    response = await client.get(f"/v1/deposits/{made['evidence_no']}", **rival)
    assert (response.status_code, response.json()["code"]) == (403, "READING_REFUSED")
    for key in (AUDITOR_KEY, CLERK_KEY):
        for path in ("", f"/{made['statement_id']}"):
            response = await client.get(f"/v1/deposits{path}", **with_key(key))
            assert (response.status_code, response.json()["code"]) == (403, "SCOPE_MISSING")
        response = await client.get(f"/v1/deposits/{made['evidence_no']}", **with_key(key))
        assert (response.status_code, response.json()["code"]) == (403, "READING_REFUSED")
    del client.http.headers["authorization"]
    for path in ("", f"/{made['statement_id']}", f"/{made['evidence_no']}"):
        response = await client.get(f"/v1/deposits{path}")
        assert (response.status_code, response.json()["code"]) == (401, "API_KEY_MISSING")


async def test_an_own_deposit_is_opened_by_any_of_its_names(client: Any) -> None:
    made = (await client.anchor(body(details={"file_name": "合同.pdf"}))).json()
    for reference in (made["receipt"]["number"], made["statement_id"], made["evidence_no"]):
        told = (await client.get(f"/v1/deposits/{reference}")).json()
        (item,) = told["openings"]
        assert item["opening"] == made["opening"]
        assert told["submitter"] == made["submitter"]
        assert told["statement_id"] == made["statement_id"]


async def test_a_number_opens_its_own_item_and_no_other(client: Any, settled: Any) -> None:
    part = (await client.batch({"items": [body(str(n)) for n in range(4)]})).json()["statements"][0]
    await settled(client)
    whole = (await client.get(f"/v1/deposits/{part['statement_id']}")).json()
    numbers = [each["evidence_no"] for each in whole["openings"]]
    assert numbers[0] == part["first_evidence_no"]
    one = (await client.get(f"/v1/deposits/{numbers[2]}")).json()
    assert [each["item_index"] for each in one["openings"]] == [2]
    assert one["openings"][0] == whole["openings"][2]
    assert "next_first" not in one


async def test_many_openings_come_in_pages(client: Any) -> None:
    items = [body(str(n)) for n in range(OPENINGS_AT_ONCE + 3)]
    part = (await client.batch({"items": items})).json()["statements"][0]
    path = f"/v1/deposits/{part['statement_id']}"
    first = (await client.get(path)).json()
    assert (len(first["openings"]), first["next_first"]) == (OPENINGS_AT_ONCE, OPENINGS_AT_ONCE)
    rest = (await client.get(path, params={"first": OPENINGS_AT_ONCE})).json()
    assert [each["item_index"] for each in rest["openings"]] == [100, 101, 102]
    assert "next_first" not in rest
    openings = [each["opening"] for each in first["openings"] + rest["openings"]]
    assert openings == part["openings"]


async def test_what_was_salted_elsewhere_has_no_opening_here(client: Any) -> None:
    part = (await client.batch(bytes(64), params={"alg": "sha256"})).json()["statements"][0]
    told = (await client.get(f"/v1/deposits/{part['statement_id']}")).json()
    assert (told["openings"], told["count"]) == ([], 2)


async def test_what_was_erased_says_so(client: Any) -> None:
    made = (await client.anchor(body())).json()
    erase = text("update deposits set data_key = null, erased_ms = 1")
    await client.gateway.database.write(lambda connection: connection.execute(erase))
    told = (await client.get(f"/v1/deposits/{made['statement_id']}")).json()
    assert (told["erased"], told["result_code"], told["openings"]) == (True, "V601", [])
    assert "submitter" not in told


@pytest.mark.parametrize("reference", ["x", "0" * 31, "0" * 63, "A" * 32, "EV1"])
async def test_references_that_are_none_are_told(client: Any, reference: str) -> None:
    response = await client.get(f"/v1/deposits/{reference}")
    assert (response.status_code, response.json()["code"]) == (422, "NUMBER_SPELLING")


async def test_reading_is_recorded(client: Any) -> None:
    made = (await client.anchor(body())).json()
    await client.get(f"/v1/deposits/{made['evidence_no']}")
    await client.get(f"/v1/deposits/{made['evidence_no']}", **with_key(RIVAL_KEY))
    await client.get(f"/v1/deposits/{made['statement_id']}")
    told = await client.gateway.accesses.between(0, 1 << 50)
    lines = {
        (each.account, each.object, each.allowed)
        for each in told
        if each.action is Action.DEPOSIT_READ
    }
    assert lines == {
        ("acme", made["evidence_no"], True),
        ("rival", made["evidence_no"], False),
        ("acme", made["statement_id"], True),
    }


async def test_references_to_one_deposit_may_be_asked_for_at_once(client: Any) -> None:
    made = (await client.anchor(body())).json()
    path = f"/v1/deposits/{made['evidence_no']}"
    answers = await asyncio.gather(*(client.get(path) for _ in range(20)))
    assert {each.status_code for each in answers} == {200}


async def test_proofs_and_openings_are_exported(client: Any, clients: Any) -> None:
    """By a verified account, with the scope for it (网络安全法 Art. 24); lists are not."""
    made = (await client.anchor(body())).json()
    number = made["evidence_no"]
    paths = (f"/v1/evidence/{number}/proof", *(f"/v1/deposits/{made[name]}" for name in NAMES))
    code = (await client.post(f"/v1/evidence/{number}/codes", {})).json()["code"]
    read = (await client.post("/v1/account/api-keys", {"scopes": ["read"]})).json()["key"]
    for path in paths:
        assert (await client.get(path)).status_code == 200
        refused = await client.get(path, **with_key(read))
        assert (refused.status_code, refused.json()["code"]) == (403, "SCOPE_MISSING")
        assert "export" in refused.json()["detail"]
    await client.http.delete("/v1/account/consents")
    for path in paths:
        refused = await client.get(path)
        assert (refused.status_code, refused.json()["code"]) == (403, "CONSENT_REQUIRED")
    assert (await client.get("/v1/deposits", **with_key(read))).status_code == 200
    assert (await client.get(f"/v1/evidence/{number}")).json()["found"]
    anonymous = clients(client.gateway)
    del anonymous.http.headers["authorization"]
    by_code = await anonymous.get(paths[0], headers={"extraction-code": code})
    assert by_code.status_code == 200


async def test_its_owner_is_told_what_became_of_a_deposit(
    client: Any, cluster: Any, settled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked, plain = [(await client.anchor(body(name))).json() for name in ("a", "b")]
    event = f"/v1/evidence/{marked['evidence_no']}/corrections"
    correction = (await client.post(event, {"reason": "标题有误"})).json()
    await settled(client)
    (other, told) = (await client.get("/v1/deposits")).json()["deposits"]
    assert (other["statement_id"], other["flags"]) == (plain["statement_id"], [])
    assert [(each["flag"], each["entry_hash"]) for each in told["flags"]] == [
        ("SUPERSEDED", correction["entry_hash"])
    ]
    assert (await client.get(f"/v1/deposits/{marked['statement_id']}")).json()["flags"] == told[
        "flags"
    ]
    # Where nobody can be asked, nothing is said; the list is told all the same.
    monkeypatch.setattr(marking, "WAIT_S", 0.05)
    for member in cluster.members.values():
        member.paused = True
    deposits = (await client.get("/v1/deposits")).json()["deposits"]
    assert len(deposits) == 2
    assert not any("flags" in each for each in deposits)
