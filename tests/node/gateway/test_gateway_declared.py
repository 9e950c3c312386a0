"""What is declared of a deposit: fields that must be there, and where they end up."""

import hashlib
from typing import Any

import pytest

from node.casework.vocabulary import DeclaredPoint
from node.evidence.item import parse_details
from node.evidence.proof_text import parse_proof
from node.evidence.statement import parse_statement
from node.words import OpenPoint

pytestmark = pytest.mark.anyio

FILE = b"From: a@example.com"
SHA256 = hashlib.sha256(FILE).hexdigest()
MAIL = {
    "sender": "甲 <a@example.com>",
    "recipient": "乙 <b@example.com>",
    "sent_at": "2026-09-21T10:00:00+08:00",
    "received_at": "2026-09-21T10:00:03.250+08:00",
}
PROFILE = {
    "system": "订单系统",
    "process": "下单即写入",
    "operator": "某某平台有限公司",
    "clock_source": "NTP",
}
A14_2, A14_3 = "A14_2_NETWORK_COMMUNICATION", "A14_3_ACCOUNT_TRANSACTION_LOG"
A14_4 = "A14_4_ELECTRONIC_FILE"


def body(category: str = "A14_0", declared: Any = None, **more: Any) -> dict[str, Any]:
    said = {} if declared is None else {"declared": declared}
    return {"digests": {"sha256": SHA256}, "size": len(FILE), "category": category, **said, **more}


async def registered(client: Any) -> str:
    response = await client.post("/v1/source-profiles", PROFILE)
    assert response.status_code in (200, 201), response.text
    digest: str = response.json()["digest"]
    return digest


def refused(response: Any, code: str, field: str = "") -> None:
    assert response.status_code == 422, response.text
    assert response.json()["code"] == code
    assert field in response.json()["detail"]


@pytest.mark.parametrize("name", MAIL)
async def test_a_communication_names_both_ends_and_both_times(client: Any, name: str) -> None:
    """ESL-6(c): without any one of the four 422 names the field; a stated reason is printed."""
    less = {key: value for key, value in MAIL.items() if key != name}
    response = await client.anchor(body(A14_2, less))
    refused(response, "NOT_DECLARED", f"declared.{name}")
    assert client.left_nothing()
    reason = {**less, "unknown_reason": "运营商未提供"}
    answer = (await client.anchor(body(A14_2, reason))).json()
    assert answer["state"] == "FINAL"
    assert DeclaredPoint.COMMUNICATION_UNKNOWN.en in answer["notices"]


async def test_what_is_declared_is_bound_by_the_commitment(client: Any) -> None:
    answer = (await client.anchor(body(A14_2, {**MAIL, "source": {"system": "邮箱"}}))).json()
    opening = parse_proof(answer["proof"].encode()).opening
    assert opening is not None
    details = parse_details(opening.details)
    assert {name: value for name, (_, value) in details.items()} == {
        **MAIL,
        "source_system": "邮箱",
    }
    assert len({salt for salt, _ in details.values()}) == 5


async def test_an_excluded_document_is_kept_without_a_signature_effect(client: Any) -> None:
    """ESL-3."""
    asked = body(declared={"document_nature": "PERSONAL_STATUS"})
    first = await client.anchor(asked, key="nature", headers={"accept-language": "zh"})
    assert first.status_code == 201
    for response in (first, await client.anchor(asked, key="nature")):
        assert response.json()["signature_effect"] == "NOT_ASSERTED_ART3"
    assert "不主张电子签名效力（电子签名法第三条）" in first.json()["notices"]
    assert "可靠的电子签名" not in first.text
    assert "signature_effect" not in (await client.anchor(body())).json()


async def test_a_capture_without_a_cleanliness_report_says_so(client: Any) -> None:
    web = {"source": {"url": "https://shop.example"}, "collected_at": MAIL["sent_at"]}
    answer = (await client.anchor(body("A14_1_WEB_PUBLICATION", web))).json()
    assert OpenPoint.O04.en in answer["notices"]
    assert answer["opening"]["details"]["pre_capture_check"][1] == "ABSENT"


