"""Each summary to each target once, among threads and instances; what is missed, and for how long."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared import metrics
from shared.metrics.registry import Series
from shared.state import GuardedStore, MemoryStore, SqliteStore, StoreUnavailable
from shared.summary.deliver import Deliveries
from shared.summary.delivery.sender import NotDelivered, Sender
from shared.summary.document import TARGETS, Summary, Target
from tests.servers.hooks_server import HooksServer, Reply, hooks_server
from tests.summary.delivery_world import (
    ANSWERS,
    DAY,
    DOWN,
    HOUR,
    KEY,
    Clock,
    deliveries,
    ids,
    queue,
    senders,
    states,
    within,
)
from tests.summary.summaries import summary

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hooks() -> Iterator[HooksServer]:
    with hooks_server() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    return MemoryStore(clock)


def test_a_summary_reaches_each_target_once(hooks: HooksServer, clock: Clock, store: MemoryStore) -> None:
    """However often it is asked for, also by another instance; and its state is known."""
    one, other = (deliveries(hooks, clock, store) for _ in range(2))
    told = [each.deliver(summary(), TARGETS, within(5)) for each in (one, one, other)]

    assert [states(each) for each in told] == [[("slack", "delivered", 1), ("webhook", "delivered", 1)]] * 3
    assert [len(hooks.received(path)) for path in ANSWERS.values()] == [1, 1]
    assert other.states("s-1") == told[0]
    assert other.states("s-2") == ()
    assert other.listed() == []


@pytest.mark.parametrize("instances", [1, 2, 5])
def test_five_requests_at_once_are_one_post_a_target(
    hooks: HooksServer, instances: int, tmp_path: Path
) -> None:
    """Among threads of an instance, and among instances that share a file: the others wait for the end."""
    for path in ANSWERS.values():
        hooks.always[path] = Reply(after_s=0.3)
    stores = [
        SqliteStore(tmp_path / "state.db", time.time, read_deadline_s=5, write_deadline_s=5)
        for _ in range(instances)
    ]
    each = [Deliveries(GuardedStore(one), senders(hooks, time.time), time.time) for one in stores]
    with ThreadPoolExecutor(5) as pool:
        told = list(pool.map(lambda n: each[n % instances].deliver(summary(), TARGETS, within(10)), range(5)))
    for one in stores:
        one.close()

    assert [len(hooks.received(path)) for path in ANSWERS.values()] == [1, 1]
    assert [states(one) for one in told] == [[("slack", "delivered", 1), ("webhook", "delivered", 1)]] * 5


def test_what_a_receiver_missed_comes_first_when_it_is_up_again(
    hooks: HooksServer, clock: Clock, tmp_path: Path
) -> None:
    """The next summary, of another instance, brings the pending one along; the one target that worked
    gets nothing twice."""
    hooks.always[ANSWERS["webhook"]] = DOWN
    path = tmp_path / "state.db"
    first = deliveries(hooks, clock, SqliteStore(path, clock)).deliver(summary("s-1"), TARGETS, within(5))
    tried = len(ids(hooks))
    del hooks.always[ANSWERS["webhook"]]
    clock.now += HOUR
    other = deliveries(hooks, clock, SqliteStore(path, clock))
    second = other.deliver(summary("s-2"), TARGETS, within(5))

    assert states(first) == [("slack", "delivered", 1), ("webhook", "pending", tried)]
    assert states(second) == [("slack", "delivered", 1), ("webhook", "delivered", 1)]
    assert ids(hooks)[tried:] == ["s-1:webhook", "s-2:webhook"]
    assert states(other.states("s-1")) == [("slack", "delivered", 1), ("webhook", "delivered", tried + 1)]
    assert len(hooks.received(ANSWERS["slack"])) == 2
    again = hooks.received(ANSWERS["webhook"])
    assert again[0].body == again[tried].body


def test_the_hourly_job_delivers_what_is_pending(
    hooks: HooksServer, clock: Clock, store: MemoryStore
) -> None:
    """And says how many they were."""
    hooks.always[ANSWERS["webhook"]] = Reply(status=404)
    one = deliveries(hooks, clock, store)
    for name in ("s-1", "s-2"):
        one.deliver(summary(name), ["webhook"], within(5))
        clock.now += 1
    assert [(each.id, each.state, each.last_error) for each in one.listed()] == [
        ("s-1", "pending", "http_404"),
        ("s-2", "pending", "http_404"),
    ]
    hooks.always.clear()

    assert one.retry_pending(within(5)) == 2
    assert one.retry_pending(within(5)) == 0
    assert ids(hooks)[-2:] == ["s-1:webhook", "s-2:webhook"]
    assert one.listed() == []


def test_a_day_later_it_has_failed_and_is_listed_for_ninety(
    hooks: HooksServer, clock: Clock, store: MemoryStore
) -> None:
    """Whether or not somebody came to note it; and it is not sent again, though the receiver is up."""
    hooks.always[ANSWERS["webhook"]] = DOWN
    one = deliveries(hooks, clock, store)
    began = clock.now
    [first] = one.deliver(summary(), ["webhook"], within(5))
    clock.now = began + DAY - 1
    assert [each.state for each in one.states("s-1")] == ["pending"]
    one.retry_pending(within(5))
    attempts = first.attempts + 1
    hooks.always.clear()
    for days in (1.01, 1.02, 89):
        clock.now = began + days * DAY
        assert states(one.states("s-1")) == [("webhook", "failed", attempts)]
        [listed] = one.listed()
        assert (listed.id, listed.state, listed.attempts) == ("s-1", "failed", attempts)
        assert listed.last_error == "http_503"
        assert listed.since == "2026-11-25T09:46:40.000000Z"
        if days > 1.01:
            assert one.retry_pending(within(5)) == 0
            assert states(one.deliver(summary(), ["webhook"], within(5))) == [("webhook", "failed", attempts)]

    assert len(ids(hooks)) == attempts
    clock.now = began + 92 * DAY
    assert one.listed() == []


_DIES = """
import os, sys, time
from pathlib import Path
from shared.state import GuardedStore, SqliteStore
from shared.summary.deliver import Deliveries
from shared.summary.delivery.webhook import WebhookSender
from tests.summary.summaries import summary

