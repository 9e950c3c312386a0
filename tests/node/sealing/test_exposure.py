"""Contradictions become files: a rigged leader that gives two halves of the group two histories, a
member that was given a forked one, a member that signs anything."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from node.evidence.accusation import Judgement, judge
from node.evidence.checkpoint import Checkpoint, cosign, format_checkpoint, parse_checkpoint
from node.evidence.contradiction import Side, format_contradiction, parse_contradiction
from node.evidence.contradiction import ordered as real
from node.evidence.digests import sha256
from node.evidence.keys import Signer
from node.evidence.note import format_line, parse_line
from node.evidence.policy import fingerprint, format_policy, parse_policy
from node.evidence.record import format_record
from node.evidence.sealed import parse_seal
from node.evidence.steps import Anchor
from node.published import contradictions
from node.published.contradictions import OF_EACH
from node.seals import exposure
from node.seals.sealing import SentSeal

Members = Sequence[Any]
Make = Callable[..., Any]


def files(member: Any) -> list[bytes]:
    return [each.data for each in member.ledger.exposure.files.values()]


def judged(member: Any, data: bytes) -> Judgement:
    """As somebody does who has only the fingerprint of the first policy."""
    return judge(data, Anchor(fingerprint=fingerprint(member.world.note().policy_text)))


def named(member: Any) -> list[list[str]]:
    """Who signed both, by each of a member's files; all of them hold."""
    found = []
    for data in files(member):
        judgement = judged(member, data)
        assert judgement.holds, judgement.findings
        assert judgement.accused is not None
        found.append([each.name for each in judgement.accused.both])
    return found


def lie(member: Any, size: int, text: bytes = b"lie") -> SentSeal:
    """A seal of this member on a root nobody computed."""
    body = format_checkpoint(Checkpoint(member.world.origin, size, sha256(text)))
    name = f"{member.world.origin}/{member.name}"
    line = cosign(body, member.now_s, name, member.world.witness(member.name))
    return SentSeal(size, body, format_line(line))


def events(world: Any, *numbers: int) -> list[bytes]:
    return [world.record(world.event(number)) for number in numbers]


@pytest.fixture
def rigged(make_member: Make) -> Members:
    """A leader in two persons, with forensic on its one side and notary on the other. The first
    block is the same for all; they have sealed it and told each other."""
    one, other = make_member("court"), make_member("court", at="court's other half")
    forensic, notary = make_member("forensic"), make_member("notary")
    members = (one, forensic, other, notary)
    for each in members:
        each.apply()
    for each in members:
        each.hear(*(other for other in members if other.name != each.name))
    return members


# A rigged leader


def test_after_a_restart_the_last_own_seal_serves(rigged: Members) -> None:
    """Nobody else had sealed it yet, so there is no note of it."""
    one, forensic, other, notary = rigged
    for member, number in ((one, 1), (forensic, 1), (other, 2), (notary, 2)):
        member.apply(*events(member.world, number))
    forensic.restart(sealing=False)
    forensic.hear(other, notary)
    assert named(forensic) == [[]]


@pytest.mark.parametrize("order", [0, 1], ids=["the other's first", "its own first"])
def test_two_histories_of_equal_sizes_name_the_leader(rigged: Members, order: int) -> None:
    one, forensic, other, notary = rigged
    for member, number in ((one, 1), (forensic, 1), (other, 2), (notary, 2)):
        member.apply(*events(member.world, number))
    assert one.size == other.size
    for victim, own_half, halves in (
        (forensic, one, (other, notary)),
        (notary, other, (one, forensic)),
    ):
        victim.hear(*([own_half, *halves] if order else [*halves, own_half]))
        assert ["court"] in named(victim)
        assert "court" in victim.sealing.halted, "a quorum has sealed another tree"
        assert not victim.apply().own, "it seals nothing any more"


@pytest.mark.parametrize("further", [0, 1, 3])
def test_two_histories_of_unequal_sizes_name_the_leader(rigged: Members, further: int) -> None:
    """The one whose tree is greater shows it from what the other sealed; the other gets the file
    from it, and both stop: each side was sealed by a quorum."""
    one, forensic, other, notary = rigged
    for member in (one, forensic):
        member.apply(*events(member.world, 1))
    for member in (other, notary):
        member.apply(*events(member.world, 2, 3))
        for number in range(further):
            member.apply(*events(member.world, 10 + number))
    assert forensic.size < notary.size
    forensic.hear(one)
    notary.hear(other)
    notary.hear(one, forensic)
    assert ["court"] in named(notary)
    assert not files(forensic)
    forensic.hear(other, notary)
    assert not forensic.sealing.halted, "its own tree does not reach that far"
    step = forensic.ledger.accept(files(notary))
    assert step.files
    assert step.halted
    assert ["court"] in named(forensic)
    assert notary.sealing.halted
    assert judged(notary, files(notary)[0]).accused == judged(forensic, files(forensic)[0]).accused


