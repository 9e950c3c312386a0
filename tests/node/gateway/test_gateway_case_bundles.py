"""One bundle of several deposits: by number for who may export each, of a case for its court."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from node.evidence.digests import sha256
from node.evidence.item import Opening
from node.evidence.opening import format_opening
from node.evidence.policy import fingerprint
from node.evidence.steps import Anchor
from node.export.bundle import layout
from node.export.bundle.checking import CheckedBundle, check_bundle
from node.export.bundle.trust import Trust
from node.export.certificate.exhibits import parse_exhibits, parse_list
from node.export.certificate.facts import parse_facts
from node.export.vouching import vouching
from node.gateway.bundles import bundling
from node.words import Answer
from tests.node.gateway.admitted import API_KEY, CLERK_KEY, JUDGE_KEY, RIVAL_KEY

pytestmark = pytest.mark.anyio

CASE_NO = "（2026）浙0192民初1234号"
CASE = f"/v1/cases/{quote(CASE_NO)}"


@pytest.fixture(autouse=True)
def as_members_do(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proof ends where it first did, and what waits is begun at once."""
    cluster.proofs_stay = True
    monkeypatch.setattr(bundling, "LOOK_EVERY_S", 0.01)


def by(key: str) -> dict[str, Any]:
    return {"headers": {"authorization": f"Bearer {key}"}}


async def deposited(client: Any, index: int, key: str = API_KEY) -> str:
    body = {"digests": {"sha256": sha256(bytes([index])).hex()}, "size": index}
    response = await client.post("/v1/anchors", body, key=f"d{index}", **by(key))
    assert response.status_code == 201, response.text
    number: str = response.json()["evidence_no"]
    return number


def exhibit(number: str, name: str) -> dict[str, Any]:
    said = {"source": "手机", "proof_object": "借款", "content": "通话"}
    return {"evidence_no": number, "litigation_role": "PLAINTIFF", "name": name, **said}


