"""A case's bundle has its parties compared with who keeps the evidence, if somebody named them."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from node.casework.interest import Interest, Relation
from node.export.bundle import layout
from node.gateway.bundles import bundling, dossier
from node.gateway.bundles.interests import INTEREST, InterestPoint
from tests.node.gateway.admitted import CLERK_KEY

pytestmark = pytest.mark.anyio

CASE = f"/v1/cases/{quote('（2026）浙0192民初1234号')}"
CLERK = {"headers": {"authorization": f"Bearer {CLERK_KEY}"}}
DEPOSIT = {"digests": {"sha256": "ab" * 32}, "size": 23}
OWNER = "91350100M000100Y43"
LISTED = {
    "litigation_role": "PLAINTIFF",
    "name": "录音",
    "source": "手机",
    "proof_object": "借款",
    "content": "通话",
}


@pytest.fixture(autouse=True)
def as_members_do(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.proofs_stay = True
    monkeypatch.setattr(bundling, "LOOK_EVERY_S", 0.01)


async def bundle(client: Any, eventually: Callable[..., Any]) -> dict[str, bytes]:
    asked = (await client.post(f"{CASE}/bundles", {}, **CLERK)).json()
    path, told = f"{CASE}/bundles/{asked['bundle_id']}", {}

    async def over() -> bool:
        told.update((await client.get(path, **CLERK)).json())
        return told["state"] in ("READY", "FAILED")

    await eventually(over)
    assert told["state"] == "READY", told
    archive = zipfile.ZipFile(io.BytesIO((await client.get(told["download"], **CLERK)).content))
    return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def issues(files: dict[str, bytes]) -> set[str]:
    return {each["code"] for each in json.loads(files[f"{layout.OPEN_ISSUES}open-issues.json"])}


async def test_interests_go_along_with_a_case_whose_parties_are_named(
    client: Any, gateway: Any, eventually: Callable[..., Any]
) -> None:
    """First nobody named any, and that is said; then a party owns a member."""
    number = (await client.anchor(DEPOSIT)).json()["evidence_no"]
    await client.post(f"{CASE}/links", {"exhibits": [{**LISTED, "evidence_no": number}]}, **CLERK)
    before = await bundle(client, eventually)
    assert INTEREST not in before
    assert "NOT_PROVIDED_INTEREST" in issues(before)
    known = Interest(OWNER, "court", "示例集团", Relation.OWNER, "公示系统")
    await gateway.registries.load([known])
    parties = {"parties": [{"uscc": OWNER, "litigation_role": "DEFENDANT"}]}
    named = await client.http.put(f"{CASE}/parties", json=parties, **CLERK)
    assert named.status_code == 200, named.text
    files = await bundle(client, eventually)
    told = json.loads(files[INTEREST])
    assert told["result"] == named.json()["interests"]["result"] == "FOUND"
    assert [each["uscc"] for each in told["parties"]] == [OWNER]
    (found,) = told["found"]
    assert (found["member"], found["relation"], found["source"]) == ("court", "OWNER", "公示系统")
    assert told["not_checked"] == named.json()["interests"]["not_checked"] != []
    assert {each.name for each in InterestPoint} <= issues(files)
    (item,) = [each for each in json.loads(files[dossier.DOSSIER]) if each["key"] == "INTEREST"]
    assert (item["provided"], item["files"]) == (True, [INTEREST])
    assert "NOT_PROVIDED_INTEREST" not in issues(files)