async def test_rules_of_copies_and_agents_reach_the_client(client: Any) -> None:
    copy = {"original_status": "MAKER_COPY", "maker": "甲", "copy": {"source_digest": "ab" * 32}}
    refused(await client.anchor(body(A14_4, copy)), "COPY_DIFFERS")
    copy["copy"]["source_digest"] = SHA256  # type: ignore[index]
    assert (await client.anchor(body(A14_4, copy))).status_code == 201
    image = {"original_status": "IMAGE_OF_PHYSICAL"}
    refused(await client.anchor(body(A14_4, image)), "NOT_DECLARED", "declared.custody_place")
    reproduction = {"original_status": "REPRODUCTION", "copy": {"making_process": "扫描"}}
    response = await client.anchor(body(A14_4, reproduction))
    refused(response, "NOT_DECLARED", "declared.copy.reason_original_unavailable")
    agent = {"acting_capacity": "AGENT"}
    refused(await client.anchor(body(declared=agent)), "NOT_DECLARED", "authorisation_digest")


@pytest.mark.parametrize(
    ("declared", "field"),
    [
        ({"sent_at": "2026-09-21 10:00"}, "declared.sent_at"),
        ({"original_status": "GENUINE"}, "declared.original_status"),
        ({"source": {"carrier_type": "TAPE"}}, "declared.source.carrier_type"),
        ({"authorisation_digest": "AB" * 32}, "declared.authorisation_digest"),
        ({"maker": ""}, "declared.maker"),
    ],
)
async def test_a_field_is_spelled_in_one_way(client: Any, declared: Any, field: str) -> None:
    refused(await client.anchor(body(declared=declared)), "FIELD_INVALID", field)


async def test_unknown_fields_and_taken_names_are_refused(client: Any) -> None:
    refused(await client.anchor(body(declared={"copied": {}})), "FIELD_UNKNOWN", "copied")
    for name in ("sender", "signature_effect", "pre_capture_check"):
        taken = body(A14_2, MAIL, details={name: "x"})
        refused(await client.anchor(taken), "DETAIL_TAKEN", name)


async def test_a_batch_names_every_item_that_lacks_something(client: Any) -> None:
    item = {"digests": {"sha256": SHA256}, "size": 1}
    items = [{**item, "declared": MAIL}, item, {**item, "declared": MAIL}, item]
    response = await client.batch({"items": items, "category": A14_2})
    refused(response, "NOT_DECLARED", "items 1, 3")
    assert client.left_nothing()
    many = await client.batch({"items": [item] * 150, "category": A14_2})
    refused(many, "NOT_DECLARED", ", 98, 99 …")


@pytest.mark.parametrize("category", [A14_2, A14_3])
async def test_no_plain_digests_of_communications_and_logs(client: Any, category: str) -> None:
    plain = {"mode": "digest", "plain_declaration": True, "category": category}
    digest = {"digests": {"sha256": SHA256}, **plain, "profile": await registered(client)}
    refused(await client.anchor(digest), "PLAIN_REFUSED", category)
    query = {**plain, "alg": "sha256", "profile": digest["profile"]}
    refused(await client.batch(bytes.fromhex(SHA256), params=query), "PLAIN_REFUSED")
    assert client.left_nothing()


async def test_logs_come_under_a_registered_profile(client: Any) -> None:
    refused(await client.anchor(body(A14_3)), "PROFILE_MISSING")
    refused(await client.anchor(body(A14_3, profile="ab" * 32)), "PROFILE_UNKNOWN")
    profile = await registered(client)
    response = await client.anchor(body(A14_3, profile=profile))
    assert response.status_code == 201
    statement: Any = parse_statement(response.json()["statement"].encode())
    assert statement.profile.hex() == profile


async def test_packed_items_of_a_category_come_under_a_profile(client: Any) -> None:
    packed, alg = bytes(range(32)), {"alg": "sha256"}
    assert (await client.batch(packed, params=alg)).status_code == 201
    refused(await client.batch(packed, params={**alg, "category": A14_4}), "PROFILE_MISSING")
    profile = await registered(client)
    response = await client.batch(packed, params={**alg, "category": A14_4, "profile": profile})
    assert response.status_code == 201
    assert DeclaredPoint.ITEMS_NOT_DECLARED.en in response.json()["notices"]


