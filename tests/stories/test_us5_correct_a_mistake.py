"""US-5, a law firm corrects a mistake: "I deposited with the wrong title and party; I need a
correction that does not look like tampering."

The old record stays as it is, and whoever looks it up is told that it was corrected and where.
"""

import hashlib
from typing import Any

import pytest

from node.evidence.proof_text import parse_proof
from node.words import OpenPoint
from tests.databases import ON_BOTH

pytestmark = [pytest.mark.anyio, ON_BOTH]

CONTRACT = hashlib.sha256(b"the contract").hexdigest()
DEPOSIT = {
    "digests": {"sha256": CONTRACT},
    "size": 12,
    "details": {"title": "租赁合同", "party": "示例甲公司"},
}
CORRECTION = {
    "reason": "标题和当事人填写有误",
    "details": {"title": "房屋租赁合同", "party": "示例乙公司"},
}
ZH = {"accept-language": "zh"}


async def test_a_mistake_is_corrected_and_nothing_is_changed(client: Any) -> None:
    """One test, told from the first deposit to what the court is shown."""
    made = (await client.anchor(DEPOSIT)).json()
    number = made["evidence_no"]
    before = (await client.get(f"/v1/evidence/{number}")).json()["deposit"]
    proof_before = (await client.get(f"/v1/evidence/{number}/proof")).content
    assert before["flags"] == []

    correction = await client.post(f"/v1/evidence/{number}/corrections", CORRECTION)
    assert (correction.status_code, correction.json()["state"]) == (201, "FINAL")

    # The old record is intact, with a flag and a pointer.
    answer = (await client.get(f"/v1/evidence/{number}", headers=ZH)).json()
    (flag,) = answer["deposit"].pop("flags")
    words = {"state_text", "flags"}
    assert {k: v for k, v in answer["deposit"].items() if k not in words} == {
        k: v for k, v in before.items() if k not in words
    }
    assert flag["flag"] == "SUPERSEDED"
    assert flag["text"] == f"已更正，见交易哈希 {correction.json()['entry_hash']}"
    assert OpenPoint.O10.zh in answer["notices"]

    # Who follows the pointer is led to the deposit, and to the flag again.
    led = (await client.get("/v1/lookup", params={"q": flag["entry_hash"]}, headers=ZH)).json()
    assert [each["evidence_no"] for each in led["deposits"]] == [number]
    assert led["deposits"][0]["flags"] == [flag]
    assert OpenPoint.O10.zh in led["notices"]

    # Neither is its proof another: the file is still the deposited bytes.
    proof = (await client.get(f"/v1/evidence/{number}/proof")).content
    old, new = parse_proof(proof_before), parse_proof(proof)
    assert (new.entry_bytes, new.page, new.item) == (old.entry_bytes, old.page, old.item)

    # A digest is no mistake of this kind: other data are another deposit.
    other = {"reason": "换文件", "details": {"sha256": hashlib.sha256(b"another").hexdigest()}}
    refused = await client.post(f"/v1/evidence/{number}/corrections", other)
    assert (refused.status_code, refused.json()["code"]) == (422, "DIGEST_IMMUTABLE")

    # Nothing updates in place: there is no such method.
    for method in ("PUT", "PATCH", "DELETE"):
        response = await client.http.request(method, f"/v1/evidence/{number}", json=CORRECTION)
        assert response.status_code == 405

    # A second correction follows the first; both are told, in their order.
    second = {"reason": "当事人名称有误", "details": {"party": "示例丙公司"}}
    latest = (await client.post(f"/v1/evidence/{number}/corrections", second)).json()
    history = (await client.get(f"/v1/evidence/{number}/events")).json()
    assert [each["details"]["party"] for each in history["events"]] == [
        "示例乙公司",
        "示例丙公司",
    ]
    assert [each["entry_hash"] for each in history["flags"]] == [latest["entry_hash"]]
