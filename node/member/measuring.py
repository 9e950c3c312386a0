"""What a member tells Prometheus: few values, those an operator acts on.

Everything is read when it is asked for, in the member's own loop; only gRPC calls are counted.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from node.member.participant import Participant
from node.member.reporting import LEARNER, RECALLING, REMOVED, role_of
from node.seals.sealing import time_of

ROLES = ("leader", "follower", "candidate", LEARNER, RECALLING, REMOVED)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class MemberMetrics:
    """Of one start of a member."""

    def __init__(self, participant: Participant, data: Path) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "cunzheng_grpc_calls",
            "Calls answered, by method and the code of the error, `ok` without one.",
            ("method", "code"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "cunzheng_grpc_call_seconds",
            "How long answers took.",
            ("method",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.registry.register(_Watched(participant, data))

    def called(self, method: str, code: str, seconds: float) -> None:
        """A call is answered."""
        self._calls.labels(method, code).inc()
        self._seconds.labels(method).observe(seconds)


class _Watched(Collector):
    def __init__(self, participant: Participant, data: Path) -> None:
        self._participant = participant
        self._data = data

    def describe(self) -> Iterator[Metric]:
        """Nothing is looked at before somebody asks."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        participant = self._participant
        status = participant.replica.status()
        role = GaugeMetricFamily("cunzheng_raft_role", "1 for the role it has.", labels=["role"])
        now = role_of(status, participant.replica.configuration)
        for each in ROLES:
            role.add_metric([each], float(each == now))
        yield role
        for name, (what, value) in (self._chain() | self._disk()).items():
            yield GaugeMetricFamily(name, what, value=value)
        spent = participant.replica.spent
        for name, what, count in (
            ("cunzheng_journal_writes", "Synced writes of the journal.", spent.count),
            ("cunzheng_journal_write_seconds", "How long all of them took.", spent.seconds),
        ):
            yield CounterMetricFamily(name, what, value=count)

    def _chain(self) -> dict[str, tuple[str, float]]:
        participant = self._participant
        status, chain, note = (
            participant.replica.status(),
            participant.store.chain,
            participant.note,
        )
        sealed, last = note.size if note else 0, participant.ledger.sealing.last
        age_s = time.time() - time_of(last) if last is not None else 0
        return {
            "cunzheng_raft_term": ("Term.", status.term),
            "cunzheng_raft_commit_height": ("Committed up to here.", status.commit),
            "cunzheng_applied_height": ("Applied up to here.", chain.height),
            "cunzheng_connected_peers": ("Replicas it is connected to.", len(status.connected)),
            "cunzheng_tree_size": ("Leaves of the tree.", chain.size),
            "cunzheng_sealed_size": ("Leaves under the newest note with a quorum.", sealed),
            "cunzheng_seal_lag_leaves": ("Leaves no quorum has sealed yet.", chain.size - sealed),
            "cunzheng_own_seal_age_seconds": ("Since this member sealed last.", age_s),
            "cunzheng_items": ("Items deposited so far.", chain.next_ordinal),
            "cunzheng_cutter_waiting_bytes": (
                "Records that wait for a block.",
                participant.waiting_bytes,
            ),
            "cunzheng_clock_off_seconds": (
                "How far a quorum finds its clock off; 0 if within what the policy allows.",
                status.clock_off_ms / 1000,
            ),
            "cunzheng_contradictions": (
                "Contradictions it knows of, files and messages.",
                len(participant.ledger.exposure.files) + status.contradictions,
            ),
            "cunzheng_alarms": ("What an operator must look at.", len(participant.alarms())),
        }

    def _disk(self) -> dict[str, tuple[str, float]]:
        scrub, disk = self._participant.scrub, shutil.disk_usage(self._data)
        return {
            "cunzheng_disk_free_bytes": ("Left on the disk of its data.", disk.free),
            "cunzheng_scrub_height": (
                "How far the scrub under way has come.",
                0 if scrub is None else scrub.reached,
            ),
            "cunzheng_scrub_passed_timestamp_seconds": (
                "When the last whole pass of the scrub ended; 0 before.",
                0 if scrub is None else scrub.passed_s,
            ),
            "cunzheng_scrub_damage": (
                "What the scrub found damaged and did not make good.",
                0 if scrub is None else len(scrub.damage),
            ),
        }
