"""All of a member's data directory, made again from its journal and compared. Nothing is changed.

What LevelDB needs to write when it opens a database, it writes into a copy beside the directory,
which shares what is never written again (`consensus.salvage.borrow`) and is deleted at the end.
The member must not run: its lock is held meanwhile.
"""

from __future__ import annotations

import shutil
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from consensus.disk import REAL_DISK, Database
from consensus.journal import Journal, NotBootstrapped, StorageCorrupt
from consensus.messages import Entry
from consensus.prefix import Prefix, read
from consensus.records import Mark
from consensus.salvage import Salvage, borrow
from node import leveldb
from node.chain.apply import Applied, Chain, apply
from node.chain.store import Store, format_state, parse_state
from node.checking.comparison import Comparison
from node.checking.difference import Difference, Part
from node.checking.vouching import Vouching
from node.errors import Corrupt, Misconfigured
from node.evidence.record import Genesis
from node.member.directory import INCARNATION, journal_errors
from node.seals.store import Seals

Advance = Callable[[int, int], None]
"""Hears how many blocks there are, and how many were read since it heard last."""


@dataclass(slots=True)
class Report:
    """What was found. `height`, `size`, `items` and `root` are those of the last block that was
    applied, `entries` the journal's, of which the last may not be agreed on; `unreached` is how
    many seals are about larger trees, as a member that catches up has them."""

    member: str
    entries: int = 0
    height: int = 0
    size: int = 0
    items: int = 0
    root: bytes = b""
    data_bytes: int = 0
    unreached: int = 0
    seconds: float = 0.0
    differences: list[Difference] = field(default_factory=list)


def examine(data: Path, first: Genesis, advance: Advance = lambda total, more: None) -> Report:
    """`Misconfigured` if the member runs or the directory is none."""
    begun_s = time.monotonic()
    scratch = data.with_name(f"{data.name}.checking")
    with ExitStack() as stack:
        stack.enter_context(_held(data))
        shutil.rmtree(scratch, ignore_errors=True)  # Of one that was stopped half-way.
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        examination = _Examination(data, scratch, first, advance)
        with journal_errors():
            examination.run()
    report = examination.report
    report.seconds = time.monotonic() - begun_s
    return report


@contextmanager
def _held(data: Path) -> Iterator[None]:
    if not data.is_dir():
        raise Misconfigured(f"there is no directory {data}", f"目录 {data} 不存在")
    try:
        lock = REAL_DISK.open_locked(data / Part.JOURNAL.directory / "position")
    except BlockingIOError:
        raise Misconfigured(
            f"{data} is open in another process; stop it first",
            f"{data} 正被另一进程使用；请先停止该进程",
        ) from None
    except FileNotFoundError:
        yield  # Nobody can have it open without this file.
        return
    with closing(lock):
        yield


