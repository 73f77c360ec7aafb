"""The time one call of a store may take, over all of its steps."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from shared.state.store import StoreTimeout

Built = TypeVar("Built")


class Deadline:
    """So many seconds from now, on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds

    def left_s(self) -> float:
        """Seconds left, more than zero. Raises: StoreTimeout when there are none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise self.passed()
        return left

    def passed(self) -> StoreTimeout:
        """The error to raise when the time is up."""
        return StoreTimeout(f"no answer within {self.seconds:g} s")


def in_background(build: Callable[[], Built]) -> Future[Built]:
    """`build()` on a thread of its own, for what cannot be interrupted: name look-ups, imports.

    The thread is a daemon, not a pool's: a look-up that hangs must not hold up the process's exit.
    """
    future: Future[Built] = Future()

    def run() -> None:
        try:
            future.set_result(build())
        except BaseException as exc:  # noqa: BLE001 - raised again by whoever waits
            future.set_exception(exc)

    threading.Thread(target=run, name="state-store-connect", daemon=True).start()
    return future
