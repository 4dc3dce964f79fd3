"""What the hub counts, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_registry = CollectorRegistry()
_activations = Counter("hub_activations_total", "Activations that ended, by outcome.", ["outcome"], registry=_registry)
_cold = Counter("hub_cold_starts_total", "Action processes that had to be initialised for a call.", registry=_registry)
_waiting = Gauge("hub_dispatches_waiting", "Accepted runs that wait for a worker.", registry=_registry)
_units = Histogram("hub_commit_units", "Writes that shared one commit.", buckets=(1, 4, 16, 64, 256, 512), registry=_registry)
_seconds = Histogram("hub_commit_seconds", "How long a commit took.", buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2), registry=_registry)
_feed_events = Counter("hub_feed_events_total", "Events that feeds brought in.", ["feed", "answer"], registry=_registry)
_deliveries = Counter("hub_hook_deliveries_total", "Deliveries to hook addresses, by answer.", ["answer"], registry=_registry)
_processes = Gauge("hub_processes", "Action processes, by what they do.", ["state"], registry=_registry)
_waits = Gauge("hub_pool_waiting", "Blocking calls that wait for a process.", registry=_registry)
_age = Gauge("hub_pool_waiting_seconds", "How long the first of them has waited.", registry=_registry)
_memory = Gauge("hub_pool_memory_mb", "Memory of action processes by their limits.", registry=_registry)
_evictions = Gauge("hub_pool_evictions", "Idle processes that made room for others so far.", registry=_registry)
_refused = Gauge("hub_pool_refused", "Calls and fires that were refused since too many waited already, so far.", registry=_registry)
_claims = Histogram(
    "hub_cell_claim_seconds",
    "How long it took to get a cell, by where it came from.",
    ["source"],
    buckets=(0.0005, 0.001, 0.005, 0.01, 0.025, 0.1, 0.5),
    registry=_registry,
)

_by_outcome: dict[str, Counter] = {}


def activations(outcome: str) -> None:
    """One activation ended."""
    counter = _by_outcome.get(outcome)
    if counter is None:
        counter = _by_outcome[outcome] = _activations.labels(outcome)
    counter.inc()


def cold_starts() -> None:
    """A process was initialised."""
    _cold.inc()


def dispatches_waiting(count: int) -> None:
    """How many accepted runs wait now."""
    _waiting.set(count)


def group_commit(units: int, seconds: float) -> None:
    """One commit of the record."""
    _units.observe(units)
    _seconds.observe(seconds)


def feed_events(feed: str, answer: str, count: int = 1) -> None:
    """Events of a feed, by what became of them."""
    _feed_events.labels(feed, answer).inc(count)


def cell_claimed(seconds: float, *, ready: bool) -> None:
    """A cell was given to an action: one that stood ready, or one that had to be built."""
    _claims.labels("ready" if ready else "built").observe(seconds)


def cells_ready(count: int) -> None:
    """How many cells stand ready now."""
    _processes.labels("ready").set(count)


def watch_pool(figures: Callable[[], dict[str, float]]) -> None:
    """Where to ask for `idle`, `busy`, `starting`, `memory_used`, `evicted`, `waiting`, `age` and `refused` whenever they are read."""

    def read(name: str) -> Callable[[], float]:
        return lambda: figures()[name]

    for state in ("idle", "busy", "starting"):
        _processes.labels(state).set_function(read(state))
    for gauge, name in ((_memory, "memory_used"), (_evictions, "evicted"), (_waits, "waiting"), (_age, "age"), (_refused, "refused")):
        gauge.set_function(read(name))


def hook_deliveries(answer: str) -> None:
    """One delivery to a hook address."""
    _deliveries.labels(answer).inc()


def render() -> bytes:
    """The text that `/metrics` answers."""
    return generate_latest(_registry)
