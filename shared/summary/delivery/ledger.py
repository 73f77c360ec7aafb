"""What became of each delivery, in the state store: so that it is made once, and not forgotten.

    delivery/{id}/{target}           its end: a Record, delivered or failed, for 90 days
    delivery-pending/{id}/{target}   a Record, written before the first attempt and deleted after the end
    delivery-failed/{id}/{target}    a copy of a failed end, for the list
    delivery-summary/{id}            the summary itself, as long as it may have to be sent again
    delivery-lease/{id}/{target}     somebody is sending it now

The end counts, whatever else is there. No key or value holds an address, a key or an answer.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from typing import Final, Literal

import msgspec

from shared.state import GuardedStore
from shared.summary.delivery.sender import NotDelivered
from shared.summary.document import TARGETS, Summary, Target

State = Literal["delivered", "pending", "failed"]

GIVE_UP_S: Final = 24 * 3600.0
KEEP_S: Final = 90 * 86_400.0
# Bounds what one look at the pending ones reads; they are some dozens when a receiver is down for a day.
MAX_LISTED: Final = 2000
_MAX_REMEMBERED: Final = 1000


class Key(msgspec.Struct, frozen=True):
    """One delivery: a summary to a target. Its text is the idempotency key that a receiver sees."""

    id: str
    target: Target

    @property
    def text(self) -> str:
        """`{summary id}:{target}`."""
        return f"{self.id}:{self.target}"

    def under(self, room: str) -> str:
        """Its key in a room of the store."""
        return f"{room}/{self.id}/{self.target}"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """How a delivery stands. Times are seconds since the epoch; `last_error` is a code of ours.

    `passing`: what failed last may go otherwise soon. Before `not_before` the receiver asked not to be
    tried again.
    """

    state: State
    attempts: int
    first_try_at: float
    last_error: str = ""
    passing: bool = False
    not_before: float = 0.0

    def state_at(self, now: float) -> State:
        """A day after its first attempt a pending one has failed, whoever notes it."""
        late = self.state == "pending" and now - self.first_try_at >= GIVE_UP_S
        return "failed" if late else self.state

    def after(self, failure: NotDelivered | None, now: float) -> "Record":
        """The record with one more attempt, which failed so or, with None, arrived."""
        attempts = self.attempts + 1
        if failure is None:
            return Record(state="delivered", attempts=attempts, first_try_at=self.first_try_at)
        return Record(
            state="pending",
            attempts=attempts,
            first_try_at=self.first_try_at,
            last_error=failure.reason,
            passing=failure.retry,
            not_before=now + min(failure.retry_after_s or 0.0, GIVE_UP_S),
        )


class Undelivered(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that is pending or was given up; `since` is its first attempt, RFC 3339."""

    id: str
    target: Target
    state: Literal["pending", "failed"]
    attempts: int
    since: str
    last_error: str


class Ledger:
    """Reads and writes of records, and leases. Thread-safe.

    A broken store never raises: then this process alone remembers what it delivered and is sending.
    """

    def __init__(self, store: GuardedStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._sending: set[Key] = set()
        self._delivered: OrderedDict[Key, Record] = OrderedDict()

    def lease(self, key: Key, ttl_s: float) -> bool:
        """Whether the caller alone may send this for so long; it calls `release` afterwards."""
        with self._lock:
            if key in self._sending:
                return False
            self._sending.add(key)
        won = False
        try:
            won = self._store.create(key.under("delivery-lease"), b"1", ttl_s)
        finally:
            if not won:
                self._forget_sending(key)
        return won

    def release(self, key: Key, *, expired: bool) -> None:
        """Let others send; an expired lease may be another's by now, and is left alone."""
        if not expired:
            self._store.delete(key.under("delivery-lease"))
        self._forget_sending(key)

    def read(self, key: Key) -> Record | None:
        """The record; None for a delivery that nobody began, or a store that does not answer."""
        known = self._delivered.get(key)
        return known or self._get(key.under("delivery")) or self._get(key.under("delivery-pending"))

    def begin(self, key: Key, summary: Summary, record: Record) -> bool:
        """Before the first attempt: what a later one needs. False when the store did not take it."""
        body = msgspec.json.encode(summary)
        kept = self._store.set(f"delivery-summary/{key.id}", body, GIVE_UP_S + 3600)
        return kept and self.wait(key, record)

    def wait(self, key: Key, record: Record) -> bool:
        """It stays pending. Kept longer than it is tried: giving it up takes somebody who looks."""
        return self._store.set(key.under("delivery-pending"), msgspec.json.encode(record), KEEP_S)

    def end(self, key: Key, record: Record) -> None:
        """It was delivered, or given up."""
        if record.state == "delivered":
            self._remember(key, record)
        body = msgspec.json.encode(record)
        kept = self._store.set(key.under("delivery"), body, KEEP_S)
        if record.state == "failed":
            kept = self._store.set(key.under("delivery-failed"), body, KEEP_S) and kept
        if kept:
            self._store.delete(key.under("delivery-pending"))

    def summary(self, key: Key) -> Summary | Literal["lost"] | None:
        """What is to be sent; `lost` when the store has it no more, or another version wrote it; None when
        the store does not answer."""
        reading = self._store.read(f"delivery-summary/{key.id}")
        if not reading.answered:
            return None
        try:
            return msgspec.json.decode(reading.value or b"", type=Summary)
        except msgspec.MsgspecError:
            return "lost"

    def pending(self) -> list[tuple[Key, Record]]:
        """Deliveries without an end, oldest first."""
        return self._listed("delivery-pending")

    def failed(self) -> list[tuple[Key, Record]]:
        """Deliveries that were given up in the last 90 days, oldest first."""
        return self._listed("delivery-failed")

    def _listed(self, room: str) -> list[tuple[Key, Record]]:
        found = [*islice(self._records(room), MAX_LISTED)]
        return sorted(found, key=lambda each: each[1].first_try_at)

    def _records(self, room: str) -> Iterator[tuple[Key, Record]]:
        for name, value in self._store.scan(f"{room}/"):
            summary_id, _, target = name.removeprefix(f"{room}/").rpartition("/")
            record = _decoded(value)
            for known in TARGETS:
                if record and known == target:
                    yield Key(summary_id, known), record

    def _get(self, name: str) -> Record | None:
        value = self._store.get(name)
        return None if value is None else _decoded(value)

    def _remember(self, key: Key, record: Record) -> None:
        with self._lock:
            self._delivered[key] = record
            while len(self._delivered) > _MAX_REMEMBERED:
                self._delivered.popitem(last=False)

    def _forget_sending(self, key: Key) -> None:
        with self._lock:
            self._sending.discard(key)


def _decoded(value: bytes) -> Record | None:
    try:
        return msgspec.json.decode(value, type=Record)
    except msgspec.MsgspecError:
        return None
