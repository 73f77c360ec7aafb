"""From the counts of one process into sums that outlive it, each count at most once.

A write whose answer is an error, or comes too late, may have happened: it is not repeated, and what it
held is lost to the sums (`log_aggregator_metrics_folds_dropped_total`). So sums may be too low, never
too high. Before the first write and after one that failed the store is asked with a read, which costs
nothing if it fails: as long as it does not answer, the counts wait in the process.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from shared.metrics.registry import Registry
from shared.metrics.table import FOLDS_DROPPED

PREFIX: Final = "metrics/1/"
SHARDS: Final = 8
"""A document of Firestore takes one write a second: at one in 10 s, 80 instances of each function."""
EVERY_S: Final = 10.0
MAX_FIELDS: Final = 500
"""In one write, as the state store says; what is over waits for the next."""
_LAST_WRITES: Final = 20
_LAST_WAIT_S: Final = 2.0
_LAST_READS: Final = 2
_LAST_PAUSE_S: Final = 1.0


def key(function: str, shard: int) -> str:
    """The counter's key in the store: `metrics/1/{function}/{shard}`. It never expires."""
    return f"{PREFIX}{function}/{shard}"


class Reading(Protocol):
    """What a read of the store says: here only whether there was an answer."""

    @property
    def answered(self) -> bool:
        """Whether the store answered at all."""


class Sums(Protocol):
    """What folding needs of a guarded state store: no call of it raises for a store that is broken."""

    @property
    def available(self) -> bool:
        """False while writes would fail without being tried."""

    def read(self, key: str) -> Reading:
        """Whether the store answers."""

    def increment(self, key: str, deltas: Mapping[str, float]) -> bool:
        """Add each delta to its field, in one write; False when that may not have happened."""


class Folder:
    """Folds one process's counts; built in the process that serves. Thread-safe.

    There is no thread of its own: Cloud Run gives a process no CPU between requests.
    """

    def __init__(
        self,
        registry: Registry,
        store: Callable[[], Sums],
        function: str,
        *,
        every_s: float = EVERY_S,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """`store` gives the state store, built at the first write; that is due `every_s` from now, so
        that a cold start does not wait for it.
        """
        self._registry = registry
        self._store = store
        self._function = function
        self._every_s = every_s
        self._monotonic = monotonic
        self._pause = pause
        self._key = key(function, random.randrange(SHARDS))
        self._busy = threading.Lock()
        self._pid = os.getpid()
        self._due = monotonic() + every_s
        self._trusted = False

    def fold_if_due(self) -> None:
        """At the end of a request: one write, at most every `every_s`, by one thread; else nothing."""
        if self._monotonic() < self._due or self._pid != os.getpid():
            return
        if not self._busy.acquire(blocking=False):
            return
        try:
            if self._monotonic() >= self._due:
                self._due = self._monotonic() + self._every_s
                self._write()
        finally:
            self._busy.release()

    def fold_all(self) -> None:
        """At the process's end: everything that is left, or as much as the store takes, within some 4 s."""
        if self._pid != os.getpid() or not self._busy.acquire(timeout=_LAST_WAIT_S):
            return
        try:
            self._wait_for_the_store()
            writes = 0
            while writes < _LAST_WRITES and self._write():
                writes += 1
        finally:
            self._busy.release()

    def _wait_for_the_store(self) -> None:
        """A young process builds its client only now, which may take longer than a call may. Then the
        write is tried in any case: without it the counts are lost for certain."""
        if not self._registry.any():
            return
        store = self._store()
        for _ in range(_LAST_READS):
            if self._answers(store) or not store.available:
                return
            self._pause(_LAST_PAUSE_S)
        self._trusted = True

    def _write(self) -> bool:
        """Whether something was written."""
        if not self._registry.any():
            return False
        store = self._store()
        if not self._answers(store):
            return False
        written = False
        try:
            written = store.increment(self._key, self._registry.take(MAX_FIELDS))
        finally:
            self._trusted = written
            if not written:
                self._registry.add(FOLDS_DROPPED, function=self._function)
        return written

    def _answers(self, store: Sums) -> bool:
        if not store.available:
            return False
        if not self._trusted:
            self._trusted = store.read(self._key).answered
        return self._trusted
