"""GET: what can be found, what cannot, and what is said about the difference."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from node import member_pb2 as pb
from node.evidence.entry import format_entry
from node.evidence.number import format_number
from node.evidence.policy import fingerprint
from node.evidence.proof_text import parse_proof
from node.evidence.sealed import parse_sealed
from node.gateway.members.client import Members
from node.words import Notice
from tests.node.gateway.admitted import RIVAL_KEY

pytestmark = pytest.mark.anyio

DIGEST = hashlib.sha256(b"a page everyone can see").hexdigest()
PLAIN = {"digests": {"sha256": DIGEST}, "mode": "digest", "plain_declaration": True}
SALTED = {"digests": {"sha256": DIGEST}, "size": 23}


async def deposit(client: Any, body: dict[str, Any] = SALTED) -> dict[str, Any]:
    response = await client.anchor(body)
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


def down(cluster: Any, *methods: str) -> None:
    """All members answer `unavailable`, as those do whose index is behind."""
    for member in cluster.members.values():
        for method in methods:
            for _ in range(10):
                member.refuse(method, "UNAVAILABLE", "unavailable")


async def test_a_number_alone_tells_existence_and_times(client: Any) -> None:
    made = await deposit(client)
    del client.http.headers["authorization"]
    response = await client.get(f"/v1/evidence/{made['evidence_no']}")
    answer = response.json()
    assert answer["found"] is True
    assert answer["deposit"]["times"] == made["times"]
    assert answer["deposit"]["state"] == "FINAL"
    assert made["opening"]["salt"] not in response.text
    assert made["statement_id"] not in response.text


async def test_an_unknown_number_is_an_answer_with_what_was_searched(client: Any) -> None:
    await deposit(client)
    number = format_number(1_790_000_000_000, 77)
    response = await client.get(f"/v1/evidence/{number}")
    answer = response.json()
    assert (response.status_code, answer["found"]) == (200, False)
    assert answer["result_code"] == "V101"
    assert answer["searched"] == {"height": 2, "size": 6}


async def test_a_number_of_another_day_is_not_found(client: Any) -> None:
    made = await deposit(client)
    ordinal = int(made["evidence_no"][10:22])
    number = format_number(1_790_000_000_000 + 86_400_000, ordinal)
    assert (await client.get(f"/v1/evidence/{number}")).json()["found"] is False


async def test_public_proof_is_the_text_without_the_opening(client: Any) -> None:
    made = await deposit(client)
    response = await client.get(f"/v1/evidence/{made['evidence_no']}/proof")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert f"{made['evidence_no']}.proof.txt" in response.headers["content-disposition"]
    public, holders = parse_proof(response.content), parse_proof(made["proof"].encode())
    assert (public.number, public.opening) == (made["evidence_no"], None)
    assert holders.opening is not None


async def test_proof_needs_an_api_key(client: Any) -> None:
    made = await deposit(client)
    del client.http.headers["authorization"]
    for path in (
        f"/v1/evidence/{made['evidence_no']}/proof",
        f"/v1/receipts/{made['receipt']['number']}",
        f"/v1/evidence?digest={DIGEST}&alg=sha256",
    ):
        assert (await client.get(path)).json()["code"] == "API_KEY_MISSING"


async def test_proof_of_an_unknown_number(client: Any) -> None:
    number = format_number(1_790_000_000_000, 77)
    response = await client.get(f"/v1/evidence/{number}/proof")
    assert response.status_code == 404
    assert response.json()["result_code"] == "V101"
    assert "height 1" in response.json()["detail"]


async def test_proof_before_the_seals(client: Any, cluster: Any) -> None:
    cluster.sealing.clear()
    answer = (await client.anchor(SALTED, params={"wait": "committed"})).json()
    response = await client.get(f"/v1/evidence/{answer['evidence_no']}/proof")
    assert (response.status_code, response.json()["code"]) == (409, "NOT_SEALED")
    looked_up = (await client.get(f"/v1/evidence/{answer['evidence_no']}")).json()
    assert looked_up["deposit"]["state"] == "COMMITTED"
    assert "sealed_at" not in looked_up["deposit"]["times"]


async def test_search_gives_all_plain_deposits_oldest_first(client: Any) -> None:
    made = [await deposit(client, PLAIN) for _ in range(3)]
    answer = (await client.get(f"/v1/evidence?digest={DIGEST}&alg=sha256")).json()
    numbers = [each["evidence_no"] for each in answer["deposits"]]
    assert numbers == [each["evidence_no"] for each in made]
    assert (answer["found"], answer["complete"]) == (True, True)
    assert {each["state"] for each in answer["deposits"]} == {"FINAL"}
    assert Notice.SEARCHED.en in answer["notices"]


async def test_search_tells_the_times_that_a_number_tells(client: Any, cluster: Any) -> None:
    made = [await deposit(client, PLAIN) for _ in range(2)]
    answer = (await client.get(f"/v1/evidence?digest={DIGEST}&alg=sha256")).json()
    for found, own in zip(answer["deposits"], made, strict=True):
        by_number = (await client.get(f"/v1/evidence/{own['evidence_no']}")).json()["deposit"]
        assert found == by_number
        assert found["times"]["sealed_at"]["by"] == "members"
    cluster.sealing.clear()
    answer = (await client.get(f"/v1/evidence?digest={DIGEST}&alg=sha256")).json()
    assert {each["state"] for each in answer["deposits"]} == {"COMMITTED"}
    assert not any("sealed_at" in each["times"] for each in answer["deposits"])


async def test_search_does_not_find_others_salted_deposits_and_says_so(client: Any) -> None:
    await client.anchor(SALTED, headers={"authorization": f"Bearer {RIVAL_KEY}"})
    answer = (await client.get(f"/v1/evidence?digest={DIGEST}&alg=sha256")).json()
    assert (answer["found"], answer["result_code"]) == (False, "V101")
    assert Notice.SEARCHED.en in answer["notices"]
    assert answer["searched"]["height"] == 2
    assert answer["searched"]["algorithms"] == ["sha256", "sm3"]


async def test_search_under_another_algorithm(client: Any) -> None:
    await deposit(client, PLAIN)
    answer = (await client.get(f"/v1/evidence?digest={DIGEST}&alg=sm3")).json()
    assert (answer["found"], answer["result_code"]) == (False, "V105")
    assert answer["other_algorithm"] == "sha256"


async def test_an_index_that_is_behind_is_could_not_check_never_not_found(
    client: Any, cluster: Any
) -> None:
    down(cluster, "Find")
    for path in (
        f"/v1/evidence?digest={DIGEST}&alg=sha256",
        f"/v1/evidence/{format_number(1_790_000_000_000, 0)}",
        f"/v1/receipts/{'0' * 32}",
    ):
        response = await client.get(path)
        problem = response.json()
        assert (response.status_code, problem["result_code"]) == (503, "V502"), path
        assert "does not mean" in problem["detail"]


async def test_one_member_that_answers_is_enough(client: Any, cluster: Any) -> None:
    made = await deposit(client)
    for name in ("court", "notary"):
        await cluster.members[name].stop()
    answer = (await client.get(f"/v1/evidence/{made['evidence_no']}")).json()
    assert answer["found"] is True


async def test_receipt_of_a_final_deposit(client: Any) -> None:
    made = await deposit(client)
    number = made["receipt"]["number"]
    answer = (await client.get(f"/v1/receipts/{number}")).json()
    assert (answer["state"], answer["found"]) == ("FINAL", True)
    assert [each["evidence_no"] for each in answer["deposits"]] == [made["evidence_no"]]


async def test_receipt_of_an_event_has_no_number(client: Any, cluster: Any) -> None:
    cluster.apply([cluster.world.record(cluster.world.event())])
    (identity,) = cluster.statements
    answer = (await client.get(f"/v1/receipts/{identity.hex()[:32]}")).json()
    assert (answer["state"], answer["deposits"]) == ("COMMITTED", [])


async def test_unknown_receipt(client: Any) -> None:
    answer = (await client.get(f"/v1/receipts/{'0' * 32}")).json()
    assert (answer["found"], answer["result_code"]) == (False, "V101")


async def test_latest_checkpoint_is_the_signed_note(client: Any, cluster: Any) -> None:
    await deposit(client)
    response = await client.get("/v1/checkpoints/latest")
    assert response.content == cluster.note("court")
    assert parse_sealed(response.content).checkpoint.size == 6


async def test_no_checkpoint_yet(client: Any, cluster: Any) -> None:
    cluster.sealing.clear()
    assert (await client.get("/v1/checkpoints/latest")).json()["code"] == "NOT_SEALED"


async def test_policy_with_its_members_and_fingerprint(client: Any, cluster: Any) -> None:
    answer = (await client.get("/v1/policy")).json()
    assert answer["policy_text"].encode() == cluster.policy_text
    assert answer["members_text"].encode() == cluster.members_text
    assert answer["fingerprint"] == fingerprint(cluster.policy_text)
    assert [each["name"] for each in answer["members"]] == ["court", "forensic", "notary"]
    assert answer["quorum"] == 2


async def test_health_and_readiness(client: Any, cluster: Any) -> None:
    del client.http.headers["authorization"]
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["leader"]) == (200, "court")
    cluster.leader = None
    assert (await client.get("/readyz")).status_code == 503
    for name in ("court", "notary"):
        await cluster.members[name].stop()
    answer = (await client.get("/readyz")).json()
    assert (answer["ready"], answer["unreachable"]) == (False, ["court", "notary"])


async def test_readiness_tells_the_members_newest_health_records(client: Any, cluster: Any) -> None:
    note = pb.HealthNote(serial=7, kind="stop", to_ms=1_790_000_000_000, alarms=["disk: full"])
    for name, health in (("court", note), ("notary", pb.HealthNote(kind="unheard-of"))):
        status = pb.StatusResponse(member=name, role="follower", health=health)
        status.origin = cluster.world.origin
        cluster.members[name].lies["Status"] = status
    members = (await client.get("/readyz")).json()["members"]
    told = {each["member"]: each.get("health") for each in members}
    assert told == {
        "court": {
            "serial": 7,
            "kind": "stop",
            "to_ms": 1_790_000_000_000,
            "alarms": ["disk: full"],
        },
        "forensic": None,
        "notary": None,
    }


async def test_a_checkpoint_without_a_quorum_makes_nothing_final(
    client: Any, cluster: Any, monkeypatch: Any
) -> None:
    """A listing says FINAL only under seals that verify; one member's word is not enough."""
    await deposit(client, PLAIN)
    honest = cluster.note
    for lie in (
        lambda name: honest(name).replace(b"\n5\n", b"\n9\n", 1)[:-60] + b"\n",
        lambda name: b"\n".join(honest(name).split(b"\n")[:6]) + b"\n",
    ):
        monkeypatch.setattr(cluster, "note", lie)
        response = await client.get(f"/v1/evidence?digest={DIGEST}&alg=sha256")
        assert (response.status_code, response.json()["result_code"]) == (503, "V502")


