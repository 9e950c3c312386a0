"""A disk in memory that breaks on purpose, and only in ways real ones were seen to.

`SimDisk` is a `consensus.disk.Disk`: the journal, the seals and the views of a simulated member
work on it unchanged. Chance is an argument of whatever breaks it, so one seed breaks it one way.
What happens to a database stands in `database`; the rest follows from what POSIX promises:

- The end of a process (`kill`) loses nothing that was written, synced or not, and frees its locks.
- A power cut (`crash`) leaves of a file that is written in place and never synced what it held at
  any one time since its last sync: the kernel writes back when it likes. It leaves no mixture,
  because the file is smaller than a sector.
- What was made, renamed or removed lasts once its directory is synced. Of the rest a power cut
  undoes the last few steps: file systems keep their order.
- After a sync that failed (`fail_sync`) the pages count as clean: the next one succeeds and says
  nothing about them. Nobody here tries: databases refuse, and the owner of a file stops.
- On a full disk (`fill`) whatever needs room is refused.
- A copy put back (`restore`) is whole, and old.

How long a sync takes is the business of whoever schedules it.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from consensus.disk import Damaged
from devnet.sim.database import Files, Loss, SimDatabase
from devnet.sim.medium import PLENTY_BYTES, Medium

# A power cut finds a file as old as this many writes; the kernel does not wait for ever.
WRITES_BACK = 64


@dataclass(slots=True)
class _File:
    """What a small file holds, and what else a power cut may leave in it."""

    data: bytes
    synced: bytes
    since: deque[bytes] = field(default_factory=lambda: deque(maxlen=WRITES_BACK))

    def copy(self) -> _File:
        return _File(self.data, self.synced, self.since.copy())

    def write(self, data: bytes) -> None:
        self.data = data + self.data[len(data) :]
        self.since.append(self.data)

    def sync(self) -> None:
        self.synced = self.data
        self.since.clear()

    def flip(self, random: Random) -> None:
        at = random.randrange(len(self.data))
        flipped = self.data[at] ^ 1 << random.randrange(8)
        self.data = self.data[:at] + bytes([flipped]) + self.data[at + 1 :]
        self.sync()

    def lose(self, random: Random) -> None:
        self.data = random.choice((self.synced, *self.since))
        self.sync()


@dataclass(frozen=True, slots=True)
class _Directory:
    def copy(self) -> _Directory:
        return self


_Node = _Directory | _File | Files


@dataclass(frozen=True, slots=True)
class Copy:
    """What was at a path and below it."""

    path: str
    nodes: dict[str, _Node]


class SimDisk:
    """One member's disk. The first part is `consensus.disk.Disk`, the second what befalls it."""

    def __init__(self, *, write_buffer_bytes: int = PLENTY_BYTES) -> None:
        """A small write buffer makes tables of short logs."""
        self._write_buffer_bytes = write_buffer_bytes
        self._medium = Medium()
        self._nodes: dict[str, _Node] = {"/": _Directory()}
        self._opened: list[tuple[_Node, SimDatabase | SimLockedFile]] = []
        # What a power cut may undo, in order: whose sync makes it last, and how to undo it.
        self._volatile: list[tuple[str, Callable[[], object]]] = []

    def create_database(self, directory: Path, /) -> None:
        self.make_directory(directory)
        self._nodes[str(directory)] = Files()

    def open_database(
        self, directory: Path, /, *, write_buffer_bytes: int, bloom_bits: int = 0
    ) -> SimDatabase:
        files = self._nodes.get(str(directory))
        if not isinstance(files, Files):
            raise Damaged("the LevelDB log is missing")
        self._check_free(files, OSError(f"{directory}: already held by process"))
        buffer_bytes = min(write_buffer_bytes, self._write_buffer_bytes)
        database = SimDatabase(files, self._medium, buffer_bytes)
        self._opened.append((files, database))
        return database

    def open_locked(self, path: Path, /) -> SimLockedFile:
        file = self._file(path)
        self._check_free(file, BlockingIOError(errno.EAGAIN, f"{path} is locked"))
        locked = SimLockedFile(file, self._medium)
        self._opened.append((file, locked))
        return locked

    def read_file(self, path: Path, /) -> bytes:
        return self._file(path).data

    def write_file(self, path: Path, data: bytes, /) -> None:
        self._medium.operate()
        self._medium.spend(len(data))
        self._make(path, _File(data, data))

    def names(self, directory: Path, /) -> list[str]:
        if isinstance(self._nodes.get(str(directory)), Files):
            return ["CURRENT"]  # What else LevelDB keeps there is its own business.
        paths = map(Path, self._nodes)
        return [path.name for path in paths if path.parent == directory and path.name]

    def make_directory(self, directory: Path, /) -> None:
        if str(directory) in self._nodes:
            raise FileExistsError(errno.EEXIST, f"{directory} exists")
        self._medium.operate()
        self._make(directory, _Directory())

    def rename(self, path: Path, new: Path, /) -> None:
        self._medium.operate()
        self._node(path)
        if self.names(new):
            raise OSError(errno.ENOTEMPTY, f"{new} is not empty")
        self._nodes.pop(str(new), None)
        self._move(path, new)
        self._did(new, lambda: self._move(new, path))

    def remove_tree(self, directory: Path, /) -> None:
        self._medium.operate()
        removed = self._take(directory)
        self._did(directory, lambda: self._nodes.update(removed))

    def sync(self, path: Path, /) -> None:
        self._medium.operate()
        self._medium.sync()
        if isinstance(node := self._node(path), _File):
            node.sync()
        self._volatile = [(parent, undo) for parent, undo in self._volatile if parent != str(path)]

    def free_bytes(self, path: Path, /) -> int:
        return self._medium.free

    # What befalls it. `path` is a database's. What needs something to befall says whether there
    # was anything.

    def kill(self) -> None:
        """The process ends, whatever it was doing."""
        for _, handle in self._opened:
            handle.close()
        self._opened.clear()

    def crash(self, random: Random, *, tear: float = 0.0, whole: Collection[Path] = ()) -> Loss:
        """The power fails. With the probability `tear` the first batch that a log lost is there in
        part, but for the databases at the paths in `whole`."""
        self.kill()
        self._medium.power(None)
        keep = random.randint(0, len(self._volatile))
        for _, undo in reversed(self._volatile[keep:]):
            undo()
        self._volatile.clear()
        loss = Loss()
        spared = {str(path) for path in whole}
        for path, node in self._nodes.items():
            match node:
                case Files():
                    lost = node.lose(random, 0.0 if path in spared else tear)
                    torn_at = frozenset([Path(path)] if lost.torn else [])
                    loss += replace(lost, torn_at=torn_at)
                case _File():
                    node.lose(random)
        return loss

    def cut_power_after(self, operations: int | None) -> None:
        """Raise `PowerCut` from within the change after that many more, and from all after it; then
        `crash`. A batch that was being synced is kept, lost or torn like any that was not. With
        None there is power again, or still."""
        self._medium.power(operations)

    def fail_sync(self) -> None:
        """The next sync, of whatever, fails."""
        self._medium.sync_fails = True

    def fill(self, free: int = 0) -> None:
        """Leave only so much room; PLENTY_BYTES empties it again."""
        self._medium.free = free

    def flip_file(self, random: Random, path: Path) -> None:
        """A bit of a small file changes."""
        self._file(path).flip(random)

    def flip_log(self, random: Random, path: Path) -> bool:
        """A bit of a log changes."""
        return self._database(path).flip_log(random)

    def flip_table(self, random: Random, path: Path) -> bool:
        """A bit of a table changes."""
        return self._database(path).flip_table(random)

    def drop_log(self, random: Random, path: Path) -> bool:
        """A log file is gone."""
        return self._database(path).drop_log(random)

    def drop_table(self, path: Path) -> bool:
        """A table file is gone."""
        return self._database(path).drop_table()

    def copy(self, path: Path = Path("/")) -> Copy:
        """What is at this path and below, as the end of the process would leave it now."""
        return Copy(str(path), {name: self._nodes[name].copy() for name in self._at(path)})

    def restore(self, copy: Copy) -> None:
        """Put an old copy in the place of what is there."""
        self.wipe(Path(copy.path))
        self._nodes.update({name: node.copy() for name, node in copy.nodes.items()})

    def wipe(self, path: Path = Path("/")) -> None:
        """Everything at this path and below is gone, for good."""
        assert not any(handle.is_open for _, handle in self._opened), "stop it first"
        self._take(path)
        self._nodes.setdefault("/", _Directory())
        self._volatile.clear()

    # How it keeps them.

    def _at(self, path: Path) -> list[str]:
        below = str(path / "_").removesuffix("_")
        return [name for name in self._nodes if name == str(path) or name.startswith(below)]

    def _take(self, path: Path) -> dict[str, _Node]:
        return {name: self._nodes.pop(name) for name in self._at(path)}

    def _move(self, path: Path, new: Path) -> None:
        for name, node in self._take(path).items():
            self._nodes[str(new) + name.removeprefix(str(path))] = node

    def _make(self, path: Path, node: _Node) -> None:
        if str(path.parent) not in self._nodes:
            self._make(path.parent, _Directory())
        self._nodes[str(path)] = node
        self._did(path, lambda: self._take(path))

    def _did(self, path: Path, undo: Callable[[], object]) -> None:
        self._volatile.append((str(path.parent), undo))

    def _node(self, path: Path) -> _Node:
        if (node := self._nodes.get(str(path))) is None:
            raise FileNotFoundError(errno.ENOENT, f"{path} is not there")
        return node

    def _file(self, path: Path) -> _File:
        file = self._node(path)
        assert isinstance(file, _File)
        return file

    def _database(self, path: Path) -> Files:
        files = self._node(path)
        assert isinstance(files, Files)
        return files

    def _check_free(self, node: _Node, error: OSError) -> None:
        self._opened = [(held, handle) for held, handle in self._opened if handle.is_open]
        if any(held is node for held, _ in self._opened):
            raise error


class SimLockedFile:
    """A `consensus.disk.LockedFile`."""

    def __init__(self, file: _File, medium: Medium) -> None:
        self._file = file
        self.is_open = True
        self._medium = medium

    def read(self) -> bytes:
        assert self.is_open
        return self._file.data

    def write(self, data: bytes, /) -> None:
        assert self.is_open
        self._medium.operate()
        self._file.write(data)

    def sync(self) -> None:
        assert self.is_open
        self._medium.operate()
        self._medium.sync()
        self._file.sync()

    def close(self) -> None:
        self.is_open = False
