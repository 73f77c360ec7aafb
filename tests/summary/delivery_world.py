"""What tests of deliveries share: a clock, the two senders of a real receiver, and short readings."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from shared.state import GuardedStore, StateStore
from shared.summary.deliver import Deliveries
from shared.summary.delivery.sender import Sender
from shared.summary.delivery.slack import SlackSender
from shared.summary.delivery.webhook import WebhookSender
from shared.summary.document import Delivery, Target
from tests.servers.hooks_server import HooksServer, Reply

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
KEY: Final = b"a-signing-key-for-tests-0123456789"
DOWN: Final = Reply(status=503, body=b"no")
ANSWERS: Final[dict[Target, str]] = {"slack": "/services/sekrit", "webhook": "/in/sekrit"}


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
