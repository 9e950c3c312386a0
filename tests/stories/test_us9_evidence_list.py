"""US-9, a clerk: evidence list and court receipt (民事证据规定 Art. 19).

"I link 12 exhibits to （2026）浙0192民初1234号." Half-width brackets are accepted and normalised;
an invalid number is answered 422 with the failing element; exhibits are numbered 1-12, each with
source, object of proof and content; the court's receipt lists name, copies, pages, time and
handler; a user of another court gets 403; access is logged.
"""

import hashlib
import itertools
from typing import Any
from urllib.parse import quote

import pytest

from devnet.accounts import admit
from node.accounts.action import Action
from node.accounts.vocabulary import Role
from node.evidence.steps import Anchor, FileDigests
from node.evidence.verify import verify
from node.offchain.accounts import AccountStore
from node.vault.finding import Finder
from node.vault.sealing import Vault
from node.words import ResultCode
from tests.databases import ON_BOTH
from tests.node.gateway.admitted import CLERK_KEY, START_MS, VAULT_KEY

pytestmark = [pytest.mark.anyio, ON_BOTH]

CASE_NO = "（2026）浙0192民初1234号"
TYPED = "(2026)浙0192民初1234号"
EXHIBITS = 12
OTHER_KEY = "czk_" + "d8" * 32
CLERK = {"authorization": f"Bearer {CLERK_KEY}"}
OTHER = {"authorization": f"Bearer {OTHER_KEY}"}


def path(case_no: str, rest: str) -> str:
    return f"/v1/cases/{quote(case_no)}/{rest}"


def exhibit(number: str, index: int) -> dict[str, Any]:
    return {
        "evidence_no": number,
        "litigation_role": "PLAINTIFF" if index < 8 else "DEFENDANT",
        "name": f"证据材料{index + 1}",
        "source": "原告手机",
        "proof_object": "双方约定交货日期",
        "content": f"2026年9月{index + 1}日聊天记录",
        "copies": 2,
        "pages": index + 1,
    }


@pytest.fixture
async def numbers(client: Any) -> list[str]:
    """Evidence numbers of 12 deposits by a platform."""
    found = []
    for index in range(EXHIBITS):
        digest = hashlib.sha256(bytes([index])).hexdigest()
        answer = await client.anchor({"digests": {"sha256": digest}, "size": 1})
        found.append(answer.json()["evidence_no"])
    return found


@pytest.fixture
async def other_court(gateway: Any) -> None:
    """A clerk of another court."""
    await admit(gateway.database, VAULT_KEY, "other-clerk", OTHER_KEY, [Role.CLERK], START_MS)
    accounts = AccountStore(gateway.database, Vault(VAULT_KEY), Finder(VAULT_KEY))
    await accounts.grant("other-clerk", Role.CLERK, "京0491", START_MS)


KEYS = itertools.count()


async def link(client: Any, numbers: list[str], case_no: str = TYPED) -> Any:
    asked = {"exhibits": [exhibit(number, index) for index, number in enumerate(numbers)]}
    headers = {**CLERK, "idempotency-key": f"link-{next(KEYS)}"}
    return await client.http.post(path(case_no, "links"), json=asked, headers=headers)


