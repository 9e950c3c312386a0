"""Everything that one run is made of, in one place for those who need most of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from devnet.sim.chance import Chance
from devnet.sim.member import Surroundings
from devnet.sim.network import Network
from devnet.sim.schedule import Schedule
from devnet.sim.setting import Setting
from devnet.sim.trace import Trace

if TYPE_CHECKING:
    from devnet.sim.chain_watch import ChainWatch
    from devnet.sim.clients import Clients
    from devnet.sim.faults import Faults
    from devnet.sim.history import History
    from devnet.sim.invariants import Watch
    from devnet.sim.machine import Machine
    from devnet.sim.violation import Judge


class World:
    """Put together by `run`, which sets what is only named here."""

    machines: dict[str, Machine]
    clients: Clients
    faults: Faults
    around: Surroundings

    def __init__(
        self,
        chance: Chance,
        setting: Setting,
        schedule: Schedule,
        network: Network,
        trace: Trace,
        judge: Judge,
        watch: Watch,
        chain: ChainWatch,
        history: History,
    ) -> None:
        self.chance = chance
        self.setting = setting
        self.schedule = schedule
        self.network = network
        self.trace = trace
        self.judge = judge
        self.watch = watch
        self.chain = chain
        self.history = history
        self.counts: Counter[str] = Counter()
