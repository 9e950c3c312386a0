"""US-14, a person's data is erased: "I withdraw consent and demand deletion."

The gateway can open the deposit no more, the chain is what it was, and whoever kept the proof still
verifies the file, without us. While a court holds the deposit, it is refused, and told why and
until when; meanwhile nobody is shown it.
"""

import hashlib
from typing import Any

import pytest

from node.evidence.digests import new
from node.evidence.events import details_digest
from node.evidence.keys import Signer
from node.evidence.statement import Subject
from node.evidence.steps import Anchor, FileDigests
from node.evidence.verify import verify
from node.words import ErasureGround, Flag, ResultCode

pytestmark = pytest.mark.anyio

FILE = "张三的就诊记录".encode()
SHA256, SM3 = hashlib.sha256(FILE), new("sm3")
SM3.update(FILE)
DEPOSIT = {
    "digests": {"sha256": SHA256.hexdigest()},
    "size": len(FILE),
    "details": {"title": "张三的就诊记录"},
}
REQUEST = {"ground": "CONSENT_WITHDRAWN"}
ZH = {"accept-language": "zh"}
COURT = Signer(b"\x21" * 32)


async def test_a_person_has_the_data_erased_and_the_proof_still_holds(
    client: Any, cluster: Any
) -> None:
    """One test, told from the deposit to the holder of the proof."""
    made = (await client.anchor(DEPOSIT)).json()
    number, subject = made["evidence_no"], bytes.fromhex(made["statement_id"])
    erasures = f"/v1/evidence/{number}/erasures"

    # A court holds it: nothing is erased, and the answer says what to wait for.
    cluster.apply([cluster.world.key("enrol", COURT.public, role="court")])
    for kind in ("hold", "release"):
        event = cluster.world.event(
            1,
            type=kind,
            key=COURT.public,
            subject=Subject(number, subject),
            details=details_digest(bytes(32), b"{}"),
        )
        cluster.apply([cluster.world.record(event, by=COURT)])
        if kind == "hold":
            refused = await client.post(erasures, REQUEST, headers=ZH)
            assert (refused.status_code, refused.json()["code"]) == (409, "ERASURE_HELD")
            assert "解除后自动删除" in refused.json()["detail"]
            told = (await client.get(f"/v1/deposits/{number}")).json()
            assert (told["result_code"], told["openings"]) == ("V602", [])
            assert told["review_at"]["beijing"] in refused.json()["detail"]

    # Released: it is erased, a certificate is given, and an event without personal data follows.
    size = cluster.memory.chain.size
    erased = await client.post(erasures, REQUEST, headers=ZH)
    assert (erased.status_code, erased.json()["state"]) == (201, "FINAL"), erased.text
    assert ErasureGround.CONSENT_WITHDRAWN.zh in erased.json()["certificate"]
    leaves = b"".join(cluster.memory.leaves[size:])
    assert b'"type":"erased"' in leaves
    assert "张三".encode() not in leaves

    # What the gateway says from now on.
    told = (await client.get(f"/v1/deposits/{number}")).json()
    assert (told["result_code"], told["openings"]) == ("V601", [])
    (flag,) = (await client.get(f"/v1/evidence/{number}", headers=ZH)).json()["deposit"]["flags"]
    assert (flag["flag"], flag["entry_hash"]) == (Flag.ERASED.name, erased.json()["entry_hash"])
    asked = {"evidence_no": number, "alg": "sha256", "digest": SHA256.hexdigest()}
    verified = (await client.http.post("/v1/verify", json=asked)).json()
    assert verified["result_code"] == "V601"

    # Whoever kept the proof of then verifies the file offline, and always will.
    verdict = verify(
        made["proof"].encode(),
        Anchor(policy_text=cluster.policy_text),
        FileDigests(len(FILE), {"sha256": SHA256.digest(), "sm3": SM3.digest()}),
    )
    assert verdict.code is ResultCode.V001