class Dying(WebhookSender):
    def send(self, *args):
        WebhookSender.send(self, *args)
        os._exit(9)

store = GuardedStore(SqliteStore(Path(sys.argv[1]), time.time))
senders = {"webhook": Dying(sys.argv[2], b"key", time.time)}
Deliveries(store, senders, time.time).deliver(summary(), ["webhook"], lambda: 5.0)
"""


def test_an_instance_that_dies_while_sending_leaves_it_pending(hooks: HooksServer, tmp_path: Path) -> None:
    """While its lease lasts nobody else sends; then somebody does, with the id that tells it is the same."""
    path, now = tmp_path / "state.db", time.time()
    died = subprocess.run(
        [sys.executable, "-c", _DIES, str(path), hooks.url(ANSWERS["webhook"])],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert died.returncode == 9
    soon = deliveries(hooks, Clock(now + 1), SqliteStore(path, Clock(now + 1)))
    assert soon.retry_pending(within(2)) == 0
    assert len(ids(hooks)) == 1

    later = deliveries(hooks, Clock(now + 60), SqliteStore(path, Clock(now + 60)))
    assert later.retry_pending(within(2)) == 1
    assert ids(hooks) == ["s-1:webhook"] * 2


class Broken(MemoryStore):
    """A store that fails every call."""

    def get(self, key: str) -> bytes | None:
        raise StoreUnavailable("down")

    def set(self, key: str, value: bytes, ttl_s: float) -> bool:
        raise StoreUnavailable("down")

    def create(self, key: str, value: bytes, ttl_s: float) -> bool:
        raise StoreUnavailable("down")

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        yield prefix, self.get(prefix) or b""

    def delete(self, key: str) -> bool:
        raise StoreUnavailable("down")


def test_with_a_broken_store_it_is_sent_all_the_same(hooks: HooksServer, clock: Clock) -> None:
    """Once by this process, and called failed when it is not: nobody would know that it is pending."""
    one = deliveries(hooks, clock, Broken(clock))
    for _ in range(2):
        assert states(one.deliver(summary("s-1"), ["webhook"], within(5))) == [("webhook", "delivered", 1)]
    assert ids(hooks) == ["s-1:webhook"]

    hooks.always[ANSWERS["webhook"]] = Reply(status=404)
    assert states(one.deliver(summary("s-2"), ["webhook"], within(5))) == [("webhook", "failed", 1)]
    assert one.listed() == []


def test_with_a_broken_store_threads_of_an_instance_still_send_once(hooks: HooksServer, clock: Clock) -> None:
    """A lease that the store cannot give is kept in the process."""
    hooks.always[ANSWERS["webhook"]] = Reply(after_s=0.3)
    one = Deliveries(GuardedStore(Broken(clock)), senders(hooks, clock), clock)
    with ThreadPoolExecutor(5) as pool:
        told = list(pool.map(lambda _: one.deliver(summary(), ["webhook"], within(10)), range(5)))

    assert len(ids(hooks)) == 1
    assert [states(each) for each in told] == [[("webhook", "delivered", 1)]] * 5


def test_a_lease_that_ran_out_is_left_to_whoever_has_it_now(clock: Clock, store: MemoryStore) -> None:
    """An instance that stood still for too long does not take it away."""

    class StoodStill:
        target: Target = "webhook"

        def send(self, summary: Summary, delivery_id: str, timeout_s: float) -> None:
            clock.now += 60
            assert store.create("delivery-lease/s-1/webhook", b"another's", 60)

    standing: dict[Target, Sender] = {"webhook": StoodStill()}
    one = Deliveries(GuardedStore(store), standing, clock, monotonic=clock)
    one.deliver(summary(), ["webhook"], lambda: 5.0)

    assert store.get("delivery-lease/s-1/webhook") == b"another's"


def test_a_summary_that_cannot_be_read_again_is_given_up(
    hooks: HooksServer, clock: Clock, store: MemoryStore
) -> None:
    """It is listed, with the reason, and does not hold up the others."""
    hooks.always[ANSWERS["webhook"]] = Reply(status=404)
    one = deliveries(hooks, clock, store)
    for name in ("s-1", "s-2", "s-3"):
        one.deliver(summary(name), ["webhook"], within(5))
        clock.now += 1
    hooks.always.clear()
    store.delete("delivery-summary/s-1")
    store.set("delivery-summary/s-2", b'{"of": "another version"}', 100)

    assert one.retry_pending(within(5)) == 1
    assert [(each.id, each.state, each.last_error) for each in one.listed()] == [
        ("s-1", "failed", "summary_lost"),
        ("s-2", "failed", "summary_lost"),
    ]


def test_a_mistake_of_ours_fails_the_delivery_and_not_the_request(
    clock: Clock, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Its text, which may hold an address, is not told."""

    class Mistaken:
        target: Target = "webhook"

        def send(self, summary: Summary, delivery_id: str, timeout_s: float) -> None:
            raise RuntimeError("https://example.com/sekrit")

    one = Deliveries(GuardedStore(store), {"webhook": Mistaken()}, clock)
    assert states(one.deliver(summary(), ["webhook"], within(5))) == [("webhook", "pending", 1)]
    assert [each.last_error for each in one.listed()] == ["error"]
    assert "RuntimeError" in caplog.text
    assert "sekrit" not in caplog.text


