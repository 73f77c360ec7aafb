"""A broken store makes the product slower, never wrong."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from shared.state import (
    GuardedStore,
    MemoryStore,
    Reading,
    StateStore,
    StoreError,
    StoreFull,
    StoreRequestInvalid,
    StoreTimeout,
    StoreUnavailable,
)

ROOT = Path(__file__).resolve().parents[2]


class Breakable:
    """A store in memory that fails with `error` as long as there is one; `calls` reached it."""

    def __init__(self) -> None:
        self.inner = MemoryStore(lambda: 1_795_000_000.0)
        self.error: BaseException | None = None
        self.calls = 0

    def _reached(self) -> None:
        self.calls += 1
        if self.error:
            raise self.error

    def get(self, key: str) -> bytes | None:
        self._reached()
        return self.inner.get(key)

    def set(self, key: str, value: bytes, ttl_s: float) -> bool:
        self._reached()
        return self.inner.set(key, value, ttl_s)

    def create(self, key: str, value: bytes, ttl_s: float) -> bool:
        self._reached()
        return self.inner.create(key, value, ttl_s)

    def increment(self, key: str, deltas: Mapping[str, float], ttl_s: float | None = None) -> bool:
        self._reached()
        return self.inner.increment(key, deltas, ttl_s)

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        for item in self.inner.scan(prefix):
            self._reached()
            yield item
        self._reached()

    def counter(self, key: str) -> dict[str, float]:
        self._reached()
        return self.inner.counter(key)

    def counters(self, prefix: str) -> Iterator[tuple[str, dict[str, float]]]:
        for item in self.inner.counters(prefix):
            self._reached()
            yield item
        self._reached()

    def delete(self, key: str) -> bool:
        self._reached()
        return self.inner.delete(key)

    def close(self) -> None:
        self.inner.close()


class Scene:
    """A guarded store, what is behind it, what it counted, and the time it believes in."""

    def __init__(self) -> None:
        self.now = 100.0
        self.behind = Breakable()
        self.failures: Counter[tuple[str, str]] = Counter()
        self.store = GuardedStore(self.behind, on_failure=self._count, monotonic=lambda: self.now)

    def _count(self, operation: str, reason: str) -> None:
        self.failures[operation, reason] += 1

    def every_method(self) -> list[object]:
        store = self.store
        return [
            store.get("k"),
            store.counter("c"),
            store.set("k", b"x", 60),
            store.create("k", b"x", 60),
            store.increment("k", {"n": 1}),
            list(store.scan("")),
            list(store.counters("")),
            store.delete("k"),
        ]


@pytest.fixture
def scene() -> Scene:
    return Scene()


BROKEN: list[object] = [None, {}, False, True, False, [], [], False]
"""Reads miss, writes are dropped, and whoever asks for a lease may go to work."""


def test_a_working_store_is_passed_through(scene: Scene) -> None:
    """With nothing broken it is the store behind it."""
    guarded: StateStore = scene.store

    assert guarded.set("k", b"x", 60)
    assert not guarded.create("k", b"y", 60)
    assert guarded.increment("hits", {"n": 1})
    assert guarded.get("k") == b"x"
    assert (list(guarded.scan("")), list(guarded.counters(""))) == ([("k", b"x")], [("hits", {"n": 1})])
    assert guarded.delete("k")
    assert guarded.get("k") is None
    assert (scene.failures, scene.store.available) == (Counter(), True)


@pytest.mark.parametrize("error", [StoreTimeout(), StoreUnavailable(), StoreFull(), StoreError()])
def test_a_broken_store_raises_nothing(scene: Scene, error: StoreError) -> None:
    """Every method has an answer that lets the request go on, and each failure is counted."""
    scene.behind.error = error

    assert scene.every_method() == BROKEN

    operations = ["get", "counter", "set", "create", "increment", "scan", "counters", "delete"]
    assert Counter(operation for operation, _ in scene.failures) == Counter(operations)
    assert scene.failures["get", error.reason] == 1


def test_a_read_tells_a_miss_from_a_bypass(scene: Scene) -> None:
    """A caller can say whether the store had nothing or was not there."""
    assert scene.store.read("k") == Reading(None, answered=True)
    scene.store.set("k", b"", 60)
    assert scene.store.read("k") == Reading(b"", answered=True)

    scene.behind.error = StoreTimeout()

    assert scene.store.read("k") == Reading(None, answered=False)


def test_a_dead_store_is_soon_left_alone(scene: Scene) -> None:
    """After three failures in a row calls fail at once, until a trial every five seconds succeeds."""
    scene.behind.error = StoreTimeout()
    for _ in range(10):
        assert scene.store.get("k") is None
    assert (scene.behind.calls, scene.store.available) == (3, False)
    assert scene.failures == {("get", "timeout"): 3, ("get", "open"): 7}

    scene.now += 5
    assert scene.store.available
    assert [scene.store.get("k") for _ in range(3)] == [None] * 3
    assert scene.behind.calls == 4, "one trial, which failed"

    scene.behind.error = None
    scene.now += 4.9
    assert not scene.store.set("k", b"x", 60)
    scene.now += 0.1
    assert scene.store.set("k", b"x", 60)
    assert (scene.store.get("k"), scene.store.available) == (b"x", True)


def test_only_one_call_is_the_trial(scene: Scene) -> None:
    """While one call tries the store again, the others do not wait for it too."""
    scene.behind.error = StoreTimeout()
    for _ in range(3):
        scene.store.get("k")
    scene.now += 5
    meanwhile: list[Reading] = []

    class AskingInside(StoreTimeout):
        def __init__(self) -> None:
            meanwhile.append(scene.store.read("k"))

    original: Callable[[], None] = scene.behind._reached

    def reached() -> None:
        original_calls = scene.behind.calls
        if original_calls == 3:
            scene.behind.calls += 1
            raise AskingInside
        original()

    scene.behind._reached = reached  # type: ignore[method-assign]
    scene.store.get("k")

    assert (meanwhile, scene.behind.calls) == ([Reading(None, answered=False)], 4)


@pytest.mark.parametrize("error", [StoreFull(), StoreRequestInvalid()])
def test_a_store_that_answers_no_is_not_left_alone(scene: Scene, error: StoreError) -> None:
    """Full, too large and invalid are quick answers of a living store: the next call is made."""
    scene.behind.error = error
    for _ in range(10):
        assert not scene.store.set("k", b"x", 60)

    assert (scene.behind.calls, scene.store.available) == (10, True)


def test_failures_between_successes_do_not_open_the_circuit(scene: Scene) -> None:
    """Only failures in a row count."""
    for _ in range(5):
        scene.behind.error = StoreTimeout()
        scene.store.get("k")
        scene.store.get("k")
        scene.behind.error = None
        scene.store.get("k")

    assert (scene.behind.calls, scene.store.available) == (15, True)


def test_an_unusable_key_or_value_is_dropped(scene: Scene) -> None:
    """What no store takes fails no request either: it is not stored, and counted."""
    assert scene.store.get("") is None
    assert not scene.store.set("k", bytes(65 * 1024 * 1024), 60)
    assert not scene.store.increment("k", {"n": float("nan")})

    assert set(scene.failures) == {("get", "invalid"), ("set", "too_large"), ("increment", "invalid")}


def test_a_listing_that_breaks_ends(scene: Scene) -> None:
    """What was read before stays; the listing is short, the request goes on."""
    for n in range(3):
        scene.store.set(f"k{n}", b"x", 60)
    listing = scene.store.scan("k")
    assert next(listing) == ("k0", b"x")

    scene.behind.error = StoreUnavailable()

    assert list(listing) == []
    assert scene.failures == {("scan", "unavailable"): 1}


def test_a_mistake_of_ours_is_not_hidden(scene: Scene) -> None:
    """Only the store's own errors are swallowed."""
    scene.behind.error = ZeroDivisionError()

    with pytest.raises(ZeroDivisionError):
        scene.store.get("k")


def test_failures_are_logged_once_a_minute(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """The first at once, then how many there were of each kind, a line a minute."""
    scene.behind.error = StoreUnavailable("connection refused")
    for _ in range(50):
        scene.store.get("k")
        scene.now += 1

    assert len(caplog.messages) == 1
    assert "1 failed calls" in caplog.messages[0]
    assert "connection refused" in caplog.messages[0]

    scene.now += 10
    scene.store.set("k", b"x", 60)
    assert len(caplog.messages) == 2
    assert "50 failed calls" in caplog.messages[1]
    assert "get open" in caplog.messages[1]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_importing_the_stores_imports_no_vendor() -> None:
    """A function that needs no store pays for none."""
    vendors = ["redis", "grpc", "google.cloud.firestore_v1", "google.api_core", "isal"]
    program = f"import sys, shared.state; print([name for name in {vendors} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
