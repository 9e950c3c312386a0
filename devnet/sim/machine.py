"""One machine: a disk, a clock, and the process that runs on it, if one does.

Whatever befalls a member befalls its machine: the power fails, the process is killed or stopped,
the disk is slow, hangs, refuses, forgets or is exchanged, the clock runs fast or jumps. What then
happens is what the product does: the next start opens the directory, checks it, and either takes
part or comes back as a new replica (`joining`).
"""

import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from consensus.journal import JournalError, RolledBack
from consensus.messages import Configuration, ReplicaId
from devnet.sim.cast import START_MS, configuration, genesis
from devnet.sim.chance import Stream, happens, interval_us
from devnet.sim.disk import SimDisk
from devnet.sim.joining import Joining, Wanted
from devnet.sim.medium import PLENTY_BYTES
from devnet.sim.member import Member
from devnet.sim.schedule import MS, SECOND, Life
from devnet.sim.setting import TICK_US
from devnet.sim.violation import Invariant, Violation
from devnet.sim.world import World
from node.chain.store import ViewsCorrupt
from node.config import MemberConfig
from node.errors import NodeError
from node.evidence.record import Genesis
from node.member.directory import Lost, is_empty, make_directory, open_directory, set_seals_aside
from node.seals.store import SealsCorrupt

DATA = Path("/member/data")
POSITION = DATA / "journal" / "position"
JOURNAL = DATA / "journal" / "leveldb"
SEALS = DATA / "seals"
VIEWS = DATA / "views"

START_AGAIN_US = SECOND
"""A supervisor starts a process that ended by itself after this."""
SLOW = 100
"""How many times longer a slow disk takes."""


