"""Receivers that stumble, refuse, hang or want to be left alone, and the time that a request has."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from zoneinfo import ZoneInfo

import pytest

from shared.state import GuardedStore, MemoryStore
from shared.summary import deliver
from shared.summary.deliver import Deliveries
from shared.summary.delivery.sender import Sender
from shared.summary.delivery.slack import SlackSender
from shared.summary.document import TARGETS, Target
from tests.servers.hooks_server import HooksServer, Reply, hooks_server
from tests.summary.delivery_world import ANSWERS, DOWN, Clock, deliveries, ids, queue, senders, states, within
from tests.summary.summaries import summary


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


def test_requests_that_wait_for_a_failing_attempt_do_not_repeat_it(hooks: HooksServer) -> None:
    """Five requests to a receiver that refuses are one attempt, not five."""
    hooks.always[ANSWERS["webhook"]] = Reply(status=404, after_s=0.3)
    store = MemoryStore(time.time)
    one = Deliveries(GuardedStore(store), senders(hooks, time.time), time.time)
    with ThreadPoolExecutor(5) as pool:
        told = list(pool.map(lambda _: one.deliver(summary(), ["webhook"], within(10)), range(5)))

    assert len(ids(hooks)) == 1
    assert [states(each) for each in told] == [[("webhook", "pending", 1)]] * 5


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
