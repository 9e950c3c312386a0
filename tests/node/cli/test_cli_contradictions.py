"""`cunzheng verify` where no member is taken at its word: `--without`, and contradiction files."""

from pathlib import Path
from typing import Any

import pytest

from node.cli.verify import NO_NAME
from node.evidence.contradiction import Side, format_contradiction, ordered
from node.evidence.merkle import consistency_path, leaf_hash, root
from node.evidence.proof_text import format_proof
from node.evidence.sealed import parse_sealed
from node.words import OpenPoint

Folder, Run, Chain = Any, Any, Any


def side(chain: Chain, *members: str) -> Side:
    sealed = parse_sealed(chain.seal(members))
    return Side(sealed.checkpoint, tuple(sorted(sealed.seals, key=lambda seal: seal.member)))


@pytest.fixture
def contradiction(folder: Folder, tmp_path: Path) -> Path:
    """What court sealed with forensic before the deposit of the folder's file, with another event
    in its place, and what it sealed with notary after it."""
    chain, world = folder.chain, folder.chain.world
    other = type(chain)(world)
    other.take(world.record(world.event(77)))
    hashes = [leaf_hash(each) for each in chain.memory.leaves]
    old, new = len(other.memory.leaves), len(hashes)
    found = ordered(
        (world.note(),),
        side(other, "court", "forensic"),
        side(chain, "court", "notary"),
        root(hashes[:old]),
        consistency_path(old, new, hashes),
    )
    path = tmp_path / "矛盾.txt"
    path.write_bytes(format_contradiction(found))
    return path


# Contradiction files


@pytest.mark.parametrize("option", [("--contradiction",), ()], ids=["named", "recognised"])
def test_who_cosigned_both_is_named(
    folder: Folder, run: Run, contradiction: Path, option: tuple[str, ...]
) -> None:
    for trust in (("--policy", folder.policy), ("--policy-fingerprint", folder.fingerprint)):
        outcome = run("verify", *option, contradiction, *trust)
        assert outcome.exit_code == 0, outcome.out
        first = outcome.out.splitlines()[0]
        assert first.startswith("Contradiction file  the contradiction holds")
        assert "\n  cosigned both       示例 court (court)\n" in outcome.out
        assert OpenPoint.O05.en in outcome.out
    value = run("verify", *option, contradiction, *trust, "--json").json
    (judged,) = value["contradictions"]
    assert judged["holds"] is True
    assert [each["name"] for each in judged["contradiction"]["cosigned_both"]] == ["court"]
    assert value["exit_code"] == 0
    zh = run("verify", *option, contradiction, *trust, "--lang", "zh").out
    assert zh.startswith("矛盾文件  矛盾成立")


def test_what_shows_nothing_has_the_code_of_why(
    folder: Folder, run: Run, contradiction: Path
) -> None:
    alone = run("verify", contradiction)
    assert (alone.exit_code, "V204" in alone.out) == (80, True)
    good = contradiction.read_bytes()
    contradiction.write_bytes(good[:-5])
    broken = run("verify", contradiction, "--policy", folder.policy)
    assert (broken.exit_code, "no contradiction is shown  V200" in broken.out) == (30, True)
    contradiction.write_bytes(good)
    whole = contradiction.with_name("whole.txt")
    whole.write_bytes(good)
    contradiction.write_bytes(good.replace(b"v1", b"v7", 1))
    both = run(
        "verify", "--contradiction", contradiction, whole, "--policy", folder.policy, "--json"
    )
    assert both.exit_code == 80
    assert [each["holds"] for each in both.json["contradictions"]] == [False, True]


def test_it_is_an_open_point_of_the_cosigners_proofs(
    folder: Folder, run: Run, contradiction: Path
) -> None:
    trust = ("--policy", folder.policy)
    outcome = run("verify", folder.file, "--contradiction", contradiction, *trust)
    assert outcome.exit_code == 10
    assert f"O13  {OpenPoint.O13.en}" in outcome.out
    assert "the contradiction holds" in outcome.out
    folder.proof.write_bytes(format_proof(folder.deposit(folder.file, by=("forensic", "notary"))))
    outcome = run("verify", folder.file, contradiction, *trust)
    assert outcome.exit_code == 10
    assert "O13" not in outcome.out, "the proof is not sealed by court"


def test_a_deposited_contradiction_file_is_a_file_like_others(
    folder: Folder, run: Run, contradiction: Path
) -> None:
    proof = contradiction.with_name(f"{contradiction.name}.proof.txt")
    proof.write_bytes(format_proof(folder.deposit(contradiction)))
    outcome = run("verify", contradiction, "--policy", folder.policy)
    assert (outcome.exit_code, "V001" in outcome.out) == (10, True)


# Without a member


@pytest.mark.parametrize(
    ("without", "exit_code"),
    [
        ("forensic", 10),
        ("court", 30),
        ("示例 notary", 30),
        ("forensic,court", 30),
        ("curt", 80),
    ],
)
def test_without_a_member(folder: Folder, run: Run, without: str, exit_code: int) -> None:
    """The proof is sealed by court and notary; two are needed."""
    outcome = run("verify", folder.file, "--policy", folder.policy, "--without", without)
    assert outcome.exit_code == exit_code
    said = {
        10: "without 示例 forensic (forensic), 2 members cosigned, 2 are needed",
        30: "1 members cosigned, 2 are needed" if "," not in without else "too few: without",
        80: "the policy enclosed has no member 'curt'",
    }
    assert said[exit_code] in outcome.out
    assert ("fetch the proof again" in outcome.err) == (exit_code == 30)


def test_without_nobody_is_a_wrong_call(folder: Folder, run: Run) -> None:
    outcome = run("verify", folder.file, "--policy", folder.policy, "--without", " , ")
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert NO_NAME in outcome.err
