"""Summaries to where they are read: once to each target, again while it is down, given up after a day."""

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from shared import instant, metrics
from shared.metrics import table
from shared.state import GuardedStore
from shared.summary.delivery.ledger import Key, Ledger, Record, Undelivered
from shared.summary.delivery.sender import NotDelivered, Sender
from shared.summary.document import TARGETS, Delivery, Summary, Target

__all__ = ["Deliveries", "NotDelivered", "Sender", "Undelivered"]

_LOG = logging.getLogger(__name__)

ATTEMPT_S: Final = 10.0
"""Of one attempt, at most."""
MAX_ATTEMPTS: Final = 5
"""Within one request."""
FIRST_PAUSE_S: Final = 0.5
MAX_RETRIED: Final = 10
"""Pending ones that are sent again by one request."""
RETRY_SHARE: Final = 0.25
"""Of a request's time, for those."""
# Shorter than this, an attempt is not begun.
_MIN_S: Final = 0.1
_POLL_S: Final = 0.1
# A lease outlives what it covers by this: the store's own calls.
_LEASE_SLACK_S: Final = 10.0


class Deliveries:
    """Each summary to each target once, whatever the number of requests, instances and attempts.

    Whoever sends holds a lease in the store, and what was delivered is not sent again for 90 days. Two cases
    are left in which a receiver gets a delivery twice, and can tell by its id: its answer was lost or came
    too late; or an instance died between the sending and the record, and the lease expired. With a broken
    store a process knows only of its own deliveries: sent twice rather than never.

    What fails in passing (unreachable, timeout, 408, 425, 429, 5xx) is tried again at once, with growing
    pauses, or as long after as the receiver asked (`Retry-After`), while there is time. What fails otherwise
    (an address that is refused, moved or gone, 400 to 499) is not, but an operator may mend it: both stay
    pending, are tried by every later summary and by the hourly job, and are given up 24 h after the first
    attempt.
    """

    def __init__(
        self,
        store: GuardedStore,
        senders: Mapping[Target, Sender],
        clock: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`clock`: seconds since the epoch. A target without a sender is pending until it has one."""
        self._ledger = Ledger(store)
        self._senders = senders
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep

    def deliver(
        self, summary: Summary, targets: Sequence[Target], remaining_s: Callable[[], float]
    ) -> tuple[Delivery, ...]:
        """First what is pending, in a quarter of the time; then this summary, in what is left.

        A request that comes while another sends the same waits for its end. `remaining_s()`: what the caller
        still has; exceeded by no more than some calls of the store.
        """
        self._retry(self._monotonic() + RETRY_SHARE * remaining_s(), but=summary.id)
        wanted = tuple(dict.fromkeys(targets))
        told = []
        for place, target in enumerate(wanted):
            until = self._monotonic() + remaining_s() / (len(wanted) - place)
            record = self._send(Key(summary.id, target), summary, until)
            told.append(Delivery(target=target, state=record.state, attempts=record.attempts))
        return tuple(told)

    def retry_pending(self, remaining_s: Callable[[], float]) -> int:
        """Try what is pending, oldest first, at most `MAX_RETRIED`; how many were delivered."""
        return self._retry(self._monotonic() + remaining_s())

    def states(self, summary_id: str) -> tuple[Delivery, ...]:
        """How the deliveries of a summary stand now; none for one that nobody wanted delivered."""
        found = [(target, self._ledger.read(Key(summary_id, target))) for target in TARGETS]
        return tuple(
            Delivery(target=target, state=record.state_at(self._clock()), attempts=record.attempts)
            for target, record in found
            if record
        )

    def listed(self) -> list[Undelivered]:
        """The pending ones, and those given up in the last 90 days; of each, the oldest first."""
        waiting = [(key, found) for key, found in self._ledger.pending() if not self._ended(key)]
        return [
            Undelivered(
                id=key.id,
                target=key.target,
                state="failed" if record.state_at(self._clock()) == "failed" else "pending",
                attempts=record.attempts,
                since=instant.to_text(int(record.first_try_at * 1e6) * 1000),
                last_error=record.last_error,
            )
            for key, record in [*waiting, *self._ledger.failed()]
        ]

    def _retry(self, until: float, but: str = "") -> int:
        """One attempt each; a target that is down is left alone until the next request."""
        down: set[Target] = set()
        tried = delivered = 0
        for key, found in self._ledger.pending():
            if tried == MAX_RETRIED or self._monotonic() + _MIN_S > until:
                break
            if key.id == but or key.target in down or not self._is_due(key, found):
                continue
            record = self._resend(key, until)
            if record is None:
                continue
            tried += record.attempts > found.attempts
            delivered += record.state == "delivered"
            if record.passing:
                down.add(key.target)
        return delivered

    def _is_due(self, key: Key, record: Record) -> bool:
        if record.state_at(self._clock()) == "failed":
            return True
        return key.target in self._senders and self._clock() >= record.not_before

    def _resend(self, key: Key, until: float) -> Record | None:
        """Send a pending one again, or give it up; None when that is another's to do, or was done."""
        if not self._ledger.lease(key, self._lease_s(until)):
            return None
        try:
            record = self._ledger.read(key)
            if record is None:
                return None
            if record.state != "pending":
                # Whoever ended it did not come to delete what said that it was pending.
                self._ledger.end(key, record)
                return None
            if record.state_at(self._clock()) == "failed":
                return self._give_up(key, record, record.last_error)
            summary = self._ledger.summary(key)
            if summary == "lost":
                return self._give_up(key, record, "summary_lost")
            if summary is None:
                return None
            return self._attempts(key, summary, record, until, most=1)
        finally:
            self._release(key, until)

    def _send(self, key: Key, summary: Summary, until: float) -> Record:
        """Send it now, unless it was or is being sent: then the end of that."""
        before = self._ledger.read(key)
        waited = False
        while not self._ledger.lease(key, self._lease_s(until)):
            if self._monotonic() + _POLL_S > until:
                return self._ledger.read(key) or before or self._new()
            waited = True
            self._sleep(_POLL_S)
        try:
            record = self._ledger.read(key)
            others = waited and record and record.attempts > (before.attempts if before else 0)
            if record and (record.state != "pending" or others):
                return record
            return self._first(key, summary, record or self._new(), until)
        finally:
            self._release(key, until)

    def _first(self, key: Key, summary: Summary, record: Record, until: float) -> Record:
        """The first attempts of a request; kept before, so that a crash leaves it pending."""
        if record.state_at(self._clock()) == "failed":
            return self._give_up(key, record, record.last_error)
        kept = self._ledger.begin(key, summary, record)
        record = self._attempts(key, summary, record, until, MAX_ATTEMPTS)
        if record.state == "pending" and not kept:
            # Nobody will know of it: that it is pending would not be true.
            return msgspec.structs.replace(record, state="failed")
        return record

    def _attempts(self, key: Key, summary: Summary, record: Record, until: float, most: int) -> Record:
        """Up to `most` attempts before `until`; what they came to is in the ledger."""
        sender = self._senders.get(key.target)
        if sender is None:
            return record
        pause = max(0.0, record.not_before - self._clock())
        for number in range(most):
            if self._monotonic() + pause + _MIN_S > until:
                break
            if pause:
                self._sleep(pause)
            failure = self._attempt(sender, key, summary, until)
            record = record.after(failure, self._clock())
            metrics.add(table.DELIVERIES, target=key.target, state=record.state)
            if failure is None:
                self._ledger.end(key, record)
                return record
            self._ledger.wait(key, record)
            if not failure.retry:
                break
            pause = max(_pause_s(number), failure.retry_after_s or 0.0)
        return record

    def _attempt(self, sender: Sender, key: Key, summary: Summary, until: float) -> NotDelivered | None:
        """None when it arrived. A mistake of a sender's fails the delivery, not the request."""
        try:
            sender.send(summary, key.text, min(ATTEMPT_S, until - self._monotonic()))
        except NotDelivered as failure:
            _LOG.warning("summary %s did not reach %s: %s", key.id, key.target, failure.reason)
            return failure
        except Exception as exc:  # noqa: BLE001 - its text may hold the address: only its kind is told
            _LOG.error("summary %s did not reach %s: %s", key.id, key.target, type(exc).__name__)
            return NotDelivered("error", retry=False)
        return None

    def _give_up(self, key: Key, record: Record, why: str) -> Record:
        record = msgspec.structs.replace(record, state="failed", last_error=why)
        self._ledger.end(key, record)
        metrics.add(table.DELIVERIES, target=key.target, state="failed")
        _LOG.error("summary %s to %s is given up: %s", key.id, key.target, record.last_error)
        return record

    def _new(self) -> Record:
        return Record(state="pending", attempts=0, first_try_at=self._clock())

    def _ended(self, key: Key) -> bool:
        record = self._ledger.read(key)
        return record is None or record.state != "pending"

    def _lease_s(self, until: float) -> float:
        return max(0.0, until - self._monotonic()) + _LEASE_SLACK_S

    def _release(self, key: Key, until: float) -> None:
        self._ledger.release(key, expired=self._monotonic() >= until + _LEASE_SLACK_S)


def _pause_s(number: int) -> float:
    """Twice as long after each attempt, and not for all at the same time."""
    return FIRST_PAUSE_S * 2.0**number * random.uniform(0.5, 1.5)
