"""A member's data directory: made once, opened by one process, checked as a whole.

    data/incarnation     the replica id this directory was made for, one line
    data/journal/        what was agreed on (`consensus.journal`)
    data/seals/          what this member sealed, saw and published (`seals`)
    data/views/          everything that can be computed from the journal (`store`)

It is made beside its place, as `data.new`, and renamed, so it is there whole or not at all. Each
part is checked against the others when opened, and what is lost is made good by what it takes:

    views      are computed again from the journal.
    seals      are made anew under the same incarnation: what this member sealed, it is told by the
               others before it seals again (`participant`), and what it promised stands in the
               journal. Notes and contradictions that only it kept are gone.
    journal    one with holes may be made whole with what others have (`checking.mending`). If not,
               everything is lost with it: nobody may vote from this directory again; a new one is
               made for a new incarnation (`make_directory`), which takes over the seals that check,
               and the old one is set aside for inspection.

A journal that lacks what it had when this member sealed last was put back, and is lost as well.
"""

from __future__ import annotations

import logging
import secrets
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from consensus.disk import REAL_DISK, Disk
from consensus.journal import (
    DirectoryInUse,
    Journal,
    JournalError,
    NotBootstrapped,
    RolledBack,
    StorageCorrupt,
    StorageFailed,
)
from consensus.messages import Configuration, ReplicaId
from consensus.records import Mark
from node.chain.store import Store, ViewsCorrupt
from node.config import MemberConfig
from node.errors import Corrupt, DiskFailed, Misconfigured
from node.evidence.record import Genesis
from node.leveldb import reading
from node.seals.store import Seals, SealsCorrupt

INCARNATION = "incarnation"
JOURNAL = "journal"
SEALS = "seals"
VIEWS = "views"
MENDED = f"{JOURNAL}.mended"
"""A journal made whole again (`checking.mending`), until it stands in the place of the other."""
DAMAGED = f"{JOURNAL}.damaged"
"""The one it replaced, for inspection."""

_log = logging.getLogger(__name__)


class Lost(Corrupt):
    """This directory is not there, or cannot prove what was promised from it. Its member comes back
    as a new replica, or not at all."""


class JournalDamaged(Lost):
    """So it stands with the journal as it is; it may be possible to make that whole."""


@dataclass(frozen=True, slots=True)
class Directory:
    """The three open databases of a member."""

    journal: Journal
    seals: Seals
    store: Store

    @property
    def replica_id(self) -> ReplicaId:
        return self.journal.replica_id

    def close(self) -> None:
        """Let go of everything."""
        self.store.close()
        self.seals.close()
        self.journal.close()


def open_directory(config: MemberConfig, genesis: Genesis, disk: Disk = REAL_DISK) -> Directory:
    """Open a member's directory; `Lost` if its member must come back as a new replica."""
    if is_empty(config.data, disk):
        raise Lost(f"{config.data} is empty or not there")
    told = replica_id_of(config, disk)
    place_journal(config.data, genesis, disk)
    with journal_errors():
        journal = Journal(config.data / JOURNAL, disk)
    try:
        if told != journal.replica_id:
            raise Lost(f"{config.data}: made for {told}, its journal for {journal.replica_id}")
        seals = _open_seals(config.data / SEALS, genesis, disk)
        try:
            _check_journal(journal, seals)
            store = _open_views(config.data / VIEWS, genesis, journal, disk)
            return Directory(journal, seals, store)
        except BaseException:
            seals.close()
            raise
    except BaseException:
        journal.close()
        raise


def make_directory(
    config: MemberConfig,
    genesis: Genesis,
    replica_id: ReplicaId,
    first: Configuration,
    disk: Disk = REAL_DISK,
    fill: Callable[[Path], None] = lambda _: None,
) -> Path | None:
    """Make the directory of a new replica, whose log is empty and begins with this configuration;
    `fill` may add to it before it takes its place. Returns where the one that was there is now; its
    seals are kept if they check.

    If we stop before the last rename there is no directory and the next start is as after a loss;
    then only the copy of the seals has to be fetched again from the others. What cannot be had
    again from anybody is put into place by `finish_directory`.
    """
    new = new_directory(config)
    with reading(new), journal_errors():
        disk.remove_tree(new)  # An earlier attempt that stopped half-way.
        Journal.bootstrap(new / JOURNAL, replica_id, first, disk)
        _make_seals(new / SEALS, config.data / SEALS, genesis, disk)
        fill(new)
        disk.write_file(new / INCARNATION, f"{replica_id}\n".encode())  # Now it is whole.
        disk.sync(new)
        aside = None if is_empty(config.data, disk) else _set_aside(config.data, disk)
        disk.rename(new, config.data)
        disk.sync(config.data.parent)
    _log.info("made %s for %s", config.data, replica_id)
    return aside


def finish_directory(config: MemberConfig, disk: Disk = REAL_DISK) -> bool:
    """Put into place what `make_directory` had made whole when it was stopped; whether it was."""
    new = new_directory(config)
    with reading(new):
        if not is_empty(config.data, disk) or INCARNATION not in disk.names(new):
            return False
        disk.rename(new, config.data)
        disk.sync(config.data.parent)
    return True


def new_directory(config: MemberConfig) -> Path:
    """Where a directory is made; whatever is there is in the way."""
    return config.data.with_name(config.data.name + ".new")


