"""A replica that does not take part as it should asks to, until it does.

Two situations, one question (`admitting`):

- There is no directory to start from, or none that can be trusted. `rejoin` asks the members of the
  settings who belongs to the group, and makes one for a new incarnation, whose log is empty and
  begins with the configuration they told. That is done without anybody's leave only for a
  certificate that a replica of the group has; a newcomer has to say that it is one.
- The replica runs, and is not yet what it is to become: `Joining` asks again and again, and each
  time the leader takes the next step. It also finds out that this replica was removed for good
  while it was away, which its own log can never tell it: nobody sends it entries any more.

A member of the settings that lies can only delay this, as long as others are listed: what the most
of them tell is believed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from typing import NoReturn

from consensus.messages import Configuration, ReplicaId, Voter
from consensus.peers import Identity
from consensus.quorum import majority
from consensus.reasons import Reasons
from node import member_pb2 as pb
from node.config import MemberConfig
from node.errors import Misconfigured
from node.evidence.digests import sha256
from node.evidence.record import Genesis, format_genesis
from node.member.directory import (
    Lost,
    draw_replica_id,
    is_empty,
    make_directory,
    open_directory,
    set_aside_before,
)
from node.member.participant import Participant
from node.membership.asking import Applicant, Told, ask, ask_all, contacts_of, member_of

FIRST_S = 1.0
"""After a start most replicas take part before this, and need not ask."""
PAUSE_S = 0.5
PAUSE_S_MAX = 5.0
"""Questions become rarer while nothing changes: a learner may have to wait for a policy."""
SET_ASIDE_MAX = 3
"""Directories set aside before somebody must look why: each may be as large as the ledger, and what
goes on for ever (a disk that lies, a second process) would fill the disk with them."""
REFUSALS = 3
"""In a row by one member: one that has just started, or stops, looks like one that refuses."""
HINT_S = 60.0
"""Members that are started again are there sooner; who waits longer may wait for ever."""
HINT = (
    "if half or more of the voters have lost their disks for good, waiting does not help: `cunzheng"
    " recover` (docs/operations.md, When the majority is lost)"
)
NOT_KNOWN = "it does not know this member"
TOO_FEW = "it knows this member; not enough of the others have said so too"

_log = logging.getLogger(__name__)


async def rejoin(
    config: MemberConfig, genesis: Genesis, identity: Identity, why: str, *, newcomer: bool = False
) -> ReplicaId:
    """Make a directory for a new incarnation, as soon as it is known who belongs to the group;
    returns the replica id. What is in the directory's place is set aside. `Misconfigured` if of
    those who are there nobody wants this member."""
    contacts = contacts_of(config)
    if not newcomer:
        why = f"this member must come back as a new replica: {why}"
    if not contacts:
        raise Misconfigured(
            f"{why}, and `members` names nobody to ask who belongs to the group. For the first"
            " members of a chain: `cunzheng init`"
        )
    aside = set_aside_before(config.data)
    if not newcomer and not is_empty(config.data) and len(aside) >= SET_ASIDE_MAX:
        raise Misconfigured(
            f"{why}; and {', '.join(aside)} were set aside before, so this does not mend itself."
            " See what is wrong, delete them, and start this member again"
        )
    names = ", ".join(member_of(contact) for contact in contacts)
    _log.log(
        logging.ERROR if newcomer else logging.CRITICAL,
        "%s; asking %s who belongs to the group, until enough of them answer%s",
        why,
        names,
        "" if newcomer else " (for the first members of a chain: `cunzheng init`)",
    )
    refusals: Counter[str] = Counter()
    reasons = Reasons(_log, logging.WARNING)
    began_s = asyncio.get_running_loop().time()
    while True:
        told = await ask_all(contacts, identity, pb.JoinRequest())
        first = _configuration(told, genesis, newcomer)
        if first is not None:
            replica_id = draw_replica_id(config.member)
            make_directory(config, genesis, replica_id, first)
            return replica_id
        for each in told:
            invites = _invites(each, newcomer)
            reasons.note(each.name, f"{each.name}: {TOO_FEW if invites else _refusal(each)}")
            refuses = each.refuses or (each.answer is not None and not invites)
            refusals[each.name] = refusals[each.name] + 1 if refuses else 0
        refusing = [name for name, count in refusals.items() if count >= REFUSALS]
        if refusing and not any(_invites(each, newcomer) for each in told):
            heard = "; ".join(
                f"{each.name}: {_refusal(each)}" for each in told if each.name in refusing
            )
            raise Misconfigured(f"{why}. {heard}. {_advice(refusing, newcomer)}")
        if asyncio.get_running_loop().time() - began_s >= HINT_S:
            reasons.note("", f"still asking {names}; {HINT}")
        await asyncio.sleep(PAUSE_S)


async def begin_anew(config: MemberConfig, genesis: Genesis, applicant: Applicant) -> ReplicaId:
    """A newcomer, or a member that had left, makes its directory. One that is there is set aside
    only if it is lost, or most of those who answer say that its replica was removed for good."""
    why = "asked to join"
    try:
        directory = open_directory(config, genesis)
    except Lost as lost:
        why = str(lost)
    else:
        replica_id = directory.replica_id
        directory.close()
        request = applicant.request(replica_id, recalling=True)
        told = await ask_all(contacts_of(config), applicant.identity, request)
        standings = [each.answer.standing for each in told if each.answer is not None]
        removed = standings.count(pb.REMOVED)
        if 2 * removed <= len(standings):
            raise Misconfigured(
                f"{config.data} is that of {replica_id}, and {removed} of {len(standings)} members"
                " that answer say that it was removed: `cunzheng member` starts it"
            )
        why = f"{replica_id} was removed"
    return await rejoin(config, genesis, applicant.identity, why, newcomer=True)


def _configuration(told: Sequence[Told], genesis: Genesis, newcomer: bool) -> Configuration | None:
    """What most of those tell whose group this member may come to."""
    counted: Counter[bytes] = Counter()
    ours = sha256(format_genesis(genesis))
    answers = [each.answer for each in told if each.answer and _invites(each, newcomer)]
    if answers and all(answer.genesis != ours for answer in answers):
        raise Misconfigured("those who answer are of another chain: their genesis file is not ours")
    counted.update(answer.configuration for answer in answers if answer.genesis == ours)
    for data, voices in counted.most_common():
        try:
            configuration = Configuration.parse(data)
        except ValueError as error:
            _log.error("a member told what is no configuration: %s", error)
            continue
        # What is here is given up only for a group that can do without it: so a liar alone cannot
        # have the others give up theirs one after the other. Nor would fewer let anybody in.
        enough = majority(max(len(configuration.voters), len(told)))
        if newcomer or voices >= min(enough, len(told)):
            return configuration
    return None


def _invites(told: Told, newcomer: bool) -> bool:
    answer = told.answer
    return answer is not None and (answer.known or (newcomer and answer.listed))


def _refusal(told: Told) -> str:
    return told.why or NOT_KNOWN


def _advice(refusing: Sequence[str], newcomer: bool) -> str:
    if newcomer:
        return (
            f"List it there in `members` ({', '.join(refusing)}), with its name, address and"
            " certificate, and start that member again"
        )
    return (
        "If this member is new, or left the group: `cunzheng join`; if it is among the first of a"
        " chain: `cunzheng init`"
    )


class Joining:
    """From one start to the next, beside the participant; owned by the same event loop."""

    def __init__(
        self, participant: Participant, applicant: Applicant, contacts: Sequence[Voter]
    ) -> None:
        self._participant = participant
        self._applicant = applicant
        self._contacts = contacts
        self._id = participant.peers.replica_id
        self._turn = 0  # Whom to ask first: one that only pretends to help is not asked every time.
        self._took_part = False  # Since the start.
        self._alone_since_s: float | None = None  # Nobody has told anything from then on.
        self._removed: set[str] = set()
        """Who says that this replica was removed and its member is in the group under another."""

    async def run(self) -> NoReturn:
        """Until cancelled; raises `Lost` if this replica is to come back as another, and
        `Misconfigured` if another process has taken its place."""
        await asyncio.sleep(FIRST_S)
        pause_s = PAUSE_S
        while True:
            before = self._participant.hindrance
            if self._takes_part():
                self._participant.hindrance = ""
                self._removed.clear()
                self._alone_since_s = None
                self._took_part = True
            else:
                await self._ask()
            if (hindrance := self._participant.hindrance) and hindrance == before:
                pause_s = min(2 * pause_s, PAUSE_S_MAX)
            else:
                pause_s = PAUSE_S
                if hindrance:
                    _log.warning(hindrance)
            await asyncio.sleep(pause_s)

    def _takes_part(self) -> bool:
        """As the one voter of its member, under this address and certificate."""
        replica, applicant = self._participant.replica, self._applicant
        own = Voter(self._id, applicant.address, applicant.certificate)
        of_member = [each for each in replica.configuration if member_of(each) == applicant.member]
        is_voter = own in replica.configuration.voters
        return of_member == [own] and is_voter and not replica.status().recalling

    async def _ask(self) -> None:
        """One after the other, until one of them helps, the next time beginning with the next; all
        of them while this replica recalls, to learn who belongs to the group: while it was away
        they may have moved, or have come to know others."""
        replica = self._participant.replica
        recalling = replica.status().recalling
        request = self._applicant.request(self._id, recalling)
        others = [each for each in replica.acquaintances if each.id != self._id]
        known = [(member_of(each), each.address, each.certificate) for each in others]
        listed = [
            each
            for each in self._contacts
            if (member_of(each), each.address, each.certificate) not in known
        ]
        asked = [
            each
            for each in ((*listed, *others) if recalling else (*others, *listed))
            if member_of(each) != self._applicant.member
        ]
        first = self._turn % max(1, len(asked))
        self._turn += 1
        heard: list[str] = []
        learnt: list[Voter] = []
        is_alone = bool(asked)
        for contact in asked[first:] + asked[:first]:
            told = await ask(contact, self._applicant.identity, request)
            is_alone = is_alone and told.answer is None and not told.refuses
            if told.answer is None:
                heard.append(f"{told.name}: {told.why}")
            elif told.answer.standing == pb.REMOVED:
                heard.append(self._note_removal(told, told.answer))
            else:
                self._removed.discard(told.name)
                learnt += _replicas(told.answer)
                heard = [told.answer.waiting_for] if told.answer.waiting_for else []
                if not recalling:
                    break
        if learnt:
            replica.introduce(learnt)
        if self._is_long_alone(is_alone):
            heard.append(HINT)
        self._participant.hindrance = "not taking part: " + "; ".join(heard) if heard else ""

    def _is_long_alone(self, is_alone: bool) -> bool:
        """A leader's answer, also a refusal, would show that a majority is there."""
        now_s = asyncio.get_running_loop().time()
        if not is_alone:
            self._alone_since_s = None
        elif self._alone_since_s is None:
            self._alone_since_s = now_s
        return self._alone_since_s is not None and now_s - self._alone_since_s >= HINT_S

    def _note_removal(self, told: Told, answer: pb.JoinResponse) -> str:
        """One voice of several is not enough to give a directory up for. Who took part can have
        been replaced only by another process with its certificate, which would be replaced in turn
        if this one came back."""
        if not answer.known:
            return (
                f"{told.name}: this replica was removed and its member has no other; if it is to"
                " come back: `cunzheng join`"
            )
        self._removed.add(told.name)
        names = {
            member_of(each) for each in (*self._contacts, *self._participant.replica.acquaintances)
        }
        if 2 * len(self._removed) > len(names - {self._applicant.member}):
            why = f"{self._id} was removed, says {', '.join(sorted(self._removed))}"
            if self._took_part:
                raise Misconfigured(
                    f"{why}, while it took part: another process runs with the certificate of"
                    f" {self._applicant.member}, and came in its place. Only one of them may run"
                )
            raise Lost(why)
        return f"{told.name}: this replica was removed"


def _replicas(answer: pb.JoinResponse) -> list[Voter]:
    """Who belongs to the group by this answer; nobody if it does not say so."""
    try:
        return list(Configuration.parse(answer.configuration)) if answer.known else []
    except ValueError as error:
        _log.error("a member told what is no configuration: %s", error)
        return []
