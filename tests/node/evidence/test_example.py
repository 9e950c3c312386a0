"""The example of tests/vectors and of the document's last section is what the code produces."""

import runpy
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from node.evidence import merkle
from node.evidence.batch import derive_all, parse_batch
from node.evidence.policy import fingerprint
from node.evidence.proof import public_form
from node.evidence.proof_text import format_proof, parse_proof
from node.evidence.record import parse_genesis
from node.evidence.steps import Anchor, FileDigests
from node.evidence.verify import verify

FOLDER = Path(__file__).parents[2] / "vectors" / "example"
FileOf = Callable[[bytes], FileDigests]


def stored(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def test_the_files_are_those_the_script_writes(example: ModuleType) -> None:
    made = example.files()
    assert {path.name for path in FOLDER.iterdir()} == set(made)
    assert {name: stored(name) for name in made} == made


def test_the_second_example_is_remade_and_verifies(file_of: FileOf) -> None:
    """Under rules 2, with nothing known but the fingerprint of the policy of rules 1."""
    folder = FOLDER.with_name("example-2")
    made = runpy.run_path(str(FOLDER.with_name("make_example_2.py")))["files"]()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == made
    proof = parse_proof(made["sample.proof.txt"])
    assert [entry.note.rules for entry in proof.policies] == [1, 2]
    anchor = Anchor(fingerprint=made["fingerprint.txt"].decode().strip())
    verdict = verify(made["sample.proof.txt"], anchor, file_of(made["sample.txt"]))
    assert verdict.code.name == "V001", verdict.findings


def test_the_document_holds_what_the_code_produces(example: ModuleType) -> None:
    text = example.DOCUMENT.read_text()
    assert text[text.index(example.HEADING) :] == example.section()


@pytest.mark.parametrize(
    ("proof", "file", "code"),
    [
        ("sample.proof.txt", "sample.txt", "V001"),
        ("sample.proof.txt", "log.txt", "V102"),
        ("sample.public.proof.txt", None, "V001"),
        ("sample.public.proof.txt", "sample.txt", "V502"),
        ("log.proof.txt", "log.txt", "V001"),
    ],
)
def test_the_proofs_verify(file_of: FileOf, proof: str, file: str | None, code: str) -> None:
    digests = file_of(stored(file)) if file else None
    printed = stored("fingerprint.txt").decode().strip()
    for anchor in (Anchor(policy_text=stored("policy.txt")), Anchor(fingerprint=printed)):
        assert verify(stored(proof), anchor, digests).code.name == code


def test_the_files_belong_together(chains: Any) -> None:
    genesis = parse_genesis(stored("genesis.txt"))
    assert genesis.note.policy_text == stored("policy.txt")
    assert genesis.note.members_text == stored("members.txt")
    assert f"{fingerprint(stored('policy.txt'))}\n".encode() == stored("fingerprint.txt")
    leaves = [path.read_bytes() for path in sorted(FOLDER.glob("leaf-*.txt"))]
    assert genesis.entries() == leaves[:2]
    for name in ("sample.proof.txt", "log.proof.txt"):
        proof = parse_proof(stored(name))
        checkpoint = proof.sealed.checkpoint
        tree = [merkle.leaf_hash(leaf) for leaf in leaves[: checkpoint.size]]
        assert merkle.root(tree) == checkpoint.root
        assert leaves[proof.tlog.index] == proof.entry_bytes


def test_the_batch_gives_the_proof_of_every_item() -> None:
    proof = parse_proof(stored("sample.proof.txt"))
    batch = parse_batch(stored("sample.batch.txt"))
    derived = [format_proof(each) for each in derive_all(public_form(proof), batch)]
    assert len(derived) == 3
    assert derived[0] == stored("sample.proof.txt")
    anchor = Anchor(policy_text=stored("policy.txt"))
    assert {verify(each, anchor).code.name for each in derived} == {"V001"}
