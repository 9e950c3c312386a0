"""An evidence bundle is asked for, made beside the requests, fetched, and verifies offline."""

import errno
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.evidence.policy import fingerprint
from node.evidence.steps import Anchor
from node.export.bundle import layout
from node.export.bundle.checking import CheckedBundle, check_bundle
from node.export.bundle.trust import Trust
from node.export.certificate.facts import parse_facts
from node.export.vouching import vouching
from node.gateway.bundles import bundling, workshop
from node.offchain.bundles import KEEP_MS, WAITING_MAX, BundleState
from node.words import Answer
from tests.node.gateway.admitted import CLERK_KEY, RIVAL_KEY

pytestmark = pytest.mark.anyio

DEPOSIT = {"digests": {"sha256": "ab" * 32}, "size": 23}


@pytest.fixture(autouse=True)
def as_members_do(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proof ends where it first did, and what waits is begun at once."""
    cluster.proofs_stay = True
    monkeypatch.setattr(bundling, "LOOK_EVERY_S", 0.01)


def by(key: str) -> dict[str, Any]:
    return {"headers": {"authorization": f"Bearer {key}"}}


async def deposit(client: Any) -> str:
    response = await client.anchor(DEPOSIT)
    assert response.status_code == 201, response.text
    number: str = response.json()["evidence_no"]
    return number


async def ask(client: Any, number: str, **options: Any) -> dict[str, Any]:
    response = await client.post(f"/v1/evidence/{number}/bundles", {}, **options)
    assert response.status_code == 202, response.text
    told: dict[str, Any] = response.json()
    return told


async def ready(
    client: Any, eventually: Callable[..., Any], told: dict[str, Any], **options: Any
) -> dict[str, Any]:
    path = f"/v1/evidence/{told['evidence_no']}/bundles/{told['bundle_id']}"
    found: dict[str, Any] = {}

    async def over() -> bool:
        found.update((await client.get(path, **options)).json())
        return found["state"] in ("READY", "FAILED")

    await eventually(over)
    assert found["state"] == "READY", found
    return found


async def fetch(client: Any, told: dict[str, Any], folder: Path, **options: Any) -> Path:
    response = await client.get(told["download"], **options)
    assert response.status_code == 200, response.text
    assert len(response.content) == told["size"] == int(response.headers["content-length"])
    path = folder / f"{told['name']}.zip"
    path.write_bytes(response.content)
    return path


def checked(cluster: Any, path: Path) -> CheckedBundle:
    anchor = Anchor(fingerprint=fingerprint(cluster.policy_text))
    return check_bundle(path, Trust(anchor), verifiers=vouching(2_000_000_000))


async def test_a_bundle_verifies(
    client: Any, cluster: Any, eventually: Callable[..., Any], tmp_path: Path
) -> None:
    number = await deposit(client)
    told = await ask(client, number, key="first")
    assert told["evidence_no"] == number
    found = await ready(client, eventually, told)
    path = await fetch(client, found, tmp_path)
    result = checked(cluster, path)
    assert result.package_code is None, result.to_json()
    (one,) = result.deposits
    assert one.verdict.code.answer is Answer.CONSISTENT_OPEN_POINTS, result.to_json()
    again = await ask(client, number, key="first")
    assert again["bundle_id"] == told["bundle_id"]
    assert again["state"] == "READY"
    archive = zipfile.ZipFile(path)
    facts = parse_facts(archive.read(f"{found['name']}/{layout.CERTIFICATE_JSON}"))
    assert facts.evidence_no == number
    assert facts.contents == result.contents
    assert facts.depositor is not None
    other = await ready(client, eventually, await ask(client, number, key="second"))
    second = zipfile.ZipFile(await fetch(client, other, tmp_path))
    assert other["bundle_id"] != found["bundle_id"]
    assert core_of(second) == core_of(archive)


def core_of(archive: zipfile.ZipFile) -> dict[str, bytes]:
    files = {name.partition("/")[2]: name for name in archive.namelist()}
    found = {path: archive.read(name) for path, name in files.items()}
    core = {path: data for path, data in found.items() if path.startswith(layout.CORE)}
    assert core
    return core


async def test_only_who_may_export_is_given_one(
    client: Any, eventually: Callable[..., Any], tmp_path: Path
) -> None:
    number = await deposit(client)
    path = f"/v1/evidence/{number}/bundles"
    for key in (RIVAL_KEY, CLERK_KEY):
        refused = await client.post(path, {}, **by(key))
        assert (refused.status_code, refused.json()["code"]) == (403, "READING_REFUSED")
    found = await ready(client, eventually, await ask(client, number))
    for place in (f"{path}/{found['bundle_id']}", found["download"]):
        refused = await client.get(place, **by(RIVAL_KEY))
        assert (refused.status_code, refused.json()["code"]) == (403, "READING_REFUSED")
    made = await client.post(f"/v1/evidence/{number}/codes", {})
    code = {"headers": {"extraction-code": made.json()["code"]}}
    del client.http.headers["authorization"]
    told = await ask(client, number, key="by-code", **code)
    assert told["bundle_id"] != found["bundle_id"]
    await fetch(client, await ready(client, eventually, told, **code), tmp_path, **code)


async def test_a_bundle_is_of_its_number_and_for_a_day(
    client: Any, clock: Any, eventually: Callable[..., Any]
) -> None:
    number, other = await deposit(client), await deposit(client)
    found = await ready(client, eventually, await ask(client, number))
    wrong = await client.get(f"/v1/evidence/{other}/bundles/{found['bundle_id']}")
    assert (wrong.status_code, wrong.json()["code"]) == (404, "BUNDLE_UNKNOWN")
    clock.now += KEEP_MS
    over = await client.get(found["download"])
    assert (over.status_code, over.json()["code"]) == (404, "BUNDLE_UNKNOWN")


async def test_what_is_not_there_yet_is_not_fetched(
    client: Any, gateway: Any, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await deposit(client)

    async def never(_: object) -> None:
        return None

    monkeypatch.setattr(type(gateway.bundles), "claim", lambda *_: never(None))
    told = await ask(client, number)
    assert told["state"] == BundleState.WAITING.name
    early = await client.get(f"/v1/evidence/{number}/bundles/{told['bundle_id']}/archive")
    assert (early.status_code, early.json()["code"]) == (409, "BUNDLE_NOT_READY")
    full = await client.post(f"/v1/evidence/{number}/bundles", {"profile": "FULL"})
    assert full.status_code == 422


async def test_erasing_a_deposit_takes_its_bundles(
    client: Any, gateway: Any, eventually: Callable[..., Any]
) -> None:
    number = await deposit(client)
    found = await ready(client, eventually, await ask(client, number))
    erased = await client.post(
        f"/v1/evidence/{number}/erasures", {"ground": "CONSENT_WITHDRAWN", "count": 1}
    )
    assert erased.status_code < 300, erased.text
    gone = await client.get(found["download"])
    assert (gone.status_code, gone.json()["code"]) == (409, "BUNDLE_NOT_READY")


def holding(text: str, archive: bytes) -> list[str]:
    """The files of a bundle in which this stands."""
    with zipfile.ZipFile(io.BytesIO(archive)) as made:
        return [each for each in made.namelist() if text.encode() in made.read(each)]


async def test_what_is_restricted_is_in_no_bundle(
    client: Any, gateway: Any, eventually: Callable[..., Any]
) -> None:
    """It was to be erased and may not be yet: what was made of it before is not handed out, and
    what is made now has nothing that opens it."""
    number = await deposit(client)
    found = await ready(client, eventually, await ask(client, number))
    told = (await client.get(f"/v1/deposits/{number}")).json()
    identity, secret = bytes.fromhex(told["statement_id"]), told["openings"][0]["opening"]["salt"]
    assert holding(secret, (await client.get(found["download"])).content)
    await gateway.erasures.restrict(identity, "acme", "CONSENT_WITHDRAWN", gateway.clock())
    gone = await client.get(found["download"])
    assert (gone.status_code, gone.json()["code"]) == (409, "BUNDLE_NOT_READY")
    later = await ready(client, eventually, await ask(client, number))
    assert not holding(secret, (await client.get(later["download"])).content)


async def test_nobody_keeps_all_others_waiting(
    client: Any, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bundles are made one after the other: whoever asks for more and more is asked to wait."""

    async def never(_: object) -> None:
        return None

    monkeypatch.setattr(type(gateway.bundles), "claim", lambda *_: never(None))
    number = await deposit(client)
    for index in range(WAITING_MAX):
        await ask(client, number, key=f"k{index}")
    path = f"/v1/evidence/{number}/bundles"
    for key, asked_before in (("k0", True), ("another", False)):
        response = await client.post(path, {}, key=key)
        assert response.status_code == (202 if asked_before else 429), response.text
    assert response.json()["code"] == "BUNDLES_WAITING"
    assert int(response.headers["retry-after"]) > 0
    several = await client.post("/v1/bundles", {"evidence_nos": [number]})
    assert (several.status_code, several.json()["code"]) == (429, "BUNDLES_WAITING")
    made = await client.post(f"/v1/evidence/{number}/codes", {}, key="code")
    code = {"headers": {"extraction-code": made.json()["code"]}}
    del client.http.headers["authorization"]
    for index in range(WAITING_MAX + 1):
        other = await client.post(path, {}, key=f"c{index}", **code)
        assert other.status_code == (202 if index < WAITING_MAX else 429), other.text


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), RuntimeError("the typesetter gives up")],
    ids=["full disk", "typesetter"],
)
async def test_what_cannot_be_made_fails_the_bundle_and_not_the_gateway(
    client: Any,
    eventually: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def fails(*_: object) -> None:
        raise error

    number = await deposit(client)
    with monkeypatch.context() as patched:
        patched.setattr(workshop, "write_zip", fails)
        told = await ask(client, number)
        path = f"/v1/evidence/{number}/bundles/{told['bundle_id']}"

        async def failed() -> bool:
            return bool((await client.get(path)).json()["state"] == "FAILED")

        await eventually(failed)
    assert (await client.get(path)).json()["problem"] == "INTERNAL"
    await ready(client, eventually, await ask(client, number, key="later"))