class Machine:
    def __init__(self, world: World, name: str, wanted: Wanted) -> None:
        self.world = world
        self.name = name
        self.member: Member | None = None
        self.is_on = True
        self.clock_off_ms = 0
        self.clock_rate = 1.0
        self.stopped_until_us = self.hangs_until_us = self.slow_until_us = 0
        self.power_cut_at_write = False
        self.replica_on_disk: ReplicaId | None = None
        self.in_doubt = False
        """A power cut left a part of something; whether it matters shows at the next start."""
        self._backlog: list[Callable[[Member], None]] = []
        self._stream = world.chance.stream(f"machine {name}")
        self._disk_stream = world.chance.stream(f"disk {name}")
        self._config = config_of(name)
        self.new_disk()
        self.joining = Joining(self, wanted)

    @property
    def genesis(self) -> Genesis:
        return genesis(self.world.setting.members, self.world.setting.quorum)

    def note(self, what: str) -> None:
        self.world.trace.note(what)

    # The disk.

    def new_disk(self) -> None:
        """An empty one, with the directory all is to lie in."""
        self.disk = SimDisk(write_buffer_bytes=self.world.setting.write_buffer_bytes)
        self.disk.make_directory(DATA.parent)
        self.disk.sync(Path("/"))

    @property
    def is_empty(self) -> bool:
        """There is nothing a process could start from, or nothing that can be trusted."""
        watch, replica = self.world.watch, self.replica_on_disk
        return is_empty(DATA, self.disk) or replica is None or watch.is_destroyed(replica)

    def make(self, replica_id: ReplicaId, first: Configuration) -> None:
        """The directory of a new replica, and its first start."""
        try:
            make_directory(self._config, self.genesis, replica_id, first, self.disk)
        except NodeError as error:
            self.note(f"{self.name} cannot make its directory: {error}")
            return
        self.replica_on_disk, self.in_doubt = replica_id, False
        self.world.counts["replicas made"] += 1
        self.note(f"{replica_id} is made")
        self.start()

    def disk_is_lost(self) -> None:
        """What the replica on it promised is not to be relied on any more."""
        self.world.chain.may_forget(self.name)
        if self.replica_on_disk is not None:
            self.world.watch.destroyed(self.replica_on_disk)
        self.in_doubt = False

    # The process.

    def start(self) -> None:
        """Power on, if it was off, and start the process, if there is anything to start."""
        self.is_on = True
        if self.member is not None or self.joining.is_out:
            return
        try:
            directory = open_directory(self._config, self.genesis, self.disk)
            self.member = Member(self, self.world.around, directory, self._stream, Life())
        except Lost as error:
            self.note(f"{self.name} has no data: {error}")
            self.disk.kill()
            self.disk_is_lost()
        except Exception as error:
            self.failed(error)
            return
        else:
            self.in_doubt = False
            self.note(f"{self.member.replica_id} starts")
        self.joining.go_on()

    def failed(self, error: Exception) -> None:
        """The process ends by itself; what becomes of it is up to the error."""
        if isinstance(error, Violation):
            raise error
        if not isinstance(error, NodeError | JournalError):
            what = "".join(traceback.format_exception(error))
            self.world.judge.broken(Invariant.NO_CRASH, what)
        self.note(f"{self.name} fails: {type(error).__name__}: {error}")
        self.world.counts[f"failed: {type(error).__name__}"] += 1
        self._end()
        match error:
            case ViewsCorrupt():
                self._set_views_aside()
            case SealsCorrupt():
                self.world.chain.may_forget(self.name)
                set_seals_aside(SEALS, self.disk)
            case RolledBack():
                self.joining.go_on()
                return  # Whoever starts it from this disk again finds it given up.
            case _:
                pass
        self.world.schedule.after(START_AGAIN_US, self._start_again)

    def removed(self) -> None:
        """The process hears that its replica was removed for good."""
        self.note(f"{self.name} was removed")
        self.disk_is_lost()
        self._end()
        self.joining.go_on()

    def kill(self) -> None:
        """The process ends at once; what it wrote stays written."""
        if self.member is not None:
            if happens(self._stream, 0.5):
                self.member.interrupt()
            self._end()

    def cut_power(self, tear: float, *, may_lose: bool) -> None:
        """What was not synced is lost, or some of it, or some of it is there in part. What is there
        in part of a journal costs the whole of it. A disk that hangs has taken nothing."""
        if self.member is not None:
            if self.hangs_until_us <= self.world.schedule.now_us:
                self.disk.cut_power_after(self._disk_stream.randrange(4))
                self.member.interrupt()
            self._end()
        self.is_on = False
        whole = () if may_lose else (JOURNAL,)
        loss = self.disk.crash(self._disk_stream, tear=tear, whole=whole)
        self.world.counts["unsynced batches lost"] += loss.batches
        self.world.counts["torn writes"] += loss.torn
        if SEALS in loss.torn_at:
            self.world.chain.may_forget(self.name)
        self.in_doubt = loss.torn > 0 and may_lose

    def clear(self) -> None:
        """Its operator takes it out of service."""
        self.note(f"{self.name} has left")
        self.disk_is_lost()
        self._end()
        self.replica_on_disk = None
        self.new_disk()

    def _end(self) -> None:
        if self.member is not None:
            self.world.watch.ended(self.member.replica_id, self.member.driver.writer.under_way)
            self.member.life.is_over = True
            self.member.driver.close()
            self.member = None
        self._backlog.clear()
        self.disk.kill()

    def _start_again(self) -> None:
        if self.is_on:
            self.start()

    def _set_views_aside(self) -> None:
        """As `Store.set_aside`, when it is not open any more."""
        aside = VIEWS.with_name(VIEWS.name + ".damaged")
        self.disk.remove_tree(aside)
        self.disk.rename(VIEWS, aside)

    # What arrives.

    def hand_in(self, name: str, what: Callable[[Member], None]) -> None:
        self.world.machines[name].arrive(what)

    def arrive(self, what: Callable[[Member], None]) -> None:
        if self.member is None:
            return
        if self.stall_us():
            self._backlog.append(what)
        else:
            what(self.member)

    def stop_for(self, duration_us: int) -> None:
        """SIGSTOP, and SIGCONT after that time."""
        now_us = self.world.schedule.now_us
        self.stopped_until_us = max(self.stopped_until_us, now_us + duration_us)
        self.world.schedule.after(duration_us, self._go_on)

    def _go_on(self) -> None:
        """All that waited is there before the process does anything."""
        member = self.member
        if member is None or self.stall_us():
            return
        backlog, self._backlog = self._backlog, []
        self.stopped_until_us = self.world.schedule.now_us + 1
        for what in backlog:
            what(member)
        self.stopped_until_us = 0
        member.driver.turn()

    # Getting well.

    def recover(self) -> None:
        """Everything about it that is only hindered works again. What is stopped or hangs ends by
        itself, and soon."""
        self.slow_until_us = 0
        self.power_cut_at_write = False
        self.disk.fill(PLENTY_BYTES)

    def set_clock(self) -> None:
        """Right again."""
        self.clock_off_ms, self.clock_rate = 0, 1.0

    # For what runs on it (`member.Host`).

    def now_ms(self) -> int:
        return START_MS + self.clock_off_ms + self.world.schedule.now_us // MS

    def tick_us(self) -> int:
        return int(TICK_US / self.clock_rate)

    def stall_us(self) -> int:
        return max(0, self.stopped_until_us - self.world.schedule.now_us)

    def disk_stall_us(self) -> int:
        return max(self.stall_us(), self.hangs_until_us - self.world.schedule.now_us)

    def begin_write(self) -> int:
        pace, world = self.world.setting.disk, self.world
        duration_us = pace.least_us + interval_us(self._disk_stream, pace.spread_us)
        if self.slow_until_us > world.schedule.now_us:
            duration_us *= SLOW
        if self.power_cut_at_write:
            self.power_cut_at_write = False
            world.schedule.after(duration_us // 2, partial(world.faults.power_fails, self))
        return duration_us


def first_configuration(names: Sequence[str], stream: Stream) -> Configuration:
    """What the group begins with: fresh ids."""
    return configuration([f"{name}/{stream.getrandbits(64):016x}" for name in names])


def config_of(name: str) -> MemberConfig:
    """Of all this only the name and the data's place are looked at."""
    return MemberConfig(
        member=name,
        data=DATA,
        genesis=Path("genesis"),
        listen=f"{name}:7000",
        advertise=f"{name}:7000",
        certificate=Path("certificate"),
        private_key=Path("private_key"),
        log_key=Path("log_key"),
        witness_key=Path("witness_key"),
        gateways=(),
    )
