"""A member and its witnesses: asked, answered, verified, kept; and witnesses that misbehave."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from devnet.sim.disk import SimDisk
from node import member_pb2 as pb
from node.config import WitnessAddress, load_member
from node.errors import Misconfigured
from node.evidence.checkpoint import (
    Checkpoint,
    cosign,
    format_checkpoint,
    parse_checkpoint,
    verify_cosignature,
)
from node.evidence.keys import Signer
from node.evidence.merkle import consistency_path, leaf_hash, root
from node.evidence.note import (
    TYPE_COSIGNATURE,
    ed25519_vkey,
    format_line,
    format_note,
    format_vkey,
    parse_note,
    parse_vkey,
    sign_ed25519,
)
from node.evidence.note import Note as SignedNote
from node.evidence.tlog_policy import parse_policy
from node.gateway.http.serving import Server
from node.member.milestone import Milestone
from node.published.trust import read_checkpoint
from node.seals.sealing import Note, SentSeal
from node.witness import client
from node.witness.client import Asking, NotCosigned, Witnessing, evidence_path
from node.witness.cosigning import Witness
from node.witness.protocol import AddCheckpoint, format_request, origin_hash
from node.witness.server import Desk, create_app
from node.witness.state import State
from node.witness.watching import Watched, watched_by_policy

NAME = "witness.example/court"
SIGNER = Signer(bytes([3]) * 32)
VKEY = ed25519_vkey(NAME, SIGNER.public, TYPE_COSIGNATURE)
NOW_S = 1_790_000_000

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAUSE_S", 0.01)
    monkeypatch.setattr(client, "PAUSE_S_MAX", 0.02)
    monkeypatch.setattr(client, "RENEW_S", 0.0)


def new_desk(watched: Sequence[Watched]) -> Desk:
    disk = SimDisk()
    State.create(Path("/state"), disk)
    return Desk(Witness(NAME, SIGNER, watched, State(Path("/state"), disk)))


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """The address of a witness on a real socket."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(app, backlog=16, shutdown_s=5)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.stop()
        await running
        listener.close()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110  # It is another process's, as it were.
            await asyncio.sleep(0.01)


# Members


async def test_every_member_shows_the_witness_s_line(houses: Any, world: Any) -> None:
    """Three members ask one witness, each for its own notes; the newest note has its line."""
    desk = new_desk(watched_by_policy(parse_policy(world.policy_texts()[0])))
    async with serving(create_app(desk)) as url:
        for name, config in houses.configs.items():
            houses.configs[name] = replace(config, witnesses=(WitnessAddress(url, VKEY),))
        houses.start()
        await houses.propose(world.deposited(1))
        await houses.propose(world.deposited(2))
        answers = {}

        async def all_shown() -> bool:
            for name in houses.configs:
                answers[name] = await houses.call(name, "Checkpoint", pb.CheckpointRequest())
            return all(NAME.encode() in answer.note for answer in answers.values())

        await until(all_shown)
        for answer in answers.values():
            note = parse_note(answer.note)
            verify_cosignature(note.text, note.signatures[-1], VKEY)
            read_checkpoint(answer.note, world.origin)
        (shown,) = (await houses.status("court")).witnesses
        assert (shown.name, shown.size > 0, shown.time_s > 0) == (NAME, True, True)
        assert not (await houses.status("court")).alarms
        await houses.stop("court")
    # The witness is gone; what it cosigned is not.
    houses.start("court")
    (kept,) = (await houses.status("court")).witnesses
    assert (kept.size, kept.time_s) == (shown.size, shown.time_s)
    desk.close()


