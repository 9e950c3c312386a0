"""The published log through a gateway: who may read what, where, and how long it is kept."""

import base64
import gzip
from typing import Any

import pytest

from node import member_pb2 as pb
from node.evidence.checkpoint import Checkpoint, cosign, format_checkpoint
from node.evidence.entry import PolicyEntry, format_entry
from node.evidence.merkle import leaf_hash, root, verify_consistency
from node.evidence.note import Note, format_note, sign_ed25519
from node.evidence.record import format_record
from node.evidence.sealed import parse_sealed
from node.evidence.tiles import Tile, format_bundle_path, format_tile_path
from node.gateway.log import publishing
from node.published.layout import body_path, join_bundle, parse_policy_leaf
from tests.node.forks import contradiction_file, named_after

pytestmark = pytest.mark.anyio

AUDITOR = "czk_" + "a5" * 32
FOREVER = "max-age=31536000, immutable"


@pytest.fixture
async def log(client: Any, cluster: Any) -> Any:
    """A client of a gateway that knows an auditor, over 301 entries."""
    del client.http.headers["authorization"]
    while len(cluster.memory.leaves) < 301:
        cluster.apply([])
    return client


def auditing(**headers: str) -> dict[str, dict[str, str]]:
    return {"headers": {"authorization": f"Bearer {AUDITOR}", **headers}}


# What everybody may read.


async def test_hash_tiles_are_for_everybody_and_full_ones_for_ever(log: Any, cluster: Any) -> None:
    leaves = [*map(leaf_hash, cluster.memory.leaves)]
    full = await log.get("/tile/0/000")
    assert full.content == b"".join(leaves[:256])
    assert full.headers["content-type"] == "application/octet-stream"
    assert full.headers["cache-control"] == f"public, {FOREVER}"
    assert "content-encoding" not in full.headers
    partial = await log.get("/tile/0/001.p/45")
    assert partial.content == b"".join(leaves[256:])
    assert partial.headers["cache-control"] == "public, max-age=60"
    assert (await log.get("/tile/1/000.p/1")).content == root(leaves[:256])
    for width in (1, 44, 255):
        response = await log.get(f"/tile/0/000.p/{width}")
        assert response.content == b"".join(leaves[:width])


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/001",
        "tile/0/001.p/46",
        "tile/0/002.p/1",
        "tile/1/000",
        "tile/1/000.p/2",
        "tile/2/000.p/1",
        "tile/63/x999/999",
    ],
)
async def test_nothing_beyond_the_published_size_is_there(log: Any, path: str) -> None:
    response = await log.get(f"/{path}")
    assert (response.status_code, response.json()["code"]) == (404, "NOT_PUBLISHED")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000/",
        "tile/0/%30%30%30",
        "tile//0/000",
        "tile/-1/000",
        "tile/",
        "policies/0",
        "policies/01",
        "policies/%31",
        "policies/",
        "contradictions/none",
    ],
)
async def test_one_part_has_one_address(log: Any, path: str) -> None:
    response = await log.get(f"/{path}")
    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")


async def test_policies_come_as_they_stand_on_the_chain(log: Any, cluster: Any) -> None:
    response = await log.get("/policies/1")
    leaf = parse_policy_leaf(response.content)
    assert (leaf.index, leaf.entry) == (1, cluster.memory.leaves[1])
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["cache-control"] == f"public, {FOREVER}"
    beyond = await log.get("/policies/2", headers={"accept-language": "zh"})
    assert (beyond.status_code, beyond.json()["title"]) == (404, "尚未公布")