async def test_a_retry_is_answered_though_the_profile_was_withdrawn(client: Any) -> None:
    asked = body(A14_3, profile=await registered(client))
    first = await client.anchor(asked, key="same")
    withdrawn = await client.http.delete(f"/v1/source-profiles/{asked['profile']}")
    assert withdrawn.status_code == 204
    again = await client.anchor(asked, key="same")
    assert (again.status_code, again.json()["evidence_no"]) == (200, first.json()["evidence_no"])
    refused(await client.anchor(asked), "PROFILE_UNKNOWN")
    gone = await client.http.delete(f"/v1/source-profiles/{asked['profile']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "PROFILE_NOT_FOUND")


async def test_profiles_are_listed_for_their_owner(client: Any) -> None:
    profile = await registered(client)
    assert await registered(client) == profile
    (found,) = (await client.get("/v1/source-profiles")).json()["profiles"]
    assert found["digest"] == profile
    assert found["fields"].items() >= PROFILE.items()


async def test_a_state_secret_is_refused_and_leaves_nothing(client: Any, gateway: Any) -> None:
    response = await client.anchor(body(contains_state_secret=True, details={"name": "机密一号"}))
    refused(response, "STATE_SECRET")
    item = {"digests": {"sha256": SHA256}, "size": 1}
    batch = {"items": [item], "contains_state_secret": True}
    refused(await client.batch(batch), "STATE_SECRET")
    query = {"alg": "sha256", "contains_state_secret": "true"}
    refused(await client.batch(bytes(range(32)), params=query), "STATE_SECRET")
    assert client.left_nothing()
    lines = await gateway.accesses.between(0, 2**53)
    assert [(each.action.name, each.object, each.allowed) for each in lines] == [
        ("STATE_SECRET_REFUSED", None, False)
    ] * 3


# Matters and series.


async def test_a_matter_shows_its_phases_and_which_is_missing(client: Any, clock: Any) -> None:
    """CIV-33: in order under one id, a missing phase is visible."""
    for phase in ("OFFER", "CONFIRMATION"):
        await client.anchor(body(matter_id="order/7", phase=phase))
        clock.now += 1
    await client.anchor(body(matter_id="order/8"))
    matter = (await client.get("/v1/matters/order%2F7")).json()
    assert [each["phase"] for each in matter["deposits"]] == ["OFFER", "CONFIRMATION"]
    assert matter["missing_phases"] == ["ACCEPTANCE"]
    assert all(each["first_evidence_no"].startswith("EV") for each in matter["deposits"])
    assert (await client.get("/v1/matters/none")).json()["deposits"] == []
    refused(await client.anchor(body(phase="OFFER")), "FIELD_MISSING", "matter_id")


async def test_a_series_names_the_statement_before_and_shows_gaps(client: Any) -> None:
    series = "5e" * 32

    async def deposit(seq: int, **more: Any) -> Any:
        return await client.anchor(body(series={"id": series, "seq": seq, **more}))

    refused(await deposit(1), "SERIES_PREV_MISSING")
    refused(await deposit(0, prev="ab" * 32), "FIELD_INVALID", "series.prev")
    answers = [(await deposit(seq)).json() for seq in (0, 1, 4)]
    statements: list[Any] = [parse_statement(each["statement"].encode()) for each in answers]
    assert [each.series.prev and each.series.prev.hex() for each in statements] == [
        None,
        answers[0]["statement_id"],
        answers[1]["statement_id"],
    ]
    found = (await client.get(f"/v1/series/{series}")).json()
    assert [each["seq"] for each in found["deposits"]] == [0, 1, 4]
    assert found["missing"] == [{"from": 2, "to": 3}]
    await deposit(4)
    found = (await client.get(f"/v1/series/{series}", params={"from": 3})).json()
    assert (found["missing"], found["repeated"]) == ([{"from": 3, "to": 3}], [4])


async def test_packed_items_have_their_place_in_a_series(client: Any) -> None:
    query = {"alg": "sha256", "series_id": "5e" * 32, "series_seq": 0}
    response = await client.batch(bytes(range(32)), params=query)
    assert response.status_code == 201
    del query["series_seq"]
    refused(await client.batch(bytes(range(32)), params=query), "FIELD_MISSING", "series_seq")
    too_many = {**query, "series_seq": 1}
    response = await client.batch(bytes(32 * 16_385), params=too_many)
    refused(response, "SERIES_ONE_STATEMENT", "16,384")


async def test_every_stored_field_is_published(client: Any) -> None:
    response = await client.http.get("/v1/privacy/fields", headers={"authorization": ""})
    assert response.status_code == 200
    fields = {(each["table"], each["field"]): each for each in response.json()["fields"]}
    sealed = fields["deposits", "declared_sealed"]
    assert (sealed["data_class"], sealed["retention"]) == ("L3", "DEPOSIT")
    assert all(each["purpose"] for each in fields.values())
    assert len(fields) > 100
