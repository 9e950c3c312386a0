"""`cunzheng export`: a bundle is fetched, checked and kept; one that does not verify is not."""

from pathlib import Path
from typing import Any

import pytest

from node.client.gateway import Gateway
from node.evidence.proof_text import parse_proof

Live = Any
Run = Any


@pytest.fixture
def number(live: Live, run: Run, tmp_path: Path) -> str:
    file = tmp_path / "a.txt"
    file.write_text("content")
    assert run("anchor", file, *live.access).exit_code == 0
    return parse_proof((tmp_path / "a.txt.proof.txt").read_bytes()).number


@pytest.fixture
def fetch(live: Live, tmp_path: Path) -> tuple[object, ...]:
    access = ("--gateway", live.url, "--api-key-file", live.api_key, "--policy", live.policy)
    return (*access, "--out", tmp_path / "out")


def test_a_bundle_is_exported_and_verifies(
    live: Live, run: Run, number: str, fetch: tuple[object, ...], tmp_path: Path
) -> None:
    done = run("export", number, *fetch)
    assert done.exit_code == 0, done.err
    (bundle,) = (tmp_path / "out").iterdir()
    assert str(bundle) in done.out
    assert run("verify", bundle, "--policy", live.policy).exit_code == 10


def test_a_bundle_that_does_not_verify_is_not_kept(
    run: Run,
    number: str,
    fetch: tuple[object, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = f"EVB_{number}_20261122T000000Z-00000000"
    monkeypatch.setattr(Gateway, "bundle", lambda *_: (name, b"no archive"))
    assert run("export", number, *fetch).exit_code == 30
    assert not list((tmp_path / "out").iterdir())
    monkeypatch.setattr(Gateway, "bundle", lambda *_: ("../elsewhere", b"no archive"))
    assert run("export", number, *fetch).exit_code == 30
    assert not (tmp_path / "elsewhere.zip").exists()


def test_a_misspelled_number_is_refused(run: Run, fetch: tuple[object, ...]) -> None:
    assert run("export", "EV20261121000000000000-00", *fetch).exit_code == 2
