"""The limit of one class of routes: who may ask once more."""

import hashlib
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from shared.limits.rate import Decision, Rate
from shared.limits.row import Row, Telling
from shared.limits.window import Mark, Window

MAX_SUBJECTS: Final = 10_000
_LOOKS: Final = 16
_TELLINGS_PER_PERIOD: Final = 32
_UNLIMITED: Final = Decision(allowed=True)


class SharedCounts(Protocol):
    """What a limiter needs of the state store; a GuardedStore has it, and raises nothing."""

    @property
    def available(self) -> bool:
        """False while calls would fail at once."""
        ...

    def increment(self, key: str, deltas: Mapping[str, float], ttl_s: float | None = None) -> bool:
        """As StateStore.increment; False when the write may not have happened."""
        ...

    def counter(self, key: str) -> dict[str, float]:
        """As StateStore.counter; empty when the store breaks."""
        ...


class _Account:
    """One subject: its window here, and its row in the store."""

    __slots__ = ("row", "window")

    def __init__(self, rate: Rate) -> None:
        self.window = Window(rate.count, rate.per_s)
        self.row = Row(rate.per_s)


class Limiter:
    """At most `rate.count` requests of a subject in any `rate.per_s` seconds. Thread-safe.

    **In one instance** this is exact (see Window). What is refused does not count.

    **Among instances** that share a store, each tells the others of `share` requests at a time, in the
    request that fills the share: one write and one read, before it is let in (and if it is not, one
    write that takes it back). In between, and for refusals, the store is not asked. So in any window n
    instances let in at most

        count + n * k * (share - 1)        with clocks that agree

    where k is 1, plus as many requests of the subject as one instance has at the store at a time. With
    `share` 1 that is `count`, at a write and a read for each request. The default share makes at most
    about 32 writes in a window, and one a second on average, which one Firestore document bears:
    10/min: 1, 300/min: 10, 600/min: 19; for rates per second it is the whole count: per instance.
    Requests that race for the last units may all be refused, and what others used counts up to a
    twelfth of a window longer than it should: with several instances a limit may be met a little early.

    **Without the store** (none, or broken, slow, full) each instance limits by what it knows. A request
    waits for at most the deadlines of those calls, and nothing raises. A write that failed is not made
    again, for it may have happened, and nobody should be refused for what they did not do.

    **Memory** is that of MAX_SUBJECTS subjects. For a new one the longest unseen goes that has used less
    than half of its count; only where the 16 longest unseen all have more, one of them. So a flood of new
    subjects drops others that are far from their limit (they gain by it), and to drop one that is
    limited takes 8 times the count in requests of other subjects, and MAX_SUBJECTS new ones. A subject
    that was dropped and comes back is as another instance to itself: what it has told is not forgotten.
    """

    def __init__(
        self,
        rate: Rate | None,
        name: str,
        clock: Callable[[], float],
        store: SharedCounts | None = None,
        *,
        key: bytes = b"",
        share: int | None = None,
        max_subjects: int = MAX_SUBJECTS,
    ) -> None:
        """`name` is the policy's in the header fields and in the store's keys: printable ASCII without
        quotes and backslashes. `clock`: seconds since the epoch; it may go back. `key` hides subjects
        in the store: the same on all instances. `rate` None limits nothing.
        """
        self._rate = rate or Rate(1, 1)
        self._limited = rate is not None
        self._name = name
        self._clock = clock
        self._store = store
        self._key = hashlib.sha256(key).digest()
        per_telling = min(_TELLINGS_PER_PERIOD, self._rate.per_s)
        self._share = share or math.ceil(self._rate.count / per_telling)
        self._max_subjects = max_subjects
        self._lock = threading.Lock()
        self._accounts: OrderedDict[bytes, _Account] = OrderedDict()
        self._wall_s = -math.inf
        self._lost_s = 0.0

    def take(self, subject: str) -> Decision:
        """Count one request of `subject`, if it is allowed.

        For failed authentications: `peek(address)` before the work of a verification, `take(address)`
        once it has failed; a success costs nothing. (So many as are verified at a time may exceed.)
        """
        if not self._limited:
            return _UNLIMITED
        digest = self._digest(subject)
        with self._lock:
            now = self._now()
            account = self._account(digest, now)
            if account.window.used >= self._rate.count:
                return self._decision(account.window, now, allowed=False)
            mark = account.window.add(now)
            telling = self._telling(account)
            if telling is None:
                return self._decision(account.window, now, allowed=True)
        return self._told(digest, account, mark, telling)

    def peek(self, subject: str) -> Decision:
        """Whether `take` would allow, by what this instance knows: nothing is counted, nobody asked."""
        if not self._limited:
            return _UNLIMITED
        digest = self._digest(subject)
        with self._lock:
            now = self._now()
            account = self._accounts.get(digest)
            window = account.window if account else Window(self._rate.count, self._rate.per_s)
            window.forget(now)
            return self._decision(window, now, allowed=window.used < self._rate.count)

    def _digest(self, subject: str) -> bytes:
        text = subject.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=16, key=self._key).digest()

    def _now(self) -> float:
        """The clock, but where it goes back this one stands still for that moment, and then goes on."""
        wall_s = self._clock()
        if wall_s < self._wall_s:
            self._lost_s += self._wall_s - wall_s
        self._wall_s = wall_s
        return wall_s + self._lost_s

    def _account(self, digest: bytes, now: float) -> _Account:
        account = self._accounts.get(digest)
        if account is None:
            if len(self._accounts) >= self._max_subjects:
                self._drop_one(now)
            account = self._accounts[digest] = _Account(self._rate)
        else:
            self._accounts.move_to_end(digest)
            account.window.forget(now)
        return account

    def _drop_one(self, now: float) -> None:
        for _ in range(_LOOKS):
            digest, account = next(iter(self._accounts.items()))
            account.window.forget(now)
            if account.window.used * 2 < self._rate.count:
                break
            self._accounts.move_to_end(digest)
        self._accounts.popitem(last=False)

    def _decision(self, window: Window, now: float, *, allowed: bool) -> Decision:
        rate = self._rate
        freed_at = window.freed_at(max(window.used - rate.count, 0) + 1)
        reset_s = 0 if freed_at is None else max(1, math.ceil(freed_at - now))
        remaining = max(rate.count - window.used, 0)
        return Decision(allowed, self._name, rate.per_s, rate.count, remaining, reset_s)

    def _telling(self, account: _Account) -> Telling | None:
        """What this request has to tell the others before it is let in; None when it has not."""
        if self._store is None:
            return None
        account.row.add(self._wall_s)
        if account.row.untold < self._share or not self._store.available:
            return None
        return account.row.tell(self._wall_s)

    def _told(self, digest: bytes, account: _Account, mark: Mark, telling: Telling) -> Decision:
        """Tell, listen, and decide: the only part that takes time, so without the lock."""
        assert self._store is not None  # noqa: S101 - else there is nothing to tell
        prefix = f"limit/{self._name}/{digest.hex()}/"
        key, ttl_s = f"{prefix}{telling.period}", 2.0 * self._rate.per_s + 5.0
        written = self._store.increment(key, telling.deltas, ttl_s)
        question = account.row.question()
        # Asked for by the time it is now: the write may have been slow.
        latest = max(telling.period, int(self._clock() // self._rate.per_s))
        periods = (latest - 1, latest) if written else ()
        counters = [self._store.counter(f"{prefix}{period}") for period in periods]
        window = account.window
        with self._lock:
            now = self._now()
            others = account.row.hear(question, telling, counters, self._wall_s)
            if others is not None:
                window.learn((now + lasting_s, units) for lasting_s, units in others)
            window.forget(now)
            allowed = window.used <= self._rate.count
            if not allowed:
                window.take_back(mark)
            decision = self._decision(window, now, allowed=allowed)
        if written and not allowed:
            self._store.increment(key, {telling.last: -1.0}, ttl_s)
        return decision
