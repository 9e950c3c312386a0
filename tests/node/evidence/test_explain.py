"""What `explain` says is repeated with the stock commands, and fails when one byte is another."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from node.evidence import merkle
from node.evidence.explain import Exhibit, explain
from node.evidence.merkle_inputs import consistency_inputs, inclusion_inputs
from node.evidence.proof import Proof, public_form

TOOLS = ("sha256sum", "openssl", "base32", "base64", "sed", "head", "od", "tr")

needs_tools = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in TOOLS),
    reason=f"not all of these stock tools are here: {', '.join(TOOLS)}",
)


@pytest.fixture
def proof(chain: Any) -> Proof:
    """Pages, details, keys, a policy change and a later checkpoint: every kind of exhibit."""
    chain.change_policy(quorum=3)
    deposited = chain.deposit([b"%d" % n for n in range(33)], page=16, details={"name": "合同"})
    size = len(chain.leaves)
    for _ in range(3):
        chain.block([], carries="nothing")
    return chain.proof(deposited, 17, size=size, later=True)


def run_all(folder: Path, exhibits: list[Exhibit]) -> list[Exhibit]:
    """Those whose command does not print what it must; one shell runs all commands."""
    commands = [each for each in exhibits if each.command]
    script = "\n".join(f"{each.command} 2>&1; echo; echo ==={n}" for n, each in enumerate(commands))
    done = subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, timeout=60)
    parts = re.split(r"\n===\d+\n", done.stdout.decode(errors="replace"))
    assert len(parts) == len(commands) + 1
    return [each for each, told in zip(commands, parts, strict=False) if each.expect not in told]


def written(folder: Path, exhibits: list[Exhibit]) -> None:
    for each in exhibits:
        (folder / each.name).write_bytes(each.data)


@needs_tools
def test_stock_tools_repeat_every_step(tmp_path: Path, proof: Proof) -> None:
    exhibits = explain(proof)
    written(tmp_path, exhibits)
    assert run_all(tmp_path, exhibits) == []


def test_no_member_s_name_makes_two_files_of_one_name(chains: Any) -> None:
    chain = chains.Chain(names=("leaf", "previous", "log", "key", "tree-node", "before-2"))
    chain.change_policy(quorum=3)
    for key in ("gateway", "depositor"):
        chain.enrol(key, key)
    exhibits = explain(chain.proof(chain.deposit([b"a file"]), 0))
    names = [each.name for each in exhibits]
    assert len(set(names)) == len(names)
    assert sum("policy-2-" in name and name.endswith(".sig") for name in names) == 2


@needs_tools
def test_one_flipped_byte_is_noticed_by_every_command(tmp_path: Path, proof: Proof) -> None:
    exhibits = explain(proof)
    written(tmp_path, exhibits)
    commands = [each for each in exhibits if each.command]
    for each in commands:
        at = len(each.data) - 10
        data = each.data[:at] + bytes([each.data[at] ^ 2]) + each.data[at + 1 :]
        (tmp_path / each.name).write_bytes(data)
    assert run_all(tmp_path, exhibits) == commands


@needs_tools
def test_a_flipped_signature_or_key_is_noticed(tmp_path: Path, proof: Proof) -> None:
    exhibits = explain(proof)
    signed = [each for each in exhibits if "pkeyutl" in each.command]
    assert len(signed) == 2 + 2 + 2 + 4 + 4  # statement, receipt, keys, policy, two checkpoints
    written(tmp_path, exhibits)
    for each in exhibits:
        if each.name.endswith(".sig"):
            (tmp_path / each.name).write_bytes(bytes([each.data[0] ^ 1]) + each.data[1:])
    assert run_all(tmp_path, exhibits) == signed


def test_the_readme_lists_every_command_in_order_in_two_languages(proof: Proof) -> None:
    readme, *exhibits = explain(proof)
    assert readme.name == "README.txt"
    text, at = readme.data.decode(), 0
    for each in exhibits:
        if each.command:
            at = text.index(f"    {each.command}\n    应为 must be: {each.expect}\n", at)
    assert f"存证编号 Evidence number: {proof.number}\n" in text
    names = [each.name for each in (readme, *exhibits)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9.-]+", name) for name in names)
    steps = [name[:2] for name in names[1:]]
    assert steps == sorted(steps)
    assert set(steps) == {"01", "02", "03", "04", "05", "06"}
    assert all(each.zh and each.en for each in exhibits)


def test_what_a_proof_does_not_have_is_not_shown(chain: Any) -> None:
    deposited = chain.deposit()
    public = [each.name for each in explain(public_form(chain.proof(deposited)))]
    assert not any(name.startswith(("01", "06")) for name in public)
    plain = explain(chain.proof(chain.deposit([b"x"], mode="digest", alg="sm3")))
    assert b"openssl dgst -sm3 FILE" in plain[0].data
    bare = [each.name for each in explain(chain.proof(deposited))]
    assert "01-item.bin" in bare
    assert "01-details.json" not in bare


@needs_tools
def test_a_key_record_s_authority_is_looked_for_in_the_policy_of_its_time(
    tmp_path: Path, chains: Any
) -> None:
    """The gateway was enrolled under the first policy, the depositor by the authority of the second
    one, which knows the first no more, nor does the third, whose members seal. One record that the
    right authority signed too late, and the command that looks for it finds nothing."""
    for depositor_by in ("second authority", "authority"):
        chain = chains.Chain()
        chain.enrol("gateway", "gateway")
        for authority in ("second authority", "third authority"):
            chain.change_policy(authorities=(chain.signer(authority).public,))
            if authority == "second authority":
                chain.enrol("depositor", "depositor", authority=depositor_by)
        exhibits = explain(chain.proof(chain.deposit()))
        written(tmp_path, exhibits)
        listed = {
            each.name: each.command.split()[-1] for each in exhibits if "grep" in each.command
        }
        places = [listed[f"03-key-{number}-key.pem"] for number in (1, 2)]
        assert sorted(places) == ["05-policy-before-2.txt", "05-policy-before-3.txt"]
        late = places.index("05-policy-before-3.txt") + 1
        wrong = [each.name for each in run_all(tmp_path, exhibits)]
        assert wrong == ([f"03-key-{late}-key.pem"] if depositor_by == "authority" else [])


def test_seals_by_nobody_of_the_policy_are_not_shown(chain: Any) -> None:
    note = chain.seal(sealers=("court", "other"), publisher="other")
    names = {each.name for each in explain(chain.proof(chain.deposit(), note=note))}
    assert "05-checkpoint-seal-court.txt" in names
    assert not {"05-checkpoint-seal-other.txt", "05-checkpoint-log.txt"} & names


def test_the_inputs_of_every_path_in_small_trees() -> None:
    leaves = [bytes([n]) for n in range(17)]
    for size in range(1, 18):
        hashes = [merkle.leaf_hash(leaf) for leaf in leaves[:size]]
        root = merkle.root(hashes)
        for index in range(size):
            path = merkle.inclusion_path(index, hashes)
            inputs = inclusion_inputs(leaves[index], index, size, path)
            assert len(inputs) == len(path) + 1
            assert hashlib.sha256(inputs[-1]).digest() == root
        for first in range(1, size):
            old_root = merkle.root(hashes[:first])
            path = merkle.consistency_path(first, size, hashes)
            old, new = consistency_inputs(first, old_root, size, path)
            assert hashlib.sha256(new[-1]).digest() == root
            assert not old or hashlib.sha256(old[-1]).digest() == old_root


def test_paths_that_do_not_hold_are_walked_all_the_same() -> None:
    assert len(inclusion_inputs(b"", 5, 1, [bytes(32)] * 9)) == 10
    assert inclusion_inputs(b"", 5, 0, []) == [b"\0"]
    assert consistency_inputs(0, bytes(32), 0, [])
    assert consistency_inputs(3, bytes(32), 7, []) == ([], [])
    assert len(consistency_inputs(2, bytes(32), 2, [bytes(32)] * 70)[1]) == 70