async def test_a_member_is_told_of_a_tree_that_is_not_its_own(houses: Any, world: Any) -> None:
    """The notary has published another history, and a witness that watches log keys only has
    cosigned it: the member keeps the note, raises the alarm, and the seal in it names the notary.
    """
    key = ed25519_vkey(world.origin, world.log("notary").public)
    others = [ed25519_vkey(world.origin, world.log(name).public) for name in ("court", "forensic")]
    desk = new_desk([Watched(world.origin, (key, *others))])
    body = format_checkpoint(Checkpoint(world.origin, 3, bytes(32)))
    seal = cosign(body, NOW_S, f"{world.origin}/notary", world.witness("notary"))
    lines = (sign_ed25519(body, world.origin, world.log("notary")),)
    forged = format_note(SignedNote(body, lines))
    request = format_request(AddCheckpoint(0, (), forged))
    assert desk.witness.add_checkpoint(request, NOW_S).status == 200
    # A witness that keeps unknown lines too, as others may.
    kept = desk.witness.state.note(bytes.fromhex(origin_hash(world.origin)))
    desk.witness.state.keep(world.origin, (kept or b"") + format_line(seal))
    async with serving(create_app(desk)) as url:
        court = houses.configs["court"]
        houses.configs["court"] = replace(court, witnesses=(WitnessAddress(url, VKEY),))
        houses.start()
        for number in range(3):
            await houses.propose(world.deposited(number))

        async def alarmed() -> bool:
            alarms = (await houses.status("court")).alarms
            wanted = "another tree of size 3"
            return {f"witness {NAME} cosigned {wanted}", f"notary sealed {wanted}"} <= {*alarms}

        await until(alarmed)
    note = parse_note(evidence_path(court.data, VKEY).read_bytes())
    verify_cosignature(note.text, note.signatures[1], VKEY)
    assert parse_checkpoint(note.text).root == bytes(32)
    desk.close()


# A witness that answers what the test says


LEAVES = [leaf_hash(b"%d" % n) for n in range(20)]


