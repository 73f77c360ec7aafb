"""Each summary to each target once: among threads, instances and attempts, while receivers fail."""

import logging
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from shared import metrics
from shared.metrics.registry import Series
from shared.state import GuardedStore, MemoryStore, SqliteStore, StateStore, StoreUnavailable
from shared.summary import deliver
from shared.summary.deliver import Deliveries
from shared.summary.document import TARGETS, Delivery, Summary, Target
from shared.summary.sender import NotDelivered, Sender
from shared.summary.slack import SlackSender
from shared.summary.webhook import WebhookSender
from tests.servers.hooks_server import HooksServer, Reply, hooks_server
from tests.summary.summaries import summary

ROOT = Path(__file__).parents[2]
HOUR = 3600.0
DAY = 24 * HOUR
KEY = b"a-signing-key-for-tests-0123456789"
DOWN = Reply(status=503, body=b"no")
ANSWERS: dict[Target, str] = {"slack": "/services/sekrit", "webhook": "/in/sekrit"}


@dataclass
class Clock:
    """The time, and who slept how long."""

    now: float = 1_795_600_000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Over at once: the seconds pass on this clock alone."""
        self.slept.append(seconds)
        self.now += seconds


def within(seconds: float) -> Callable[[], float]:
    """What is left of so many seconds from now."""
    ends = time.monotonic() + seconds
    return lambda: ends - time.monotonic()


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


def senders(hooks: HooksServer, clock: Callable[[], float]) -> dict[Target, Sender]:
    return {
        "slack": SlackSender(hooks.url(ANSWERS["slack"]), ZoneInfo("Asia/Kolkata"), "p-1"),
        "webhook": WebhookSender(hooks.url(ANSWERS["webhook"]), KEY, clock),
    }


def deliveries(hooks: HooksServer, clock: Clock, store: StateStore) -> Deliveries:
    """One instance; what it waits between attempts passes at once."""
    return Deliveries(GuardedStore(store), senders(hooks, clock), clock, sleep=clock.sleep)


def queue(*replies: Reply) -> deque[Reply]:
    """What is answered next, in this order."""
    return deque(replies)


def ids(hooks: HooksServer) -> list[str]:
    """The deliveries that the webhook got, in their order."""
    return [one.headers["idempotency-key"] for one in hooks.received(ANSWERS["webhook"])]


def states(told: tuple[Delivery, ...]) -> list[tuple[str, str, int]]:
    return [(one.target, one.state, one.attempts) for one in told]


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


def test_requests_that_wait_for_a_failing_attempt_do_not_repeat_it(hooks: HooksServer) -> None:
    """Five requests to a receiver that refuses are one attempt, not five."""
    hooks.always[ANSWERS["webhook"]] = Reply(status=404, after_s=0.3)
    store = MemoryStore(time.time)
    one = Deliveries(GuardedStore(store), senders(hooks, time.time), time.time)
    with ThreadPoolExecutor(5) as pool:
        told = list(pool.map(lambda _: one.deliver(summary(), ["webhook"], within(10)), range(5)))

    assert len(ids(hooks)) == 1
    assert [states(each) for each in told] == [[("webhook", "pending", 1)]] * 5


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


def test_a_receiver_that_stumbles_gets_it_within_the_request(
    hooks: HooksServer, clock: Clock, store: MemoryStore
) -> None:
    """With pauses that grow, the same body and id, and a signature of each attempt's time."""
    hooks.plan[ANSWERS["webhook"]] = queue(DOWN, Reply(how="close"), Reply(status=500))
    told = deliveries(hooks, clock, store).deliver(summary(), ["webhook"], within(30))
    got = hooks.received(ANSWERS["webhook"])

    assert states(told) == [("webhook", "delivered", 4)]
    assert len({one.body for one in got}) == 1
    assert len({one.headers["idempotency-key"] for one in got}) == 1
    assert len({one.headers["x-log-aggregator-signature"] for one in got}) > 1
    for number, pause in enumerate(clock.slept):
        assert 0.5 * 0.5 * 2**number <= pause <= 1.5 * 0.5 * 2**number
    assert len(clock.slept) == 3


def test_a_receiver_is_left_alone_as_long_as_it_asks(
    hooks: HooksServer, clock: Clock, store: MemoryStore
) -> None:
    """When that fits into the request it waits; else it is pending, and nobody tries before."""
    hooks.plan[ANSWERS["webhook"]] = queue(Reply(status=429, headers={"Retry-After": "7"}))
    one = deliveries(hooks, clock, store)
    assert states(one.deliver(summary("s-1"), ["webhook"], within(30))) == [("webhook", "delivered", 2)]
    assert clock.slept == [7.0]

    hooks.plan[ANSWERS["webhook"]] = queue(Reply(status=429, headers={"Retry-After": "900"}))
    assert states(one.deliver(summary("s-2"), ["webhook"], within(30))) == [("webhook", "pending", 1)]
    clock.now += 890
    assert one.retry_pending(within(30)) == 0
    assert states(one.deliver(summary("s-2"), ["webhook"], within(5))) == [("webhook", "pending", 1)]
    clock.now += 20
    assert one.retry_pending(within(30)) == 1
    assert states(one.states("s-2")) == [("webhook", "delivered", 2)]
    assert clock.slept == [7.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 307])