def test_a_lagging_half_finds_out_by_itself_once_it_is_there(rigged: Members) -> None:
    one, forensic, other, notary = rigged
    for member in (other, notary):
        member.apply(*events(member.world, 2, 3))
    forensic.hear(other, notary)
    for member in (one, forensic):
        member.apply(*events(member.world, 1))
        member.apply(*events(member.world, 4))
    forensic.hear(one)
    assert ["court"] in named(forensic)
    assert forensic.sealing.halted


# A member that was deceived, or lies by itself


def test_a_member_given_a_forked_history_is_refused_by_all_others(rigged: Members) -> None:
    """Its seals count nowhere and are shown; that it lied is not said, for it signed one history
    only. It stops itself, because a quorum differs; the others go on."""
    court, forensic, _, notary = rigged
    for member in (court, forensic):
        member.apply(*events(member.world, 1))
    notary.apply(*events(notary.world, 2))
    for member, other in ((court, forensic), (forensic, court)):
        member.hear(other, notary)
        assert member.sealing.note.size == member.size
        assert b"/notary " not in member.sealing.note.data.split(b"\n\n")[1]
        assert named(member) == [[]]
        assert not member.sealing.halted
        (data,) = files(member)
        accused = judged(member, data).accused
        assert accused is not None
        sides = sorted((accused.first, accused.second), key=lambda side: side.by_quorum)
        assert [[each.name for each in side.members] for side in sides] == [
            ["notary"],
            ["court", "forensic"],
        ]
    notary.hear(court, forensic)
    assert notary.sealing.halted
    assert court.apply().own


def test_a_fork_that_falls_behind_stops_at_the_file_of_the_others(rigged: Members) -> None:
    """Its tree is smaller than anything that the others still tell of, so it finds out nothing by
    itself; the file of somebody who has the greater tree says on which side the quorum is."""
    court, forensic, _, notary = rigged
    notary.apply()
    for number in (1, 3):
        for member in (court, forensic):
            member.apply(*events(member.world, number))
    court.hear(forensic, notary)
    (data,) = files(court)
    notary.receive(court.sent[-1], forensic.sent[-1])
    assert not notary.sealing.halted
    assert not files(notary)
    step = notary.ledger.accept([data])
    assert "two histories contradict each other" in step.halted
    assert named(notary) == [[]]
    assert not notary.apply().own
    assert not forensic.ledger.accept([data]).halted, "the quorum's side is its own"
    assert forensic.apply().own


def test_whose_key_signed_another_tree_says_so_itself(rigged: Members) -> None:
    """A directory from before was written on, and is told what its key signed meanwhile: only who
    has the forked tree can compare it with the smaller true one."""
    court, forensic, other, _ = rigged
    for member in (court, forensic):
        member.apply(*events(member.world, 1))
    court.hear(forensic)
    for number in (2, 3, 4):
        other.apply(*events(other.world, number))
    other.hear(court, forensic)
    assert other.sealing.halted.startswith("its own key sealed another tree")
    assert ["court"] in named(other)
    step = forensic.ledger.accept(files(other))
    assert step.files
    assert not step.halted
    assert ["court"] in named(forensic)
    assert forensic.apply().own


def test_who_signs_anything_is_named_once_it_seals_the_truth_too(members: Members) -> None:
    """First the lie, of a size nobody has come to; then what is true; the file gets better."""
    court, forensic, notary = members
    court.receive(lie(forensic, 4))
    for each in members:
        each.apply()
    assert files(court) == []
    for each in members:
        each.apply()
    court.hear(notary)
    assert named(court) == [[]]
    court.hear(forensic)
    assert named(court) == [["forensic"]]
    assert not court.sealing.halted
    name, exposed = next(iter(court.ledger.exposure.files.items()))
    assert exposed.said(name).startswith("two histories contradict each other: forensic sealed bot")
    for each in members:
        each.apply()
    court.hear(notary, forensic)
    assert named(court) == [["forensic"]]