async def test_the_checkpoint_is_the_root_of_the_tiles(log: Any, cluster: Any) -> None:
    response = await log.get("/checkpoint")
    head = parse_sealed(response.content).checkpoint
    assert head.root == root([*map(leaf_hash, cluster.memory.leaves)])
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["cache-control"] == "public, max-age=2"
    known = {"if-none-match": response.headers["etag"]}
    again = await log.get("/checkpoint", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    cluster.apply([])
    assert (await log.get("/checkpoint", headers=known)).status_code == 200


async def test_consistency_is_shown_to_everybody(log: Any, cluster: Any) -> None:
    leaves = [*map(leaf_hash, cluster.memory.leaves)]
    value = (await log.get("/v1/consistency?from=100&to=301")).json()
    assert (value["from"], value["to"]) == (100, 301)
    path, roots = ([base64.b64decode(each) for each in value[key]] for key in ("path", "roots"))
    assert roots == [root(leaves[:100]), root(leaves)]
    verify_consistency(100, roots[0], 301, roots[1], path)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("from=1&to=302", 404, "NOT_PUBLISHED"),
        ("from=2&to=1", 422, "FIELD_INVALID"),
        ("from=0&to=1", 422, "FIELD_INVALID"),
        ("from=1&to=9007199254740992", 422, "FIELD_INVALID"),
        ("from=1", 422, "FIELD_MISSING"),
        ("from=1&to=2&of=3", 422, "FIELD_UNKNOWN"),
    ],
)
async def test_sizes_that_are_none(log: Any, query: str, status: int, code: str) -> None:
    response = await log.get(f"/v1/consistency?{query}")
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_contradictions_of_all_members_that_hold_are_listed(log: Any, cluster: Any) -> None:
    """Of two about one checkpoint, the one that names more members is shown."""
    world, members = cluster.world, cluster.members
    assert (await log.get("/contradictions/names")).content == b""
    both = contradiction_file(world, ("court", "notary"), ("court", "notary"))
    one = contradiction_file(world, ("court", "notary"), ("court",))
    name = named_after(one)
    members["court"].contradictions = {name: one, "../2.txt": one, "names": one}
    members["forensic"].contradictions = {name: both}
    members["notary"].contradictions = {name: one[:-1], "3.txt": one, "4.txt": b"a lie\n"}
    assert (await log.get("/contradictions/names")).content == f"{name}\n".encode()
    assert (await log.get(f"/contradictions/{name}")).content == both
    for other in ("3.txt", "4.txt"):
        assert (await log.get(f"/contradictions/{other}")).json()["code"] == "NOT_FOUND"


async def test_no_member_can_put_its_own_contradiction_in_anothers_place(
    log: Any, cluster: Any
) -> None:
    """About the same checkpoint, with as many names; or the same under any number of names. And
    what was shown stays."""
    world, members = cluster.world, cluster.members
    true = contradiction_file(world, ("court",), ("court", "notary"))
    name, second = named_after(true), named_after(true, number=2)
    members["court"].contradictions = {name: true}
    assert (await log.get("/contradictions/names")).content == f"{name}\n".encode()
    lie = contradiction_file(world, ("forensic",), ("court", "forensic", "notary"))
    members["forensic"].contradictions = {
        name: lie,
        **{f"{number}-{bytes(8).hex()}.txt": lie for number in range(1, 50)},
        **{named_after(true, number=number): true for number in range(2, 50)},
    }
    members["court"].contradictions = {}
    assert (await log.get("/contradictions/names")).content == f"{second}\n{name}\n".encode()
    assert (await log.get(f"/contradictions/{name}")).content == true
    assert (await log.get(f"/contradictions/{second}")).content == lie


# What an auditor may read.


async def test_entries_and_bodies_need_an_auditors_key(log: Any) -> None:
    depositor = {"authorization": "Bearer czk_" + "5a" * 32}
    for path in ("/tile/entries/000", "/bodies/001"):
        nobody = await log.get(path)
        assert (nobody.status_code, nobody.json()["code"]) == (401, "API_KEY_MISSING")
        response = await log.get(path, headers=depositor)
        assert (response.status_code, response.json()["code"]) == (403, "SCOPE_MISSING")
        assert (await log.get(path, **auditing())).status_code == 200


async def test_an_auditors_key_deposits_nothing(log: Any) -> None:
    body = {"digests": {"sha256": "01" * 32}, "size": 1}
    response = await log.anchor(body, **auditing())
    assert (response.status_code, response.json()["code"]) == (403, "SCOPE_MISSING")
    assert log.rows() == 0


async def test_bundles_are_compressed_for_who_takes_it(log: Any, cluster: Any) -> None:
    """And kept by the auditor's own cache only."""
    expected = join_bundle(cluster.memory.leaves[:256])
    plain = await log.get("/tile/entries/000", **auditing(**{"accept-encoding": "gzip;q=0"}))
    assert plain.content == expected
    assert plain.headers["cache-control"] == f"private, {FOREVER}"
    assert "content-encoding" not in plain.headers
    async with log.http.stream(
        "GET", "/tile/entries/000", **auditing(**{"accept-encoding": "br, GZIP"})
    ) as packed:
        data = b"".join([chunk async for chunk in packed.aiter_raw()])
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == plain.headers["vary"] == "accept-encoding"
    assert len(data) < len(expected) // 2
    assert gzip.decompress(data) == expected
    partial = await log.get("/tile/entries/001.p/45", **auditing())
    assert partial.content == join_bundle(cluster.memory.leaves[256:])
    assert partial.headers["cache-control"] == "private, max-age=60"
    for path in ("entries/001.p/46", "entries/001", "entries/002.p/1"):
        assert (await log.get(f"/tile/{path}", **auditing())).json()["code"] == "NOT_PUBLISHED"
    assert (await log.get("/tile/entries/0", **auditing())).json()["code"] == "NOT_FOUND"