async def test_twelve_exhibits_from_link_to_receipt(
    client: Any, numbers: list[str], cluster: Any, gateway: Any
) -> None:
    linked = await link(client, numbers)
    assert linked.status_code == 201, linked.text
    assert linked.json()["case_no"] == CASE_NO

    listed = await client.get(path(CASE_NO, "evidence-list"), headers=CLERK)
    exhibits = listed.json()["exhibits"]
    assert [each["exhibit_no"] for each in exhibits] == list(range(1, EXHIBITS + 1))
    assert [each["evidence_no"] for each in exhibits] == numbers
    for index, each in enumerate(exhibits):
        said = exhibit(numbers[index], index)
        assert each.items() >= said.items()
    assert listed.json()["court"]["text"] == "杭州互联网法院"

    printed = await client.get(path(TYPED, "evidence-list?format=text"), headers=CLERK)
    assert printed.headers["content-type"] == "text/plain; charset=utf-8"
    for each in exhibits:
        assert f"证据目录序号 Exhibit number: {each['exhibit_no']}\n" in printed.text
        assert each["content"] in printed.text

    asked = {"handler": "书记员 李某"}
    headers = {**CLERK, "idempotency-key": "receipt-1"}
    given = await client.http.post(path(TYPED, "receipts"), json=asked, headers=headers)
    assert given.status_code == 201, given.text
    receipt = given.json()
    assert (receipt["copies"], receipt["pages"]) == (24, 78)
    assert receipt["handler"] == "书记员 李某"
    assert receipt["received_at"]["beijing"].startswith("2026-09-21T22:13:20")
    assert [each["name"] for each in receipt["exhibits"]] == [e["name"] for e in exhibits]
    for word in ("证据材料12", "2 份", "12 页", "2026-09-21 22:13:20", "书记员 李某", CASE_NO):
        assert word in receipt["text"]

    # Its digest is deposited, and the document as it is fetched is what was deposited.
    deposited = await client.anchor({"digests": receipt["digests"], "size": receipt["size"]})
    file = await client.get(path(CASE_NO, f"receipts/{receipt['receipt_id']}"), headers=CLERK)
    digests = {"sha256": hashlib.sha256(file.content).digest()}
    digests["sm3"] = bytes.fromhex(receipt["digests"]["sm3"])
    verdict = verify(
        deposited.json()["proof"].encode(),
        Anchor(policy_text=cluster.policy_text),
        FileDigests(len(file.content), digests),
    )
    assert verdict.code is ResultCode.V001

    lines = [line for line in await gateway.accesses.between(0, 2**53) if line.object == CASE_NO]
    assert [line.action for line in lines].count(Action.CASE_READ) == 2
    assert {line.action for line in lines} == {
        Action.CASE_LINKED,
        Action.CASE_READ,
        Action.COURT_RECEIPT_ISSUED,
        Action.COURT_RECEIPT_READ,
    }
    assert {(line.account, line.allowed) for line in lines} == {("clerk", True)}


@pytest.mark.parametrize(
    ("typed", "element"),
    [
        ("2026浙0192民初1234号", "年度"),
        ("(2026)杭0192民初1234号", "法院代字"),
        ("(2026)浙01921234号", "法院代字"),
        ("(2026)浙0192民事初审案1234号", "类型代字"),
        ("(2026)浙0192民初一号", "类型代字"),
        ("(2026)浙0192民初1234", "编号"),
    ],
)
async def test_an_invalid_number_is_told_by_its_element(
    client: Any, typed: str, element: str
) -> None:
    response = await client.get(path(typed, "evidence-list"), headers=CLERK)
    assert (response.status_code, response.json()["code"]) == (422, "CASE_NO_SPELLING")
    assert element in response.json()["detail"]


async def test_a_user_of_another_court_gets_403(
    client: Any, numbers: list[str], other_court: None, gateway: Any
) -> None:
    assert (await link(client, numbers)).status_code == 201
    listed = await client.get(path(CASE_NO, "evidence-list"), headers=OTHER)
    assert (listed.status_code, listed.json()["code"]) == (403, "COURT_OTHER")
    assert listed.json()["result_code"] == "V501"
    assert numbers[0] not in listed.text
    depositor = await client.get(path(CASE_NO, "evidence-list"))
    assert (depositor.status_code, depositor.json()["code"]) == (403, "SCOPE_MISSING")
    refused = [line for line in await gateway.accesses.between(0, 2**53) if not line.allowed]
    assert {(line.account, line.action) for line in refused} == {
        ("other-clerk", Action.CASE_REFUSED),
        ("acme", Action.SCOPE_REFUSED),
    }
    # The proof of an exhibit is for the court that has it.
    proof = f"/v1/evidence/{numbers[0]}/proof"
    assert (await client.get(proof, headers=CLERK)).status_code == 200
    assert (await client.get(proof, headers=OTHER)).status_code == 403
    # At its own court it finds a case of its own, which is empty.
    own = await client.get(path("（2026）京0491民初1号", "evidence-list"), headers=OTHER)
    assert own.json()["exhibits"] == []
    assert own.json()["court"] == {"court_code": "京0491", "text": "未核对"}
