"""A mirror has exactly what was published, fetched once, and never what does not verify."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from node.archive import mirror
from node.archive.files import Files, encrypted
from node.archive.mirror import Behind, Copies, Mirror, Report, Untrusted
from node.evidence.malformed import Malformed
from node.evidence.policy import fingerprint
from node.evidence.record import format_record
from node.evidence.steps import Anchor
from node.published.layout import body_path
from node.published.reading import Damaged
from tests.node.archive.published import Log
from tests.node.forks import contradiction_file, named_after

AUDITOR = X25519PrivateKey.from_private_bytes(bytes(range(32)))
COPIES = Copies((AUDITOR.public_key(),), bodies=True)


SIZE, HEIGHT = 602, 100


def blocks(world: Any, count: int, items: int = 1) -> list[tuple[bytes, ...]]:
    """Five deposits each."""
    return [tuple(world.deposited(5 * n + k, items) for k in range(5)) for n in range(count)]


@pytest.fixture(scope="module")
def grown(world: Any) -> Log:
    log = Log(world)
    log.grow(*blocks(world, HEIGHT))
    assert len(log.memory.leaves) == SIZE
    return log


@pytest.fixture
def log(grown: Log) -> Log:
    """A copy that a test may damage and grow."""
    return deepcopy(grown, {id(grown.world): grown.world})


Archive = Callable[..., Report]


@pytest.fixture
def archive(tmp_path: Path, world: Any) -> Archive:
    """Mirrors a log into the directory `archive`, trusting the first policy."""

    def run(log: Log, copies: Copies | None = None, anchor: Anchor | None = None) -> Report:
        anchor = anchor or Anchor(policy_text=world.note().policy_text)
        run = Mirror(log.fetch, Files(tmp_path / "archive"), anchor, lambda _: None)
        return run.run(copies, lambda _: None)

    return run


@pytest.fixture
def here(tmp_path: Path) -> Callable[[], dict[str, bytes]]:
    """All files of the directory."""

    def read() -> dict[str, bytes]:
        top = tmp_path / "archive"
        files = (path for path in top.rglob("*") if path.is_file())
        return {path.relative_to(top).as_posix(): path.read_bytes() for path in files}

    return read


def test_the_public_part_is_what_is_published_byte_for_byte(
    log: Log, archive: Archive, here: Any
) -> None:
    report = archive(log)
    expected = {path: log.files[path] for path in log.parts(SIZE, copies=False)}
    assert here() == expected | {"contradictions/names": b""}
    assert report == Report(size=SIZE, policies=1, tiles=4, bundles=0, bodies=0)
    assert {"tile/0/000", "tile/0/001", "tile/0/002.p/90", "tile/1/000.p/2"} < expected.keys()


def test_a_second_run_fetches_only_what_is_new(
    log: Log, archive: Archive, here: Any, world: Any
) -> None:
    archive(log, COPIES)
    log.asked.clear()
    assert archive(log, COPIES) == Report(size=SIZE)
    assert log.asked == ["checkpoint", "policies/2", "contradictions/names"]
    before = set(here())
    log.grow(*[()] * 200)
    log.asked.clear()
    report = archive(log, COPIES)
    assert (report.size, report.tiles, report.bundles, report.bodies) == (802, 3, 2, 200)
    assert not {"tile/0/000", "tile/0/001", "tile/entries/000", "tile/entries/001"} & {*log.asked}
    assert len(log.asked) == len(set(log.asked))
    # The partial tiles that wider ones took the place of are gone, and nothing else is.
    gone = {"tile/0/002.p/90", "tile/1/000.p/2", "encrypted/tile/entries/002.p/90"}
    assert before - set(here()) == gone


def test_auditors_read_all_of_it_and_nobody_else(
    log: Log, archive: Archive, here: Any, tmp_path: Path
) -> None:
    archive(log, COPIES)
    files = Files(tmp_path / "archive", AUDITOR)
    paths = [*log.parts(SIZE, copies=True), *map(body_path, range(HEIGHT + 1))]
    assert {path: files.read(path) for path in paths} == {path: log.files[path] for path in paths}
    assert {"checkpoint", *files.paths()} == {*paths, "contradictions/names"}
    in_the_clear = b"".join(here().values())
    assert b"kind statement" in log.files["tile/entries/000"]
    assert b"kind statement" not in in_the_clear
    assert Files(tmp_path / "archive").read("tile/entries/000") is None


def test_bodies_may_follow_entries_later(log: Log, archive: Archive) -> None:
    report = archive(log, replace(COPIES, bodies=False))
    assert (report.bundles, report.bodies) == (3, 0)
    report = archive(log, COPIES)
    assert (report.bundles, report.bodies) == (0, HEIGHT + 1)
    assert archive(log, COPIES) == Report(size=SIZE)


@pytest.mark.parametrize("after", [0, 1, 2, 5, 7, 8, 9, 30, 70, 105])
def test_an_interrupted_run_goes_on(after: int, log: Log, archive: Archive, here: Any) -> None:
    """There is no checkpoint before all is there; what never changes is not fetched again."""
    log.fails_after = after
    with pytest.raises(ConnectionError):
        archive(log, COPIES)
    assert "checkpoint" not in here()
    assert not [path for path in here() if path.endswith(".part")]
    first, log.fails_after = {*log.asked}, None
    kept = {path for path in here() if path.startswith(("tile", "policies", "encrypted/bodies"))}
    log.asked.clear()
    archive(log, COPIES)
    assert not {path.removeprefix("encrypted/") for path in kept} & {*log.asked}
    assert first <= {*log.asked} | {path.removeprefix("encrypted/") for path in kept}
    for path in log.parts(SIZE, copies=False):
        assert here()[path] == log.files[path]


def test_whatever_is_flipped_is_named_and_not_written(log: Log, tmp_path: Path, world: Any) -> None:
    random, anchor = Random(4), Anchor(policy_text=world.note().policy_text)
    paths = [*log.parts(SIZE, copies=True), body_path(0), body_path(3), body_path(90)]
    for number, path in enumerate(paths):
        files, good = Files(tmp_path / str(number)), log.files[path]
        for bad in (flipped(good, random), good[: random.randrange(len(good))], None):
            log.files |= {path: bad}
            with pytest.raises(Damaged) as caught:
                Mirror(log.fetch, files, anchor, lambda _: None).run(COPIES, lambda _: None)
            assert path in caught.value.path
            assert not any(map(files.has, (path, encrypted(path), "checkpoint")))
        log.files[path] = good


def flipped(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]


def test_a_tile_that_rotted_here_is_fetched_again(
    log: Log, archive: Archive, tmp_path: Path, here: Any
) -> None:
    log.fails_after = 8
    with pytest.raises(ConnectionError):
        archive(log, COPIES)
    log.fails_after = None
    (tmp_path / "archive" / "tile/0/001").write_bytes(bytes(8192))
    archive(log)
    assert here()["tile/0/001"] == log.files["tile/0/001"]


def test_a_fork_is_not_followed(log: Log, archive: Archive, here: Any, world: Any) -> None:
    """Both are sealed by a quorum: what is here stays, and somebody has to explain."""
    archive(log)
    before = here()
    fork = Log(world)
    fork.grow(*blocks(world, HEIGHT + 20, 3))
    with pytest.raises(Damaged, match="contradiction"):
        archive(fork)
    assert here() == before
    same = Log(world)
    same.grow(*blocks(world, HEIGHT, 3))
    with pytest.raises(Damaged, match="contradiction"):
        archive(same)
    assert here() == before


def test_an_older_checkpoint_changes_nothing(
    log: Log, archive: Archive, here: Any, world: Any
) -> None:
    early = Log(world)
    early.grow(*blocks(world, HEIGHT - 50))
    archive(log)
    before = here()
    with pytest.raises(Behind):
        archive(early)
    assert here() == before


def test_another_policy_than_the_one_known_is_not_trusted(
    log: Log, archive: Archive, here: Any, world: Any
) -> None:
    other = world.policy_texts(quorum=3)[0]
    for anchor in (Anchor(policy_text=other), Anchor(fingerprint=fingerprint(other))):
        with pytest.raises(Untrusted):
            archive(log, None, anchor)
    assert here() == {}


def test_rules_that_are_newer_ask_for_a_newer_program(
    log: Log, archive: Archive, here: Any, world: Any
) -> None:
    """Nothing is damaged, but this program cannot judge what was sealed under them."""
    policy, members = world.policy_texts(2)
    policy = policy.replace(b"rules 1\n", b"rules 9\n")
    note = world.sign_note(world.note(), policy, members, ("court", "notary"))
    log.grow((format_record(note),))
    assert archive(log).policies == 2
    before = here()
    head = log.memory.chain.checkpoint
    log.files["checkpoint"] = log.note(replace(head, size=head.size + 1))
    with pytest.raises(Malformed) as caught:
        archive(log)
    assert caught.value.newer
    assert here() == before


def test_too_few_seals_are_no_checkpoint(log: Log, archive: Archive, here: Any) -> None:
    log.files["checkpoint"] = log.note(log.memory.chain.checkpoint, ("forensic",))
    with pytest.raises(Damaged, match="1 members sealed, 2 are needed"):
        archive(log)
    assert here() == {}


def test_a_changed_policy_is_followed_from_the_first(
    log: Log, archive: Archive, here: Any, world: Any
) -> None:
    archive(log)
    note = world.next_note(world.note(), quorum=3)
    log.grow((format_record(note),), ())
    report = archive(log)
    assert (report.policies, report.size) == (1, 605)
    assert here()["policies/2"] == log.files["policies/2"]
    # Pinned to the second, the first is in its hash.
    assert archive(log, None, Anchor(policy_text=note.policy_text)) == Report(size=605)


def test_policies_are_limited(
    log: Log, archive: Archive, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever serves another chain can sign as many as it likes."""
    log.grow((format_record(world.next_note(world.note(), quorum=3)),), ())
    size = sum(len(log.files[path]) for path in ("policies/1", "policies/2"))
    monkeypatch.setattr(mirror, "POLICIES_SIZE_MAX", size - 1)
    with pytest.raises(Damaged, match="policies/2: more than"):
        archive(log)
    monkeypatch.setattr(mirror, "POLICIES_SIZE_MAX", size)
    assert archive(log).policies == 2