class _Examination:
    """One run. The parts are gone through together, block by block."""

    def __init__(self, data: Path, scratch: Path, first: Genesis, advance: Advance) -> None:
        self.report = Report(_incarnation(data).partition("/")[0])
        self._data = data
        self._scratch = scratch
        self._first = first
        self._advance = advance
        self._vouching: Vouching | None = None
        self._views_are_whole = False
        self._height = -1  # Of the last block whose seals were compared.

    def run(self) -> None:
        with ExitStack() as stack:
            source = self._open_journal(stack)
            seals = self._open_seals(stack)
            if seals is not None:
                notes = seals.notes()
                self._vouching = Vouching(self.report.member, seals.load(), notes, seals.beside)
            if source is None:
                return
            self._check_directory(source, seals)
            with ExitStack() as views:
                self._compare(source, self._open_views(views))
            self._go_on(source)
            if self._vouching is not None:
                self.report.unreached = self._vouching.unreached

    # What there is.

    def _open_journal(self, stack: ExitStack) -> _Source | None:
        """The journal, or what can be read of it up to the first doubt."""
        old, new = self._data / Part.JOURNAL.directory, self._scratch / Part.JOURNAL.directory
        if not (old / "leveldb").is_dir():
            self._differs(Part.JOURNAL, None, "is missing")
            return None
        borrow(old / "leveldb", new / "leveldb")
        with suppress(FileNotFoundError):
            shutil.copyfile(old / "position", new / "position")
        try:
            return _Source(stack.enter_context(closing(Journal(new))))
        except StorageCorrupt as error:
            what = error.what
        except NotBootstrapped:
            what = "the position file is missing"
        try:
            salvage = stack.enter_context(Salvage(new, self._scratch / "salvage"))
        except (StorageCorrupt, NotBootstrapped):
            self._differs(Part.JOURNAL, 1, what)
            return None
        self._differs(Part.JOURNAL, salvage.ending.last_index + 1, what)
        return _Source(None, salvage)

    def _open_seals(self, stack: ExitStack) -> Seals | None:
        try:
            path = self._borrowed(Part.SEALS.directory)
            with closing(leveldb.open_checked(path)) as database, leveldb.reading(path):
                for _ in database.scan(b"", None):
                    pass  # Whatever cannot be read is found here.
            return stack.enter_context(closing(Seals(path, self._first)))
        except Corrupt as error:
            self._differs(Part.SEALS, None, self._said(error))
            return None

    def _open_views(self, stack: ExitStack) -> Database | None:
        try:
            path = self._borrowed(Part.VIEWS.directory)
            return stack.enter_context(closing(leveldb.open_checked(path)))
        except Corrupt as error:
            self._differs(Part.VIEWS, None, self._said(error))
            return None

    def _borrowed(self, name: str) -> Path:
        if not (self._data / name).is_dir():
            raise Corrupt("is missing")
        borrow(self._data / name, self._scratch / name)
        return self._scratch / name

    def _check_directory(self, source: _Source, seals: Seals | None) -> None:
        """Whether the parts are of one member and one history."""
        journal = source.journal
        if journal is None:
            return
        if journal.replica_id != (told := _incarnation(self._data)):
            self._differs(
                Part.JOURNAL, None, f"is of {journal.replica_id}, the directory of {told}"
            )
        mark = None if seals is None else seals.journal_mark()
        try:
            if mark is not None and not journal.covers(Mark.parse(mark)):
                self._differs(Part.JOURNAL, None, "it lacks what was sealed from it")
        except StorageCorrupt:
            pass  # Found where it lies, when all is read.
        except (ValueError, struct.error) as error:
            self._differs(Part.SEALS, None, f"the mark of the journal: {error}")

    # Comparing.

    def _compare(self, source: _Source, views: Database | None) -> None:
        """Read all of the journal, and compare with the views as far as they go."""
        applied = self._applied(views)
        end = -1 if applied is None else applied
        comparison = None
        if views is not None and applied is not None:
            comparison = Comparison(self._first, views)
        try:
            for entry in source.entries():
                self.report.entries = entry.index
                self.report.data_bytes += len(entry.data)
                self._advance(source.last_index, 1)
                if comparison is not None and entry.index <= end and not comparison.is_full:
                    self._vouch(comparison.take(entry))
        except StorageCorrupt as error:
            self._differs(Part.JOURNAL, self.report.entries + 1, error.what)
        if comparison is None:
            return
        self._note(comparison.chain)
        reached = comparison.chain.height
        if reached == end:
            chain = comparison.chain
            row = format_state(chain, comparison.policy_leaf, comparison.block_leaf)
            comparison.end(state=row)
        elif source.is_whole and not comparison.is_full:
            what = f"it ends here, but {end} blocks were applied from it"
            self._differs(Part.JOURNAL, reached + 1, what)
        self.report.differences += comparison.found
        self._views_are_whole = not comparison.found and end <= reached

    def _applied(self, views: Database | None) -> int | None:
        """How far the views have been applied, as they say."""
        if views is None:
            return None
        try:
            with leveldb.reading(self._data / Part.VIEWS.directory):
                return parse_state(views.get(b"c") or b"")[0][0]
        except Corrupt as error:
            self._differs(Part.VIEWS, None, f"state: {self._said(error)}")
            return None

    def _go_on(self, source: _Source) -> None:
        """Blocks that the views do not have, as far as something was sealed on them: applied to the
        copy of the views, or to new ones where these are not whole."""
        if self._vouching is None or not self._vouching.unreached:
            return
        path = self._scratch / Part.VIEWS.directory
        if not self._views_are_whole:
            shutil.rmtree(path, ignore_errors=True)
        with closing(Store(path, self._first)) as store:
            for entry in source.entries(store.chain.height + 1):
                applied = apply(store.chain, entry, store)
                store.write(applied)
                self._vouch(applied)
                if not self._vouching.unreached:
                    break
            if store.chain.height > self.report.height:
                self._note(store.chain)

    def _vouch(self, applied: Applied) -> None:
        if self._vouching is None or applied.block.height <= self._height:
            return
        self._height = applied.block.height
        try:
            self.report.differences += self._vouching.take(applied)
        except Corrupt as error:
            self._differs(Part.SEALS, self._height, self._said(error))
            self._vouching = None

    def _note(self, chain: Chain) -> None:
        self.report.height, self.report.size = chain.height, chain.size
        self.report.items, self.report.root = chain.next_ordinal, chain.frontier.root()

    def _differs(self, part: Part, height: int | None, what: str) -> None:
        self.report.differences.append(Difference(part, height, what))

    def _said(self, error: Exception) -> str:
        """Without the paths of the copy."""
        return str(error).removeprefix(f"{self._scratch}/").partition(": ")[2] or str(error)


class _Source:
    """Where blocks are read from."""

    def __init__(self, journal: Journal | None, salvage: Salvage | None = None) -> None:
        self.journal = journal
        self._salvage = salvage
        self._read_once = False
        self.last_index = 0
        if journal is not None:
            self.last_index = journal.last_index
        elif salvage is not None:
            self.last_index = salvage.ending.last_index
        self.is_whole = journal is not None

    def entries(self, start: int = 1) -> Iterator[Entry]:
        """In order, until the first doubt; the first time all is checked, and StorageCorrupt
        raised where there is one."""
        if self._salvage is not None:
            yield from (each for each in self._salvage.entries() if each.index >= start)
        elif self._read_once:
            yield from self._again(start)
        else:
            yield from self._checked()

    def _checked(self) -> Iterator[Entry]:
        journal = self.journal
        assert journal is not None
        self._read_once, prefix = True, journal.prefix()
        try:
            yield from _entries(journal, prefix)
            journal.check_beside(prefix)
        except StorageCorrupt:
            self.is_whole = False
            self.last_index = 0 if prefix.last is None else prefix.last.index
            raise

    def _again(self, start: int) -> Iterator[Entry]:
        assert self.journal is not None
        for index in range(start, self.last_index + 1):
            yield self.journal.entries(index, index + 1, 0)[0]


def _entries(journal: Journal, prefix: Prefix) -> Iterator[Entry]:
    rows = journal.rows(1, journal.last_index + 2)  # A batch may begin behind the last entry.
    try:
        yield from read(rows, prefix)
    except (ValueError, struct.error) as error:
        raise StorageCorrupt(journal.directory, str(error)) from error


def _incarnation(data: Path) -> str:
    try:
        return (data / INCARNATION).read_text("ascii", errors="replace").strip()
    except FileNotFoundError:
        raise Misconfigured(
            f"{data} is not the directory of a member: no {INCARNATION}",
            f"{data} 不是成员的数据目录：没有 {INCARNATION}",
        ) from None
