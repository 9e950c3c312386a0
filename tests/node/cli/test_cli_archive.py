"""`cunzheng archive` against a gateway that answers on a port: a small chain, from end to end."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.cli import archive
from node.client.gateway import Gateway
from node.evidence.merkle import leaf_hash
from node.evidence.policy import fingerprint
from node.evidence.tiles import Frontier, format_bundle_path, format_tile_path, tiles
from node.gateway.log import publishing
from node.published.layout import body_path, join_bundle

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "FRESH_S", 0.0)
    monkeypatch.setattr(archive, "PATIENCE_S", 0.0)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def public(cluster: Any) -> dict[str, bytes]:
    """What everybody may have, by `node.evidence.tiles` alone."""
    frontier, grown = Frontier().append(map(leaf_hash, cluster.memory.leaves))
    nodes = dict(grown)
    return {
        format_tile_path(tile): b"".join(nodes[each] for each in tile.nodes())
        for tile in tiles(0, frontier.size)
    }


def copies(cluster: Any) -> dict[str, bytes]:
    """What auditors have besides."""
    leaves = cluster.memory.leaves
    found = {body_path(height): data for height, data in cluster.bodies.items()}
    for tile in tiles(0, len(leaves)):
        if tile.level == 0:
            first = tile.index * 256
            found[format_bundle_path(tile)] = join_bundle(leaves[first : first + tile.width])
    return found


def grow(live: Any, blocks: int, deposits: int = 1) -> None:
    """So many blocks, so many deposits in each."""
    first = len(live.cluster.memory.leaves)
    for number in range(first, first + blocks * deposits, deposits):
        records = [live.cluster.world.deposited(number + place) for place in range(deposits)]
        live.do(lambda records=records: live.cluster.apply(records))


def files_of(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in files}


def test_a_chain_becomes_files_and_an_auditor_reads_them(
    live: Any, run: Run, directory: Path, tmp_path: Path
) -> None:
    grow(live, 15, 20)
    identity, out = tmp_path / "auditor.pem", tmp_path / "readable"
    recipient = run("archive", "--new-identity", identity, "--json").json["recipient"]
    trust = ("--gateway", live.url, "--policy", live.policy)
    done = run("archive", directory, *trust, "--json")
    assert (done.exit_code, done.json["size"], done.json["bundles"]) == (0, 321, 0)
    assert not (directory / "encrypted").exists()
    public_only = run("archive", directory, "--decrypt", tmp_path / "p", "--identity", identity)
    assert "no entries and no bodies" in public_only.err
    auditor = ("--api-key-file", live.auditor_key, "--encrypt-to", recipient, "--bodies")
    done = run("archive", directory, *trust, *auditor, "--json")
    assert (done.exit_code, done.json["tiles"]) == (0, 0)
    assert (done.json["bundles"], done.json["bodies"]) == (2, 18)
    grow(live, 2)
    assert run("archive", directory, *trust, *auditor).exit_code == 0
    done = run("archive", directory, "--decrypt", out, "--identity", identity)
    assert done.exit_code == 0
    assert "keep it safe" in done.err
    note = {"checkpoint": live.cluster.note("court"), "contradictions/names": b""}
    policy = {"policies/1": b"cunzheng/policy-leaf/v1\nindex 1\n" + live.cluster.memory.leaves[1]}
    expected = public(live.cluster) | policy | note
    assert files_of(out) == expected | copies(live.cluster)
    assert out.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(directory / "encrypted")
    assert files_of(directory) == expected


def test_readable_copies_are_refused(live: Any, run: Run, directory: Path, tmp_path: Path) -> None:
    trust = ("--gateway", live.url, "--policy", live.policy, "--api-key-file", live.auditor_key)
    for wanted in ("--entries", "--bodies"):
        done = run("archive", directory, *trust, wanted)
        assert done.exit_code == 2
        assert "--encrypt-to" in done.err
    assert run("archive", directory, *trust, "--entries", "--encrypt-to", "x").exit_code == 2
    # Whoever names an auditor and no copies would believe to have some.
    recipient = run("archive", "--new-identity", tmp_path / "a.pem", "--json").json["recipient"]
    assert run("archive", directory, *trust, "--encrypt-to", recipient).exit_code == 2
    assert not directory.exists()


def test_a_depositors_key_mirrors_no_entries(
    live: Any, run: Run, directory: Path, tmp_path: Path
) -> None:
    recipient = run("archive", "--new-identity", tmp_path / "a.pem", "--json").json["recipient"]
    trust = ("--gateway", live.url, "--policy", live.policy, "--api-key-file", live.api_key)
    done = run("archive", directory, *trust, "--entries", "--encrypt-to", recipient)
    assert done.exit_code == 70
    assert not (directory / "checkpoint").exists()


def test_the_policy_is_known_from_elsewhere(live: Any, run: Run, directory: Path) -> None:
    where = ("archive", directory, "--gateway", live.url)
    assert run(*where).exit_code == 2
    other = fingerprint(live.cluster.world.policy_texts(quorum=3)[0])
    done = run(*where, "--policy-fingerprint", other)
    assert (done.exit_code, directory.exists()) == (30, False)
    own = fingerprint(live.policy.read_bytes())
    assert run(*where, "--policy-fingerprint", own).exit_code == 0


@pytest.fixture
def instead(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, bytes], None]:
    """Has the gateway answer otherwise for one path."""
    part = Gateway.part

    def answer(wanted: str, data: bytes) -> None:
        monkeypatch.setattr(
            Gateway,
            "part",
            lambda self, path, patience_s: data if path == wanted else part(self, path, patience_s),
        )

    return answer


def test_what_does_not_verify_is_named(
    live: Any, run: Run, directory: Path, instead: Callable[[str, bytes], None]
) -> None:
    trust = ("--gateway", live.url, "--policy", live.policy)
    assert run("archive", directory, *trust).exit_code == 0
    before = files_of(directory)
    grow(live, 1)
    size = len(live.cluster.memory.leaves)
    instead(f"tile/0/000.p/{size}", bytes(32 * size))
    done = run("archive", directory, *trust, "--lang", "zh")
    assert done.exit_code == 30
    assert f"tile/0/000.p/{size}" in done.err
    assert files_of(directory) == before


def test_a_gateway_that_is_behind_changes_nothing(
    live: Any, run: Run, directory: Path, instead: Callable[[str, bytes], None]
) -> None:
    trust = ("--gateway", live.url, "--policy", live.policy)
    early = live.cluster.note("court")
    grow(live, 3)
    assert run("archive", directory, *trust).exit_code == 0
    before = files_of(directory)
    instead("checkpoint", early)
    done = run("archive", directory, *trust)
    assert done.exit_code == 80
    assert "older checkpoint" in done.err
    assert files_of(directory) == before


def test_identities_are_never_overwritten_and_archives_must_exist(
    run: Run, tmp_path: Path, directory: Path
) -> None:
    identity = tmp_path / "auditor.pem"
    identity.write_text("mine")
    assert run("archive", "--new-identity", identity).exit_code == 2
    assert identity.read_text() == "mine"
    identity.unlink()
    assert run("archive", "--new-identity", identity).exit_code == 0
    assert run("archive").exit_code == 2
    assert run("archive", directory, "--decrypt", tmp_path / "out").exit_code == 2
    wanted = ("--decrypt", tmp_path / "out", "--identity", identity)
    assert run("archive", directory, *wanted).exit_code == 2
    assert not (tmp_path / "out").exists()
