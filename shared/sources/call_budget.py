"""How many calls a minute an API may get from us, whichever request makes them."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

MINUTE_S: Final = 60.0
FIRST_PAUSE_S: Final = 10.0
LONGEST_PAUSE_S: Final = 60.0


class CallBudget(Protocol):
    """Slots for calls, shared by all requests. An implementation may share them between instances too."""

    def take(self, patience_s: float) -> float:
        """Wait for a slot if one can be had within `patience_s`: then 0.0, and a call may be made now.
        Else the seconds after which it is worth asking again; nothing was waited for."""

    def refused(self) -> float:
        """The API itself said that it were too many: the seconds for which nobody gets a slot."""

    def answered(self) -> None:
        """The API answered: it does not refuse us any more."""


class MinuteBudget:
    """At most `calls` in any 60 s, in this process; safe for threads.

    While the API refuses us there are no slots and nobody waits for one: those who wait would all call
    in the moment that the pause ends. The pause doubles from 10 s to 60 s until an answer comes.
    """

    def __init__(
        self,
        calls: int,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._calls = calls
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._taken: deque[float] = deque()
        self._closed_until = 0.0
        self._pause_s = 0.0

    def take(self, patience_s: float) -> float:
        """As CallBudget says; who waits has its slot reserved, so that the waits of many are told truly."""
        with self._lock:
            now = self._monotonic()
            if self._closed_until > now:
                return self._closed_until - now
            while self._taken and self._taken[0] <= now - MINUTE_S:
                self._taken.popleft()
            wait_s = 0.0
            if len(self._taken) >= self._calls:
                wait_s = max(0.0, self._taken[-self._calls] + MINUTE_S - now)
            if wait_s > patience_s:
                return wait_s
            self._taken.append(now + wait_s)
        if wait_s <= 0:
            return 0.0
        self._sleep(wait_s)
        with self._lock:
            return max(0.0, self._closed_until - self._monotonic())

    def refused(self) -> float:
        """Close for a while; calls that were refused together count as one refusal."""
        with self._lock:
            now = self._monotonic()
            if self._closed_until <= now:
                self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2 or FIRST_PAUSE_S)
                self._closed_until = now + self._pause_s
            return self._closed_until - now

    def answered(self) -> None:
        """The next pause is a short one again."""
        with self._lock:
            if self._closed_until <= self._monotonic():
                self._pause_s = 0.0
