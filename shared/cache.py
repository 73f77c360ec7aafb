"""The answer cache: equal questions of equally privileged callers are read once.

Two levels: in the instance (bounded by bytes), and in the state store that all instances share. A
question about a settled window is kept for a day, one that touches now for ten seconds. An answer may
carry a digest of what it was read from: it is then good for a day, but only while the digest is, which
is asked for each time.

Concurrent equal misses of one instance read once. Across instances a lease keeps it to one reader
where the store makes that cheap; whoever waits for another's reading stops waiting when reading on
its own would have been done. A store that is down makes misses, never errors.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from shared.state import GuardedStore

Status = Literal["hit", "miss", "stale", "bypass"]

BRIEF_S: Final = 10.0
LONG_S: Final = 86_400.0
# How long an answer that is no longer fresh may still serve while its source fails.
STALE_S: Final = 3_600.0
MAX_BYTES: Final = 64 << 20
LEASE_S: Final = 30.0
POLL_S: Final = 0.05


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """An answer as it is kept. Times are seconds since the epoch; `head`, `meta` and `tail` are its
    body, apart so that `meta` can say where it came from."""

    head: bytes
    meta: bytes
    tail: bytes
    content_type: str
    headers: dict[str, str]
    etag: str
    returned: int
    stored_at: float
    fresh_until: float
    digest: str = ""

    def body(self, status: Status) -> bytes:
        """The body, whose meta says `status`."""
        return self.head + self.meta.replace(b'"cache":"miss"', f'"cache":"{status}"'.encode()) + self.tail


class Fresh(msgspec.Struct, frozen=True):
    """An answer that was just read, with `returned` entries; `lifetime_s` 0: not to be kept."""

    head: bytes
    meta: bytes
    tail: bytes
    content_type: str
    headers: dict[str, str]
    lifetime_s: float
    digest: str = ""
    returned: int = 0


class Found(msgspec.Struct, frozen=True):
    """What the cache gives: an answer, and how it came by it."""

    kept: Kept
    body: bytes
    status: Status


class _Flight:
    """A reading under way in this instance."""

    def __init__(self) -> None:
        self.landed = threading.Event()
        self.kept: Kept | None = None


def etag_of(head: bytes) -> str:
    """A weak tag of what an answer says, whenever and however it was read."""
    return f'W/"{hashlib.blake2b(head, digest_size=12).hexdigest()}"'


def passed_by(fresh: Fresh) -> Found:
    """An answer that no cache was asked for."""
    kept = Kept(
        fresh.head, fresh.meta, fresh.tail, fresh.content_type, fresh.headers,
        etag_of(fresh.head), fresh.returned, 0.0, 0.0,
    )  # fmt: skip
    return Found(kept, kept.body("bypass"), "bypass")


class AnswerCache:
    """See the module. `clock` counts seconds since the epoch; `leases` says that the store makes
    conditional writes cheap."""

    def __init__(
        self,
        store: GuardedStore | None,
        clock: Callable[[], float],
        *,
        leases: bool = True,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._store = store
        self._clock = clock
        self._leases = leases and store is not None
        self._near = _Near(max_bytes)
        self._flights: dict[str, _Flight] = {}
        self._lock = threading.Lock()
        self._reading_s = 2.0  # about what a reading takes here: the bound of waiting for another's

    def fetch(
        self,
        key: str,
        read: Callable[[], Fresh],
        *,
        digest: Callable[[], str] | None = None,
        remaining_s: Callable[[], float],
        stale_for: tuple[type[Exception], ...] = (),
    ) -> Found:
        """The answer of `key`: kept, or read now.

        `digest` tells whether what the answer was read from is still the same. An exception of
        `stale_for` is answered by an answer of the last hour, if there is one.

        Raises: whatever `read` raises.
        """
        while True:
            if (kept := self._near.get(key)) and self._is_fresh(kept):
                return Found(kept, kept.body("hit"), "hit")
            with self._lock:
                flight = self._flights.get(key)
                leads = flight is None
                if flight is None:
                    flight = self._flights[key] = _Flight()
            if leads:
                try:
                    found = self._lead(key, kept, read, digest, stale_for)
                    flight.kept = found.kept
                    return found
                finally:
                    with self._lock:
                        del self._flights[key]
                    flight.landed.set()
            flight.landed.wait(max(0.0, remaining_s()))
            if flight.kept is not None:
                return Found(flight.kept, flight.kept.body("hit"), "hit")
            if remaining_s() <= 0:
                return self._lead(key, kept, read, digest, stale_for)

    def _lead(
        self,
        key: str,
        near: Kept | None,
        read: Callable[[], Fresh],
        digest: Callable[[], str] | None,
        stale_for: tuple[type[Exception], ...],
    ) -> Found:
        """For all of this instance who ask the same: look further, else read."""
        known = near
        try:
            now_digest = digest() if digest else ""
            if near and self._holds(near, now_digest):
                return self._hit(key, near)
            far, answered = self._far(key)
            if far and self._holds(far, now_digest):
                return self._hit(key, far)
            known = max((k for k in (near, far) if k), key=lambda k: k.stored_at, default=None)
            return self._read(key, read, now_digest, answered=answered)
        except stale_for:
            if known and self._clock() < (known.stored_at if known.digest else known.fresh_until) + STALE_S:
                return Found(known, known.body("stale"), "stale")
            raise

    def _read(self, key: str, read: Callable[[], Fresh], digest: str, *, answered: bool) -> Found:
        lease = f"lease/{key}"
        holds = not self._leases or not answered or self._store_create(lease)
        if not holds and (told := self._told_by_another(key, digest)):
            return self._hit(key, told)
        began = time.monotonic()
        try:
            # Between our look and our lease another instance may have finished.
            if self._leases and answered and (told := self._far(key)[0]) and self._holds(told, digest):
                return self._hit(key, told)
            fresh = read()
            self._reading_s = 0.7 * self._reading_s + 0.3 * (time.monotonic() - began)
            kept = self._keep(key, fresh)
        finally:
            if holds and self._leases and answered and self._store:
                self._store.delete(lease)
        status: Status = "miss" if answered or self._store is None else "bypass"
        return Found(kept, kept.body(status), status)

    def _told_by_another(self, key: str, digest: str) -> Kept | None:
        """The answer that another instance is reading, if it comes before we would have it ourselves."""
        until = time.monotonic() + max(0.25, 1.5 * self._reading_s)
        while time.monotonic() < until:
            time.sleep(POLL_S)
            kept, answered = self._far(key)
            if kept and self._holds(kept, digest):
                return kept
            if not answered:
                return None
        return None

    def _keep(self, key: str, fresh: Fresh) -> Kept:
        now = self._clock()
        lasts_s = LONG_S if fresh.digest and fresh.lifetime_s else fresh.lifetime_s
        kept = Kept(
            fresh.head,
            fresh.meta,
            fresh.tail,
            fresh.content_type,
            fresh.headers,
            etag_of(fresh.head),
            fresh.returned,
            now,
            now + lasts_s,
            fresh.digest,
        )
        if lasts_s > 0:
            self._near.put(key, kept)
            if self._store:
                self._store.set(f"answer/{key}", msgspec.msgpack.encode(kept), lasts_s + STALE_S)
        return kept

    def _hit(self, key: str, kept: Kept) -> Found:
        self._near.put(key, kept)
        return Found(kept, kept.body("hit"), "hit")

    def _far(self, key: str) -> tuple[Kept | None, bool]:
        """What the store has, and whether it answered. What is not ours is a miss, and will be replaced."""
        if self._store is None:
            return None, True
        reading = self._store.read(f"answer/{key}")
        if reading.value is None:
            return None, reading.answered
        try:
            return msgspec.msgpack.decode(reading.value, type=Kept), True
        except msgspec.MsgspecError:
            return None, True

    def _store_create(self, lease: str) -> bool:
        return self._store is None or self._store.create(lease, b"1", LEASE_S)

    def _is_fresh(self, kept: Kept) -> bool:
        """Good without asking anything."""
        return not kept.digest and self._clock() < kept.fresh_until

    def _holds(self, kept: Kept, digest: str) -> bool:
        """Good by what is known now."""
        return self._is_fresh(kept) or (
            kept.digest != "" and kept.digest == digest and self._clock() < kept.fresh_until
        )


class _Near:
    """The level in the instance: the least recently used goes first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> Kept | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
            return kept

    def put(self, key: str, kept: Kept) -> None:
        size = len(kept.head) + len(kept.meta) + 500
        if size > self._max_bytes // 4:
            return
        with self._lock:
            if old := self._kept.pop(key, None):
                self._bytes -= len(old.head) + len(old.meta) + 500
            self._kept[key] = kept
            self._bytes += size
            while self._bytes > self._max_bytes:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= len(dropped.head) + len(dropped.meta) + 500