def test_a_policy_in_another_place_is_found(
    log: Log, archive: Archive, here: Any, world: Any
) -> None:
    """Its place decides which checkpoints it governs."""
    log.grow((format_record(world.next_note(world.note(), quorum=3)),), ())
    true = log.files["policies/2"]
    for place, error in ((602, Damaged), (604, Damaged), (605, Behind)):
        log.files["policies/2"] = true.replace(b"index 603", b"index %d" % place)
        assert log.files["policies/2"] != true
        with pytest.raises(error):
            archive(log)
    assert not {"policies/2", "checkpoint"} & here().keys()


def test_contradictions_that_hold_are_kept_for_good(
    log: Log, archive: Archive, here: Any, world: Any
) -> None:
    text = contradiction_file(world, ("court",), ("court",))
    name, names = f"contradictions/{named_after(text)}", f"{named_after(text)}\n".encode()
    log.files |= {"contradictions/names": names, name: text[:-1]}
    with pytest.raises(Damaged, match=named_after(text)):
        archive(log)
    log.files[name] = text
    assert archive(log).contradictions == 1
    assert here()[name] == text
    # Whoever serves it no more does not make it untrue.
    del log.files["contradictions/names"]
    assert archive(log).contradictions == 1
    assert here()["contradictions/names"] == names
    for names in (b"names\n", b"../x\n", b"one", b"\n"):
        log.files["contradictions/names"] = names
        with pytest.raises(Damaged, match="contradictions/names"):
            archive(log)


