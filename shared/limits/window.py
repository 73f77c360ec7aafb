"""What one subject has used in the last `per_s` seconds, as one instance knows it."""

import heapq
import math
from collections import deque
from collections.abc import Iterable, Iterator

MAX_MARKS = 1024
"""Of one subject: up to this count the window is exact to the request."""


class Mark:
    """`units` requests, the latest of them at `latest_s`."""

    __slots__ = ("latest_s", "units")

    def __init__(self, latest_s: float) -> None:
        self.latest_s = latest_s
        self.units = 1


class Window:
    """A log of requests, so that no `per_s` seconds hold more than was let in, wherever they begin.

    (A token bucket or GCRA lets up to twice the count into one window: a full burst, and what refills
    meanwhile. Two fixed windows that are weighed only estimate.) For counts over MAX_MARKS, requests
    that follow within a 1,024th of `per_s` share a mark that ends with the latest of them: then a
    request may count that much longer than it should, never shorter.

    Times are seconds on any clock that does not go back. Not thread-safe.
    """

    __slots__ = ("_began_s", "_others", "_own", "_per_s", "_step_s", "used")

    def __init__(self, count: int, per_s: float) -> None:
        self.used = 0
        self._per_s = per_s
        self._step_s = per_s / MAX_MARKS if count > MAX_MARKS else 0.0
        self._own: deque[Mark] = deque()
        self._began_s = -math.inf
        self._others: deque[tuple[float, int]] = deque()

    def forget(self, now: float) -> None:
        """Drop what has left the window."""
        own, others = self._own, self._others
        while own and own[0].latest_s + self._per_s <= now:
            gone = own.popleft()
            self.used -= gone.units
            gone.units = 0
        while others and others[0][0] <= now:
            self.used -= others.popleft()[1]

    def add(self, now: float) -> Mark:
        """Count one request."""
        self.used += 1
        if self._own and now - self._began_s <= self._step_s:
            mark = self._own[-1]
            mark.latest_s = now
            mark.units += 1
            return mark
        self._began_s = now
        self._own.append(Mark(now))
        return self._own[-1]

    def take_back(self, mark: Mark) -> None:
        """Uncount one request of this mark, unless it has left the window by itself."""
        if mark.units:
            mark.units -= 1
            self.used -= 1

    def learn(self, others: Iterable[tuple[float, int]]) -> None:
        """What all others have used, in place of what was known: (until when it counts, units)."""
        self.used -= sum(units for _, units in self._others)
        self._others = deque(sorted(others))
        self.used += sum(units for _, units in self._others)

    def freed_at(self, units: int) -> float | None:
        """When so many units will have left the window; None if it does not hold as many."""
        for until, leaving in self._leaving():
            units -= leaving
            if units <= 0:
                return until
        return None

    def _leaving(self) -> Iterator[tuple[float, int]]:
        own = ((mark.latest_s + self._per_s, mark.units) for mark in self._own)
        return heapq.merge(own, self._others) if self._others else own
