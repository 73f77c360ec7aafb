"""Equal work done once."""

import threading
import time
from collections.abc import Callable

import pytest

from shared.sources.single_flight import MAX_KEPT, SingleFlight


class Work:
    """Work that counts how often it is done, and ends when it is let go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.done = 0
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self._error = error

    def __call__(self) -> int:
        self.done += 1
        self.begun.set()
        assert self.go_on.wait(5)
        if self._error:
            raise self._error
        return self.done


def together(count: int, call: Callable[[], object]) -> tuple[list[threading.Thread], list[object]]:
    """Threads that each put what the call returns, or raises, into the list."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as exc:  # noqa: BLE001 - it is what the test looks at
            results.append(exc)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, results


def finish(threads: list[threading.Thread]) -> None:
    """Wait for all."""
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


def test_callers_that_come_meanwhile_share_one_answer() -> None:
    """Twenty callers, one piece of work."""
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    threads, results = together(20, lambda: flights.get("k", work, 5))
    assert work.begun.wait(5)
    time.sleep(0.05)
    work.go_on.set()
    finish(threads)

    assert set(results) == {1} if work.done == 1 else False
    assert len(results) == 20


def test_other_keys_do_not_wait() -> None:
    """Work for one key holds up nobody else."""
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    threads, _ = together(1, lambda: flights.get("slow", work, 5))
    assert work.begun.wait(5)

    assert flights.get("quick", lambda: 7, 1) == 7
    work.go_on.set()
    finish(threads)


def test_an_error_is_told_to_all_and_not_kept() -> None:
    """Everyone who waited gets it; who comes later tries again."""
    flights: SingleFlight[str, int] = SingleFlight(keep_s=60)
    work = Work(ValueError("broken"))
    threads, results = together(5, lambda: flights.get("k", work, 5))
    assert work.begun.wait(5)
    time.sleep(0.05)
    work.go_on.set()
    finish(threads)

    assert work.done == 1
    assert [type(result) for result in results] == [ValueError] * 5
    assert flights.get("k", lambda: 3, 1) == 3


def test_an_error_of_the_callers_own_is_not_told_to_others() -> None:
    """Its time was up: that is no answer for those who have more, and one of them does the work."""
    flights: SingleFlight[str, int] = SingleFlight(own=(LookupError,))
    work = Work(LookupError())
    first, failed = together(1, lambda: flights.get("k", work, 5))
    assert work.begun.wait(5)
    others, results = together(5, lambda: flights.get("k", lambda: 9, 5))
    time.sleep(0.05)
    work.go_on.set()
    finish(first + others)

    assert [type(result) for result in failed] == [LookupError]
    assert results == [9] * 5


def test_nobody_waits_longer_than_it_can() -> None:
    """A caller's patience ends the waiting, not the work."""
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    threads, results = together(1, lambda: flights.get("k", work, 5))
    assert work.begun.wait(5)

    with pytest.raises(TimeoutError):
        flights.get("k", work, 0.02)
    work.go_on.set()
    finish(threads)

    assert results == [1]


def test_answers_are_kept_for_a_moment_and_only_some_of_them() -> None:
    """Equal questions soon after share the answer; it is forgotten when its time is over."""
    now = [100.0]
    flights: SingleFlight[int, int] = SingleFlight(keep_s=1, monotonic=lambda: now[0])
    calls: list[int] = []

    def get(key: int) -> int:
        return flights.get(key, lambda: calls.append(key) or len(calls), 1)  # type: ignore[func-returns-value]

    assert [get(0), get(0)] == [1, 1]
    now[0] += 1.01
    assert get(0) == 2
    for key in range(1, MAX_KEPT + 3):
        get(key)
    assert get(MAX_KEPT + 2) == len(calls)
    before = len(calls)
    get(0)
    assert len(calls) == before + 1
