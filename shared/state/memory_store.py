"""A state store inside one process: for unit tests, and for nothing that must survive it."""

import threading
from collections.abc import Callable, Iterator, Mapping

from shared.state import frame
from shared.state.store import check_deltas, expiry, key_bytes, prefix_bytes

_WRITES_PER_SWEEP = 256


class MemoryStore:
    """A StateStore in two dictionaries. Frames its values as the others do, so limits are the same."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: seconds since the epoch."""
        self._clock = clock
        self._lock = threading.Lock()
        self._values: dict[bytes, tuple[bytes, float]] = {}
        self._counters: dict[bytes, tuple[dict[str, float], float | None]] = {}
        self._writes = 0

    def get(self, key: str) -> bytes | None:
        """As StateStore.get."""
        name = key_bytes(key)
        stored, _ = self._values.get(name, (None, 0.0))
        return frame.unpack(name, stored, self._clock())

    def set(self, key: str, value: bytes, ttl_s: float) -> bool:
        """As StateStore.set."""
        name, now = key_bytes(key), self._clock()
        expires_at = expiry(now, ttl_s)
        framed = frame.pack(name, value, expires_at)
        with self._lock:
            self._sweep(now)
            self._values[name] = (framed, expires_at)
        return True

    def create(self, key: str, value: bytes, ttl_s: float) -> bool:
        """As StateStore.create."""
        name, now = key_bytes(key), self._clock()
        expires_at = expiry(now, ttl_s)
        framed = frame.pack(name, value, expires_at)
        with self._lock:
            self._sweep(now)
            stored, _ = self._values.get(name, (None, 0.0))
            if frame.unpack(name, stored, now) is not None:
                return False
            self._values[name] = (framed, expires_at)
        return True

    def increment(self, key: str, deltas: Mapping[str, float], ttl_s: float | None = None) -> bool:
        """As StateStore.increment."""
        name, now = key_bytes(key), self._clock()
        expires_at = None if ttl_s is None else expiry(now, ttl_s)
        if not check_deltas(deltas):
            return True
        with self._lock:
            self._sweep(now)
            sums, old_expiry = self._counters.get(name, ({}, None))
            if old_expiry is not None and now >= old_expiry:
                sums, old_expiry = {}, None
            added = {field: sums.get(field, 0) + delta for field, delta in deltas.items()}
            self._counters[name] = (sums | added, old_expiry if expires_at is None else expires_at)
        return True

    def counter(self, key: str) -> dict[str, float]:
        """As StateStore.counter."""
        with self._lock:
            sums, expires_at = self._counters.get(key_bytes(key), ({}, None))
            return dict(sums) if expires_at is None or self._clock() < expires_at else {}

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """As StateStore.scan."""
        start = prefix_bytes(prefix)
        with self._lock:
            found = [(name, framed) for name, (framed, _) in self._values.items() if name.startswith(start)]
        for name, framed in found:
            value = frame.unpack(name, framed, self._clock())
            if value is not None:
                yield name.decode(), value

    def counters(self, prefix: str) -> Iterator[tuple[str, dict[str, float]]]:
        """As StateStore.counters."""
        start, now = prefix_bytes(prefix), self._clock()
        with self._lock:
            found = [(name, counter) for name, counter in self._counters.items() if name.startswith(start)]
        for name, (sums, expires_at) in found:
            if expires_at is None or now < expires_at:
                yield name.decode(), dict(sums)

    def delete(self, key: str) -> bool:
        """As StateStore.delete."""
        name = key_bytes(key)
        with self._lock:
            self._values.pop(name, None)
            self._counters.pop(name, None)
        return True

    def close(self) -> None:
        """Nothing to let go of."""

    def _sweep(self, now: float) -> None:
        """Drop what has expired, once in so many writes: each pays for a few entries on average."""
        self._writes += 1
        if self._writes % _WRITES_PER_SWEEP == 0:
            self._values = {name: kept for name, kept in self._values.items() if now < kept[1]}
            self._counters = {
                name: kept for name, kept in self._counters.items() if kept[1] is None or now < kept[1]
            }
