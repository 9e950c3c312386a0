"""US-8, a clerk records a verification: "I need a technical verification record for the file."

The record says when, by whom, of what, with which tools and with which result; it is deposited like
any other file and so dated by others; and a later verification never replaces it.
"""

import hashlib
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from node.cli.main import main
from node.evidence.proof_text import parse_proof
from node.export.certificate.record import parse_verification
from tests.node.export.certificate_samples import text_of, without_spaces

pytestmark = pytest.mark.anyio

CONTRACT = b"the contract\n"


def digests_of(data: bytes) -> dict[str, str]:
    return {alg: hashlib.new(alg, data).hexdigest() for alg in ("sha256", "sm3")}


async def deposit(client: Any, data: bytes, name: str) -> tuple[str, bytes]:
    """Its evidence number, and the holder's copy of the proof."""
    body = {"digests": digests_of(data), "size": len(data), "details": {"file_name": name}}
    made = (await client.anchor(body)).json()
    return made["evidence_no"], made["proof"].encode()


async def test_a_verification_is_put_on_file(client: Any, tmp_path: Path) -> None:
    number, proof = await deposit(client, CONTRACT, "contract.txt")
    policy = parse_proof(proof).policy_text  # Stands for what the court published.
    file = tmp_path / "contract.txt"
    for path, data in (
        (file, CONTRACT),
        (tmp_path / "contract.txt.proof.txt", proof),
        (tmp_path / "policy.txt", policy),
    ):
        path.write_bytes(data)

    async def verify(record: str) -> int:
        line = ["verify", str(file), "--policy", str(tmp_path / "policy.txt")]
        line += ["--record", str(tmp_path / record), "--operator", "书记员 张某", "--lang", "zh"]
        return await anyio.to_thread.run_sync(main, line)

    # The record has time, operator, inputs, result codes and versions, in both languages.
    assert await verify("record") == 10
    pdf, data = (tmp_path / "record.pdf").read_bytes(), (tmp_path / "record.json").read_bytes()
    record, text = parse_verification(data), without_spaces(text_of(pdf))
    (result,) = record.results
    assert (result.evidence_no, result.code.name) == (number, "V001")
    for said in (
        *("技术核验记录（可附卷）", "Technicalverificationrecord", "书记员张某", number, "V001"),
        *digests_of(CONTRACT).values(),
        *(f"{tool.name}{without_spaces(tool.version)[:4]}" for tool in record.tools),
        hashlib.sha256(proof).hexdigest(),
        str(record.policy_fingerprint),
    ):
        assert said in text, said

    # It is deposited itself, and verifies like any other file.
    _, held = await deposit(client, pdf, "record.pdf")
    (tmp_path / "record.pdf.proof.txt").write_bytes(held)
    line = ["verify", str(tmp_path / "record.pdf"), "--policy", str(tmp_path / "policy.txt")]
    assert await anyio.to_thread.run_sync(main, line) == 10

    # A later verification of the file, changed since, makes another record; the first stands.
    file.write_bytes(CONTRACT + b"\n")
    assert await verify("record") == 2
    assert await verify("later") == 20
    later = parse_verification((tmp_path / "later.json").read_bytes())
    assert [each.code.name for each in later.results] == ["V102"]
    assert later.record_no != record.record_no
    assert (tmp_path / "record.pdf").read_bytes() == pdf