async def ready(client: Any, eventually: Callable[..., Any], path: str, key: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    async def over() -> bool:
        found.update((await client.get(path, **by(key))).json())
        return found["state"] in ("READY", "FAILED")

    await eventually(over)
    assert found["state"] == "READY", found
    return found


async def fetch(client: Any, told: dict[str, Any], folder: Path, key: str) -> Path:
    response = await client.get(told["download"], **by(key))
    assert response.status_code == 200, response.text
    path = folder / f"{told['name']}.zip"
    path.write_bytes(response.content)
    return path


def checked(cluster: Any, path: Path) -> CheckedBundle:
    anchor = Anchor(fingerprint=fingerprint(cluster.policy_text))
    return check_bundle(path, Trust(anchor), verifiers=vouching(2_000_000_000))


def files_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


async def test_a_case_is_one_bundle_with_one_list(
    client: Any, cluster: Any, eventually: Callable[..., Any], tmp_path: Path
) -> None:
    numbers = [await deposited(client, index) for index in range(1, 4)]
    linked = [exhibit(number, f"证据{number[-2:]}") for number in numbers]
    await client.post(f"{CASE}/links", {"exhibits": linked}, **by(CLERK_KEY))
    assert (await client.http.delete(f"{CASE}/links/2", **by(CLERK_KEY))).status_code == 204
    asked = await client.post(f"{CASE}/bundles", {}, key="one", **by(CLERK_KEY))
    assert asked.status_code == 202, asked.text
    told = asked.json()
    assert (told["case_no"], told["deposits"]) == (CASE_NO, 2)
    again = await client.post(f"{CASE}/bundles", {}, key="one", **by(CLERK_KEY))
    assert again.json()["bundle_id"] == told["bundle_id"]
    found = await ready(client, eventually, f"{CASE}/bundles/{told['bundle_id']}", CLERK_KEY)
    assert found["collected"] == 2
    path = await fetch(client, found, tmp_path, CLERK_KEY)
    result = checked(cluster, path)
    assert result.package_code is None, result.to_json()
    codes = [each.verdict.code.answer for each in result.deposits]
    assert codes == [Answer.CONSISTENT_OPEN_POINTS] * 2, result.to_json()
    files = files_of(path)
    exhibits = parse_exhibits(files[layout.EVIDENCE_LIST])
    assert [each.exhibit_no for each in exhibits] == [1, 3]
    assert [each.evidence_no for each in exhibits] == [numbers[0], numbers[2]]
    assert exhibits[0].name == linked[0]["name"]
    listed = parse_list(files[layout.CERTIFICATE_JSON])
    assert (listed.exhibits, listed.contents) == (exhibits, result.contents)
    assert listed.case is not None
    assert listed.case.case_no == CASE_NO
    for place, number in enumerate((numbers[0], numbers[2]), 1):
        facts = parse_facts(files[layout.exhibit(place, number, "json")])
        assert (facts.evidence_no, facts.case) == (number, listed.case)
        assert files[layout.exhibit(place, number, "pdf")].startswith(b"%PDF")


async def test_a_case_is_for_its_court(client: Any, eventually: Callable[..., Any]) -> None:
    """Not for its depositor, nor for another court; nor can one clerk take another's bundle."""
    empty = await client.post(f"{CASE}/bundles", {}, **by(CLERK_KEY))
    assert (empty.status_code, empty.json()["code"]) == (409, "EXHIBITS_NONE")
    number = await deposited(client, 1)
    await client.post(f"{CASE}/links", {"exhibits": [exhibit(number, "录音")]}, **by(CLERK_KEY))
    elsewhere = f"/v1/cases/{quote('（2026）京0491民初1号')}/bundles"
    for path, key, code in (
        (f"{CASE}/bundles", API_KEY, "SCOPE_MISSING"),
        (f"{CASE}/bundles", JUDGE_KEY, "COURT_OTHER"),
        (elsewhere, CLERK_KEY, "COURT_OTHER"),
    ):
        refused = await client.post(path, {}, **by(key))
        assert (refused.status_code, refused.json()["code"]) == (403, code)
    told = (await client.post(f"{CASE}/bundles", {}, **by(CLERK_KEY))).json()
    found = await ready(client, eventually, f"{CASE}/bundles/{told['bundle_id']}", CLERK_KEY)
    single = f"/v1/evidence/{number}/bundles/{told['bundle_id']}"
    several = f"/v1/bundles/{told['bundle_id']}"
    for path in (single, several, f"{several}/archive"):
        refused = await client.get(path, **by(CLERK_KEY))
        assert (refused.status_code, refused.json()["code"]) == (404, "BUNDLE_UNKNOWN")
    assert found["download"] == f"{CASE}/bundles/{told['bundle_id']}/archive"


async def test_what_is_taken_out_of_a_case_takes_its_bundle_along(
    client: Any, eventually: Callable[..., Any]
) -> None:
    """It opens a deposit that the court has no right to any more."""
    numbers = [await deposited(client, index) for index in (1, 2)]
    linked = [exhibit(number, "录音") for number in numbers]
    await client.post(f"{CASE}/links", {"exhibits": linked}, **by(CLERK_KEY))
    told = (await client.post(f"{CASE}/bundles", {}, key="one", **by(CLERK_KEY))).json()
    found = await ready(client, eventually, f"{CASE}/bundles/{told['bundle_id']}", CLERK_KEY)
    assert (await client.get(found["download"], **by(CLERK_KEY))).status_code == 200
    assert (await client.http.delete(f"{CASE}/links/1", **by(CLERK_KEY))).status_code == 204
    gone = await client.get(found["download"], **by(CLERK_KEY))
    assert (gone.status_code, gone.json()["code"]) == (404, "BUNDLE_UNKNOWN")
    told = (await client.post(f"{CASE}/bundles", {}, key="two", **by(CLERK_KEY))).json()
    assert told["deposits"] == 1


async def test_a_court_is_given_what_is_restricted(
    client: Any, gateway: Any, eventually: Callable[..., Any], tmp_path: Path
) -> None:
    """For its case it is kept: the court, and nobody else, has what opens it in a bundle too."""
    number = await deposited(client, 1)
    await client.post(f"{CASE}/links", {"exhibits": [exhibit(number, "录音")]}, **by(CLERK_KEY))
    told = (await client.get(f"/v1/deposits/{number}")).json()
    identity, salt = bytes.fromhex(told["statement_id"]), told["openings"][0]["opening"]["salt"]
    await gateway.erasures.restrict(identity, "acme", "CONSENT_WITHDRAWN", gateway.clock())
    told = (await client.post(f"{CASE}/bundles", {}, **by(CLERK_KEY))).json()
    found = await ready(client, eventually, f"{CASE}/bundles/{told['bundle_id']}", CLERK_KEY)
    files = files_of(await fetch(client, found, tmp_path, CLERK_KEY))
    assert salt.encode() in files[layout.record(number, layout.PROOF)]


async def test_several_numbers_are_for_who_may_export_each(
    client: Any, cluster: Any, eventually: Callable[..., Any], tmp_path: Path
) -> None:
    own = [await deposited(client, index) for index in (1, 2)]
    rivals = await deposited(client, 3, RIVAL_KEY)
    refused = await client.post("/v1/bundles", {"evidence_nos": [*own, rivals]}, key="no")
    assert (refused.status_code, refused.json()["code"]) == (403, "READING_REFUSED")
    twice = await client.post("/v1/bundles", {"evidence_nos": [own[0], own[0]]})
    assert (twice.status_code, twice.json()["code"]) == (422, "BUNDLE_NUMBERS_REPEATED")
    asked = await client.post("/v1/bundles", {"evidence_nos": own[::-1]})
    assert asked.status_code == 202, asked.text
    path = f"/v1/bundles/{asked.json()['bundle_id']}"
    found = await ready(client, eventually, path, API_KEY)
    result = checked(cluster, await fetch(client, found, tmp_path, API_KEY))
    assert result.package_code is None
    assert [each.number for each in result.deposits] == own[::-1]
    stranger = await client.get(f"{path}/archive", **by(RIVAL_KEY))
    assert (stranger.status_code, stranger.json()["code"]) == (404, "BUNDLE_UNKNOWN")


async def test_erasing_one_deposit_takes_the_bundle_of_several(
    client: Any, eventually: Callable[..., Any]
) -> None:
    own = [await deposited(client, index) for index in (1, 2)]
    told = (await client.post("/v1/bundles", {"evidence_nos": own})).json()
    found = await ready(client, eventually, f"/v1/bundles/{told['bundle_id']}", API_KEY)
    erased = await client.post(
        f"/v1/evidence/{own[1]}/erasures", {"ground": "CONSENT_WITHDRAWN", "count": 1}
    )
    assert erased.status_code < 300, erased.text
    gone = await client.get(found["download"])
    assert (gone.status_code, gone.json()["code"]) == (409, "BUNDLE_NOT_READY")


async def test_an_opening_that_opens_nothing_is_refused(client: Any) -> None:
    number, other = await deposited(client, 1), await deposited(client, 2)
    wrong = format_opening(Opening(bytes(32), (("sha256", sha256(b"x")),), 1, None)).decode()
    for path, openings in (
        (f"/v1/evidence/{number}/bundles", {number: wrong}),
        (f"/v1/evidence/{number}/bundles", {number: "opening\n"}),
        (f"/v1/evidence/{number}/bundles", {other: wrong}),
    ):
        refused = await client.post(path, {"openings": openings})
        assert (refused.status_code, refused.json()["code"]) == (422, "BUNDLE_OPENING_OTHER")
