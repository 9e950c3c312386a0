"""`cunzheng prove`: the depositor's folder alone is enough, and a gateway is not believed."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from node.client.gateway import Gateway
from node.evidence.number import format_number
from node.evidence.proof_text import format_proof, parse_proof

Live, Run = Any, Any


class Deposited:
    """A folder deposited as one statement: three files, their proofs, the batch file."""

    def __init__(self, live: Live, run: Run, path: Path) -> None:
        self.live, self.path = live, path
        path.mkdir()
        for name in ("a.txt", "b.txt", "c.txt"):
            (path / name).write_text(f"content of {name}")
        assert run("anchor", path, *live.access).exit_code == 0
        (self.batch,) = path.glob("*.batch.txt")

    def proof(self, name: str) -> Path:
        return self.path / f"{name}.proof.txt"


@pytest.fixture
def deposited(live: Live, run: Run, tmp_path: Path) -> Deposited:
    return Deposited(live, run, tmp_path / "deposited")


@pytest.fixture
def fetch(live: Live) -> tuple[object, ...]:
    return ("--gateway", live.url, "--api-key-file", live.api_key, "--policy", live.policy)


def test_every_proof_is_derived_from_one_without_a_server(deposited: Deposited, run: Run) -> None:
    before = {path: path.read_bytes() for path in deposited.path.glob("*.proof.txt")}
    one = shutil.copy(deposited.proof("b.txt"), deposited.path.parent / "one.txt")
    for path in before:
        path.unlink()
    arguments = ("--from-batch", deposited.batch, "--proof", one, "--policy", deposited.live.policy)
    assert run("prove", *arguments).exit_code == 0
    assert {path: path.read_bytes() for path in deposited.path.glob("*.proof.txt")} == before
    assert run("verify", deposited.path, "--policy", deposited.live.policy).exit_code == 10


def test_a_public_proof_by_number_is_enough(
    deposited: Deposited, run: Run, fetch: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = parse_proof(deposited.proof("c.txt").read_bytes()).number
    monkeypatch.chdir(deposited.path.parent)
    done = run("prove", number, *fetch)
    assert done.exit_code == 0, done.err
    public = deposited.path.parent / f"{number}.proof.txt"
    proof = parse_proof(public.read_bytes())
    assert (proof.number, proof.opening) == (number, None)
    for path in deposited.path.glob("*.proof.txt"):
        path.unlink()
    done = run("prove", "--from-batch", deposited.batch, "--proof", public)
    assert done.exit_code == 0
    assert "No policy was given" in done.err
    assert run("verify", deposited.path, "--policy", deposited.live.policy).exit_code == 10


def test_fetched_and_derived_in_one_go(
    deposited: Deposited, run: Run, fetch: tuple[object, ...]
) -> None:
    number = parse_proof(deposited.proof("a.txt").read_bytes()).number
    for path in deposited.path.glob("*.proof.txt"):
        path.unlink()
    done = run("prove", number, *fetch, "--from-batch", deposited.batch, "--json")
    assert [Path(each["file"]).name for each in done.json["proofs"]] == ["a.txt", "b.txt", "c.txt"]


def test_a_file_is_found_by_its_content(deposited: Deposited, run: Run, tmp_path: Path) -> None:
    moved = shutil.move(deposited.path / "b.txt", tmp_path / "renamed.txt")
    proof = deposited.proof("a.txt")
    done = run("prove", moved, "--from-batch", deposited.batch, "--proof", proof)
    assert done.exit_code == 0, done.err
    derived = tmp_path / "renamed.txt.proof.txt"
    assert derived.read_bytes() == deposited.proof("b.txt").read_bytes()


def test_the_public_form_of_a_holders_copy(deposited: Deposited, run: Run, tmp_path: Path) -> None:
    proof = deposited.proof("a.txt")
    assert run("prove", "--proof", proof, "--public", "--out", tmp_path).exit_code == 0
    new = tmp_path / "made" / "for it"
    assert run("prove", "--proof", proof, "--public", "--out", new).exit_code == 0
    assert list(new.iterdir())
    public = parse_proof((tmp_path / "a.txt.public.proof.txt").read_bytes())
    assert public.opening is None
    salt = parse_proof(proof.read_bytes()).opening.salt  # type: ignore[union-attr]
    assert salt.hex().encode() not in format_proof(public)
    for path in deposited.path.glob("*.proof.txt"):
        assert b"\nopening\n" in path.read_bytes()
    run("prove", "--from-batch", deposited.batch, "--proof", proof, "--public")
    assert len(list(deposited.path.glob("*.public.proof.txt"))) == 3


# What is refused.


def test_an_unknown_evidence_number(run: Run, fetch: tuple[object, ...]) -> None:
    number = format_number(1_790_000_000_000, 999_999)
    outcome = run("prove", number, *fetch, "--json")
    assert outcome.exit_code == 40
    assert outcome.json["error"]["code"] == "NUMBER_UNKNOWN"


def test_a_misread_evidence_number(run: Run, fetch: tuple[object, ...]) -> None:
    outcome = run("prove", "EV20260921000000000042-00", *fetch)
    assert outcome.exit_code == 2
    assert "not a valid evidence number" in outcome.err


def test_a_proof_not_sealed_yet(deposited: Deposited, run: Run, fetch: tuple[object, ...]) -> None:
    number = parse_proof(deposited.proof("a.txt").read_bytes()).number
    deposited.live.do(deposited.live.cluster.sealing.clear)
    assert run("prove", number, *fetch).exit_code == 50


def test_a_proof_of_another_statement(deposited: Deposited, run: Run, tmp_path: Path) -> None:
    other = Deposited(deposited.live, run, tmp_path / "other")
    outcome = run("prove", "--from-batch", other.batch, "--proof", deposited.proof("a.txt"))
    assert outcome.exit_code == 2
    assert "another statement" in outcome.err


def test_a_damaged_proof(deposited: Deposited, run: Run) -> None:
    proof = deposited.proof("a.txt")
    good = proof.read_bytes()
    for damaged in (good[:-5], good.replace(b"size", b"sise", 1), b""):
        proof.write_bytes(damaged)
        for arguments in (["--from-batch", deposited.batch], ["--public"]):
            outcome = run("prove", "--proof", proof, *arguments)
            assert outcome.exit_code == 30
            assert "V200" in outcome.err


def test_a_proof_under_another_policy(deposited: Deposited, run: Run, world: Any) -> None:
    text, _ = world.policy_texts(quorum=3)
    policy = deposited.path.parent / "other-policy.txt"
    policy.write_bytes(text)
    arguments = ("--proof", deposited.proof("a.txt"), "--policy", policy)
    assert run("prove", "--public", *arguments).exit_code == 30


@pytest.mark.parametrize("way", ["../outside/a.txt", "{}/outside/a.txt", "link/a.txt"])
def test_no_proof_is_written_outside_the_folder_of_a_batch_file(
    deposited: Deposited, run: Run, tmp_path: Path, way: str
) -> None:
    """A batch file may come from others, and says where its files are."""
    outside, out, place = tmp_path / "outside", tmp_path / "out", way.format(tmp_path)
    outside.mkdir()
    out.mkdir()
    (deposited.path / "link").symlink_to(outside)
    moved = shutil.move(deposited.path / "a.txt", outside)
    data = deposited.batch.read_bytes()
    deposited.batch.write_bytes(data.replace(b'"path":"a.txt"', f'"path":"{place}"'.encode()))
    proof = shutil.move(deposited.proof("b.txt"), tmp_path / "one.txt")
    arguments = ("--from-batch", deposited.batch, "--proof", proof)
    outcome = run("prove", *arguments)
    assert outcome.exit_code == 2
    assert "leads out of its folder" in outcome.err
    assert list(outside.iterdir()) == [outside / "a.txt"]
    assert not deposited.proof("b.txt").exists()
    assert run("prove", *arguments, "--out", out).exit_code == 0
    assert sorted(each.name for each in out.iterdir()) == [
        f"{name}.txt.proof.txt" for name in "abc"
    ]
    assert run("prove", moved, *arguments).exit_code == 0
    assert (outside / "a.txt.proof.txt").exists()


def test_a_file_of_another_deposit(deposited: Deposited, run: Run, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.txt"
    stranger.write_text("never deposited")
    proof = deposited.proof("a.txt")
    outcome = run("prove", stranger, "--from-batch", deposited.batch, "--proof", proof)
    assert outcome.exit_code == 20
    assert "changes its bytes too" in outcome.err


def test_a_gateway_that_gives_another_number(
    deposited: Deposited, run: Run, fetch: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = parse_proof(deposited.proof("a.txt").read_bytes()).number
    other = deposited.proof("b.txt").read_bytes()
    monkeypatch.setattr(Gateway, "proof", lambda *_: other)
    outcome = run("prove", number, *fetch)
    assert outcome.exit_code == 80
    assert "another number" in outcome.err


def test_wrong_usage(deposited: Deposited, run: Run, fetch: tuple[object, ...]) -> None:
    proof = deposited.proof("a.txt")
    for arguments in (
        [],
        ["EV1"],
        ["a.txt", "--proof", proof],
        ["--proof", proof],
        ["EV20260921000000000042-00", "--proof", proof],
        ["--from-batch", deposited.batch],
        ["--proof", deposited.path / "absent", "--public"],
    ):
        outcome = run("prove", *arguments)
        assert outcome.exit_code == 2, arguments
        assert outcome.out == ""


def test_nothing_is_overwritten(deposited: Deposited, run: Run) -> None:
    proof, public = deposited.proof("a.txt"), deposited.path / "a.txt.public.proof.txt"
    public.write_text("something of mine")
    outcome = run("prove", "--proof", proof, "--public")
    assert outcome.exit_code == 2
    assert public.read_text() == "something of mine"
    assert run("prove", "--proof", proof, "--public", "--force").exit_code == 0
