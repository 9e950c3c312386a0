"""What a gateway counts for Prometheus.

Labels are methods, routes and states: a few values each, never what a client sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
Watched = Mapping[str, tuple[str, float]]
"""Values by the name of their metric, with what they are."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)


class GatewayMetrics:
    """Of one gateway."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "cunzheng_http_requests",
            "Requests answered, by route and status (0: the client had left).",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "cunzheng_http_request_seconds",
            "How long answers took.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._deposits = Counter(
            "cunzheng_deposits",
            "Statements by how far they came here.",
            ("state",),
            registry=self.registry,
        )
        self._problems = Counter(
            "cunzheng_problems",
            "Problems answered, by code.",
            ("code",),
            registry=self.registry,
        )
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        for state in ("RECEIVED", "COMMITTED", "FAILED"):
            self._deposits.labels(state)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request is answered."""
        counted, timed = self._series_of(method if method in METHODS else "other", route, status)
        counted.inc()
        timed.observe(seconds)

    def _series_of(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        """Looked up once: to find a series by its labels takes longer than to count in it."""
        key = method, route, status
        if (found := self._series.get(key)) is None:
            found = self._requests.labels(*key), self._seconds.labels(route)
            self._series[key] = found
        return found

    def deposited(self, state: str) -> None:
        """A statement came so far."""
        self._deposits.labels(state).inc()

    def problem(self, code: str) -> None:
        """A client was told this."""
        self._problems.labels(code).inc()

    def watch(self, look: Callable[[], Watched]) -> None:
        """Values that are looked up when they are asked for."""
        self.registry.register(_Watched(look))


class _Watched(Collector):
    def __init__(self, look: Callable[[], Watched]) -> None:
        self._look = look

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, (what, value) in self._look().items():
            yield GaugeMetricFamily(name, what, value=value)
