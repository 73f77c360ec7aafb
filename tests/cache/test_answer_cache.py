"""The answer cache: equal questions are read once; a store makes it better, never worse."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.cache import BRIEF_S, LONG_S, STALE_S, AnswerCache, Fresh
from shared.state import GuardedStore, MemoryStore, SqliteStore, StateStore
from shared.state.store import StoreTimeout


class Reader:
    """A reading that counts itself, and takes `takes_s`."""

    def __init__(
        self, body: str = "entries", lifetime_s: float = BRIEF_S, takes_s: float = 0.0, digest: str = ""
    ) -> None:
        self.body, self.lifetime_s, self.takes_s, self.digest = body, lifetime_s, takes_s, digest
        self.count = 0
        self._lock = threading.Lock()

    def __call__(self) -> Fresh:
        with self._lock:
            self.count += 1
        time.sleep(self.takes_s)
        head = f'{{"entries":"{self.body}","meta":'.encode()
        return Fresh(head, b'{"cache":"miss"}', b"}", "application/json", {}, self.lifetime_s, self.digest)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


def instance(store: StateStore | None, clock: Callable[[], float]) -> AnswerCache:
    """One instance's cache over a store that others may share."""
    return AnswerCache(GuardedStore(store) if store else None, clock)


def ten_seconds() -> float:
    """What is left of a request."""
    return 10.0


def fetch(cache: AnswerCache, read: Reader, key: str = "k", **kwargs: object) -> str:
    """Only how the answer was come by."""
    return cache.fetch(key, read, remaining_s=ten_seconds, **kwargs).status  # type: ignore[arg-type]


def test_the_second_time_is_a_hit_that_says_so(clock: Clock) -> None:
    """The same bytes, but for the word that tells where they came from."""
    cache, read = instance(None, clock), Reader()

    first = cache.fetch("k", read, remaining_s=ten_seconds)
    second = cache.fetch("k", read, remaining_s=ten_seconds)

    assert (first.status, second.status, read.count) == ("miss", "hit", 1)
    assert first.body == b'{"entries":"entries","meta":{"cache":"miss"}}'
    assert second.body == b'{"entries":"entries","meta":{"cache":"hit"}}'
    assert first.kept.etag == second.kept.etag


@pytest.mark.parametrize(("lifetime_s", "after_s", "expected"), [
    (BRIEF_S, BRIEF_S - 1, "hit"),
    (BRIEF_S, BRIEF_S, "miss"),
    (LONG_S, LONG_S - 1, "hit"),
    (LONG_S, LONG_S, "miss"),
    (0, 0, "miss"),
])  # fmt: skip
def test_an_answer_lives_as_long_as_it_may(
    clock: Clock, lifetime_s: float, after_s: float, expected: str
) -> None:
    """Ten seconds, a day, or not at all."""
    cache, read = instance(MemoryStore(clock), clock), Reader(lifetime_s=lifetime_s)
    fetch(cache, read)
    clock.now += after_s

    assert fetch(cache, read) == expected


def test_another_instance_finds_it_in_the_store(clock: Clock) -> None:
    """What one has read another has not to read."""
    store, read = MemoryStore(clock), Reader()

    assert fetch(instance(store, clock), read) == "miss"
    assert fetch(instance(store, clock), read) == "hit"


def test_a_changed_source_is_a_miss(clock: Clock) -> None:
    """The digest is asked each time: the same is a hit for a day, another one a miss at once."""
    cache, read = instance(MemoryStore(clock), clock), Reader(lifetime_s=BRIEF_S, digest="v1")
    fetch(cache, read, digest=lambda: "v1")

    assert fetch(cache, read, digest=lambda: "v1") == "hit"
    clock.now += LONG_S - 1
    assert fetch(cache, read, digest=lambda: "v1") == "hit"
    assert fetch(cache, read, digest=lambda: "v2") == "miss"
    clock.now += 2
    assert fetch(cache, read, digest=lambda: "v1") == "hit"
    clock.now += LONG_S
    assert fetch(cache, read, digest=lambda: "v1") == "miss"


def test_a_digest_serves_every_instance(clock: Clock) -> None:
    """What one has read serves another while the digest is the same."""
    store, read = MemoryStore(clock), Reader(digest="v1")
    fetch(instance(store, clock), read, digest=lambda: "v1")

    assert fetch(instance(store, clock), read, digest=lambda: "v1") == "hit"
    assert fetch(instance(store, clock), read, digest=lambda: "v2") == "miss"


def test_a_failing_source_is_answered_from_the_last_hour(clock: Clock) -> None:
    """An old answer is better than none, and says that it is stale; after an hour there is none."""
    cache, read = instance(MemoryStore(clock), clock), Reader()
    fetch(cache, read)

    def broken() -> Fresh:
        raise OSError("down")

    def ask(**kwargs: object) -> str:
        return cache.fetch("k", broken, remaining_s=ten_seconds, **kwargs).status  # type: ignore[arg-type]

    clock.now += BRIEF_S + 1
    assert ask(stale_for=(OSError,)) == "stale"
    with pytest.raises(OSError, match="down"):
        ask()
    clock.now += STALE_S
    with pytest.raises(OSError, match="down"):
        ask(stale_for=(OSError,))


