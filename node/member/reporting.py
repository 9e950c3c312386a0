"""A member tells how it is: it writes health records, sends them round, and keeps those of others.

A record (`operating.health`) is written when the member starts, every ten minutes and when it is
asked to stop. It is on this disk first; then it is sent to all other members, who keep it too, and
whoever leads proposes what was submitted for it. That is repeated until it is seen on the chain,
also after a restart. So a record cannot be taken back: the others have it, and the chain says when.

Nothing here may cost the member its work: what the disk refuses is logged, and there is a gap.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, TypeVar, TypeVarTuple

import grpc.aio

from consensus.messages import Configuration, Voter
from consensus.peers import secure_channel
from consensus.ready import Role
from consensus.replica import Status
from node import member_pb2 as pb
from node.config import MemberConfig
from node.errors import BadRequest, Busy, Corrupt, DiskFailed, NodeError
from node.evidence.keys import BadSignature, Signer
from node.evidence.malformed import Malformed
from node.evidence.statement import NONCE_SIZE
from node.member.directory import set_seals_aside
from node.member.participant import CLOSE_S, VERSION, Participant
from node.membership.asking import member_of
from node.operating.bucket import Bucket, Rate
from node.operating.health import (
    ALARMS_MAX,
    PERIODIC,
    SERIES_SIZE,
    START,
    STOP,
    TERMS_MAX,
    HealthRecord,
    Reported,
    Term,
    check_reported,
    plain,
    submit,
)
from node.operating.keeping import KEEP_MS, Kept, Records
from node.operating.versions import PYTHON, code_digest, settings_digest
from node.operating.window import INTERVAL_MS
from node.seals.freshness import overdue

HEALTH = "health"
"""Its directory, beside the other databases."""
INTERVAL_S = INTERVAL_MS / 1000
WATCH_S = 0.5
"""How soon a new term or leader is seen."""
SEND_AGAIN_S = 5.0
"""While a record is not on the chain; an election is long over by then."""
SEND_MAX = 8
"""Records sent in one go: after hours without a leader there are more, oldest first."""
CALL_S = 2.0
STOP_S = 1.0
"""For the last record: if it does not get onto the chain in this time it does at the next start."""
TOLD_MAX = 2_000
"""Records in one answer, each up to 16 KiB and mostly 2: two days of seven members."""
TOLD_BYTES_MAX = 8 << 20
AHEAD_MS = 3_600_000
"""A record from further in the future would never be deleted."""
TAKEN = Rate(per_minute=0.2, burst=30)
"""Of each other member: twice of what it should write, and restarts. What a liar can have kept here
in 400 days stays within some hundred megabytes."""

LEARNER, RECALLING, REMOVED = "learner", "recalling", "removed"
_ROLES = {
    Role.FOLLOWER: "follower",
    Role.PRE_CANDIDATE: "candidate",
    Role.CANDIDATE: "candidate",
    Role.LEADER: "leader",
}
_REPORT = "/cunzheng.node.Member/Report"

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


def role_of(status: Status, configuration: Configuration) -> str:
    """In the words of proto/node/member.proto."""
    if status.recalling:
        return RECALLING
    if status.last_index > 0 and status.id not in {each.id for each in configuration}:
        return REMOVED  # A newcomer is sent nothing before it is in the configuration.
    return _ROLES[status.role] if configuration.is_voter(status.id) else LEARNER


def open_records(data: Path, origin: str) -> Records:
    """The store of a member's directory; one that does not check is set aside, and another made."""
    directory = data / HEALTH
    try:
        return Records(directory, origin, secrets.token_bytes)
    except Corrupt as error:
        _log.error("the health records are set aside, the others have theirs: %s", error)
    set_seals_aside(directory)
    return Records(directory, origin, secrets.token_bytes)


