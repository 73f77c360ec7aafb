"""Small objects, fetched side by side ahead of the scan that reads them.

A scan reads one object after the other, and nearly all of a small object's time is waiting for it. So
while one is read the next ones are on their way: none at first, for the page may be full with the first
object, then twice as many each time, up to a bound in number and so in bytes.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self

from shared.sources.object_store import ObjectInfo
from shared.sources.source import Budget

Read = Callable[[ObjectInfo, Budget], Iterator[bytes]]

# Larger objects are read as a stream; together with the next, at most 2 MiB are held.
SMALL_BYTES: Final = 256 * 1024
MOST_AHEAD: Final = 8
THREADS: Final = 16


class Workers:
    """The threads that fetch: made at first use, never before a fork; shared by an instance's requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def submit(self, fetch: Callable[[], list[bytes]]) -> Future[list[bytes]]:
        """The bytes of an object, later."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="gcs-ahead")
            return self._pool.submit(fetch)

    def close(self) -> None:
        """Wait for the threads to end."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(cancel_futures=True)


class Ahead:
    """The reader of one scan: opens objects, and fetches small ones that are expected next.

    Leaving it gives up what is still on its way, and counts what was fetched in vain.
    """

    def __init__(self, read: Read, budget: Budget, workers: Workers) -> None:
        self._read = read
        self._expected: Sequence[ObjectInfo] = ()
        self._places: dict[tuple[str, str], int] = {}
        self._budget = budget
        self._workers = workers
        self._coming: dict[int, Future[list[bytes]]] = {}
        self._opened = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        in_vain = sum(not coming.cancel() for coming in self._coming.values())
        self._budget.scanned.api_calls += in_vain
        self._coming.clear()

    def expect(self, infos: Sequence[ObjectInfo]) -> None:
        """The objects in the order in which they will be opened."""
        self._expected = infos
        self._places = {(info.bucket, info.name): at for at, info in enumerate(infos)}

    def open(self, info: ObjectInfo, budget: Budget) -> Iterator[bytes]:
        """The object's bytes. Raises: as the store's own `open`."""
        budget.spend(calls=1)
        at = self._places[info.bucket, info.name]
        self._fetch_behind(at)
        coming = self._coming.pop(at, None)
        if coming is None:
            return (yield from self._read(info, budget))
        yield from coming.result()

    def _fetch_behind(self, at: int) -> None:
        ahead = min(2**self._opened - 1, MOST_AHEAD)
        self._opened += 1
        for place, info in enumerate(self._expected[at + 1 : at + 1 + ahead], at + 1):
            if place not in self._coming and info.size <= SMALL_BYTES:
                self._coming[place] = self._workers.submit(self._fetch(info))

    def _fetch(self, info: ObjectInfo) -> Callable[[], list[bytes]]:
        return lambda: list(self._read(info, self._budget))
