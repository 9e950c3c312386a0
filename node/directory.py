"""A member's data directory: made once, opened by one process, checked as a whole.

    data/incarnation     the replica id this directory was made for, one line
    data/journal/        what was agreed on (`consensus.journal`)
    data/seals/          what this member sealed, saw and published (`seals`)
    data/views/          everything that can be computed from the journal (`store`)

It is made beside its place and renamed, so it is there whole or not at all. Each part is checked
against the others when opened: the journal must have what it had when this member sealed last, and
views of another history than the journal's are made again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from consensus.disk import REAL_DISK, Disk
from consensus.journal import Journal, JournalError, StorageCorrupt, StorageFailed
from consensus.messages import Configuration
from consensus.records import Mark
from node.config import MemberConfig, read_file
from node.errors import Corrupt, DiskFailed, Misconfigured
from node.evidence.record import Genesis
from node.leveldb import reading
from node.seals import Seals
from node.store import Store

INCARNATION = "incarnation"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Directory:
    """The three open databases of a member."""

    journal: Journal
    seals: Seals
    store: Store

    @property
    def replica_id(self) -> str:
        return self.journal.replica_id

    def close(self) -> None:
        """Let go of everything."""
        self.store.close()
        self.seals.close()
        self.journal.close()


def open_directory(config: MemberConfig, genesis: Genesis, disk: Disk = REAL_DISK) -> Directory:
    """Open a member's directory, making it first where `voters` says this is its first start."""
    with reading(config.data):
        if not disk.names(config.data):
            _make(config, genesis, disk)
    with journal_errors():
        journal = Journal(config.data / "journal", disk)
    try:
        _check_identity(config, journal, disk)
        seals = Seals(config.data / "seals", genesis, disk)
        try:
            _check_journal(journal, seals)
            store = _open_views(config.data / "views", genesis, journal, disk)
            return Directory(journal, seals, store)
        except BaseException:
            seals.close()
            raise
    except BaseException:
        journal.close()
        raise


@contextmanager
def journal_errors() -> Iterator[None]:
    """Say what the journal says in the words of a node."""
    try:
        yield
    except StorageCorrupt as error:
        raise Corrupt(str(error)) from error
    except StorageFailed as error:
        raise DiskFailed(str(error)) from error
    except JournalError as error:
        raise Misconfigured(str(error)) from error


def _make(config: MemberConfig, genesis: Genesis, disk: Disk) -> None:
    if config.voters is None:
        raise Misconfigured(
            f"{config.data} is empty. If this member never ran, name the first configuration in"
            " `voters`; if its data is lost, it must come back under a new identity"
        )
    configuration = _read_voters(config.voters)
    ours = [v for v in configuration.voters if v.id.partition("/")[0] == config.member]
    if len(ours) != 1:
        raise Misconfigured(f"{config.voters} does not name {config.member} once")
    new = config.data.with_name(config.data.name + ".new")
    disk.remove_tree(new)  # An earlier attempt that stopped half-way.
    with journal_errors():
        Journal.bootstrap(new / "journal", ours[0].id, configuration, disk)
    Seals.create(new / "seals", genesis, disk)
    disk.write_file(new / INCARNATION, f"{ours[0].id}\n".encode())
    for path in (new / "seals", new):
        disk.sync(path)
    disk.rename(new, config.data)
    disk.sync(config.data.parent)
    _log.warning("made %s for %s; take `voters` out of the settings now", config.data, ours[0].id)


def _read_voters(path: Path) -> Configuration:
    try:
        return Configuration.parse(read_file(path).removesuffix(b"\n"))
    except ValueError as error:
        raise Misconfigured(f"{path}: {error}") from error


def _check_identity(config: MemberConfig, journal: Journal, disk: Disk) -> None:
    path = config.data / INCARNATION
    with reading(path):
        try:
            told = disk.read_file(path).decode(errors="replace").strip()
        except FileNotFoundError:
            raise Misconfigured(f"{path} is missing; it says whose directory this is") from None
    if told != journal.replica_id:
        raise Misconfigured(f"{config.data}: made for {told}, but its journal is another's")
    if told.partition("/")[0] != config.member:
        raise Misconfigured(f"{config.data} is the directory of {told}, not of {config.member}")


def _check_journal(journal: Journal, seals: Seals) -> None:
    """A journal that lacks what it had when this member sealed last was put back from a copy."""
    mark = seals.journal_mark()
    with journal_errors():
        if mark is not None and not journal.covers(Mark.parse(mark)):
            raise StorageCorrupt(journal.directory, "it lacks what was sealed from it")


def _open_views(path: Path, genesis: Genesis, journal: Journal, disk: Disk) -> Store:
    store = Store(path, genesis, disk)
    height = store.chain.height
    with journal_errors():
        if height == 0 or (
            height <= journal.last_index
            and store.continues(journal.entries(height, height + 1, 0)[0])
        ):
            return store
    _log.error("the views are of another history than the journal; they are made again")
    store.set_aside()
    return Store(path, genesis, disk)
