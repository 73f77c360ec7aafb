"""The threads that wait for Firestore while the request goes on."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from shared.sources.source import Budget, BudgetSpent

T = TypeVar("T")

THREADS: Final = 16


class Workers:
    """Threads made at first use, never before a fork; shared by an instance's requests.

    A job must not wait for another.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """What the job gives, later."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="firestore")
            return self._pool.submit(job)

    def side_by_side(self, jobs: Iterable[Callable[[], T]], budget: Budget) -> Iterator[T]:
        """What each job gives, in their order. Raises: what a job raises; BudgetSpent at the deadline."""
        coming = [self.submit(job) for job in jobs]
        try:
            for one in coming:
                yield waited(one, budget)
        finally:
            for one in coming:
                one.cancel()

    def close(self) -> None:
        """Wait for the threads to end."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def waited(coming: Future[T], budget: Budget) -> T:
    """What a job gives. Raises: what it raises; BudgetSpent when the deadline comes first."""
    try:
        return coming.result(timeout=max(0.0, budget.remaining_s))
    except TimeoutError as exc:
        raise BudgetSpent("deadline") from exc
