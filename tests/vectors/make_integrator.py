"""Writes integrator/ beside this file: what a client in another language is compared with.

    python tests/vectors/make_integrator.py

`vectors.json` holds every value on the way from a file to a deposit (docs/integrating.md says what
is given and what is to be computed); the files beside it are one deposit complete. Everything
follows from fixed seeds, so running it again gives the same bytes; a test does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from example_chain import Chain  # noqa: E402

from node.accounts.signed_request import Asked, format_authorization, sign_request  # noqa: E402
from node.evidence.batch import Batch, BatchItem, format_batch  # noqa: E402
from node.evidence.digests import new, sha256  # noqa: E402
from node.evidence.item import (  # noqa: E402
    ALG_SETS,
    Opening,
    format_details,
    items_root,
    page_hashes,
    pages,
)
from node.evidence.keys import Signer, format_signature  # noqa: E402
from node.evidence.number import format_number  # noqa: E402
from node.evidence.policy import fingerprint  # noqa: E402
from node.evidence.proof_text import format_proof  # noqa: E402
from node.evidence.receipt import issue, receipt_message  # noqa: E402
from node.evidence.statement import (  # noqa: E402
    Deposit,
    Series,
    format_statement,
    receipt_number,
    statement_id,
)
from node.evidence.steps import Anchor, FileDigests  # noqa: E402
from node.evidence.verify import verify  # noqa: E402

ORIGIN = "cunzheng.test/integrator"
TIME_MS = 1_795_190_400_000
CONTENTS = ("订单 7\n".encode(), b"order 8\n", b"x" * 70_000)
COUNTS = ((1, 1), (3, 1), (17, 1), (1, 16), (16, 16), (17, 16), (40, 16))
"""How many items on pages of how many: full pages, part of one, and trees of odd sizes."""


def _secret(name: str) -> bytes:
    return sha256(f"integrator {name}".encode())


def _digest(alg: str, content: bytes) -> bytes:
    running = new(alg)
    running.update(content)
    return running.digest()


def _items() -> list[dict[str, object]]:
    cases = []
    for number, content in enumerate(CONTENTS):
        for alg in ALG_SETS:
            details = {"file_name": (_secret(f"detail {number}")[:16], "订单.json")}
            for said in (None, format_details(details)):
                salt = _secret(f"salt {number} {alg}")
                digests = tuple((each, _digest(each, content)) for each in alg.split("+"))
                opening = Opening(salt, digests, len(content), said)
                cases.append(
                    {
                        "content": content.hex() if len(content) < 100 else None,
                        "alg": alg,
                        "salt": salt.hex(),
                        "digests": {each: value.hex() for each, value in digests},
                        "size": len(content),
                        "details": None if said is None else said.decode(),
                        "preimage": opening.preimage().hex(),
                        "item": opening.item().hex(),
                    }
                )
    return cases


def _pages() -> list[dict[str, object]]:
    cases: list[dict[str, object]] = []
    for count, page in COUNTS:
        packed = b"".join(sha256(b"%d" % index) for index in range(count))
        cases.append(
            {
                "items": [packed[at : at + 32].hex() for at in range(0, len(packed), 32)],
                "page": page,
                "pages": [each.hex() for each in pages(packed, page)],
                "leaf_hashes": [each.hex() for each in page_hashes(packed, page)],
                "items_root": items_root(packed, page).hex(),
            }
        )
    return cases


def _deposits() -> list[tuple[Signer, Deposit]]:
    signer = Signer(_secret("depositor"))
    first = Deposit(
        origin=ORIGIN,
        key=signer.public,
        nonce=_secret("nonce")[:16],
        claimed_at=TIME_MS,
        mode="commitment",
        alg="sha256+sm3",
        count=3,
        page=1,
        items_root=_secret("root"),
        category="A14_4_ELECTRONIC_FILE",
    )
    second = Deposit(
        origin=ORIGIN,
        key=signer.public,
        nonce=_secret("another nonce")[:16],
        claimed_at=TIME_MS + 1,
        mode="digest",
        alg="sm3",
        count=16_384,
        page=1,
        items_root=_secret("another root"),
        series=Series(_secret("series"), 1, statement_id(format_statement(first))),
    )
    return [(signer, first), (signer, second)]


def _statements() -> list[dict[str, object]]:
    cases: list[dict[str, object]] = []
    for signer, deposit in _deposits():
        statement = format_statement(deposit)
        identity = statement_id(statement)
        cases.append(
            {
                "private_key": _secret("depositor").hex(),
                "public_key": signer.public.text,
                "statement": statement.decode(),
                "statement_id": identity.hex(),
                "receipt_number": receipt_number(identity),
                "signature": format_signature(signer.sign(statement)),
            }
        )
    return cases


def _receipts() -> list[dict[str, object]]:
    gateway = Signer(_secret("gateway"))
    cases: list[dict[str, object]] = []
    for _, deposit in _deposits():
        identity = statement_id(format_statement(deposit))
        receipt = issue(gateway, ORIGIN, identity, TIME_MS + 5)
        cases.append(
            {
                "gateway": gateway.public.text,
                "accepted_at": TIME_MS + 5,
                "statement_id": identity.hex(),
                "signed": receipt_message(ORIGIN, identity, TIME_MS + 5).decode(),
                "signature": format_signature(receipt.signature),
            }
        )
    return cases


def _requests() -> list[dict[str, object]]:
    signer, cases = Signer(_secret("account")), []
    for method, target, body, key in (
        ("POST", "/v1/anchors?wait=none", b'{"digests": {}}', "order-7"),
        ("GET", "/v1/account", b"", None),
    ):
        nonce = _secret(f"request {method}")[:16]
        asked = Asked(ORIGIN, method, target, sha256(body), key)
        signed = sign_request(signer, asked, TIME_MS, nonce)
        cases.append(
            {
                "private_key": _secret("account").hex(),
                "origin": ORIGIN,
                "method": method,
                "target": target,
                "body": body.decode(),
                **({} if key is None else {"idempotency_key": key}),
                "time": TIME_MS,
                "nonce": nonce.hex(),
                "authorization": format_authorization(signed),
            }
        )
    return cases


def _numbers() -> list[dict[str, object]]:
    return [
        {"time_ms": time_ms, "ordinal": ordinal, "evidence_no": format_number(time_ms, ordinal)}
        # The last and the first millisecond of a day in UTC+8.
        for time_ms in (TIME_MS - 1, TIME_MS)
        for ordinal in (0, 7, 96, 999_999_999_999)
    ]


def _complete() -> tuple[dict[str, bytes], list[dict[str, object]]]:
    """One deposit on a chain: its files, and the verdicts on them."""
    chain = Chain(seed="integrator", origin=ORIGIN)
    chain.enrol("gateway", "gateway")
    chain.enrol("depositor", "depositor")
    names = ("order-7.txt", "order-8.txt", "order-9.bin")
    deposited = chain.deposit(list(CONTENTS), page=16, details={"file_name": "order"})
    items = tuple(
        BatchItem(deposited.packed[32 * at : 32 * at + 32], opening, name)
        for at, (opening, name) in enumerate(zip(deposited.openings, names, strict=True))
    )
    batch = Batch(deposited.entry.statement_bytes, deposited.entry.signature, items)
    policy = chain.policies[0].policy_text
    files = dict(zip(names, CONTENTS, strict=True))
    files |= {"policy.txt": policy, "fingerprint.txt": f"{fingerprint(policy)}\n".encode()}
    files["order.batch.txt"] = format_batch(batch)
    cases: list[dict[str, object]] = []
    for index, name in enumerate(names):
        proof = format_proof(chain.proof(deposited, index))
        files[f"{name}.proof.txt"] = proof
        for given in names:
            found = FileDigests(
                len(files[given]), {alg: _digest(alg, files[given]) for alg in ("sha256", "sm3")}
            )
            code = verify(proof, Anchor(policy_text=policy), found).code.name
            cases.append({"proof": f"{name}.proof.txt", "file": given, "code": code})
    return files, cases


def files() -> dict[str, bytes]:
    """The files of integrator/ by name."""
    complete, proofs = _complete()
    vectors = {
        "items": _items(),
        "pages": _pages(),
        "statements": _statements(),
        "receipts": _receipts(),
        "requests": _requests(),
        "numbers": _numbers(),
        "proofs": proofs,
    }
    text = json.dumps(vectors, indent=1, ensure_ascii=False) + "\n"
    return complete | {"vectors.json": text.encode()}


def main() -> None:
    """Write all of it."""
    folder = HERE / "integrator"
    folder.mkdir(exist_ok=True)
    for name, data in files().items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
