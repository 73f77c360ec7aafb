"""When to stop asking a store that is down, and how seldom to say so."""

import logging
import threading
from collections import Counter
from collections.abc import Callable

_LOG = logging.getLogger(__name__)
_LOG_EVERY_S = 60.0


class Circuit:
    """Closed: every call goes through. Open: none does, but for one that tries every `open_s`."""

    def __init__(self, failures_to_open: int, open_s: float, monotonic: Callable[[], float]) -> None:
        """Opens after `failures_to_open` failures in a row, with no success between."""
        self._failures_to_open = failures_to_open
        self._open_s = open_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until: float | None = None

    def would_admit(self) -> bool:
        """What `admit` would say, without taking the one trial."""
        until = self._open_until
        return until is None or self._monotonic() >= until

    def admit(self) -> bool:
        """Whether this call may go through."""
        if self._open_until is None:
            return True
        with self._lock:
            if not self.would_admit():
                return False
            if self._failures:
                self._open_until = self._monotonic() + self._open_s
            return True

    def note(self, *, ok: bool) -> None:
        """How a call that went through ended."""
        if ok and not self._failures:
            return
        with self._lock:
            self._failures = 0 if ok else self._failures + 1
            is_open = self._failures >= self._failures_to_open
            self._open_until = self._monotonic() + self._open_s if is_open else None


class FailureLog:
    """Counts failures and writes one line a minute: the first at once, then what came since."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._since_last: Counter[str] = Counter()
        self._next_line = monotonic()

    def note(self, operation: str, reason: str, exc: Exception | None) -> None:
        """Count one failure; say so if a minute has passed since the last line."""
        with self._lock:
            self._since_last[f"{operation} {reason}"] += 1
            if self._monotonic() < self._next_line:
                return
            self._next_line = self._monotonic() + _LOG_EVERY_S
            counts, self._since_last = self._since_last, Counter()
        each = ", ".join(f"{what}: {count}" for what, count in counts.most_common())
        latest = f"; latest: {exc}" if exc else ""
        _LOG.warning(
            "state store: %d failed calls since the last such line (%s)%s", counts.total(), each, latest
        )