def test_a_source_takes_no_contradictions_place_by_another(
    log: Log, archive: Archive, here: Any, world: Any, tmp_path: Path
) -> None:
    """Neither by one that names somebody else, nor by one that names nobody, nor by so many names
    that the list is read no more."""
    true = contradiction_file(world, ("court",), ("court",))
    name, second = named_after(true), named_after(true, number=2)
    log.files |= {"contradictions/names": f"{name}\n".encode(), f"contradictions/{name}": true}
    archive(log)
    for signers, expected in (
        ((("notary",), ("forensic",)), 1),
        ((("notary",), ("court", "forensic", "notary")), 2),
    ):
        log.files[f"contradictions/{name}"] = contradiction_file(world, *signers)
        assert archive(log).contradictions == expected
        assert here()[f"contradictions/{name}"] == true
    assert here()["contradictions/names"] == f"{second}\n{name}\n".encode()
    for side in (False, True):
        many = {named_after(true, number=number, second=side) for number in range(2, 602)}
        log.files["contradictions/names"] = "".join(f"{each}\n" for each in sorted(many)).encode()
        log.files |= {f"contradictions/{each}": true for each in many}
        assert archive(log).contradictions == 2 + side
    log.files |= {"contradictions/names": b"9-0011223344556677.txt\n"}
    log.files |= {"contradictions/9-0011223344556677.txt": true}
    with pytest.raises(Damaged, match="another checkpoint than its name"):
        archive(log)
    (tmp_path / "archive" / "contradictions" / name).write_bytes(b"damaged")
    log.files |= {"contradictions/names": f"{name}\n".encode(), f"contradictions/{name}": true}
    assert archive(log).contradictions == 3
    assert here()[f"contradictions/{name}"] == true


def test_lines_by_witnesses_are_kept(log: Log, archive: Archive, here: Any) -> None:
    line = "— witness.example/w1 YWJjZGVmZ2g=\n"
    log.files["checkpoint"] += line.encode()
    archive(log)
    assert here()["checkpoint"] == log.files["checkpoint"]