@pytest.mark.parametrize("forged", ["time", "item"])
async def test_what_one_member_claims_to_have_found_is_not_final(
    client: Any, cluster: Any, monkeypatch: Any, forged: str
) -> None:
    """A real deposit with another time or under another digest, at a place that is sealed."""
    made = await deposit(client, PLAIN)
    (standing,) = cluster.statements.values()
    entry, digest = standing.entry, DIGEST
    if forged == "time":
        entry = replace(entry, time_ms=entry.time_ms - 1_000)
    else:
        digest = "ab" * 32
    position = pb.Position(leaf_index=0, entry=format_entry(entry))
    found = pb.FindResponse(found=[pb.Found(position=position)], height=1, size=9)
    read = Members.read

    async def lie(members: Members, method: str, request: Any, reader: Any) -> Any:
        if method == "Find":
            return reader(found)
        return await read(members, method, request, reader)

    monkeypatch.setattr(Members, "read", lie)
    paths = [f"/v1/evidence?digest={digest}&alg=sha256"]
    if forged == "time":
        paths += [f"/v1/receipts/{made['receipt']['number']}"]
        paths += [f"/v1/evidence/{made['evidence_no']}{more}" for more in ("", "/proof")]
    for path in paths:
        response = await client.get(path)
        assert (response.status_code, response.json()["result_code"]) == (503, "V502"), path