class Reporting:
    """Of one start of a member. All methods belong to the event loop that runs `run`."""

    def __init__(
        self,
        participant: Participant,
        config: MemberConfig,
        log: Signer,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._participant = participant
        self._config = config
        self._log = log
        self._origin = participant.store.chain.origin
        self._interval_s = interval_s
        self._records: Records | None = None
        self._thread = ThreadPoolExecutor(1, "health")
        self._spoken_ms = self._started_ms = _now_ms()
        self._seen = (-1, "")
        self._terms: dict[int, Term] = {}
        self._more_terms = 0
        self._taken: dict[str, Bucket] = {}
        self._writing = asyncio.Lock()
        self.newest: HealthRecord | None = None
        """The last record that this process wrote."""

    async def run(self) -> NoReturn:
        """Write, send and keep until cancelled."""
        try:
            await self._open()
            await self._write(START)
            await self._go_on()
        finally:
            # Nothing is lost with it: every batch is synced. LevelDB must not be closed in use.
            closing = self._thread.submit(self._close)
            self._thread.shutdown(wait=False)
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await asyncio.shield(asyncio.wrap_future(closing))
        raise AssertionError("it ends only by cancellation")

    async def stop(self) -> None:
        """Say that this member stops, to as many as hear it in a moment."""
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await self._write(STOP)
                await self._send_pending()

    # For other members and for gateways.

    async def receive(self, request: pb.ReportRequest) -> pb.ReportResponse:
        """Keep another member's record and, on the leader, bring it onto the chain."""
        reported = self._check(request)
        now_ms = _now_ms()
        if not now_ms - KEEP_MS < reported.record.to_ms < now_ms + AHEAD_MS:
            raise BadRequest("a health record of another time")
        try:
            await self._keep(reported)
        except (Corrupt, DiskFailed) as error:
            _log.error("a health record was not kept: %s", error)
        if self._leads:
            await self._participant.propose([reported.submission])
        return pb.ReportResponse()

    async def health(self, request: pb.HealthRequest) -> pb.HealthResponse:
        """What is kept of a time, and where it stands on the chain as this member has it."""
        if self._records is None:
            return pb.HealthResponse()
        records = self._records
        kept = await self._do(records.between, request.from_ms, request.to_ms, TOLD_MAX)
        return await self._participant.read(self._told, kept)

    def _told(self, kept: Sequence[Kept]) -> pb.HealthResponse:
        answer, size = pb.HealthResponse(more=len(kept) == TOLD_MAX), 0
        for each in kept:
            position = self._participant.store.find_statement(each.statement_id)
            report = pb.HealthReport(record=each.record_bytes, submission=each.submission)
            if position is not None:
                report.leaf_index, report.entry = position.leaf_index, position.entry
            size += report.ByteSize()
            if size > TOLD_BYTES_MAX:
                answer.more = True
                break
            answer.reports.append(report)
        return answer

    def _check(self, request: pb.ReportRequest) -> Reported:
        """By the log key with which the policy in force names the member."""
        chain = self._participant.store.chain
        try:
            reported = check_reported(
                request.record, request.submission, self._origin, chain.note.rules
            )
        except (BadSignature, Malformed) as error:
            raise BadRequest(str(error)) from error
        named = {each.member: each.log for each in chain.policy.sealers}
        if named.get(reported.record.member) != reported.event.key:
            raise BadRequest(f"not signed by {reported.record.member} as the policy names it")
        return reported

    # Inside.

    @property
    def _leads(self) -> bool:
        return self._participant.replica.status().role is Role.LEADER

    async def _open(self) -> None:
        try:
            self._records = await self._do(open_records, self._config.data, self._origin)
        except (NodeError, OSError) as error:
            _log.error("no health records are written: %s", error)

    def _close(self) -> None:
        if self._records is not None:
            self._records.close()

    async def _go_on(self) -> None:
        loop = asyncio.get_running_loop()
        due_s, send_s = loop.time() + self._interval_s, 0.0
        while True:
            self._watch()
            if loop.time() >= due_s:
                due_s += self._interval_s
                await self._write(PERIODIC)
                await self._forget()
                send_s = 0.0
            if loop.time() >= send_s:
                await self._send_pending()
                send_s = loop.time() + SEND_AGAIN_S
            await asyncio.sleep(WATCH_S)

    def _watch(self) -> None:
        """Note a term or a leader not heard of before."""
        status = self._participant.replica.status()
        leader = (status.leader or "").partition("/")[0]
        if (status.term, leader) == self._seen:
            return
        self._seen = (status.term, leader)
        known = self._terms.get(status.term)
        if known is not None:
            self._terms[status.term] = Term(status.term, known.since_ms, leader or known.leader)
        elif len(self._terms) < TERMS_MAX:
            self._terms[status.term] = Term(status.term, _now_ms(), leader)
        else:
            self._more_terms += 1

    async def _write(self, kind: str) -> None:
        if self._records is None:
            return
        async with self._writing:
            self._watch()
            try:
                reported = await self._do(self._add, self._records, self._facts(kind))
            except (NodeError, OSError, Malformed) as error:
                _log.error("a health record was not written: %s", error)
                return
            self.newest = reported.record
            self._spoken_ms = reported.record.to_ms
            self._terms.clear()
            self._more_terms = 0

    def _facts(self, kind: str) -> HealthRecord:
        """What the loop knows at this moment; `_add` completes it."""
        participant, now_ms = self._participant, _now_ms()
        status, sealing = participant.replica.status(), participant.ledger.sealing
        scrub, note = participant.scrub, participant.note
        ages = overdue(sealing, now_ms // 1000, self._started_ms // 1000)
        newest = {name: sealing.newest_of(name) for name in sorted(ages)}
        return HealthRecord(
            origin=self._origin,
            member=participant.member,
            series=bytes(SERIES_SIZE),
            serial=1,
            previous=None,
            kind=kind,
            from_ms=min(self._spoken_ms, now_ms),
            to_ms=now_ms,
            version=VERSION,
            python=PYTHON,
            code=bytes(32),
            configuration=settings_digest(self._config),
            role=role_of(status, participant.replica.configuration),
            term=status.term,
            leader=(status.leader or "").partition("/")[0],
            terms=tuple(sorted(self._terms.values(), key=lambda each: each.number)),
            more_terms=self._more_terms,
            clock_off_ms=status.clock_off_ms,
            disk_free=0,
            disk_size=0,
            commit=status.commit,
            applied=participant.store.chain.height,
            sealed_size=0 if note is None else note.size,
            scrub_reached=0 if scrub is None else scrub.reached,
            scrub_passed_ms=0 if scrub is None else scrub.passed_s * 1000,
            scrub_damage=0 if scrub is None else len(scrub.damage),
            missing=tuple((name, each.size if each else 0) for name, each in newest.items()),
            alarms=tuple(plain(each) for each in participant.alarms()[:ALARMS_MAX]),
        )

    def _add(self, records: Records, facts: HealthRecord) -> Reported:
        """The next record, signed and on the disk."""
        before, disk = records.newest_own(), shutil.disk_usage(self._config.data)
        record = replace(
            facts,
            series=records.series,
            serial=1 if before is None else before.record.serial + 1,
            previous=None if before is None else before.digest,
            code=code_digest(),
            disk_free=disk.free,
            disk_size=disk.total,
        )
        reported = submit(record, self._log, secrets.token_bytes(NONCE_SIZE))
        records.add(reported, own=True)
        return reported

    async def _keep(self, reported: Reported) -> None:
        """Unless it is kept already; raises `Busy` if there are too many new ones."""
        if self._records is None or await self._do(self._records.has, reported):
            return
        member = reported.record.member
        bucket = self._taken.setdefault(member, Bucket(TAKEN))
        if wait_s := bucket.take(time.monotonic()):
            raise Busy(f"too many health records of {member}; one more in {wait_s:.0f} s")
        await self._do(self._records.add, reported)

    async def _forget(self) -> None:
        if self._records is not None:
            try:
                await self._do(self._records.forget, _now_ms())
            except (NodeError, OSError) as error:
                _log.error("old health records were not deleted: %s", error)

    async def _send_pending(self) -> None:
        """Send what is not on the chain to everybody, who leads among them."""
        if self._records is None:
            return
        records = self._records
        try:
            for kept in await self._do(records.pending, SEND_MAX):
                if self._participant.store.has_statement(kept.statement_id):
                    await self._do(records.settle, kept)
                else:
                    await self._send(kept)
        except (NodeError, OSError) as error:
            _log.error("health records wait to be sent: %s", error)

    async def _send(self, kept: Kept) -> None:
        others = [
            each
            for each in self._participant.replica.acquaintances
            if member_of(each) != self._participant.member
        ]
        request = pb.ReportRequest(record=kept.record_bytes, submission=kept.submission)
        await asyncio.gather(self._propose(kept), *(self._tell(each, request) for each in others))

    async def _propose(self, kept: Kept) -> None:
        """If this member leads; else one of the others does."""
        if self._leads:
            with suppress(NodeError, TimeoutError):
                async with asyncio.timeout(CALL_S):
                    await self._participant.propose([kept.submission])

    async def _tell(self, other: Voter, request: pb.ReportRequest) -> None:
        async with secure_channel(other, self._participant.peers.identity) as channel:
            call: grpc.aio.UnaryUnaryMultiCallable[pb.ReportRequest, bytes]
            call = channel.unary_unary(_REPORT, pb.ReportRequest.SerializeToString)
            try:
                await call(request, timeout=CALL_S)
            except grpc.aio.AioRpcError as error:
                _log.debug("%s did not take a health record: %s", other.id, error.details())

    async def _do(
        self, function: Callable[[*_Arguments], _Result], *arguments: *_Arguments
    ) -> _Result:
        """In the one thread that uses the store."""
        return await asyncio.wrap_future(self._thread.submit(function, *arguments))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
