"""Cases through the gateway: all exhibits or none, retries, numbers that stay."""

import hashlib
import re
from typing import Any
from urllib.parse import quote

import pytest

from node.accounts.action import Action
from node.casework.interest import Interest, Relation
from tests.node.gateway.admitted import CLERK_KEY

pytestmark = pytest.mark.anyio

CASE = f"/v1/cases/{quote('（2026）浙0192民初1234号')}"
OWNER, STRANGER, OPERATOR = "91350100M000100Y43", "91990000MADE0NETX0", "91350100M000100Z40"
CLERK = {"authorization": f"Bearer {CLERK_KEY}"}


async def deposited(client: Any, index: int = 0) -> str:
    digest = hashlib.sha256(bytes([index])).hexdigest()
    answer = await client.anchor({"digests": {"sha256": digest}, "size": 1})
    number: str = answer.json()["evidence_no"]
    return number


def exhibit(number: str, **more: Any) -> dict[str, Any]:
    said = {"name": "录音", "source": "手机", "proof_object": "借款", "content": "通话"}
    return {"evidence_no": number, "litigation_role": "PLAINTIFF", **said, **more}


async def link(client: Any, *exhibits: Any) -> Any:
    return await client.post(f"{CASE}/links", {"exhibits": list(exhibits)}, headers=CLERK)


async def listed(client: Any) -> list[int]:
    answer = (await client.get(f"{CASE}/evidence-list", headers=CLERK)).json()
    return [each["exhibit_no"] for each in answer["exhibits"]]


async def receipt(client: Any, asked: Any, key: str = "one") -> Any:
    headers = {**CLERK, "idempotency-key": key}
    return await client.http.post(f"{CASE}/receipts", json=asked, headers=headers)


async def test_linking_again_links_nothing(client: Any) -> None:
    number = await deposited(client)
    assert (await link(client, exhibit(number))).status_code == 201
    again = await link(client, exhibit(number))
    assert (again.status_code, again.json()["exhibits"][0]["exhibit_no"]) == (200, 1)
    other = await link(client, exhibit(await deposited(client, 1)), exhibit(number, name="别的"))
    assert (other.status_code, other.json()["code"]) == (409, "EXHIBIT_LINKED")
    assert "Items 1 " in other.json()["detail"]
    assert await listed(client) == [1]


async def test_all_are_linked_or_none_is(client: Any) -> None:
    number = await deposited(client)
    wrong = await link(client, exhibit(number), exhibit("EV2026"), exhibit("x"))
    assert (wrong.status_code, wrong.json()["code"]) == (422, "EVIDENCE_SPELLING")
    assert "1, 2" in wrong.json()["detail"]
    twice = await link(client, exhibit(number), exhibit(number))
    assert twice.json()["code"] == "EXHIBIT_REPEATED"
    unknown = await link(client, exhibit(number), exhibit("EV20260921000000000099-02"))
    assert unknown.json()["code"] == "EVIDENCE_SPELLING"
    assert await listed(client) == []


async def test_a_number_that_no_deposit_has_is_refused(client: Any) -> None:
    from node.evidence.number import format_number
    from tests.node.gateway.admitted import START_MS

    number = await deposited(client)
    unknown = await link(client, exhibit(number), exhibit(format_number(START_MS, 99)))
    assert (unknown.status_code, unknown.json()["code"]) == (422, "EVIDENCE_UNKNOWN")
    assert "items 1 " in unknown.json()["detail"]
    assert unknown.json()["result_code"] == "V101"
    assert await listed(client) == []


async def test_what_was_taken_out_leaves_its_number_free_of_others(client: Any) -> None:
    numbers = [await deposited(client, index) for index in range(3)]
    await link(client, *(exhibit(number) for number in numbers[:2]))
    assert (await client.http.delete(f"{CASE}/links/1", headers=CLERK)).status_code == 204
    gone = await client.http.delete(f"{CASE}/links/1", headers=CLERK)
    assert (gone.status_code, gone.json()["code"]) == (404, "EXHIBIT_UNKNOWN")
    await link(client, exhibit(numbers[2]))
    assert await listed(client) == [2, 3]
    await link(client, exhibit(numbers[0]))
    assert await listed(client) == [2, 3, 4]


async def test_a_receipt_is_given_once_under_its_key(client: Any) -> None:
    asked = {"handler": "李某", "exhibits": [1]}
    empty = await receipt(client, asked)
    assert (empty.status_code, empty.json()["code"]) == (404, "EXHIBIT_UNKNOWN")
    empty = await receipt(client, {"handler": "李某"})
    assert (empty.status_code, empty.json()["code"]) == (409, "EXHIBITS_NONE")
    await link(client, exhibit(await deposited(client)), exhibit(await deposited(client, 1)))
    first, again = await receipt(client, asked), await receipt(client, asked)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert [each["exhibit_no"] for each in first.json()["exhibits"]] == [1]
    other = await receipt(client, {**asked, "handler": "王某"})
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")
    assert (await receipt(client, asked, "two")).json()["receipt_id"] != first.json()["receipt_id"]
    missing = await client.get(f"{CASE}/receipts/{'0' * 32}", headers=CLERK)
    assert (missing.status_code, missing.json()["code"]) == (404, "COURT_RECEIPT_UNKNOWN")


