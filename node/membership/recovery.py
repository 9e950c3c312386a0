"""Recovery: a chain goes on after the majority of its disks was lost, decided by people, offline.

A majority that lost its disks can agree on nothing any more, and no member may decide alone that it
has: the others may only be out of reach. So an operator does, with every copy of a data directory
that is left in hand, also damaged ones:

 1. Of each copy its journal is read up to the first doubt (`consensus.salvage`). Nothing is changed
    in it.
 2. The longest is taken, by the term of its last entry, then by its index: like in an election, no
    other can hold an acknowledged entry that this one lacks, unless the lost ones did.
 3. This member begins anew from it, under a new incarnation, as the only voter: the configuration
    is the last entry, of a term nobody had. It stands on the chain like every entry.
 4. What was in its place is set aside. Its seals are kept; the newest seal of this member that any
    copy knows is its last one.

What was acknowledged and is in none of the copies is lost. If this member sealed it, its seals say
so, and it serves nothing: a chain that went on under the same name would contradict itself. Then
only another chain can be begun. `recovery.log` in the new directory tells all of this of one
recovery. The others come in as newcomers do, with `cunzheng join`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from consensus.disk import REAL_DISK
from consensus.journal import DirectoryInUse, Journal, JournalError
from consensus.messages import Configuration, Entry, EntryKind, HardState, Voter
from consensus.salvage import Salvage, borrow
from node.config import MemberConfig
from node.errors import Corrupt, Misconfigured
from node.evidence.checkpoint import verify_cosignature
from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.evidence.note import Vkey, parse_line
from node.evidence.policy import Policy
from node.evidence.policy_note import PolicyNote, verify_succession
from node.evidence.record import Genesis, parse_block, parse_record
from node.member.directory import JOURNAL, SEALS, make_directory, new_directory
from node.member.participant import VERSION
from node.seals.sealing import Remembered, SentSeal, Step
from node.seals.store import Seals

LOG = "recovery.log"
APPEND_BYTES = 4 << 20
"""Of data in one batch of the new journal."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Copy:
    """What one copy of a data directory still tells; `salvage` is None if that is nothing."""

    path: Path
    salvage: Salvage | None
    why: str
    """Why no more of it can be used; empty if all can."""
    seals: Remembered | None
    """Of whoever's copy it is; None if they do not check."""

    @property
    def rank(self) -> tuple[int, int]:
        """Longer logs have higher ones."""
        if self.salvage is None:
            return (0, 0)
        return (self.salvage.ending.last_term, self.salvage.ending.last_index)

    def __str__(self) -> str:
        if self.salvage is None:
            return f"{self.path}: nothing: {self.why}"
        term, index = self.rank
        end = f", then: {self.why}" if self.why else ", whole"
        owner = self.salvage.replica_id or "unknown replica"
        return f"{self.path}: {owner}, {index} entries, the last of term {term}{end}"


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was done."""

    replica_id: str
    height: int
    """Of the entry that makes this replica the only voter; all before it was saved."""
    term: int
    set_aside: Path | None


@contextmanager
def opened(config: MemberConfig, genesis: Genesis, paths: Sequence[Path]) -> Iterator[list[Copy]]:
    """The copies, the best first, open while the block runs."""
    for path in paths:
        _check_stays(config, path)
    config.data.parent.mkdir(parents=True, exist_ok=True)
    prefix = f"{config.data.name}.recovering-"
    with (
        TemporaryDirectory(prefix=prefix, dir=config.data.parent) as scratch,
        ExitStack() as stack,
    ):
        copies = [
            _open(path, Path(scratch) / str(number), genesis, stack)
            for number, path in enumerate(paths, 1)
        ]
        yield sorted(copies, key=lambda copy: copy.rank, reverse=True)


def recover(
    config: MemberConfig,
    genesis: Genesis,
    own: Voter,
    copies: Sequence[Copy],
    saved: Callable[[int], None] = lambda _: None,
) -> Recovered:
    """Begin anew from the best of these copies, as `own`; `saved` hears how many entries were
    written since it heard last."""
    best = copies[0].salvage
    if best is None or not best.ending.last_index:
        raise Misconfigured(
            "none of the copies has a single entry that can be used",
            "所给的副本中没有任何可用的条目",
        )
    _check_not_in_use(config.data)
    term = 1 + max(copy.salvage.ending.term for copy in copies if copy.salvage is not None)
    index = best.ending.last_index + 1
    alone = Configuration((own,))

    def fill(new: Path) -> None:
        with closing(Journal(new / JOURNAL)) as journal:
            last = _write(journal, best.entries(), saved)
            assert last is not None
            assert last.index == index - 1, "the prefix is as long as it was"
            time_ms = max(last.time_ms, time.time_ns() // 1_000_000)
            forced = Entry(
                index,
                term,
                EntryKind.CONFIGURATION,
                time_ms,
                config.member,
                VERSION,
                alone.format(),
            )
            mark = journal.append(HardState(term), (forced,))
        _write_seals(new / SEALS, config, genesis, copies, mark.format())
        REAL_DISK.write_file(new / LOG, _report(own, copies, index, term).encode())

    known = [copy.salvage.first for copy in copies if copy.salvage is not None]
    first = next((each for each in known if each is not None), alone)
    aside = make_directory(config, genesis, own.id, first, fill=fill)
    _log.info("%s goes on alone from height %d in term %d", own.id, index, term)
    return Recovered(own.id, index, term, aside)


def sealed_height(copies: Sequence[Copy]) -> int:
    """Up to where a quorum sealed, as far as the copies show. If less is saved, what was final is
    lost: the chain must not go on under its name."""
    notes = [copy.seals.note for copy in copies if copy.seals is not None]
    return max((note.height for note in notes if note is not None), default=0)


def _check_stays(config: MemberConfig, path: Path) -> None:
    """What is given is never deleted, and what is in the way of the new directory is."""
    new, given = new_directory(config).resolve(), path.resolve()
    if new == given or new in given.parents or given in new.parents:
        raise Misconfigured(
            f"{path}: the new directory is made at {new}; move the copy elsewhere",
            f"{path}：新目录将建在 {new}；请将该副本移到别处",
        )


def _open(path: Path, scratch: Path, genesis: Genesis, stack: ExitStack) -> Copy:
    journal = path / JOURNAL if (path / JOURNAL).exists() else path
    salvage, why = None, ""
    try:
        salvage = stack.enter_context(Salvage(journal, scratch / JOURNAL))
        why = salvage.ending.why
    except DirectoryInUse as error:
        raise Misconfigured(str(error), f"{path} 正被另一进程使用；请先停止该进程") from error
    except JournalError as error:
        why = str(error)
    return Copy(path, salvage, why, _read_seals(path / SEALS, scratch / SEALS, genesis))


def _read_seals(path: Path, scratch: Path, genesis: Genesis) -> Remembered | None:
    if not path.is_dir():
        return None
    try:
        borrow(path, scratch)
        with closing(Seals(scratch, genesis)) as seals:
            return seals.load()
    except (Corrupt, Misconfigured) as error:
        _log.error("the seals in %s are not used: %s", path, error)
        return None


def _check_not_in_use(data: Path) -> None:
    try:
        REAL_DISK.open_locked(data / JOURNAL / "position").close()
    except BlockingIOError:
        raise Misconfigured(
            f"{data} is open in another process; stop it first",
            f"{data} 正被另一进程使用；请先停止该进程",
        ) from None
    except OSError:
        pass  # Nothing is there that could be in use.


def _write(
    journal: Journal, entries: Iterator[Entry], saved: Callable[[int], None]
) -> Entry | None:
    """All of them, several in one batch; returns the last."""
    last: Entry | None = None
    batch: list[Entry] = []
    size = 0

    def flush() -> None:
        journal.append(HardState(batch[-1].term), batch)
        saved(len(batch))

    for last in entries:
        batch.append(last)
        size += len(last.data)
        if size >= APPEND_BYTES:
            flush()
            batch, size = [], 0
    if batch:
        flush()
    return last


# Seals.


def _write_seals(
    path: Path, config: MemberConfig, genesis: Genesis, copies: Sequence[Copy], mark: bytes
) -> None:
    """The newest seal of this member that any copy knows, over the one its own directory had. Its
    keys are those of any policy there was: it may have sealed under each of them."""
    policies = [
        policy
        for copy in copies
        if copy.salvage is not None
        for policy in _policies(genesis, copy.salvage.entries())
    ]
    vkeys = {
        policy.witness_vkey(sealer)
        for policy in policies
        for sealer in policy.sealers
        if sealer.member == config.member
    }
    told = [
        seal
        for copy in copies
        if copy.seals is not None
        for seal in (copy.seals.last, copy.seals.newest.get(config.member))
        if seal is not None and any(_is_by(seal, vkey) for vkey in vkeys)
    ]
    with closing(Seals(path, genesis)) as seals:
        known = seals.load().last
        if known is not None:
            told.append(known)
        if told:
            seals.write(Step(own=[max(told, key=lambda seal: seal.size)]), mark)


def _policies(genesis: Genesis, entries: Iterable[Entry]) -> list[Policy]:
    """The first and all that came onto the chain with these entries, by the rules of `chain`: alone
    in its block, and signed by a quorum of the one before. It ends at one of newer rules."""
    note, policies = genesis.note, [genesis.note.policy]
    for entry in entries:
        if entry.kind is not EntryKind.NORMAL:
            continue
        with suppress(Malformed, BadSignature):
            match [parse_record(record) for record in parse_block(entry.data)[:2]]:
                case [PolicyNote() as next_note]:
                    verify_succession(note, next_note)
                    note = next_note
                    policies.append(note.policy)
    return policies


def _is_by(seal: SentSeal, vkey: Vkey) -> bool:
    """The last seal of a copy is another member's, unless the copy is of this one's directory."""
    try:
        verify_cosignature(seal.body, parse_line(seal.line), vkey)
    except (BadSignature, Malformed):
        return False
    return True


def _report(own: Voter, copies: Sequence[Copy], index: int, term: int) -> str:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    lines = [
        f"{now} cunzheng {VERSION} recovered this directory for {own.id}.",
        "These copies were read, the best first; its entries are those of this journal:",
        *(f"  {copy}" for copy in copies),
        f"Of what a quorum sealed, the copies show height {sealed_height(copies)}.",
        f"Entry {index} of term {term} makes this replica the only voter.",
        "What was acknowledged and is in none of these copies is lost.",
    ]
    return "".join(f"{line}\n" for line in lines)