def test_nothing_secret_is_kept_or_logged(
    hooks: HooksServer, clock: Clock, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """No address, no key and nothing of an answer: not in the store, the list or a log of any level."""
    caplog.set_level(logging.DEBUG)
    for path in ANSWERS.values():
        hooks.always[path] = Reply(status=500, body=b"sekrit stack trace")
    one = deliveries(hooks, clock, store)
    one.deliver(summary(), TARGETS, within(3))
    clock.now += DAY + 1
    one.retry_pending(within(3))
    kept = b"\n".join(name.encode() + value for name, value in store.scan(""))

    assert len(one.listed()) == 2
    assert b"delivery-failed" in kept
    for text in (kept.decode(), caplog.text, repr(one.listed()), str(metrics.process.totals())):
        assert "sekrit" not in text
        assert hooks.base.removeprefix("http://") not in text
        assert KEY.decode() not in text


def test_attempts_are_counted_by_what_became_of_them(
    hooks: HooksServer, clock: Clock, store: MemoryStore
) -> None:
    """A pending one for each attempt that failed, a delivered or a failed one at the end."""
    metrics.process.forget()
    one = deliveries(hooks, clock, store)
    hooks.plan[ANSWERS["webhook"]] = queue(DOWN, Reply())
    hooks.always[ANSWERS["slack"]] = Reply(status=404)
    one.deliver(summary(), TARGETS, within(20))
    clock.now += DAY + 60
    one.retry_pending(within(5))

    assert {
        series.values: amount
        for name, amount in metrics.process.totals().items()
        if (series := Series.of(name)) and series.metric.name == "log_aggregator_deliveries_total"
    } == {
        ("webhook", "pending"): 1,
        ("webhook", "delivered"): 1,
        ("slack", "pending"): 1,
        ("slack", "failed"): 1,
    }
    metrics.process.forget()


def test_an_error_tells_its_code_alone() -> None:
    """So that it may be logged and kept."""
    assert str(NotDelivered("http_404", retry=False)) == "http_404"
