"""POST /v1/verify with a proof file or a bundle: the command's own steps, and nothing of what came
along is trusted. Whatever is wrong with an upload is a finding: no fault, no trace."""

import hashlib
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.evidence.policy import fingerprint
from node.evidence.proof_text import PROOF_SIZE_MAX
from node.evidence.record import format_record
from node.evidence.steps import Anchor, FileDigests
from node.evidence.verify import verify
from node.export.bundle import layout
from node.export.bundle.checking import check_bundle
from node.export.bundle.flaws import Flaw
from node.export.bundle.manifest import hash_chunks
from node.export.bundle.trust import Trust
from node.export.vouching import vouching
from node.gateway.bundles import bundling
from node.gateway.http.room import CHECKS_MAX, UPLOADS_MAX
from node.gateway.lookups import schemas, uploads
from node.offchain.accesses import DAY_MS
from node.words import ResultCode
from tests.node.export.bundle.bundles import example_bundle, flat, zipped
from tests.node.gateway.admitted import CLERK_KEY, START_MS

pytestmark = pytest.mark.anyio

FILE = b"the file"
DIGESTS = {"sha256": hashlib.sha256(FILE).hexdigest(), "sm3": hash_chunks([FILE]).sm3.hex()}
IN_HAND = {"size": len(FILE), **DIGESTS}
DEPOSIT = {"digests": DIGESTS, "size": len(FILE)}