async def test_what_was_typed_draws_no_lines(client: Any) -> None:
    number = await deposited(client)
    await link(client, exhibit(number, name="录音\n2. 伪造  1 份"))
    text = (await receipt(client, {"handler": "李某\n经办人签名: 王某\u202e"})).json()["text"]
    assert "\n2. 伪造" not in text
    assert "\n经办人签名: 王某" not in text
    assert "\u202e" not in text


async def name(client: Any, *parties: tuple[str, str]) -> Any:
    named = [{"litigation_role": role, "uscc": uscc} for role, uscc in parties]
    return await client.http.put(f"{CASE}/parties", json={"parties": named}, headers=CLERK)


async def test_a_party_with_an_interest_in_a_member_is_shown_wherever_the_case_is(
    client: Any, gateway: Any
) -> None:
    """民事证据规定 Art. 94 (2): the check runs when a case is linked, and on what is known then."""
    made = await link(client, exhibit(await deposited(client)))
    assert made.json()["interests"] == {
        "result": "NOT_CHECKED",
        "text": "not checked",
        "found": [],
        "not_checked": ["PLATFORM", "court", "forensic", "notary"],
    }
    printed = (await client.get(f"{CASE}/evidence-list?format=text", headers=CLERK)).text
    assert "未核对 not checked" in printed

    declared = [
        Interest(OWNER if member == "notary" else OPERATOR, member, "某公司", relation, "公示系统")
        for member, relation in (
            ("PLATFORM", Relation.OPERATOR),
            ("court", Relation.OPERATOR),
            ("forensic", Relation.OPERATOR),
            ("notary", Relation.OWNER),
        )
    ]
    await gateway.registries.load(declared)
    clean = (await name(client, ("PLAINTIFF", STRANGER))).json()
    assert (clean["interests"]["result"], clean["interests"]["not_checked"]) == ("NONE_FOUND", [])

    named = (await name(client, ("NONE", OWNER), ("PLAINTIFF", STRANGER))).json()
    assert [each["uscc"] for each in named["parties"]] == [STRANGER, OWNER]
    (found,) = named["interests"]["found"]
    assert (found["uscc"], found["member"], found["relation"]) == (OWNER, "notary", "OWNER")
    zh = {**CLERK, "accept-language": "zh"}
    for path in ("parties", "evidence-list"):
        interests = (await client.get(f"{CASE}/{path}", headers=zh)).json()["interests"]
        assert (interests["result"], interests["text"]) == ("FOUND", "发现利害关系，待审查")
    printed = (await client.get(f"{CASE}/evidence-list?format=text", headers=CLERK)).text
    assert "利害关系 Interests: 发现利害关系，待审查" in printed


async def test_parties_are_named_all_or_none(client: Any, gateway: Any) -> None:
    assert (await name(client, ("PLAINTIFF", OWNER))).status_code == 200
    for wrong, code in (
        ([("PLAINTIFF", STRANGER), ("DEFENDANT", OWNER[:-1] + "4")], "PARTY_SPELLING"),
        ([("PLAINTIFF", STRANGER), ("DEFENDANT", STRANGER.lower())], "PARTY_REPEATED"),
    ):
        refused = await name(client, *wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
        assert "tem 1 " in refused.json()["detail"]
    read = (await client.get(f"{CASE}/parties", headers=CLERK)).json()
    assert [each["uscc"] for each in read["parties"]] == [OWNER]
    assert (await name(client)).json()["parties"] == []
    refused = await client.get(f"{CASE}/parties")
    assert refused.json()["code"] == "SCOPE_MISSING"
    recorded = await gateway.accesses.between(0, 2**60)
    assert [each.action for each in recorded].count(Action.CASE_PARTIES_NAMED) == 2


async def test_a_number_from_before_2016_names_no_court(client: Any) -> None:
    old = quote("（2015）杭西知民初字第123号")
    response = await client.get(f"/v1/cases/{old}/evidence-list", headers=CLERK)
    assert (response.status_code, response.json()["code"]) == (422, "CASE_NO_COURT_UNKNOWN")


async def test_the_document_shows_what_a_case_number_looks_like(client: Any) -> None:
    """The pattern it shows is for programs; what is accepted is decided by the numbers' parser."""
    paths = (await client.get("/openapi.json")).json()["paths"]
    (parameter,) = [
        each
        for each in paths["/v1/cases/{case_no}/evidence-list"]["get"]["parameters"]
        if each.get("name") == "case_no"
    ]
    pattern = re.compile(parameter["schema"]["pattern"])
    assert pattern.fullmatch("（2026）浙0192民初1234号")
    assert pattern.fullmatch("(2019)最高法知民终1号")
    assert not pattern.fullmatch("（2026）杭0192民初1234号")