def draw_replica_id(member: str) -> ReplicaId:
    """An id that no replica ever had."""
    return f"{member}/{secrets.token_hex(8)}"


def is_empty(directory: Path, disk: Disk = REAL_DISK) -> bool:
    """Whether nothing is there."""
    with reading(directory):
        return not disk.names(directory)


@contextmanager
def journal_errors() -> Iterator[None]:
    """Say what the journal says in the words of a node."""
    try:
        yield
    except StorageCorrupt as error:
        raise JournalDamaged(str(error)) from error
    except (NotBootstrapped, RolledBack) as error:
        raise Lost(str(error)) from error
    except StorageFailed as error:
        raise DiskFailed(str(error)) from error
    except DirectoryInUse as error:
        raise Misconfigured(str(error), "数据目录正被另一进程使用；请先停止该进程") from error
    except JournalError as error:
        raise Misconfigured(str(error)) from error


def place_journal(data: Path, genesis: Genesis, disk: Disk = REAL_DISK) -> None:
    """Put a journal that was made whole again into its place, if there is one.

    Wherever we stop, the next open does the rest: as long as it is not in its place, the old one is
    not used, and once it is, the seals know it already.
    """
    mended = data / MENDED
    with reading(data), journal_errors():
        if MENDED not in disk.names(data):
            return
        with closing(Journal(mended, disk)) as journal:
            mark = journal.mark.format()
        try:
            with closing(Seals(data / SEALS, genesis, disk)) as seals:
                seals.follow_journal(mark)
        except SealsCorrupt:
            pass  # They are set aside when they are opened, and new ones know no journal yet.
        if JOURNAL in disk.names(data):
            disk.remove_tree(data / DAMAGED)
            disk.rename(data / JOURNAL, data / DAMAGED)
        disk.rename(mended, data / JOURNAL)
        disk.sync(data)
    _log.warning("the journal was made whole again; what was in its place is %s", DAMAGED)


def replica_id_of(config: MemberConfig, disk: Disk = REAL_DISK) -> ReplicaId:
    """Read first, because a directory of someone else is not ours to set aside."""
    path = config.data / INCARNATION
    with reading(path):
        try:
            told = disk.read_file(path).decode(errors="replace").strip()
        except FileNotFoundError:
            raise Lost(f"{path} is missing; it says whose directory this is") from None
    if told.partition("/")[0] != config.member:
        raise Misconfigured(f"{config.data} is the directory of {told}, not of {config.member}")
    return told


def _open_seals(path: Path, genesis: Genesis, disk: Disk) -> Seals:
    try:
        return Seals(path, genesis, disk)
    except SealsCorrupt as error:
        _log.error("the seals are set aside; what was sealed is asked of the others: %s", error)
    set_seals_aside(path, disk)
    Seals.create(path, genesis, disk)
    with reading(path):
        disk.sync(path.parent)  # Or what is sealed into them is gone with them.
    return Seals(path, genesis, disk)


def set_seals_aside(path: Path, disk: Disk = REAL_DISK) -> None:
    """Out of the way for inspection; the next open makes new ones. The health records of a member
    (`operating.keeping`) go the same way."""
    if not is_empty(path, disk):
        with reading(path):
            _set_aside(path, disk)


def _make_seals(path: Path, old: Path, genesis: Genesis, disk: Disk) -> None:
    """What was sealed must never be contradicted, whichever incarnation sealed it."""
    Seals.create(path, genesis, disk)
    if is_empty(old, disk):
        return
    try:
        Seals.copy(old, path, genesis, disk)
    except SealsCorrupt as error:
        _log.error("the seals do not check and are not kept: %s", error)
        disk.remove_tree(path)
        Seals.create(path, genesis, disk)


def set_aside_before(path: Path, disk: Disk = REAL_DISK) -> list[str]:
    """The names of what stood in this place and was set aside."""
    return sorted(each for each in disk.names(path.parent) if each.startswith(f"{path.name}.lost-"))


def _set_aside(path: Path, disk: Disk) -> Path:
    taken = set_aside_before(path, disk)
    names = (f"{path.name}.lost-{number}" for number in count(1))
    aside = path.with_name(next(name for name in names if name not in taken))
    disk.rename(path, aside)
    _log.error("%s is set aside as %s; look at it, then delete it", path, aside.name)
    return aside


def _check_journal(journal: Journal, seals: Seals) -> None:
    """A journal that lacks what it had when this member sealed last was put back from a copy."""
    told = seals.journal_mark()
    try:
        mark = None if told is None else Mark.parse(told)
    except (ValueError, struct.error) as error:
        raise SealsCorrupt(f"{seals.directory}: {error}") from error
    with journal_errors():
        if mark is not None and not journal.covers(mark):
            raise StorageCorrupt(journal.directory, "it lacks what was sealed from it")


def _open_views(path: Path, genesis: Genesis, journal: Journal, disk: Disk) -> Store:
    store = Store(path, genesis, disk)
    height = store.chain.height
    why = "they are of another history than the journal"
    try:
        with journal_errors():
            if height == 0 or (
                height <= journal.last_index
                and store.continues(journal.entries(height, height + 1, 0)[0])
            ):
                return store
    except ViewsCorrupt as error:
        why = str(error)
    except BaseException:
        store.close()
        raise
    _log.error("the views are made again: %s", why)
    store.set_aside()
    return Store(path, genesis, disk)
