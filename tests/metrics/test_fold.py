"""From a process into the store: at most once, at most every so often, and nothing lost that need not be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.metrics import Folder, Registry
from shared.metrics.fold import MAX_FIELDS, SHARDS
from shared.metrics.table import AUTH_FAILURES, SUMMARIES

EXPIRED = '["auth_failures_total","expired"]'
DROPPED = '["metrics_folds_dropped_total","gcs"]'


@dataclass
class Answered:
    """What a read says."""

    answered: bool


@dataclass
class FakeStore:
    """Adds up what it is given; `loses_answers` adds, and then says that it may not have."""

    available: bool = True
    answers: bool = True
    loses_answers: bool = False
    reads: int = 0
    writes: list[tuple[str, dict[str, float]]] = field(default_factory=list)

    def read(self, key: str) -> Answered:
        """Only whether it answers matters."""
        self.reads += 1
        return Answered(self.answers)

    def increment(self, key: str, deltas: Mapping[str, float]) -> bool:
        """One write."""
        self.writes.append((key, dict(deltas)))
        return self.answers and not self.loses_answers

    def sum(self, name: str) -> float:
        """A field over all writes."""
        return sum(deltas.get(name, 0) for _, deltas in self.writes)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """As `time.sleep`."""
        self.now += seconds


@pytest.fixture
def registry() -> Registry:
    """A process that has counted one expired token."""
    registry = Registry()
    registry.add(AUTH_FAILURES, reason="expired")
    return registry


def folder(registry: Registry, store: Any, clock: Clock) -> Folder:
    """As wiring builds it, on a clock of the test's."""
    return Folder(registry, lambda: store, "gcs", monotonic=clock, pause=clock.sleep)


def test_at_most_one_write_in_ten_seconds(registry: Registry) -> None:
    """However many requests end; and none when nothing was counted."""
    store, clock = FakeStore(), Clock()
    its_folder = folder(registry, store, clock)
    for tenth in range(600):
        clock.now = 100 + tenth / 10
        its_folder.fold_if_due()
        if tenth < 300:
            registry.add(AUTH_FAILURES, reason="expired")

    assert store.sum(EXPIRED) == 301
    assert len(store.writes) == 3
    assert {key.rpartition("/")[0] for key, _ in store.writes} == {"metrics/1/gcs"}


def test_instances_spread_over_the_shards() -> None:
    """No document takes the writes of all."""
    keys = set()
    for _ in range(200):
        store, mine = FakeStore(), Registry()
        mine.add(AUTH_FAILURES, reason="expired")
        folder(mine, store, Clock()).fold_all()
        keys.add(store.writes[0][0])

    assert keys == {f"metrics/1/gcs/{shard}" for shard in range(SHARDS)}


def test_a_write_that_may_have_happened_is_never_repeated(registry: Registry) -> None:
    """It is counted as dropped instead: the sum is right or too low."""
    store, clock = FakeStore(loses_answers=True), Clock()
    its_folder = folder(registry, store, clock)
    for _ in range(3):
        clock.now += 10
        its_folder.fold_if_due()
    store.loses_answers = False
    its_folder.fold_all()

    assert store.sum(EXPIRED) == 1
    assert store.sum(DROPPED) == 3


def test_a_write_that_breaks_is_never_repeated_either(registry: Registry) -> None:
    """An exception nobody thought of says as little about the write as a timeout."""

    class Breaking(FakeStore):
        def increment(self, key: str, deltas: Mapping[str, float]) -> bool:
            super().increment(key, deltas)
            raise RuntimeError("broken")

    store = Breaking()
    with pytest.raises(RuntimeError):
        folder(registry, store, Clock()).fold_all()

    assert registry.take(10) == {DROPPED: 1}


def test_counts_wait_while_the_store_does_not_answer(registry: Registry) -> None:
    """A read asks first, before the first write and after one that failed: an outage loses nothing more."""
    store, clock = FakeStore(answers=False), Clock()
    its_folder = folder(registry, store, clock)
    for _ in range(5):
        clock.now += 10
        its_folder.fold_if_due()
    assert store.writes == []

    store.answers = True
    clock.now += 10
    its_folder.fold_if_due()
    assert store.sum(EXPIRED) == 1
    assert store.reads == 6


def test_an_outage_costs_one_write_at_most(registry: Registry) -> None:
    """The write that met it; what is counted after that waits for the first read that is answered."""
    store, clock = FakeStore(), Clock()
    its_folder = folder(registry, store, clock)
    for answers in (True, False, False, False, True):
        store.answers = answers
        clock.now += 10
        its_folder.fold_if_due()
        registry.add(AUTH_FAILURES, reason="expired")
    its_folder.fold_all()

    assert [deltas.get(EXPIRED) for _, deltas in store.writes] == [1, 1, 3, 1]
    assert store.sum(DROPPED) == 1


def test_counts_wait_while_the_circuit_is_open(registry: Registry) -> None:
    """A write that would fail without being tried is not tried."""
    store, clock = FakeStore(available=False), Clock()
    its_folder = folder(registry, store, clock)
    clock.now += 10
    its_folder.fold_if_due()
    assert (store.reads, store.writes) == (0, [])

    store.available = True
    its_folder.fold_all()
    assert store.sum(EXPIRED) == 1


def test_a_store_that_works_is_asked_once(registry: Registry) -> None:
    """One read a process, then writes only."""
    store, clock = FakeStore(), Clock()
    its_folder = folder(registry, store, clock)
    for _ in range(5):
        clock.now += 10
        registry.add(AUTH_FAILURES, reason="expired")
        its_folder.fold_if_due()

    assert (store.reads, len(store.writes)) == (1, 5)


def test_the_end_of_a_process_waits_for_a_client_that_is_being_built(registry: Registry) -> None:
    """The store answers the second read; nothing was put at stake before."""

    class Awakening(FakeStore):
        def read(self, key: str) -> Answered:
            super().read(key)
            return Answered(self.reads > 1)

    store, clock = Awakening(), Clock()
    folder(registry, store, clock).fold_all()

    assert (store.sum(EXPIRED), len(store.writes), clock.now) == (1, 1, 101)


def test_the_end_of_a_process_does_not_wait_for_ever(registry: Registry) -> None:
    """A store that never answers is tried with the write in any case, within seconds; an open circuit not."""
    store, clock = FakeStore(answers=False), Clock()
    folder(registry, store, clock).fold_all()
    assert (store.reads, len(store.writes)) == (2, 1)
    assert clock.now <= 103

    closed, later = FakeStore(available=False), Clock()
    registry.add(AUTH_FAILURES, reason="expired")
    folder(registry, closed, later).fold_all()
    assert (closed.reads, closed.writes, later.now) == (0, [], 100)


def test_what_one_write_cannot_hold_waits_for_the_next(registry: Registry) -> None:
    """No write is larger than the store takes, and at the end all are made."""
    store, clock = FakeStore(), Clock()
    for number in range(2 * MAX_FIELDS):
        registry.add(SUMMARIES, generator=f"model-{number}")
    its_folder = folder(registry, store, clock)
    clock.now += 10
    its_folder.fold_if_due()
    assert [len(deltas) for _, deltas in store.writes] == [MAX_FIELDS]

    its_folder.fold_all()
    assert [len(deltas) for _, deltas in store.writes] == [MAX_FIELDS, MAX_FIELDS, 1]
    assert sum(sum(deltas.values()) for _, deltas in store.writes) == 2 * MAX_FIELDS + 1
