"""What `submitter` commits to: the account and how its identity was verified, opened by whoever has
the salt and by nobody else."""

import json
from pathlib import Path
from typing import Any

import pytest

from devnet.accounts import IDENTITY, PROVIDER
from node.accounts.vocabulary import ProofMethod
from node.evidence.statement import parse_statement
from node.gateway.accounts.auth import REMEMBER_MS
from node.offchain.accounts import IdentityProof
from node.vault.keepsake import Submitter, submitter_commitment
from tests.node.gateway.admitted import START_MS

pytestmark = pytest.mark.anyio

BODY = {"digests": {"sha256": "01" * 32}, "size": 1}
BATCHES: list[Any] = [{"items": [BODY]}, bytes(range(32))]
REFERENCE = "提供方-2026-118"
WITHOUT = {"method": "DOCUMENT_COMPARISON", "provider": PROVIDER, "verified_at": START_MS}


def opened(answer: dict[str, Any]) -> dict[str, Any]:
    """The identity record, found to be what the signed statement commits to."""
    told = answer["submitter"]
    submitter = Submitter(bytes.fromhex(told["salt"]), told["identity"].encode())
    statement = parse_statement(answer["statement"].encode())
    assert statement.submitter == submitter_commitment(submitter)
    record: dict[str, Any] = json.loads(told["identity"])
    return record


async def test_every_attested_statement_commits_to_how_the_identity_was_verified(
    client: Any,
) -> None:
    made = (await client.anchor(BODY)).json()
    answers = [made]
    for body in BATCHES:
        options = {"params": {"alg": "sha256"}} if isinstance(body, bytes) else {}
        answers += (await client.batch(body, **options)).json()["statements"]
    event = f"/v1/evidence/{made['evidence_no']}/custody"
    answers.append((await client.post(event, {"reason": "移交"})).json())
    for answer in answers:
        assert opened(answer) == {"account": "acme", "identity": WITHOUT}
    assert len({answer["submitter"]["salt"] for answer in answers}) == len(answers) == 4


async def test_the_providers_reference_is_in_it_and_nowhere_in_the_clear(
    client: Any, cluster: Any, clock: Any, tmp_path: Path
) -> None:
    method = ProofMethod.CA_IN_PERSON
    proof = IdentityProof(method, "CA", clock.now, passed=True, reference=REFERENCE)
    await client.gateway.accounts.identify("acme", IDENTITY, proof)
    clock.now += REMEMBER_MS
    made = (await client.anchor(BODY)).json()
    assert opened(made)["identity"] == {
        "method": "CA_IN_PERSON",
        "provider": "CA",
        "reference": REFERENCE,
        "verified_at": proof.verified_ms,
    }
    # A court is given salt and record; the chain and the files of the database say nothing.
    spellings = (REFERENCE.encode(), json.dumps(REFERENCE).strip('"').encode())
    held = [*cluster.memory.leaves, *(each.read_bytes() for each in files(tmp_path))]
    assert not [each for each in spellings for data in held if each in data]
    kept = (await client.get(f"/v1/deposits/{made['statement_id']}")).json()
    assert kept["submitter"] == made["submitter"]


async def test_a_certificate_of_erasure_commits_to_the_account_alone(client: Any) -> None:
    number = (await client.anchor(BODY)).json()["evidence_no"]
    body = {"ground": "PURPOSE_ENDED"}
    erased = (await client.post(f"/v1/evidence/{number}/erasures", body)).json()
    assert opened(erased) == {"account": "acme"}


def files(directory: Path) -> list[Path]:
    return list(directory.glob("gateway.db*"))
