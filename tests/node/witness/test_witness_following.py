"""A witness that was given the first policy of a chain follows it to the later ones: by what is
published, and by nothing else."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from devnet.sim.disk import SimDisk
from devnet.static_files import served
from node.errors import Corrupt
from node.evidence.checkpoint import Checkpoint, cosign, format_checkpoint
from node.evidence.digests import sha256
from node.evidence.entry import PolicyEntry, format_entry
from node.evidence.keys import Signer
from node.evidence.malformed import Malformed
from node.evidence.merkle import consistency_path, leaf_hash, root
from node.evidence.note import Note, format_note, sign_ed25519
from node.evidence.policy_note import PolicyNote
from node.published.layout import PolicyLeaf, format_policy_leaf
from node.witness.cosigning import Witness
from node.witness.following import PART_SIZE_MAX, Following, NotRead
from node.witness.protocol import PATH, AddCheckpoint, format_request
from node.witness.server import Desk, create_app
from node.witness.state import State
from node.witness.watching import Followed

NOW_S = 1_790_000_000
STATE = Path("/state")
URL = "https://log.example/archive"
LEAVES = [leaf_hash(b"%d" % number) for number in range(40)]
DEADLINE_S = 60
FIRST, SECOND, THIRD = ("court", "forensic"), ("guild", "notary"), ("court", "guild")
"""Who seals under each of three policies: no quorum under another."""


@dataclass
class Chain:
    """A chain with policies, and what is published of them."""

    world: Any
    notes: list[PolicyNote] = field(default_factory=list)
    published: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.notes.append(self.world.note())
        for names, signers in ((SECOND, FIRST), (THIRD, SECOND)):
            self.notes.append(self.world.next_note(self.notes[-1], signers, names=names))

    @property
    def followed(self) -> Followed:
        return Followed(self.notes[0].policy_text, f"{URL}/")

    def publish(self, *notes: PolicyNote) -> None:
        for note in notes:
            entry = format_entry(PolicyEntry(note.serial, NOW_S * 1000, note))
            self.published[f"policies/{note.serial}"] = format_policy_leaf(
                PolicyLeaf(note.serial, entry)
            )

    def request(self, old: int, size: int, names: Iterable[str]) -> bytes:
        """A checkpoint that the first of these publishes, with the cosignatures of all."""
        names = tuple(names)
        body = format_checkpoint(Checkpoint(self.world.origin, size, root(LEAVES[:size])))
        lines = [sign_ed25519(body, self.world.origin, self.world.log(names[0]))]
        for name in names:
            key_name = f"{self.world.origin}/{name}"
            lines.append(cosign(body, NOW_S, key_name, self.world.witness(name)))
        path = tuple(consistency_path(old, size, LEAVES[:size])) if old else ()
        return format_request(AddCheckpoint(old, path, format_note(Note(body, tuple(lines)))))

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = str(request.url).removeprefix(f"{URL}/")
        self.asked.append(path)
        found = self.published.get(path)
        return httpx.Response(404) if found is None else httpx.Response(200, content=found)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self.answer))


@pytest.fixture
def chain(world: Any) -> Chain:
    return Chain(world)


@pytest.fixture
def disk() -> SimDisk:
    disk = SimDisk()
    State.create(STATE, disk)
    return disk


def opened(chain: Chain, disk: SimDisk, followed: Followed | None = None) -> Witness:
    state, signer = State(STATE, disk), Signer(bytes([3]) * 32)
    return Witness("witness.example/w", signer, [], state, [followed or chain.followed])


def status(witness: Witness, request: bytes) -> int:
    return witness.add_checkpoint(request, NOW_S).status


async def look(chain: Chain, witness: Witness) -> None:
    async with chain.client() as http:
        await Desk(witness).following(chain.followed).look(http)


@pytest.mark.anyio
async def test_policies_are_followed_and_never_back(chain: Chain, disk: SimDisk) -> None:
    """What the old members seal after the change they have agreed to is refused, also after a
    restart, for which the settings need not change."""
    chain.publish(*chain.notes)
    witness = opened(chain, disk)
    assert witness.origins == (chain.world.origin,)
    assert status(witness, chain.request(0, 5, FIRST)) == 200
    assert status(witness, chain.request(5, 7, SECOND)) == 403
    await look(chain, witness)
    assert chain.asked == [f"policies/{serial}" for serial in (1, 2, 3, 4)]
    assert status(witness, chain.request(5, 6, FIRST)) == 200, "the change is not sealed yet"
    assert status(witness, chain.request(6, 7, SECOND)) == 200
    for _ in range(2):
        assert status(witness, chain.request(7, 9, FIRST)) == 403
        assert status(witness, chain.request(7, 7, SECOND)) == 200
        witness.state.close()
        witness = opened(chain, disk)
    assert status(witness, chain.request(7, 9, THIRD)) == 200
    assert status(witness, chain.request(9, 10, SECOND)) == 403
    chain.asked.clear()
    await look(chain, witness)
    assert chain.asked == ["policies/4"], "what is known is not asked for again"


@pytest.mark.anyio
async def test_settings_that_name_a_later_policy_begin_there(chain: Chain, disk: SimDisk) -> None:
    chain.publish(*chain.notes)
    await look(chain, witness := opened(chain, disk))
    witness.state.close()
    later = Followed(chain.notes[1].policy_text, URL)
    witness = opened(chain, disk, later)
    assert [note.serial for note in witness.policies(later)] == [2, 3]
    assert status(witness, chain.request(0, 5, FIRST)) == 403
    assert status(witness, chain.request(0, 5, THIRD)) == 200
    witness.state.close()
    elsewhere = Followed(chain.world.policy_texts(quorum=3)[0], URL)
    witness = opened(chain, disk, elsewhere)
    assert witness.policies(elsewhere) == ()
    assert status(witness, chain.request(5, 6, THIRD)) == 403


@pytest.mark.anyio
async def test_what_does_not_follow_is_not_taken(chain: Chain, disk: SimDisk, world: Any) -> None:
    """The published log may be anybody's: it can withhold a policy, and make up none."""
    witness, (first, second, _) = opened(chain, disk), chain.notes
    false = world.next_note(first, ("court",), names=SECOND)
    other = replace(first, policy_text=world.policy_texts(quorum=3)[0])
    for notes in ((first, false), (other, second)):
        chain.publish(*notes)
        with pytest.raises(Malformed):
            await look(chain, witness)
        assert witness.policies(chain.followed) == ()
        assert status(witness, chain.request(0, 5, SECOND)) == 403
    chain.publish(first, second)
    await look(chain, witness)
    assert status(witness, chain.request(0, 5, SECOND)) == 200