@pytest.fixture(autouse=True)
def as_members_do(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.proofs_stay = True
    monkeypatch.setattr(bundling, "LOOK_EVERY_S", 0.01)


async def deposit(client: Any) -> str:
    response = await client.anchor(DEPOSIT)
    assert response.status_code == 201, response.text
    number: str = response.json()["evidence_no"]
    return number


async def sent(client: Any, data: bytes, media: str, query: Any = None, **headers: str) -> Any:
    headers = {"content-type": media, **headers}
    return await client.http.post("/v1/verify", content=data, headers=headers, params=query or {})


async def proof_sent(client: Any, data: bytes, query: Any = None) -> dict[str, Any]:
    response = await sent(client, data, "text/plain; charset=utf-8", query)
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    assert told["kind"] == "proof"
    return told


async def bundle_sent(client: Any, data: bytes, query: Any = None) -> dict[str, Any]:
    response = await sent(client, data, "application/zip", query)
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    assert told["kind"] == "bundle"
    return told


# A proof file.


@pytest.fixture
async def proof(client: Any) -> bytes:
    """The public form of a deposit's, as anybody may be handed it."""
    return (await client.get(f"/v1/evidence/{await deposit(client)}/proof")).content


async def test_a_proof_has_the_result_of_the_command(
    client: Any, cluster: Any, proof: bytes
) -> None:
    """Step by step, for somebody without an account."""
    del client.http.headers["authorization"]
    told = await proof_sent(client, proof)
    ours = verify(proof, Anchor(policy_text=cluster.policy_text))
    (one,) = told["deposits"]
    assert told["result_code"] == one["result_code"] == ours.code.name == "V001"
    assert told["consistent"] is True
    assert [(each["step"], each["outcome"], each["text"]) for each in one["steps"]] == [
        (each.step, each.outcome.name, each.en) for each in ours.findings
    ]
    assert [each["code"] for each in one["open_points"]] == [each.name for each in ours.open_points]
    assert ours.facts is not None
    assert one["evidence_no"] == one["facts"]["evidence_no"] == ours.facts.number
    assert one["facts"]["no_later_than"]["ms"] == 1000 * (ours.facts.seal_time_s or 0)
    assert told["held_against"]["policy_fingerprint"] == fingerprint(cluster.policy_text)
    assert uploads.UploadNotice.HELD_AGAINST_OWN.en in told["notices"]
    chinese = await sent(client, proof, "text/plain", **{"accept-language": "zh"})
    assert chinese.json()["result_text"] == ours.code.zh


async def test_a_file_in_hand_is_compared(client: Any, proof: bytes, world: Any) -> None:
    """A proof without its opening cannot be; one of a plain digest can."""
    told = await proof_sent(client, proof, IN_HAND)
    assert told["result_code"] == ResultCode.V502.name
    plain = {"digests": {"sha256": DIGESTS["sha256"]}, "mode": "digest"}
    made = await client.anchor({**plain, "plain_declaration": True})
    data = (await client.get(f"/v1/evidence/{made.json()['evidence_no']}/proof")).content
    (right,) = (await proof_sent(client, data, IN_HAND))["deposits"]
    assert (right["result_code"], right["steps"][1]["outcome"]) == ("V001", "PASSED")
    wrong = await proof_sent(client, data, {**IN_HAND, "sha256": "00" * 32})
    assert (wrong["result_code"], wrong["consistent"]) == ("V102", False)


@pytest.mark.parametrize(
    "query",
    [
        {"size": 1},
        {"sha256": "00" * 32, "sm3": "00" * 32},
        {"evidence_no": "EV20261121000000000042-47"},
        {**IN_HAND, "evidence_no": "EV20261121000000000042-47"},
        {**IN_HAND, "sm3": "xx"},
        {"nonsense": "1"},
    ],
)
async def test_a_file_told_by_halves_is_refused(client: Any, query: Any) -> None:
    response = await sent(client, b"", "text/plain", query)
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"


async def test_facts_of_a_file_go_with_no_json(client: Any) -> None:
    body = {"digest": "00" * 32, "alg": "sha256"}
    response = await client.http.post("/v1/verify", json=body, params=IN_HAND)
    assert (response.status_code, response.json()["code"]) == (422, "FIELD_UNKNOWN")


async def test_what_is_no_proof_is_told(client: Any, proof: bytes) -> None:
    for data in (b"", b"\0", b"\xff\xfe", proof[:-1], proof + b"x", b"x" * 100_000):
        told = await proof_sent(client, data)
        assert told["result_code"] == "V200", data[:20]
        assert told["deposits"][0]["steps"][0]["outcome"] == "FAILED"
    damaged = await proof_sent(client, proof.replace(b"\n", b"\r\n"))
    assert damaged["deposits"][0]["without_transit_damage"]["result_code"] == "V001"
    long = await sent(client, b"x" * (PROOF_SIZE_MAX + 1), "text/plain")
    assert (long.status_code, long.json()["code"]) == (413, "UPLOAD_TOO_LARGE")


async def test_a_policy_inside_a_proof_counts_for_nothing(client: Any, handed: Any) -> None:
    """A whole proof of somebody else's chain, sealed by its own policy's members."""
    told = await proof_sent(client, handed)
    assert told["result_code"] not in ("V000", "V001", "V204")
    assert told["consistent"] is False


async def test_a_proof_under_a_later_policy_follows_from_the_gateways_own(
    client: Any, cluster: Any, world: Any
) -> None:
    cluster.apply([format_record(world.next_note(world.note(), quorum=3))])
    cluster.apply([])
    number = await deposit(client)
    told = await proof_sent(client, (await client.get(f"/v1/evidence/{number}/proof")).content)
    assert (told["result_code"], told["held_against"]["policies"]) == ("V001", 2)
    enclosed = told["deposits"][0]["facts"]["policy_fingerprint"]
    assert enclosed == fingerprint(cluster.policy_text)
    assert told["held_against"]["policy_fingerprint"] == fingerprint(world.note().policy_text)
    assert enclosed != told["held_against"]["policy_fingerprint"]


@pytest.fixture
def handed() -> bytes:
    """The published example's, of another chain."""
    return (Path(__file__).parents[2] / "vectors" / "example" / "sample.proof.txt").read_bytes()


# A bundle.


@pytest.fixture
async def bundle(client: Any, eventually: Callable[..., Any]) -> bytes:
    """As this gateway makes it."""
    number = await deposit(client)
    asked = (await client.post(f"/v1/evidence/{number}/bundles", {})).json()
    path, told = f"/v1/evidence/{number}/bundles/{asked['bundle_id']}", {}

    async def over() -> bool:
        told.update((await client.get(path)).json())
        return told["state"] in ("READY", "FAILED")

    await eventually(over)
    assert told["state"] == "READY", told
    return (await client.get(told["download"])).content


def rewritten(bundle: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """The archive with other files."""
    files = {
        info.filename: zipfile.ZipFile(io.BytesIO(bundle)).read(info)
        for info in zipfile.ZipFile(io.BytesIO(bundle)).infolist()
    }
    change(files)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


async def test_a_bundle_has_the_result_of_the_command(
    client: Any, gateway: Any, cluster: Any, clock: Any, bundle: bytes, tmp_path: Path
) -> None:
    """With the file in hand too; and the record says that somebody asked."""
    (tmp_path / "bundle.zip").write_bytes(bundle)
    trust = Trust(Anchor(policy_text=cluster.policy_text))
    digests = {alg: bytes.fromhex(each) for alg, each in DIGESTS.items()}
    for query, files in ((None, None), (IN_HAND, FileDigests(len(FILE), digests))):
        told = await bundle_sent(client, bundle, query)
        named = {} if files is None else {told["deposits"][0]["evidence_no"]: files}
        verifiers = vouching(clock() // 1000)
        ours = check_bundle(tmp_path / "bundle.zip", trust, files=named, verifiers=verifiers)
        (one,), (theirs,) = ours.deposits, told["deposits"]
        assert (told["result_code"], told["consistent"]) == (ours.code.name, True)
        assert [(each["step"], each["outcome"], each["text"]) for each in theirs["steps"]] == [
            (each.step, each.outcome.name, each.en) for each in one.verdict.findings
        ]
        assert told["package"]["name"] == ours.name
        assert told["package"]["flaws"] == []
        assert len(told["package"]["steps"]) == len(ours.findings)
    other = await bundle_sent(client, bundle, {**IN_HAND, "sha256": "00" * 32, "sm3": "00" * 32})
    assert (other["result_code"], other["consistent"]) == ("V102", False)
    lines = await gateway.accesses.between(START_MS - DAY_MS, clock() + DAY_MS)
    assert ("acme", "DEPOSITS_VERIFIED", "a bundle") in [
        (each.account, each.action.name, each.object) for each in lines
    ]


async def test_a_bundle_needs_the_scope(client: Any, bundle: bytes) -> None:
    clerk = await sent(client, bundle, "application/zip", authorization=f"Bearer {CLERK_KEY}")
    assert clerk.status_code == 200
    del client.http.headers["authorization"]
    nobody = await sent(client, bundle, "application/zip")
    assert (nobody.status_code, nobody.json()["code"]) == (401, "API_KEY_MISSING")


async def test_of_which_deposit_the_file_is_must_be_one_of_the_bundle(
    client: Any, bundle: bytes
) -> None:
    query = {**IN_HAND, "evidence_no": "EV20261121000000000042-47"}
    response = await sent(client, bundle, "application/zip", query)
    assert (response.status_code, response.json()["code"]) == (422, "WHICH_DEPOSIT")


async def test_a_whole_bundle_of_another_chain_counts_for_nothing(
    client: Any, cluster: Any
) -> None:
    """Every manifest right, every signature good, originals enclosed, its own policy and its own
    fingerprint along with it: whoever forges everything has that too."""
    data = zipped(flat(example_bundle()), example_bundle().name)
    told = await bundle_sent(client, data)
    assert told["package"]["flaws"] == []
    assert len(told["deposits"]) == 2
    for each in told["deposits"]:
        assert each["consistent"] is False
        assert each["result_code"] not in ("V000", "V001", "V204")
        sealed = [step for step in each["steps"] if step["step"] == 5]
        assert "FAILED" in {step["outcome"] for step in sealed}
        assert each["facts"]["policy_fingerprint"] != told["held_against"]["policy_fingerprint"]
    assert told["held_against"]["policy_fingerprint"] == fingerprint(cluster.policy_text)
    which = await sent(client, data, "application/zip", IN_HAND)
    assert (which.status_code, which.json()["code"]) == (422, "WHICH_DEPOSIT")


def linked(bundle: bytes) -> bytes:
    """With a symbolic link among the statements."""
    out = io.BytesIO(bundle)
    with zipfile.ZipFile(out, "a") as archive:
        name = archive.namelist()[0].partition("/")[0]
        link = zipfile.ZipInfo(f"{name}/data/09-statements/link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return out.getvalue()


async def test_a_link_is_named_and_not_followed(client: Any, bundle: bytes) -> None:
    told = await bundle_sent(client, linked(bundle))
    assert told["consistent"] is False
    assert Flaw.LINK.name in told["package"]["flaws"]


def top(files: dict[str, bytes]) -> str:
    return next(iter(files)).partition("/")[0]


def other_policy(files: dict[str, bytes]) -> None:
    """Somebody else's policy, where stock tools read it."""
    name = next(each for each in files if each.endswith("/policy.txt"))
    files[name] = files[name].replace(b"quorum", b"quorum ")


def climbing(files: dict[str, bytes]) -> None:
    files[f"{top(files)}/../../etc/passwd"] = b"x"


def absolute(files: dict[str, bytes]) -> None:
    files["/etc/passwd"] = b"x"


def line_feed(files: dict[str, bytes]) -> None:
    files[f"{top(files)}/data/09-statements/a\nb"] = b"x"


def turned(files: dict[str, bytes]) -> None:
    files[f"{top(files)}/data/09-statements/a\u202eb"] = b"x"


def repeated_key(files: dict[str, bytes]) -> None:
    files[f"{top(files)}/{layout.EVIDENCE_LIST}"] = b'[{"a":1,"a":1}]'


def no_proof(files: dict[str, bytes]) -> None:
    del files[next(each for each in files if each.endswith("/proof.txt"))]


def nothing_left(files: dict[str, bytes]) -> None:
    files.clear()


HOSTILE = {
    other_policy: Flaw.DERIVED,
    climbing: Flaw.OUTSIDE,
    absolute: Flaw.OUTSIDE,
    line_feed: Flaw.CONTROL,
    turned: Flaw.DIRECTION,
    repeated_key: Flaw.JSON,
    no_proof: Flaw.MISSING,
    nothing_left: None,
}


async def test_whatever_is_wrong_is_a_named_finding(client: Any, bundle: bytes) -> None:
    """Never a fault, and never consistent."""
    for change, flaw in HOSTILE.items():
        told = await bundle_sent(client, rewritten(bundle, change))
        assert told["consistent"] is False, change.__name__
        found = {*told["package"]["flaws"]}
        found |= {each["text"] for one in told["deposits"] for each in one["steps"]}
        named = flaw is None or any(each == flaw.name or flaw.en in each for each in found)
        assert named, (change.__name__, found)


async def test_archives_that_are_none_are_told(client: Any, bundle: bytes) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("EVB_x/data/09-statements/zeros", bytes(64 << 20))
    twice = io.BytesIO()
    with zipfile.ZipFile(twice, "w") as archive:
        archive.writestr("EVB_x/bagit.txt", b"x")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("EVB_x/bagit.txt", b"x")
    for data in (
        *(b"", b"PK", b"\0" * 1000, bundle[:-1], bundle[1:], b"x" + bundle, bundle + b"x"),
        *(bundle[: len(bundle) // 2], bomb.getvalue(), twice.getvalue()),
    ):
        told = await bundle_sent(client, data)
        assert told["consistent"] is False
        assert told["package"]["flaws"]


async def test_an_upload_has_limits(
    client: Any, bundle: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What arrives and what it unpacks to; and nothing of it stays."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(uploads, "VERIFY_INFLATED_MAX", 1000)
    inflated = await sent(client, bundle, "application/zip")
    monkeypatch.setattr(uploads, "VERIFY_INFLATED_MAX", schemas.VERIFY_INFLATED_MAX)
    monkeypatch.setattr(uploads, "VERIFY_JSON_MAX", 1000)
    json = await sent(client, bundle, "application/zip")
    monkeypatch.setattr(uploads, "VERIFY_BUNDLE_MAX", 1000)
    long = await sent(client, bundle, "application/zip")
    for response in (inflated, json, long):
        assert (response.status_code, response.json()["code"]) == (413, "UPLOAD_TOO_LARGE")
    assert not [each for each in os.listdir(tmp_path) if each.startswith("cunzheng-")]
    assert client.gateway.uploads.free == UPLOADS_MAX
    assert client.gateway.checks.free == CHECKS_MAX
    assert schemas.VERIFY_BUNDLE_MAX < UPLOADS_MAX


async def test_an_upload_has_no_name(
    client: Any, bundle: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A gateway that is killed while it verifies leaves nothing behind."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    check, seen = uploads._check, []

    def look_and_check(*asked: Any) -> Any:
        seen.append(os.listdir(folder))
        return check(*asked)

    monkeypatch.setattr(uploads, "_check", look_and_check)
    assert (await bundle_sent(client, bundle))["consistent"] is True
    assert seen == [[]]


async def test_a_gateway_that_is_busy_verifying_says_so(
    client: Any, proof: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.gateway.http.room.WAIT_S", 0.01)
    async with client.gateway.checks.hold() as held:
        await held.grow(client.gateway.checks.free)
        busy = await sent(client, proof, "text/plain")
        assert (busy.status_code, busy.json()["code"]) == (503, "BUSY")
    assert (await proof_sent(client, proof))["consistent"] is True


async def test_a_proof_needs_no_member(client: Any, cluster: Any, proof: bytes) -> None:
    for member in cluster.members.values():
        await member.stop()
    assert (await proof_sent(client, proof))["result_code"] == "V001"
