"""Equal work done once: callers that ask for the same at the same time share one answer."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX_KEPT: Final = 16


class _Flight(Generic[V]):
    """Work that is being done, or was: then `value` or `error` tells how it ended."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: V
        self.error: BaseException | None = None
        self.kept_until = 0.0


class SingleFlight(Generic[K, V]):
    """Runs the work of a key once for all threads that ask meanwhile, and `keep_s` seconds after.

    A failure is told to all who waited for it and never kept. One of the kinds in `own` is about the
    caller that did the work (its time was up), so that those who waited try for themselves. Values are
    shared: nobody may change them. At most 16 are kept.
    """

    def __init__(
        self,
        *,
        keep_s: float = 0.0,
        own: tuple[type[BaseException], ...] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keep_s = keep_s
        self._own = own
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._flights: dict[K, _Flight[V]] = {}

    def get(self, key: K, work: Callable[[], V], patience_s: float) -> V:
        """What `work` returns, done here or by whoever began it before.

        Raises: TimeoutError when another's work is not done within `patience_s`; what `work` raises.
        """
        until = self._monotonic() + patience_s
        while True:
            with self._lock:
                self._forget_old()
                flight = self._flights.get(key)
                if flight is None:
                    mine = self._flights[key] = _Flight()
            if flight is None:
                return self._fly(key, mine, work)
            if not flight.done.wait(max(0.0, until - self._monotonic())):
                raise TimeoutError
            if flight.error is None:
                return flight.value
            if isinstance(flight.error, Exception) and not isinstance(flight.error, self._own):
                raise flight.error

    def _fly(self, key: K, flight: _Flight[V], work: Callable[[], V]) -> V:
        try:
            flight.value = work()
        except BaseException as exc:
            flight.error = exc
            raise
        finally:
            with self._lock:
                flight.kept_until = self._monotonic() + self._keep_s
                if flight.error is not None or self._keep_s <= 0:
                    del self._flights[key]
            flight.done.set()
        return flight.value

    def _forget_old(self) -> None:
        now = self._monotonic()
        done = [key for key, flight in self._flights.items() if flight.kept_until]
        surplus = len(done) - MAX_KEPT
        for number, key in enumerate(done):
            if number < surplus or self._flights[key].kept_until <= now:
                del self._flights[key]