async def test_bodies_by_their_heights(log: Any, cluster: Any) -> None:
    for height in (1, 298):
        response = await log.get(f"/{body_path(height)}", **auditing())
        assert response.content == cluster.bodies[height]
    assert (await log.get("/bodies/299", **auditing())).json()["code"] == "NOT_PUBLISHED"
    assert (await log.get("/bodies/1", **auditing())).json()["code"] == "NOT_FOUND"


# Members that have not come equally far, and members that lie.


async def test_the_checkpoint_never_goes_back(log: Any, cluster: Any) -> None:
    """The member that led has gone, and those that are left are behind."""
    newest = (await log.get("/checkpoint")).content
    for name in ("forensic", "notary"):
        cluster.members[name].published = 200
    await cluster.members["court"].stop()
    assert (await log.get("/checkpoint")).content == newest
    cluster.members["notary"].published = None
    cluster.apply([])
    assert parse_sealed((await log.get("/checkpoint")).content).checkpoint.size == 302


async def test_what_one_member_lacks_another_one_gives(log: Any, cluster: Any) -> None:
    """Whoever was shown a size finds all that is under it."""
    for name in ("forensic", "notary"):
        cluster.members[name].published = 200
    size = parse_sealed((await log.get("/checkpoint")).content).checkpoint.size
    assert size == 301
    paths = [
        format_tile_path(Tile(0, 1, 45)),
        format_bundle_path(Tile(0, 1, 45)),
        "bodies/250",
        "v1/consistency?from=1&to=301",
    ]
    for path in paths:
        assert (await log.get(f"/{path}", **auditing())).status_code == 200
    # The one that has it is gone: that is no reason to say that it was never published.
    await cluster.members["court"].stop()
    response = await log.get(f"/{paths[1]}", **auditing())
    assert (response.status_code, response.json()["code"]) == (503, "CANNOT_CHECK")
    response = await log.get("/tile/0/001.p/50")
    assert (response.status_code, response.json()["code"]) == (404, "NOT_PUBLISHED")


async def test_a_member_that_cannot_prove_it_is_passed_over(log: Any, cluster: Any) -> None:
    expected = (await log.get("/tile/0/000")).content
    for name in ("forensic", "notary"):
        cluster.members[name].refuse("Tile", "DATA_LOSS", "corrupt")
    assert (await log.get("/tile/0/000")).content == expected
    assert cluster.members["court"].asked[-1] == "Tile"


