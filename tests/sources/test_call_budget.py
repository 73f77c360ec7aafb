"""The quota of calls a minute."""

from shared.sources.call_budget import MinuteBudget


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def budget(calls: int) -> tuple[MinuteBudget, Clock]:
    """A budget and its clock."""
    clock = Clock()
    return MinuteBudget(calls, monotonic=clock.monotonic, sleep=clock.sleep), clock


def test_a_minute_has_so_many_calls_and_no_more() -> None:
    """In any 60 s; the next is worth asking for when the oldest is a minute old."""
    slots, clock = budget(3)
    for _ in range(3):
        assert slots.take(0) == 0
        clock.now += 10

    assert slots.take(29) == 30
    clock.now += 30
    assert slots.take(0) == 0
    assert slots.take(0) == 10
    assert clock.slept == []


def test_a_slot_is_waited_for_when_that_fits() -> None:
    """Waits are reserved in turn: the second of two waits for the next slot."""
    slots, clock = budget(2)
    slots.take(0)
    clock.now += 30
    slots.take(0)

    assert slots.take(30) == 0
    assert clock.slept == [30]
    assert slots.take(30) == 0
    assert clock.slept == [30, 30]


def test_a_refusal_closes_for_all_and_nobody_waits() -> None:
    """The pause doubles while refusals go on, up to a minute, and is short again after an answer."""
    slots, clock = budget(100)
    pauses = []
    for _ in range(5):
        assert slots.take(0) == 0
        pauses.append(slots.refused())
        assert slots.refused() == pauses[-1]
        assert slots.take(3600) == pauses[-1]
        clock.now += pauses[-1]
    slots.take(0)
    slots.answered()

    assert pauses == [10, 20, 40, 60, 60]
    assert slots.refused() == 10
    assert clock.slept == []


def test_who_wakes_up_in_a_pause_does_not_call() -> None:
    """A refusal that came while it slept is heeded."""
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        slots.refused()

    slots = MinuteBudget(1, monotonic=clock.monotonic, sleep=sleep)
    slots.take(0)

    assert slots.take(60) == 10
