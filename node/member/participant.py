"""One member at work: replica, ledger and the seals of the others, in one event loop.

    propose:  cutter -> replica ... agreed ... -> ledger (apply, seal) -> exchange
    prove:    wait for a note that covers the block -> prover

The loop belongs to consensus and to the network: heartbeats must never wait. Applying and sealing
run in one thread, which alone changes the ledger; reading and proving run in others.
"""

from __future__ import annotations

import asyncio
import logging
import math
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from importlib.metadata import version
from typing import Any, NoReturn, TypeVar, TypeVarTuple

from consensus import proposals
from consensus.messages import Configuration, Entry, ReplicaId, Voter
from consensus.peers import Identity, Peers
from consensus.quorum import Tally, tally
from consensus.replica import Replica
from node.chain.apply import Applied, Outcome, Skipped, peek_statement_id, repeated
from node.checking.scrub import Scrub
from node.errors import (
    Busy,
    Corrupt,
    DiskFailed,
    DiskFull,
    Dropped,
    NotLeader,
    Unavailable,
    Unknown,
)
from node.member.cutter import Cutter
from node.member.directory import Directory
from node.member.exchange import Exchange
from node.member.expiry import expiring
from node.member.ledger import Ledger
from node.member.milestone import Milestone
from node.member.proving import Prover
from node.membership.asking import member_of
from node.seals.freshness import pulled, silent
from node.seals.sealing import Note, SentSeal, Step

VERSION = version("cunzheng")
CHUNK_BLOCKS = 16
"""Blocks applied before the loop hears of it: their seals share one sync."""
READERS = 2
CLOSE_S = 5.0
"""A disk that hangs must not keep a process from ending."""
RETRY_S = 0.05
ASK_AGAIN_S = 2.0
"""How long a member that catches up waits before it asks again how far that is."""
CLOCK_POLL_S = 0.25
"""How soon a member sees what the leader told it about its clock; heartbeats tell it as often."""
OTHER_CERTIFICATE = (
    "the group knows this replica by another certificate than the one of its settings: put that one"
    " back, or have another member list the new one, move `data` away and `cunzheng join`"
)

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


class DiskHangs(DiskFailed):
    """A thread still waits for the disk. The databases must not be closed under it, and Python
    itself would wait for it: only the end of the process lets go."""


