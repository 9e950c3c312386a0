"""P-256 and SM2 from the command line: make a key, have it enrolled, deposit, verify, repeat."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from node import keyfile
from node.evidence.keys import P256, SM2
from node.evidence.proof_text import parse_proof
from node.evidence.record import format_record

Live, Run = Any, Any

suites = pytest.mark.parametrize("algorithm", [P256, SM2])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "买卖合同.pdf"
    path.write_bytes(b"%PDF-1.7 price 4,711")
    return path


@pytest.fixture
def rules_2(live: Live) -> Live:
    """The chain after its members raised the rules number."""
    cluster = live.cluster
    note = cluster.world.next_note(cluster.memory.chain.note, rules=2)
    (outcome,) = cluster.apply([format_record(note)])
    assert outcome.HasField("position")
    return live


def with_key(live: Live, key: Path) -> list[object]:
    return [key if each == live.key else each for each in live.access]


@suites
def test_a_file_is_deposited_and_verified(
    rules_2: Live, run: Run, file: Path, tmp_path: Path, algorithm: str
) -> None:
    """Whoever verifies was told of the first policy only."""
    key, out = tmp_path / "key.pem", tmp_path / "explained"
    assert run("keygen", key, "--algorithm", algorithm).exit_code == 0
    public = keyfile.load_signer(key).public
    assert public.algorithm == algorithm
    world = rules_2.cluster.world
    rules_2.do(lambda: rules_2.cluster.apply([world.key("enrol", public)]))

    done = run("anchor", file, *with_key(rules_2, key))
    assert done.exit_code == 0, done.err
    proof = parse_proof(file.with_name(f"{file.name}.proof.txt").read_bytes())
    assert (proof.deposit.key, proof.policy.rules) == (public, 2)

    verified = run("verify", file, "--policy", rules_2.policy, "--explain", out)
    assert verified.exit_code == 10, verified.err
    readme = (out / "README.txt").read_text("utf-8")
    steps = re.findall(r"^    (.+)\n    应为 must be: (.+)$", readme, re.MULTILINE)
    shutil.copy(file, out / "FILE")
    for command, expected in steps:
        told = subprocess.run(command, shell=True, cwd=out, capture_output=True, check=False)  # noqa: S602
        assert expected in (told.stdout + told.stderr).decode(), command
    digest = {P256: "-digest sha256", SM2: "-digest sm3 -pkeyopt distid:1234567812345678"}
    assert any(digest[algorithm] in command for command, _ in steps)


@suites
def test_under_rules_1_such_a_key_cannot_deposit(
    live: Live, run: Run, file: Path, tmp_path: Path, algorithm: str
) -> None:
    key = tmp_path / "key.pem"
    public = keyfile.create(key, algorithm=algorithm).public
    record = live.cluster.world.key("enrol", public)
    (outcome,) = live.cluster.apply([record])
    assert outcome.skipped == f"public key: rules 1 do not take {algorithm}"
    refused = run("anchor", file, *with_key(live, key), "--json")
    assert refused.json["error"]["code"] == "KEY_NOT_ENROLLED"
