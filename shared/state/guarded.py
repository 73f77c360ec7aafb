"""A state store that makes the product slower, never wrong: no call of it raises for a broken store."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from shared.state.circuit import Circuit, FailureLog
from shared.state.store import StateStore, StoreError, StoreTimeout, StoreUnavailable

Answer = TypeVar("Answer")
Item = TypeVar("Item")


@dataclass(frozen=True)
class Reading:
    """What a read found, and whether the store answered at all: no value and no answer is a bypass."""

    value: bytes | None
    answered: bool


class GuardedStore:
    """A StateStore around another one. Reads of a broken store miss, its writes are dropped.

    Failures are counted (`on_failure`) and logged once a minute. After `failures_to_open` timeouts or
    refusals in a row the circuit is open: for `open_s` every call fails at once, so that a store which
    is down costs its deadline now and then and not in each request. Then one call tries it: if it
    succeeds the circuit closes, else it stays open for `open_s` more.

    A dropped write may have happened (its answer came too late). Who needs the difference, or a
    listing that is complete or an error, uses `store`, the bare one.
    """

    def __init__(
        self,
        store: StateStore,
        *,
        on_failure: Callable[[str, str], None] = lambda _operation, _reason: None,
        failures_to_open: int = 3,
        open_s: float = 5.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_failure(operation, reason)`: "get", "set", … and a StoreError's `reason`, or "open"."""
        self.store = store
        self._circuit = Circuit(failures_to_open, open_s, monotonic)
        self._log = FailureLog(monotonic)
        self._on_failure = on_failure

    @property
    def available(self) -> bool:
        """False while calls would fail at once: whoever can keep a write for later should."""
        return self._circuit.would_admit()

    def read(self, key: str) -> Reading:
        """`get`, and whether the store answered."""
        found = self._try("get", lambda: Reading(self.store.get(key), answered=True))
        return found or Reading(None, answered=False)

    def get(self, key: str) -> bytes | None:
        """As StateStore.get; None when the store is broken."""
        return self.read(key).value

    def set(self, key: str, value: bytes, ttl_s: float) -> bool:
        """As StateStore.set; False when the write was dropped."""
        return self._try("set", lambda: self.store.set(key, value, ttl_s)) or False

    def create(self, key: str, value: bytes, ttl_s: float) -> bool:
        """As StateStore.create; True when the store is broken: work is done twice rather than never."""
        won = self._try("create", lambda: self.store.create(key, value, ttl_s))
        return True if won is None else won

    def increment(self, key: str, deltas: Mapping[str, float], ttl_s: float | None = None) -> bool:
        """As StateStore.increment; False when the write was dropped."""
        return self._try("increment", lambda: self.store.increment(key, deltas, ttl_s)) or False

    def counter(self, key: str) -> dict[str, float]:
        """As StateStore.counter; empty when the store is broken."""
        return self._try("counter", lambda: self.store.counter(key)) or {}

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """As StateStore.scan; ends early when the store breaks."""
        return self._try_each("scan", lambda: self.store.scan(prefix))

    def counters(self, prefix: str) -> Iterator[tuple[str, dict[str, float]]]:
        """As StateStore.counters; ends early when the store breaks."""
        return self._try_each("counters", lambda: self.store.counters(prefix))

    def delete(self, key: str) -> bool:
        """As StateStore.delete; False when the write was dropped."""
        return self._try("delete", lambda: self.store.delete(key)) or False

    def close(self) -> None:
        """As StateStore.close."""
        self.store.close()

    def _try(self, operation: str, call: Callable[[], Answer]) -> Answer | None:
        if not self._circuit.admit():
            self._failed(operation, "open")
            return None
        try:
            answer = call()
        except StoreError as exc:
            self._circuit.note(ok=not isinstance(exc, StoreTimeout | StoreUnavailable))
            self._failed(operation, exc.reason, exc)
            return None
        except BaseException:
            self._circuit.note(ok=False)
            raise
        self._circuit.note(ok=True)
        return answer

    def _try_each(self, operation: str, start: Callable[[], Iterator[Item]]) -> Iterator[Item]:
        """Each step is a call of its own, so that a caller that stops half-way leaves nothing open."""
        items = start()
        while step := self._try(operation, lambda: [*islice(items, 1)]):
            yield from step

    def _failed(self, operation: str, reason: str, exc: StoreError | None = None) -> None:
        self._on_failure(operation, reason)
        self._log.note(operation, reason, exc)