def test_a_flood_of_lies_makes_a_few_files(members: Members) -> None:
    court, forensic, notary = members
    for _ in range(3 * exposure.BODIES_MAX):
        for each in members:
            each.apply()
        court.receive(lie(forensic, court.size))
        court.hear(notary)
    assert len(files(court)) == exposure.BODIES_MAX
    assert not court.sealing.halted


def test_who_never_seals_the_truth_costs_no_search(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    monkeypatch.setattr(exposure, "ordered", lambda *given: made.append(given) or real(*given))
    court, forensic, notary = members
    for each in (court, notary):
        each.apply()
    court.receive(lie(forensic, court.size))
    for _ in range(20):
        for each in (court, notary):
            each.apply()
        court.hear(notary)
    assert len(made) == 3, "until ours had a quorum, and not with every block"


# Kept and handed on


def test_files_survive_a_restart(rigged: Members) -> None:
    one, forensic, other, notary = rigged
    for member, number in ((one, 1), (forensic, 1), (other, 2), (notary, 2)):
        member.apply(*events(member.world, number))
    forensic.hear(one, other, notary)
    before = files(forensic)
    forensic.restart()
    assert files(forensic) == before
    assert forensic.sealing.halted


def test_after_a_restart_the_notes_serve(rigged: Members) -> None:
    """Applied, but not sealed again yet: of its own only what was published bears seals."""
    one, forensic, other, notary = rigged
    for member, number in ((one, 1), (forensic, 1), (other, 2), (notary, 2)):
        member.apply(*events(member.world, number))
    forensic.hear(one)
    forensic.ledger.stop_sealing()
    forensic.apply()
    forensic.restart(sealing=False)
    forensic.hear(other, notary)
    assert ["court"] in named(forensic)


def test_what_does_not_hold_is_not_taken(world: Any, rigged: Members, make_member: Make) -> None:
    court = make_member("court", at="newly made")
    one, forensic, other, notary = rigged
    for member, number in ((one, 1), (forensic, 1), (other, 2), (notary, 2)):
        member.apply(*events(member.world, number))
    forensic.hear(one, other, notary)
    (good, *_) = files(forensic)
    elsewhere = make_member("court", at="elsewhere", world=type(world)(origin="cunzheng.test/a"))
    assert not elsewhere.ledger.accept([good])
    for bad in (b"", good[:-1], good.replace(b"/court ", b"/notary ")):
        assert not court.ledger.accept([bad])
    assert court.ledger.accept([good]).halted, "who has applied nothing of it can check it too"
    assert not court.ledger.accept([good]), "once"


def test_a_worse_file_takes_no_better_ones_place(rigged: Members) -> None:
    one, forensic, other, notary = rigged
    for member, number in ((one, 1), (forensic, 1), (other, 2), (notary, 2)):
        member.apply(*events(member.world, number))
    forensic.receive(*notary.sent)
    (worse,) = files(forensic)
    forensic.hear(one, other)
    (better,) = files(forensic)
    assert [len(parse_contradiction(each).both) for each in (worse, better)] == [0, 1]
    assert not forensic.ledger.accept([worse])
    assert files(forensic) == [better]


def against(
    member: Any,
    lied: SentSeal,
    *signers: str,
    policies: Sequence[Any] = (),
    more: Sequence[SentSeal] = (),
) -> bytes:
    """A file in which a lie stands against this member's newest checkpoint, sealed by these."""
    world, store = member.world, member.store
    body = format_checkpoint(store.chain.checkpoint)
    seals = [
        parse_seal(
            cosign(body, member.now_s, f"{world.origin}/{name}", world.witness(name)),
            world.origin,
        )
        for name in sorted(signers)
    ]
    foreign = [parse_seal(parse_line(each.line), world.origin) for each in (lied, *more)]
    return format_contradiction(
        real(
            tuple(policies) or (world.note(),),
            Side(parse_checkpoint(lied.body), tuple(foreign)),
            Side(store.chain.checkpoint, tuple(seals)),
            store.root(lied.size),
            store.consistency_path(lied.size, member.size),
        )
    )


def test_an_accomplice_takes_no_files_place(members: Members) -> None:
    """It sealed the same lie, and its file has more seals; but it names itself alone."""
    court, forensic, notary = members
    for each in members:
        each.apply()
    lied = lie(notary, 3)
    court.ledger.accept([against(court, lied, "notary")])
    assert named(court) == [["notary"]]
    accomplice = lie(forensic, 3)
    court.ledger.accept([against(court, accomplice, "court", "forensic", "notary")])
    assert named(court) == [["notary"], ["forensic"]]
    stem = f"3-{sha256(b'lie')[:8].hex()}"
    assert list(court.ledger.exposure.files) == [f"{stem}.txt", f"{stem}-2.txt"]
    court.ledger.accept([against(court, lied, "notary", "court")])
    assert named(court) == [["notary"], ["forensic"]]
    court.restart()
    assert sorted(named(court)) == [["forensic"], ["notary"]]


def test_a_flood_that_is_handed_in_hides_nobody(members: Members) -> None:
    """Whoever lies may write any number of files about itself; of each member a few are kept."""
    court, forensic, notary = members
    for each in members:
        each.apply()
    flood = [
        against(court, lie(forensic, 3, b"%d" % number), *signers)
        for number in range(4 * OF_EACH)
        for signers in (("forensic",), ("notary", "court"))
    ]
    court.ledger.accept(flood)
    assert named(court).count(["forensic"]) == OF_EACH
    assert named(court).count([]) == OF_EACH
    court.ledger.accept([against(court, lie(notary, 3, b"another"), "court")])
    court.ledger.accept([against(court, lie(notary, 3, b"one"), "notary")])
    assert len(files(court)) == 2 * OF_EACH + 2
    assert named(court).count(["notary"]) == 1
    assert not court.sealing.halted


def test_policies_of_another_history_name_nobody(world: Any, members: Members) -> None:
    """Two members may sign a policy that gives the third one's name to a key of theirs. Who knows
    the policies of this chain publishes nothing that is signed with it."""
    court, forensic, _ = members
    change = world.next_note(world.note(), quorum=3)
    for each in members:
        each.apply(format_record(change))
        each.apply()
    stolen = Signer(sha256(b"nobody's"))
    policy_text, members_text = world.policy_texts(2)
    policy = parse_policy(policy_text)
    sealers = [
        replace(each, witness=stolen.public) if each.member == "court" else each
        for each in policy.sealers
    ]
    forged = world.sign_note(
        world.note(),
        format_policy(replace(policy, sealers=tuple(sealers))),
        members_text,
        ("forensic", "notary"),
    )
    body = format_checkpoint(Checkpoint(world.origin, 3, sha256(b"lie")))
    line = cosign(body, court.now_s, f"{world.origin}/court", stolen)
    lied = SentSeal(3, body, format_line(line))
    framing = against(court, lied, "court", policies=(world.note(), forged))
    assert judged(court, framing).holds, "who has the first policy only cannot tell"
    assert not court.ledger.accept([framing])
    assert files(court) == []
    assert court.ledger.accept([against(court, lie(forensic, 3), "forensic")]).files


@pytest.mark.parametrize("by_all", [False, True])
def test_a_former_quorum_cannot_stop_who_goes_on_without_it(
    world: Any, members: Members, by_all: bool
) -> None:
    """Two were enough by the first policy. By the second they are not, and what they sign then is
    shown; all three are, and then there is no history that could be gone on with."""
    court, forensic, notary = members
    change = format_record(world.next_note(world.note(), quorum=3))
    for each in members:
        each.apply(change)
        each.apply()
    size = court.size
    liars = (court, forensic, notary) if by_all else (forensic, notary)
    first, *more = (lie(each, size) for each in liars)
    accepted = court.ledger.accept([against(court, first, "court", more=more)])
    assert accepted.files
    assert bool(court.sealing.halted) is by_all


def test_two_quorums_are_always_kept(rigged: Members, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contradictions, "OF_EACH", 1)
    one, forensic, other, notary = rigged
    for size in (1, 2):
        forensic.receive(lie(notary, size))
    assert len(files(forensic)) == 1
    for member, number in ((one, 1), (forensic, 1), (other, 2), (notary, 2)):
        member.apply(*events(member.world, number))
    forensic.hear(one, other, notary)
    assert ["court"] in named(forensic)


def test_seals_of_a_policy_that_is_no_more_still_count(world: Any, members: Members) -> None:
    """Signed under the first policy, shown under the second, that has another quorum."""
    court, forensic, notary = members
    change = format_record(world.next_note(world.note(), quorum=3))
    false = lie(forensic, 3)
    for each in members:
        each.apply()
        each.apply(change)
        each.apply()
    court.receive(false)
    court.hear(notary)
    court.receive(forensic.sent[-1])
    assert named(court) == [["forensic"]]
    assert len(parse_contradiction(files(court)[0]).policies) == 2