class Participant:
    """From one start to the next. All methods belong to the event loop that runs `run`.

    `applied` is the height up to which the ledger has gone, `note` the newest published note that
    is on disk, `noted` its tree size; `caught_up` is whether it has all that a quorum had committed
    when this member started. `hindrance` is what keeps this replica from taking part, in words for
    an operator; whoever finds it out sets it.

    `witnessed` holds the newest cosignature of each witness of the settings by its name, and
    `witness_alarms` what is wrong with it; the tasks of `witness.client` set both.
    """

    def __init__(self, directory: Directory, ledger: Ledger, identity: Identity) -> None:
        self.ledger = ledger
        self.store = directory.store
        self.seals = directory.seals
        self.member = ledger.sealing.member
        self.prover = Prover(directory.store, directory.journal, directory.seals)
        self.peers = Peers(directory.replica_id, identity)
        self.replica = Replica(
            directory.journal,
            self.peers,
            proposer=self.member,
            version=VERSION,
            apply=self._apply,
            applied=directory.store.chain.height,
        )
        self.note = note = ledger.sealing.note
        self.applied = Milestone(directory.store.chain.height)
        self.noted = Milestone(note.size if note else 0)
        self.hindrance = ""
        self.scrub: Scrub | None = None
        self.witnessed: dict[str, SentSeal | None] = {}
        self.witness_alarms: dict[str, list[str]] = {}
        self.caught_up = False
        self._cutter = Cutter(self._agree)
        self._exchange = Exchange(
            directory.replica_id, identity, self.receive, self._seen_size, self.accept
        )
        # Blocks this member proposed and waits to see applied, by height.
        self._proposed: dict[int, asyncio.Future[Applied]] = {}
        self._started_s = _now_s()
        self._failure: asyncio.Future[NoReturn] | None = None
        self._stopped = False
        self._applier = ThreadPoolExecutor(1, "apply")
        self._readers = ThreadPoolExecutor(READERS, "read")
        self._working: set[Future[Any]] = set()

    async def run(self) -> NoReturn:
        """Take part until cancelled; raises a group with what made it impossible, and `DiskHangs`
        if there is something that does not end."""
        self._failure = asyncio.get_running_loop().create_future()
        if self._is_known_otherwise():
            _log.error(OTHER_CERTIFICATE)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.replica.run())
                group.create_task(self._cutter.run())
                group.create_task(self._exchange.run(self._others))
                group.create_task(self._seal())
                await self._failure
        finally:
            self._failure.cancel()
            if self.scrub is not None:
                self.scrub.stop()
            self._stopped = True
            # What runs in a thread ends by itself and soon; the databases are closed after it.
            self._applier.shutdown(wait=False)
            self._readers.shutdown(wait=False)
            _, hanging = await asyncio.to_thread(wait, tuple(self._working), CLOSE_S)
            if hanging:
                raise DiskHangs(f"{self.store.directory.parent}: the disk does not answer")
        raise AssertionError("run ends by cancellation or failure")

    # For gateways.

    async def propose(self, records: Sequence[bytes]) -> Sequence[Outcome]:
        """Have these records agreed on and applied; one outcome for each.

        A request that brings nothing new is answered from the chain: a retry must not fill it."""
        self.check_serving()
        known = [self._known(record) for record in records]
        if records and all(known):
            return [outcome for outcome in known if outcome]
        return await self._cutter.submit(records)

    async def confirm(self) -> None:
        """Wait until nothing acknowledged before this call, by anyone, is missing here."""
        with _consensus_errors():
            index = await self.replica.read_index()
        await self.applied.wait_for(index)

    async def wait_for_note(self, leaf_index: int, wait_ms: int) -> bool:
        """Whether a note that covers this leaf is published in time."""
        try:
            async with asyncio.timeout(wait_ms / 1000):
                await self.noted.wait_for(leaf_index + 1)
        except TimeoutError:
            return False
        return True

    async def read(
        self, function: Callable[[*_Arguments], _Result], *arguments: *_Arguments
    ) -> _Result:
        """Read from disk in a thread."""
        return await self._in(self._readers, function, *arguments)

    async def keep_scrubbing(self, scrub: Scrub) -> None:
        """In a thread of its own, until cancelled; what it finds shows here."""
        self.scrub = scrub
        try:
            await self._in(ThreadPoolExecutor(1, "scrub"), scrub.run)
        finally:
            scrub.stop()

    @property
    def waiting_bytes(self) -> int:
        """Of records that wait for the next block."""
        return self._cutter.waiting_bytes

    def check_serving(self) -> None:
        """Raise unless what this member knows reaches as far as what it has sealed, and as the
        newest note it keeps: one that came back may have its seals and not yet the ledger."""
        sealing, reached = self.ledger.sealing, self.store.chain.size
        if sealing.halted:
            raise Corrupt(f"this member stopped sealing: {sealing.halted}")
        sealed = max((each.size for each in (sealing.last, self.note) if each), default=0)
        if sealed > reached:
            raise Unavailable(f"views reach {reached} entries of {sealed} sealed")

    def _is_known_otherwise(self) -> bool:
        """The others end the connection of a certificate they do not know without a word."""
        own = ssl.PEM_cert_to_DER_cert(self.peers.identity.certificate.decode().strip())
        known = [each for each in self.replica.configuration if each.id == self.peers.replica_id]
        return bool(known) and own not in [each.certificate for each in known]

    def alarms(self) -> list[str]:
        """What an operator must look at."""
        sealing, found = self.ledger.sealing, []
        if sealing.halted:
            found.append(f"sealing and serving stopped: {sealing.halted}")
        if self._is_known_otherwise():
            found.append(OTHER_CERTIFICATE)
        if self.hindrance:
            found.append(self.hindrance)
        size = self.store.chain.size
        if self.caught_up and sealing.last is not None and sealing.last.size > size:
            found.append(f"it sealed {sealing.last.size} entries, and the chain has {size}")
        if not sealing.is_sealer:
            found.append("the policy in force does not name this member with its keys")
        if not self.replica.status().has_room:
            found.append("little room is left on its disk; a leader takes no more deposits then")
        if off_ms := self.replica.status().clock_off_ms:
            side = "ahead of" if off_ms > 0 else "behind"
            found.append(f"its clock is {abs(off_ms) / 1000:.1f} s {side} the others'; not sealing")
        found += silent(sealing, _now_s(), self._started_s)
        found += [f"{member} seals from the future" for member in sorted(sealing.early)]
        if sealing.refused:
            found.append(f"{sealing.refused} seals were refused")
        for name, alarms in sorted(self.witness_alarms.items()):
            found += [f"witness {name} {alarm}" for alarm in alarms]
        found += [
            f"{each.member} sealed another tree of size {each.seal.size}"
            for each in sealing.contradictions
        ]
        found += [each.said(name) for name, each in self.ledger.exposure.files.items()]
        if self.scrub is not None:
            found += [f"damaged: {each}" for each in self.scrub.damage]
        found += expiring(self.replica.configuration, time.time())
        if self.replica.contradictions:
            found.append(f"{len(self.replica.contradictions)} messages contradict the log")
        return found

    # For witnesses.

    async def keep_witnessed(self, name: str, cosigned: SentSeal) -> None:
        """A witness cosigned this; it is on disk when this returns."""
        await self._work(self.seals.write_witnessed, name, cosigned)
        self.witnessed[name] = cosigned

    def witness_lines(self, note: Note) -> list[bytes]:
        """The cosignatures of witnesses on just this note."""
        kept = [each for each in self.witnessed.values() if each is not None]
        return [each.line for each in kept if note.data.startswith(each.body + b"\n")]

    # For members.

    async def receive(self, seals: Sequence[tuple[bytes, bytes]]) -> None:
        """Bodies and lines of seals of others."""
        if seals:
            self._tell(await self._work(self.ledger.receive, seals, _now_s()))

    async def accept(self, files: Sequence[bytes]) -> None:
        """Contradiction files of another member."""
        if files:
            self._tell(await self._work(self.ledger.accept, files))

    async def pull(self, above_size: int, member: str) -> tuple[list[SentSeal], SentSeal | None]:
        """The newest seals known here, and the newest of the member that asks; all on disk."""
        return await self._work(pulled, self.ledger.sealing, above_size, member)

    async def reconfigure(self, configuration: Configuration) -> None:
        """Have another configuration agreed on, as the leader; `raft.ChangeRefused` says why not
        now."""
        with _consensus_errors():
            await self.replica.propose_configuration(configuration)

    # Inside.

    def _others(self) -> list[Voter]:
        """Whom seals are exchanged with. Another replica of this member has the same key: what it
        seals is no news, or would be taken for somebody else's use of the key."""
        known = self.replica.acquaintances
        return [each for each in known if member_of(each) != self.member]

    def _known(self, record: bytes) -> Skipped | None:
        """The outcome of a record whose statement stands on the chain already."""
        identity = peek_statement_id(record)
        if identity is None or not self.store.has_statement(identity):
            return None
        return repeated(identity)

    async def _apply(self, entries: Sequence[Entry]) -> None:
        for start in range(0, len(entries), CHUNK_BLOCKS):
            chunk = entries[start : start + CHUNK_BLOCKS]
            applied, step = await self._work(self.ledger.apply, chunk, _now_s())
            for block in applied:
                waiter = self._proposed.pop(block.block.height, None)
                if waiter is not None and not waiter.done():
                    waiter.set_result(block)
            self._tell(step)
            self.applied.advance(self.store.chain.height)
            self.ledger.check_rules()

    async def _agree(self, data: bytes) -> Sequence[Outcome]:
        with _consensus_errors():
            position = await self.replica.propose(data)
        # The proposal is answered before the block is handed to `_apply`.
        if position.index <= self.applied.value:
            raise Unknown(f"block {position.index} was applied before its proposal was answered")
        waiter: asyncio.Future[Applied] = asyncio.get_running_loop().create_future()
        self._proposed[position.index] = waiter
        return (await waiter).outcomes

    async def _seal(self) -> NoReturn:
        """Seal nothing before having applied what a quorum says is committed, nor before as many
        have told the newest seal they hold of this member as make a quorum with it: this disk may
        have lost it. And nothing while the others find this clock wrong: a seal says when."""
        await self._catch_up()
        self.caught_up = True
        await self._exchange.wait_for_answers(self._make_quorum)
        seals = False
        while True:
            is_right = not self.replica.status().clock_off_ms
            if is_right and not seals:
                self._tell(await self._work(self.ledger.start_sealing, _now_s()))
                _log.info("sealing from height %d on", self.applied.value)
            elif seals and not is_right:
                await self._work(self.ledger.stop_sealing)
                _log.error("the others find this clock wrong; not sealing until it is right")
            elif seals and self.ledger.sealing.is_due(_now_s()):
                self._tell(await self._work(self.ledger.refresh, _now_s()))
            seals = is_right
            await asyncio.sleep(CLOCK_POLL_S)

    async def _catch_up(self) -> None:
        """Every answer will do, so the lowest does: a leader that names an index nobody ever
        reaches can not keep this member from sealing for longer than it leads."""
        lowest: int | None = None
        while True:
            try:
                with _consensus_errors():
                    index = await self.replica.read_index()
            except Unavailable:
                await asyncio.sleep(RETRY_S)
                continue
            lowest = index if lowest is None else min(lowest, index)
            with suppress(TimeoutError):
                async with asyncio.timeout(ASK_AGAIN_S):
                    await self.applied.wait_for(lowest)
                    return

    def _make_quorum(self, answered: Collection[ReplicaId]) -> bool:
        """Together with this replica, if it votes."""
        voters = [voter.id for voter in self.replica.configuration.voters]
        heard = dict.fromkeys((*answered, self.peers.replica_id), True)
        return tally(voters, heard) is Tally.WON

    def _tell(self, step: Step) -> None:
        """It is on disk: now others may hear of it."""
        self._exchange.push(step.own)
        if step.notes:
            self.note = step.notes[-1]
            self.noted.advance(self.note.size)
        for each in step.contradictions:
            _log.error("%s sealed another tree of size %d", each.member, each.seal.size)
        for name in step.files:
            _log.error("%s", self.ledger.exposure.files[name].said(name))
        if step.halted:
            _log.critical("sealing and serving stopped: %s", step.halted)

    async def _work(
        self, function: Callable[[*_Arguments], _Result], *arguments: *_Arguments
    ) -> _Result:
        return await self._in(self._applier, function, *arguments)

    async def _in(
        self,
        threads: ThreadPoolExecutor,
        function: Callable[[*_Arguments], _Result],
        *arguments: *_Arguments,
    ) -> _Result:
        """Whoever asked: what the disk refuses or does not check ends the member. After a failed
        write of seals it would show in memory what no restart remembers."""
        self._check_running()
        work = threads.submit(function, *arguments)
        self._working.add(work)
        work.add_done_callback(self._working.discard)
        try:
            return await asyncio.wrap_future(work)
        except (Corrupt, DiskFailed) as error:
            if self._failure is not None and not self._failure.done():
                self._failure.set_exception(error)
            raise

    def _check_running(self) -> None:
        """Whoever still asks after a failure, or when the threads have ended, is told so. What is
        at work while the member is asked to stop does not fail by that."""
        failure = self._failure
        failed = failure is not None and failure.done() and not failure.cancelled()
        if failed or self._stopped:
            raise Unavailable("this member stops")

    def _seen_size(self, member: str) -> int:
        seal = self.ledger.sealing.newest.get(member)
        return seal.size if seal else 0


@contextmanager
def _consensus_errors() -> Iterator[None]:
    """Say what the replica says in the words of a node."""
    try:
        yield
    except proposals.NotLeader as error:
        raise NotLeader(error.leader.partition("/")[0] if error.leader else None) from error
    except proposals.Busy as error:
        raise Busy(str(error)) from error
    except proposals.DiskFull as error:
        raise DiskFull(str(error)) from error
    except proposals.Dropped as error:
        raise Dropped(str(error)) from error
    except proposals.Unknown as error:
        raise Unknown(str(error)) from error
    except proposals.Unavailable as error:
        raise Unavailable(str(error)) from error


def _now_s() -> int:
    """The time of a seal, rounded up: what it covers existed no later than that."""
    return math.ceil(time.time())