def test_what_an_operator_has_to_mend_is_tried_once_a_request(
    hooks: HooksServer, clock: Clock, store: MemoryStore, status: int
) -> None:
    """It stays pending, and arrives once the address is right."""
    hooks.always[ANSWERS["slack"]] = Reply(status=status)
    told = deliveries(hooks, clock, store).deliver(summary(), ["slack"], within(30))
    assert states(told) == [("slack", "pending", 1)]
    assert clock.slept == []

    mended: dict[Target, Sender] = {"slack": SlackSender(hooks.url("/right"), ZoneInfo("UTC"))}
    assert Deliveries(GuardedStore(store), mended, clock).retry_pending(within(5)) == 1
    assert len(hooks.received("/right")) == 1


def test_one_that_a_receiver_refuses_does_not_hold_up_the_others(
    hooks: HooksServer, clock: Clock, store: MemoryStore
) -> None:
    """While one that is down is asked once, not once for each that is pending."""
    one = deliveries(hooks, clock, store)
    hooks.always[ANSWERS["webhook"]] = Reply(status=422)
    for number in range(3):
        one.deliver(summary(f"s-{number}"), ["webhook"], within(5))
    hooks.plan[ANSWERS["webhook"]] = queue(Reply(status=422), Reply(), Reply())
    assert one.retry_pending(within(5)) == 2

    for number in range(3, 6):
        one.deliver(summary(f"s-{number}"), ["webhook"], within(5))
    before = len(ids(hooks))
    hooks.always[ANSWERS["webhook"]] = DOWN
    assert one.retry_pending(within(5)) == 0
    assert len(ids(hooks)) == before + 1


def test_a_request_sends_at_most_ten_old_ones_the_oldest_first(
    hooks: HooksServer, clock: Clock, store: MemoryStore
) -> None:
    """What is left waits for the next request."""
    unset = Deliveries(GuardedStore(store), {}, clock)
    for number in range(13):
        told = unset.deliver(summary(f"s-{number:02}"), ["webhook"], within(5))
        assert states(told) == [("webhook", "pending", 0)]
        clock.now += 1
    one = deliveries(hooks, clock, store)

    assert one.retry_pending(within(20)) == deliver.MAX_RETRIED
    assert ids(hooks) == [f"s-{number:02}:webhook" for number in range(10)]
    assert one.retry_pending(within(20)) == 3
    assert len(ids(hooks)) == 13


def test_receivers_that_hang_cost_no_more_than_the_time_there_is(hooks: HooksServer) -> None:
    """With others pending that hang too; everything is pending afterwards."""
    for path in ANSWERS.values():
        hooks.always[path] = Reply(how="hang")
    one = Deliveries(GuardedStore(MemoryStore(time.time)), senders(hooks, time.time), time.time)
    for name in ("s-1", "s-2"):
        began = time.monotonic()
        told = one.deliver(summary(name), TARGETS, within(2))

        assert time.monotonic() - began < 3
        assert [(each.target, each.state) for each in told] == [("slack", "pending"), ("webhook", "pending")]
        assert all(each.attempts >= 1 for each in told)
    began = time.monotonic()
    assert one.retry_pending(within(0.6)) == 0
    assert time.monotonic() - began < 1.6


def test_a_target_that_hangs_leaves_time_for_the_other(hooks: HooksServer) -> None:
    """Neither an old delivery nor this one's first target takes it all."""
    hooks.always[ANSWERS["slack"]] = Reply(how="hang")
    one = Deliveries(GuardedStore(MemoryStore(time.time)), senders(hooks, time.time), time.time)
    for name in ("s-1", "s-2"):
        slack, webhook = one.deliver(summary(name), TARGETS, within(2))
        assert (slack.state, webhook.state) == ("pending", "delivered")


def test_without_time_nothing_is_sent_and_nothing_is_lost(
    hooks: HooksServer, clock: Clock, store: MemoryStore
) -> None:
    """It is pending, without an attempt."""
    one = deliveries(hooks, clock, store)
    told = one.deliver(summary(), TARGETS, lambda: 0.0)
    assert states(told) == [("slack", "pending", 0), ("webhook", "pending", 0)]
    assert ids(hooks) == []

    assert one.retry_pending(within(5)) == 2


_DIES = """
import os, sys, time
from pathlib import Path
from shared.state import GuardedStore, SqliteStore
from shared.summary.deliver import Deliveries
from shared.summary.webhook import WebhookSender
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