@dataclass
class Standing:
    """The part of a participant that its witnesses see."""

    directory: Path
    note: Note
    witnessed: dict[str, SentSeal | None] = field(default_factory=lambda: {NAME: None})
    witness_alarms: dict[str, list[str]] = field(default_factory=dict)
    received: list[tuple[bytes, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.noted = Milestone(self.note.size)
        self.seals = SimpleNamespace(directory=self.directory / "seals", witnessed=dict)
        self.store = SimpleNamespace(
            chain=SimpleNamespace(size=len(LEAVES), origin="log.example/one"),
            root=lambda size: root(LEAVES[:size]),
            consistency_path=lambda old, new: tuple(consistency_path(old, new, LEAVES[:new])),
        )

    async def read(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)

    async def keep_witnessed(self, name: str, cosigned: SentSeal) -> None:
        self.witnessed[name] = cosigned

    async def receive(self, seals: Sequence[tuple[bytes, bytes]]) -> None:
        self.received += seals


def note_of(log: Any, size: int) -> Note:
    return Note(size, 1, log.note(size))


Handler = Callable[[httpx.Request], httpx.Response]


async def attempts(standing: Standing, handle: Handler, count: int = 1) -> None:
    """Let the member ask so often and then stop."""
    asked = 0

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        if asked > count:
            raise asyncio.CancelledError
        return handle(request)

    asking = Asking(standing, WitnessAddress("http://witness", VKEY))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as http:
        with pytest.raises(asyncio.CancelledError):
            await asking.run(http)


@pytest.fixture
def standing(tmp_path: Path, log: Any) -> Standing:
    log.leaves[:] = LEAVES
    return Standing(tmp_path, note_of(log, 9))


def cosigned(log: Any, size: int, by: Signer = SIGNER, name: str = NAME) -> bytes:
    return format_line(cosign(log.body(size), NOW_S, name, by))


async def test_the_size_it_names_is_where_the_path_begins(standing: Standing, log: Any) -> None:
    requests = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request.content)
        if len(requests) == 1:
            return httpx.Response(409, content=b"4\n", headers={"content-type": "text/x.tlog.size"})
        return httpx.Response(200, content=cosigned(log, 9))

    await attempts(standing, handle, 2)
    assert requests == [log.request(0, 9), log.request(4, 9)]
    kept = standing.witnessed[NAME]
    assert kept == SentSeal(9, log.body(9), cosigned(log, 9))


async def test_a_member_that_kept_its_seals_asks_when_its_tree_has_come_so_far(
    standing: Standing, log: Any
) -> None:
    """It came back with the note in its seals and an empty tree, which is no damage: it may not
    be read for the path before the ledger was sent again."""
    standing.store.chain.size = 4
    standing.witnessed[NAME] = SentSeal(2, log.body(2), cosigned(log, 2))
    asking = Asking(standing, WitnessAddress("http://witness", VKEY))  # type: ignore[arg-type]
    answer = httpx.MockTransport(lambda _: httpx.Response(200, content=cosigned(log, 9)))
    async with httpx.AsyncClient(transport=answer) as http:
        with pytest.raises(NotCosigned, match="has 4 of 9 entries so far"):
            await asking._ask(http)
        standing.store.chain.size = 9
        assert await asking._ask(http) == 9


@pytest.mark.parametrize(
    ("status", "content", "why"),
    [
        (200, b"", "no cosignature"),
        (200, b"\xff\n", "no cosignature"),
        (200, "stranger", "not sign with the key of the settings"),
        (200, "other key", "not sign with the key of the settings"),
        (200, "other size", "does not hold"),
        (200, b"x" * 100_000, "answers more than"),
        (409, b"4\n", "409 without a size"),
        (409, "0", "as it was told, and says it has not"),
        (409, "12", "it has seen 12 entries, and this member 9"),
        (403, b"who?\n", "answers 403: who?"),
        (500, b"", "answers 500"),
        (302, b"", "answers 302"),
    ],
)
async def test_an_answer_that_is_none_is_told_and_asked_again(
    standing: Standing,
    log: Any,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    content: bytes | str,
    why: str,
) -> None:
    monkeypatch.setattr(client, "SILENT_S", -1.0)
    headers = {}
    match content:
        case "stranger":
            content = cosigned(log, 9, name="stranger.example")
        case "other key":
            content = cosigned(log, 9, by=Signer(bytes([9]) * 32))
        case "other size":
            content = cosigned(log, 8)
        case str():
            content, headers = f"{content}\n".encode(), {"content-type": "text/x.tlog.size"}
    answer = lambda _: httpx.Response(status, content=content, headers=headers)  # noqa: E731
    await attempts(standing, answer, 3)
    (alarm,) = standing.witness_alarms[NAME]
    assert why in alarm
    assert standing.witnessed == {NAME: None}


async def test_nothing_is_unpacked(
    standing: Standing, log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kilobyte that says it is packed twice may be a gigabyte."""
    monkeypatch.setattr(client, "SILENT_S", -1.0)
    sent = []
    packed = gzip.compress(gzip.compress(cosigned(log, 9)))

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["accept-encoding"])
        stream = httpx.ByteStream(packed)
        return httpx.Response(200, stream=stream, headers={"content-encoding": "gzip, gzip"})

    await attempts(standing, handle)
    assert sent == ["identity"]
    assert standing.witnessed == {NAME: None}
    assert "packed bytes" in standing.witness_alarms[NAME][0]


async def test_a_witness_that_cannot_be_reached(
    standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SILENT_S", -1.0)

    def handle(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    await attempts(standing, handle, 2)
    assert "ConnectError: refused" in standing.witness_alarms[NAME][0]


async def test_silence_is_told_only_after_a_while(standing: Standing) -> None:
    await attempts(standing, lambda _: httpx.Response(500), 5)
    assert standing.witness_alarms == {NAME: []}


async def test_a_witness_that_forgot_is_named(standing: Standing, log: Any) -> None:
    """It had cosigned 7 entries, and says it has seen 3: it could cosign a second history now."""
    standing.witnessed[NAME] = SentSeal(7, log.body(7), cosigned(log, 7))
    answers = [
        httpx.Response(409, content=b"3\n", headers={"content-type": "text/x.tlog.size"}),
        httpx.Response(200, content=cosigned(log, 9)),
    ]
    await attempts(standing, lambda _: answers.pop(0), 2)
    assert standing.witness_alarms[NAME] == ["has seen 3 entries, and had cosigned 7"]


@pytest.mark.parametrize("is_ours", [True, False])
async def test_a_refused_path_is_looked_into(standing: Standing, log: Any, is_ours: bool) -> None:
    shown = log if is_ours else log.fork(2)

    def handle(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(422, content=b"no\n")
        return httpx.Response(200, content=shown.note(5) + cosigned(shown, 5))

    await attempts(standing, handle, 4)
    accused = standing.witness_alarms[NAME]
    assert accused == ([] if is_ours else ["cosigned another tree of size 5"])
    kept = evidence_path(standing.directory, VKEY)
    assert kept.exists() is not is_ours
    if not is_ours:
        assert kept.read_bytes() == shown.note(5) + cosigned(shown, 5)


@pytest.mark.parametrize("shown", ["nonsense", "unsigned", "larger", "other log"])
async def test_a_refusal_that_shows_nothing_accuses_nobody(
    standing: Standing, log: Any, shown: str
) -> None:
    fork = log.fork(2)
    other = replace(fork, origin="log.example/two")
    content = {
        "nonsense": b"nonsense",
        "unsigned": fork.note(5) + cosigned(fork, 6),
        "larger": fork.note(21) + cosigned(fork, 21),
        "other log": other.note(5) + cosigned(other, 5),
    }[shown]

    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(422 if request.method == "POST" else 200, content=content)

    await attempts(standing, handle, 4)
    assert standing.witness_alarms == {NAME: []}
    assert not evidence_path(standing.directory, VKEY).exists()


async def test_nobody_to_ask(standing: Standing) -> None:
    await Witnessing(standing, ()).run()  # type: ignore[arg-type]
    assert standing.witnessed == {}


async def test_a_witness_named_like_a_member_is_refused(standing: Standing) -> None:
    """Its lines would be taken for a member's."""
    for name in ("log.example/one", "log.example/one/court"):
        vkey = replace(VKEY, name=name)
        with pytest.raises(Misconfigured, match="named like a member"):
            Witnessing(standing, [WitnessAddress("https://w", vkey)])  # type: ignore[arg-type]


# Settings


MEMBER = """\
member = "court"
data = "data"
genesis = "genesis.txt"
listen = "127.0.0.1:7101"
certificate = "certificate.pem"
private_key = "tls.pem"
log_key = "log.pem"
witness_key = "witness.pem"
gateways = []

[[witnesses]]
url = "https://witness.example/prefix/"
vkey = "VKEY"
"""


def test_the_witnesses_of_a_member(tmp_path: Path) -> None:
    path = tmp_path / "member.toml"
    path.write_text(MEMBER.replace("VKEY", format_vkey(VKEY)))
    (witness,) = load_member(path).witnesses
    assert witness == WitnessAddress(
        "https://witness.example/prefix/", parse_vkey(format_vkey(VKEY))
    )


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("https://", "ftp://", "`url` is not https:// or http://"),
        ('vkey = "', 'vkey = "x', "`vkey`"),
        ("VKEY", format_vkey(ed25519_vkey(NAME, SIGNER.public)), "type 04"),
        ("url =", "uri =", "unknown setting `uri`"),
        (
            "[[witnesses]]",
            '[[witnesses]]\nurl = "https://x"\nvkey = "VKEY"\n[[witnesses]]',
            "twice",
        ),
    ],
)
def test_wrong_witnesses_are_named(tmp_path: Path, old: str, new: str, why: str) -> None:
    path = tmp_path / "member.toml"
    path.write_text(MEMBER.replace(old, new).replace("VKEY", format_vkey(VKEY)))
    with pytest.raises(Misconfigured, match=why):
        load_member(path)