async def test_a_checkpoint_that_no_quorum_sealed_is_not_shown(
    log: Any, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = cluster.note
    for lie in (
        lambda name: honest(name).replace(b"\n301\n", b"\n999\n", 1),
        lambda name: b"\n".join(honest(name).split(b"\n")[:6]) + b"\n",
        lambda name: b"",
    ):
        monkeypatch.setattr(cluster, "note", lie)
        response = await log.get("/checkpoint")
        assert response.json()["code"] in ("CANNOT_CHECK", "NOT_SEALED")
    monkeypatch.setattr(cluster, "note", honest)
    assert (await log.get("/checkpoint")).content == honest("court")
    monkeypatch.setattr(cluster, "note", lambda name: b"nonsense")
    assert (await log.get("/checkpoint")).content == honest("court")


async def test_the_same_size_is_shown_again_only_with_more_or_newer_seals(
    log: Any, cluster: Any
) -> None:
    """Members publish one size under their own signatures: that alone is no news to anybody."""
    first = (await log.get("/checkpoint")).content
    assert (await log.get("/checkpoint")).content == first
    assert {cluster.note(name) == first for name in cluster.members} == {True, False}
    cluster.clock.now += 60_000
    second = (await log.get("/checkpoint")).content
    assert second != first
    assert parse_sealed(second).checkpoint == parse_sealed(first).checkpoint


async def test_a_changed_policy_is_followed(log: Any, cluster: Any) -> None:
    """Its members seal from then on: known only through the note that brought it in."""
    await log.get("/checkpoint")
    cluster.apply([format_record(cluster.world.next_note(cluster.world.note(), quorum=3))])
    cluster.apply([])
    response = await log.get("/checkpoint")
    assert parse_sealed(response.content).checkpoint.size == 304
    assert [leaf.note.serial for leaf in log.gateway.log._policies] == [1, 2]
    assert parse_policy_leaf((await log.get("/policies/2")).content).note.serial == 2


async def test_whom_a_newer_policy_left_out_seals_nothing_any_more(log: Any, cluster: Any) -> None:
    """Two were enough under the first policy, and a member that lies shows what they sealed now."""
    world = cluster.world
    cluster.apply([format_record(world.next_note(world.note(), quorum=3))])
    cluster.apply([])
    fork = Checkpoint(world.origin, 999, bytes(32))
    lines = [sign_ed25519(format_checkpoint(fork), world.origin, world.log("court"))]
    for name in ("court", "forensic"):
        seal = f"{world.origin}/{name}"
        lines.append(cosign(format_checkpoint(fork), 1, seal, world.witness(name)))
    note = format_note(Note(format_checkpoint(fork), tuple(lines)))
    for serial, name in ((1, "court"), (2, "forensic"), (1, "notary")):
        text = world.note().policy_text if serial == 1 else cluster.policy_text
        lie = pb.CheckpointResponse(note=note, policy_text=text)
        cluster.members[name].lies = {"Checkpoint": lie}
        assert parse_sealed((await log.get("/checkpoint")).content).checkpoint.size == 304
        cluster.members[name].lies = {}
    # Also where nobody else had answered yet.
    ours = log.gateway.log
    ours._shown, ours._policies = None, ours._policies[:1]
    for name in ("court", "forensic"):
        cluster.members[name].lies = {"Checkpoint": pb.CheckpointResponse()}
    cluster.members["notary"].lies = {"Checkpoint": lie}
    assert parse_sealed((await log.get("/checkpoint")).content).checkpoint.size == 999
    cluster.members["court"].lies = {}
    assert parse_sealed((await log.get("/checkpoint")).content).checkpoint.size == 304


async def test_a_policy_that_was_signed_and_never_agreed_on_is_none(log: Any, cluster: Any) -> None:
    world = cluster.world
    await log.get("/checkpoint")
    true = world.next_note(world.note(), quorum=3)
    cluster.apply([format_record(true)])
    cluster.apply([])
    entry = format_entry(PolicyEntry(7, 7, world.next_note(world.note(), quorum=1)))
    for name in ("forensic", "notary"):
        cluster.members[name].lies = {"Policy": pb.PolicyResponse(leaf_index=302, entry=entry)}
    assert parse_sealed((await log.get("/checkpoint")).content).checkpoint.size == 304
    assert [leaf.note for leaf in log.gateway.log._policies] == [world.note(), true]


@pytest.mark.parametrize("form", ["another length", "other bytes"])
async def test_what_does_not_lead_to_the_root_is_passed_over(
    form: str, log: Any, cluster: Any
) -> None:
    """Whatever a lying member gives, nobody else sees it, and caches do not keep it."""
    honest, *liars = cluster.members.values()
    leaves = cluster.memory.leaves
    if form == "other bytes":
        lies = {
            "Tile": pb.TileResponse(hashes=bytes(8192)),
            "Entries": pb.EntriesResponse(bundle=join_bundle(leaves[1:257])),
            "Policy": pb.PolicyResponse(leaf_index=7, entry=leaves[1]),
        }
    else:
        lies = {
            "Tile": pb.TileResponse(hashes=bytes(31)),
            "Entries": pb.EntriesResponse(bundle=b"\0\1"),
            "Policy": pb.PolicyResponse(leaf_index=1, entry=leaves[0]),
        }
    lies["Consistency"] = pb.ConsistencyResponse(old_root=bytes(32), new_root=bytes(32))
    for each in liars:
        each.lies = lies
    paths = ("tile/0/000", "tile/entries/000", "policies/1", "v1/consistency?from=1&to=2")
    for path in paths:
        assert (await log.get(f"/{path}", **auditing())).status_code == 200
    assert (await log.get("/tile/0/000")).content == b"".join(map(leaf_hash, leaves[:256]))
    honest.lies = lies
    for path in paths:
        response = await log.get(f"/{path}", **auditing())
        assert (response.status_code, response.json()["code"]) == (503, "CANNOT_CHECK")


async def test_partial_tiles_that_are_not_of_the_tree_are_passed_over(
    log: Any, cluster: Any
) -> None:
    court, *liars = cluster.members.values()
    for each in liars:
        each.lies = {"Tile": pb.TileResponse(hashes=bytes(32 * 45))}
    expected = b"".join(map(leaf_hash, cluster.memory.leaves[256:]))
    assert (await log.get("/tile/0/001.p/45")).content == expected
    court.lies = liars[0].lies
    cluster.apply([])
    assert (await log.get("/tile/0/001.p/46")).json()["code"] == "CANNOT_CHECK"


async def test_a_part_that_came_meanwhile_is_found_at_once(
    log: Any, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another gateway may show a newer checkpoint than this one did a moment ago."""
    monkeypatch.setattr(publishing, "FRESH_S", 3600.0)
    monkeypatch.setattr(publishing, "HURRY_S", 0.0)
    first = (await log.get("/checkpoint")).content
    cluster.apply([])
    assert (await log.get("/checkpoint")).content == first
    assert (await log.get("/tile/0/001.p/46")).status_code == 200
    assert (await log.get("/checkpoint")).content != first


async def test_many_watchers_cost_the_members_one_question(
    log: Any, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "FRESH_S", 3600.0)
    for _ in range(20):
        await log.get("/checkpoint")
    asked = [name for member in cluster.members.values() for name in member.asked]
    assert asked.count("Checkpoint") == 3  # Once each.