def at_once(calls: list[Callable[[], str]]) -> list[str]:
    """What calls answer that begin together."""
    answers: list[str] = []
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], str]) -> None:
        gate.wait()
        answers.append(call())

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.parametrize("instances", [1, 3])
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_fifty_equal_misses_read_once(tmp_path: Path, kind: str, instances: int) -> None:
    """On one instance and on three that share a store: one reading, and everyone has the answer."""
    path = tmp_path / "state.db"
    shared = MemoryStore(time.time)
    stores: list[StateStore] = [
        shared if kind == "memory" else SqliteStore(path, time.time) for _ in range(instances)
    ]
    caches = [instance(store, time.time) for store in stores]
    read = Reader(takes_s=0.4)

    answers = at_once([lambda n=n: fetch(caches[n % instances], read) for n in range(50)])  # type: ignore[misc]

    assert read.count == 1
    assert sorted(set(answers)) == ["hit", "miss"]
    assert answers.count("miss") == 1
    for store in stores:
        store.close()


def test_a_leader_that_fails_does_not_fail_the_others(clock: Clock) -> None:
    """Whoever waited reads for itself when the first reading came to nothing."""
    cache = instance(None, clock)
    lock, failures = threading.Lock(), [0]

    def read() -> Fresh:
        with lock:
            failures[0] += 1
            first = failures[0] == 1
        time.sleep(0.1)
        if first:
            raise OSError("only the first")
        return Reader()()

    def ask() -> str:
        try:
            return cache.fetch("k", read, remaining_s=ten_seconds).status
        except OSError:
            return "error"

    answers = at_once([ask] * 5)

    assert answers.count("error") == 1
    assert answers.count("miss") == 1
    assert answers.count("hit") == 3


def test_a_lease_of_the_dead_does_not_hold_up_for_long(clock: Clock) -> None:
    """When another instance died while it was reading, one waits no longer than reading takes."""
    store = MemoryStore(clock)
    store.create("lease/k", b"1", 3600)
    cache, read = instance(store, clock), Reader()
    began = time.monotonic()

    assert fetch(cache, read) == "miss"
    assert time.monotonic() - began < 4


class Broken(MemoryStore):
    """A store of which every call takes its deadline and fails."""

    def get(self, key: str) -> bytes | None:
        raise StoreTimeout("no answer")

    def set(self, key: str, value: bytes, ttl_s: float) -> bool:
        raise StoreTimeout("no answer")

    def create(self, key: str, value: bytes, ttl_s: float) -> bool:
        raise StoreTimeout("no answer")


def test_a_broken_store_is_a_bypass(clock: Clock) -> None:
    """The same answer, read, and it says that the cache was passed by; the instance still remembers."""
    cache, read = instance(Broken(clock), clock), Reader()

    found = cache.fetch("k", read, remaining_s=ten_seconds)

    assert (found.status, b'"cache":"bypass"' in found.body) == ("bypass", True)
    assert fetch(cache, read) == "hit"


@pytest.mark.parametrize("value", [b"", b"garbage", b"\x93\x01\x02\x03", b'{"entries": []}'])
def test_a_foreign_value_is_a_miss_and_is_replaced(clock: Clock, value: bytes) -> None:
    """Whatever lies under the key: it is read anew, and then the key is ours."""
    store, read = MemoryStore(clock), Reader()
    store.set("answer/k", value, 3600)

    assert fetch(instance(store, clock), read) == "miss"
    assert fetch(instance(store, clock), read) == "hit"


def test_a_value_over_the_limit_is_served_uncached(clock: Clock) -> None:
    """Neither level keeps it; the request does not notice."""
    cache = AnswerCache(GuardedStore(MemoryStore(clock)), clock, max_bytes=10_000)
    read = Reader(body="x" * 5_000)

    assert [fetch(cache, read, key) for key in ("a", "b", "a")] == ["miss", "miss", "hit"]
    assert cache._near.get("a") is None  # it came from the store


def test_the_near_level_is_bounded(clock: Clock) -> None:
    """The least recently used goes first."""
    cache = AnswerCache(None, clock, max_bytes=20_000)
    read = Reader(body="x" * 3_000, lifetime_s=LONG_S)
    for key in "abcd":
        fetch(cache, read, key)
    fetch(cache, read, "a")
    fetch(cache, read, "e")
    fetch(cache, read, "f")

    assert [fetch(cache, read, key) for key in "ab"] == ["hit", "miss"]


class Counting(MemoryStore):
    """A store that counts its calls."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self.reads = self.writes = 0

    def get(self, key: str) -> bytes | None:
        self.reads += 1
        return super().get(key)

    def set(self, key: str, value: bytes, ttl_s: float) -> bool:
        self.writes += 1
        return super().set(key, value, ttl_s)

    def create(self, key: str, value: bytes, ttl_s: float) -> bool:
        self.writes += 1
        return super().create(key, value, ttl_s)

    def delete(self, key: str) -> bool:
        self.writes += 1
        return super().delete(key)


def test_without_leases_a_miss_costs_two_reads_and_a_write_at_most(clock: Clock) -> None:
    """What Firestore is asked: it takes few writes."""
    store = Counting(clock)
    cache = AnswerCache(GuardedStore(store), clock, leases=False)
    for number in range(10):
        assert fetch(cache, Reader(), f"k{number}") == "miss"

    assert store.reads <= 20
    assert store.writes == 10
