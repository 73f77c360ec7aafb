"""An issuer's published keys, cached so that neither a flood nor an outage of theirs becomes ours."""

import logging
import math
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from shared.auth.key_fetch import check_url, fetch
from shared.auth.keys import Key, PublishedKeys, parse_jwks
from shared.errors import NotAuthenticated, Unavailable

FRESH_S = 300
STALE_S = 3_600
REFETCH_S = 30
RETRY_S = 5

_LOG = logging.getLogger(__name__)


class _Flight:
    """One fetch under way. It counts until it lands or its deadline passes; nobody waits longer."""

    def __init__(self, deadline_s: float) -> None:
        self.ends_at = time.monotonic() + deadline_s
        self.landed = threading.Event()

    def is_on(self) -> bool:
        return not self.landed.is_set() and time.monotonic() < self.ends_at

    def wait(self) -> None:
        self.landed.wait(max(0.0, self.ends_at - time.monotonic()))


class KeySet:
    """The keys at one address (see `key_fetch.check_url`), fetched when first needed.

    * 5 minutes fresh, whatever the answer's headers say; then fetched anew by the next caller. Meanwhile
      other callers go on with the keys at hand.
    * When that fails: up to an hour old they are used on, and it is tried again after 30 s. With no keys at
      all it is tried again after 5 s.
    * An unknown `kid` fetches anew (issuers rotate), at most once in 30 s however many come.
    * One fetch at a time, in a thread of its own: name resolution and slow headers cannot be given a
      deadline, so callers wait `deadline_s` and leave it behind. What lands late is still used.

    `clock` counts seconds and never goes back. Raises ValueError for an address that is not allowed.
    """

    def __init__(
        self, url: str, *, clock: Callable[[], float] = time.monotonic, deadline_s: float = 3.0
    ) -> None:
        check_url(url)
        self._url = url
        self._clock = clock
        self._deadline_s = deadline_s
        self._lock = threading.Lock()
        self._flight: _Flight | None = None
        self._keys: PublishedKeys | None = None
        self._fetched_at = -math.inf
        self._refresh_from = -math.inf
        self._refetch_from = -math.inf

    def key(self, kid: str | None) -> Key:
        """The key of that id; None is the only key of a set that has exactly one.

        Raises: NotAuthenticated (unknown_key), Unavailable when there are no keys to look in.
        """
        keys, just_fetched = self._current()
        key = keys.find(kid)
        if key is None and kid is not None and not just_fetched:
            key = self._refetched().find(kid)
        if key is None:
            raise NotAuthenticated("unknown_key")
        return key

    def _current(self) -> tuple[PublishedKeys, bool]:
        """The keys to use, and whether this call has waited for them to be fetched."""
        with self._lock:
            now = self._clock()
            if self._keys is not None and now - self._fetched_at < FRESH_S:
                return self._keys, False
            usable = self._keys is not None and now - self._fetched_at < STALE_S
            waits_for = None if usable else self._in_flight()
            if self._in_flight() is None and now >= self._refresh_from:
                self._refresh_from = now + (REFETCH_S if usable else RETRY_S)
                waits_for = self._start(now)
        if waits_for is not None:
            waits_for.wait()
        with self._lock:
            if self._keys is None or self._clock() - self._fetched_at >= STALE_S:
                raise Unavailable("Tokens cannot be checked at the moment.", retry_after_s=RETRY_S)
            return self._keys, waits_for is not None

    def _refetched(self) -> PublishedKeys:
        """The keys after one more fetch, unless there was one for this reason in the last 30 s."""
        with self._lock:
            now = self._clock()
            waits_for = self._in_flight()
            if waits_for is None and now >= self._refetch_from:
                self._refetch_from = now + REFETCH_S
                waits_for = self._start(now)
        if waits_for is not None:
            waits_for.wait()
        with self._lock:
            assert self._keys is not None  # noqa: S101 - _current() came first, and keys are never taken away
            return self._keys

    def _in_flight(self) -> _Flight | None:
        return self._flight if self._flight is not None and self._flight.is_on() else None

    def _start(self, now: float) -> _Flight:
        flight = self._flight = _Flight(self._deadline_s)
        thread = threading.Thread(target=self._fly, args=(flight, now), name="key-set", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads: the same as an endpoint that is down
            flight.landed.set()
        return flight

    def _fly(self, flight: _Flight, started_at: float) -> None:
        where = urlsplit(self._url).hostname or "file"
        try:
            keys = parse_jwks(fetch(self._url, deadline_s=self._deadline_s))
        except Exception as exc:  # noqa: BLE001 - whatever way it fails, the callers fall back on what they have
            _LOG.warning("key set of %s could not be fetched: %s", where, type(exc).__name__)
        else:
            if keys.refused:
                _LOG.warning("key set of %s: keys left out: %s", where, ", ".join(sorted(set(keys.refused))))
            with self._lock:
                if started_at >= self._fetched_at:
                    self._keys, self._fetched_at = keys, started_at
        finally:
            flight.landed.set()