@pytest.mark.anyio
async def test_no_more_is_asked_for_than_there_can_be(
    chain: Chain, disk: SimDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.witness.following.POLICIES_MAX", 2)
    chain.publish(*chain.notes)
    with pytest.raises(NotRead, match="more than 2"):
        await look(chain, opened(chain, disk))
    assert len(chain.asked) == 3


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda _: httpx.Response(503), "answers 503"),
        (lambda _: httpx.Response(302, headers={"location": "/"}), "answers 302"),
        (lambda _: httpx.Response(200, content=bytes(PART_SIZE_MAX + 1)), "answers more than"),
        (lambda _: httpx.Response(200, content=b"hello"), "policy leaf"),
        (lambda request: (_ for _ in ()).throw(httpx.ConnectError("no", request=request)), "Conn"),
    ],
    ids=["unavailable", "moved", "too long", "nonsense", "unreachable"],
)
async def test_an_answer_that_is_none(
    chain: Chain,
    disk: SimDisk,
    answer: Callable[[httpx.Request], httpx.Response],
    why: str,
) -> None:
    following = Desk(opened(chain, disk)).following(chain.followed)
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        with pytest.raises((NotRead, Malformed), match=why):
            await following.look(http)


@pytest.mark.anyio
async def test_another_policy_than_was_asked_for(chain: Chain, disk: SimDisk) -> None:
    chain.publish(*chain.notes)
    chain.published["policies/1"] = chain.published["policies/2"]
    with pytest.raises(NotRead, match="is policy 2"):
        await look(chain, opened(chain, disk))


def test_kept_policies_that_do_not_check_stop_the_start(chain: Chain, disk: SimDisk) -> None:
    witness = opened(chain, disk)
    witness.learn(chain.followed, chain.notes)
    batch = witness.state._database.write_batch(sync=True)
    batch.put(b"p" + sha256(chain.world.origin.encode()), b"cunzheng/policies/v1\n")
    batch.write()
    witness.state.close()
    with pytest.raises(Corrupt):
        opened(chain, disk)


@asynccontextmanager
async def at_work(chain: Chain, disk: SimDisk) -> AsyncIterator[httpx.AsyncClient]:
    """A witness that follows, asked over HTTP."""
    desk = Desk(opened(chain, disk))
    witness = desk.witness
    following = Following(
        chain.followed,
        partial(desk.ask, witness.policies, chain.followed),
        partial(desk.ask, witness.learn, chain.followed),
        pause_s=0.0,
    )
    transport = httpx.ASGITransport(create_app(desk, [following]))
    async with (
        chain.client() as log,
        httpx.AsyncClient(transport=transport, base_url="http://witness") as http,
    ):
        task = asyncio.create_task(following.run(log))
        yield http
        task.cancel()
    desk.close()


@pytest.mark.anyio
async def test_a_refusal_makes_it_look(chain: Chain, disk: SimDisk) -> None:
    """And what it does not find, or cannot read, it looks for at the next refusal."""
    chain.publish(chain.notes[0])
    async with at_work(chain, disk) as http, asyncio.timeout(DEADLINE_S):
        assert (await http.post(PATH, content=chain.request(0, 5, FIRST))).status_code == 200
        for published in ({}, {"policies/2": b"nonsense"}):
            chain.published |= published
            looked = len(chain.asked)
            while len(chain.asked) == looked:
                answer = await http.post(PATH, content=chain.request(5, 7, SECOND))
                assert answer.status_code == 403
        chain.publish(*chain.notes)
        while (await http.post(PATH, content=chain.request(5, 7, SECOND))).status_code == 403:
            pass


@pytest.mark.slow
def test_a_witness_process_follows_what_a_directory_publishes(
    witness_toml: Path, witness_port: int, chain: Chain, tmp_path: Path
) -> None:
    chain.publish(*chain.notes)
    (tmp_path / "archive" / "policies").mkdir(parents=True)
    for path, data in chain.published.items():
        (tmp_path / "archive" / path).write_bytes(data)
    (tmp_path / "policy.txt").write_bytes(chain.notes[0].policy_text)

    with served(tmp_path / "archive") as url:
        head = witness_toml.read_text().split("[[")[0]
        witness_toml.write_text(f'{head}[[logs]]\npolicy = "policy.txt"\nurl = "{url}"\n')
        line = [sys.executable, "-m", "node.cli", "witness", str(witness_toml)]
        with subprocess.Popen(line, stderr=subprocess.DEVNULL) as process:
            try:
                content = chain.request(0, 7, THIRD)
                deadline = time.monotonic() + DEADLINE_S
                while not _cosigns(f"http://127.0.0.1:{witness_port}{PATH}", content):
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
                process.terminate()
                assert process.wait(20) == 0
            finally:
                process.kill()


def _cosigns(url: str, content: bytes) -> bool:
    try:
        return httpx.post(url, content=content, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
