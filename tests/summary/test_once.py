"""Runs: one answer for each key, leases that expire, and no more calls than two."""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.errors import Conflict, KeyReused
from shared.policy import UNRESTRICTED, Grant, Policy
from shared.state import GuardedStore, MemoryStore, SqliteStore
from shared.summary.once import KEPT_S, LEASE_S, MAX_CALLS, Once, Run
from tests.functions.summary_world import AtOnce

RUN = Run("me", "k-1", "body")


@dataclass
class Clock:
    """The time of the store."""

    now: float = 1_795_600_000.0

    def __call__(self) -> float:
        return self.now


def within(seconds: float) -> Callable[[], float]:
    """What is left of so many seconds from now."""
    ends = time.monotonic() + seconds
    return lambda: ends - time.monotonic()


LONG = within(60.0)
HASTY = within(0.0)


def once(clock: Clock) -> Once:
    """One instance with a store of its own."""
    return Once(GuardedStore(MemoryStore(clock)))


def test_the_first_makes_it_and_the_others_get_it() -> None:
    """None for the first; after `finish`, its answer for everybody."""
    runs = once(Clock())

    assert runs.begin(RUN, LONG) is None
    runs.finish(RUN, b"answer")
    assert [runs.begin(RUN, LONG) for _ in range(3)] == [b"answer"] * 3


def test_an_answer_is_kept_for_a_day() -> None:
    """A second before it is over it is there; after it the key is free for any body."""
    clock = Clock()
    runs = once(clock)
    runs.begin(RUN, LONG)
    runs.finish(RUN, b"answer")
    clock.now += KEPT_S - 1
    assert runs.begin(RUN, LONG) == b"answer"
    clock.now += 2

    assert runs.begin(Run("me", "k-1", "another"), LONG) is None


def test_another_body_is_refused_at_any_time() -> None:
    """While it is being made, after it failed, and when it is there."""
    runs, other = once(Clock()), Run("me", "k-1", "another")
    runs.begin(RUN, LONG)
    for step in ("making", "failed", "made"):
        if step == "failed":
            runs.abandon(RUN)
        if step == "made":
            runs.finish(RUN, b"a")
        with pytest.raises(KeyReused):
            runs.begin(other, LONG)


@pytest.mark.parametrize(
    "other",
    [
        Run("you", "k-1", "body"),
        Run("me", "k-2", "body"),
        Run("me", "k-1", "body", Policy((Grant(bots=frozenset({"a"})),))),
        Run("mek", "-1", "body"),
    ],
)
def test_runs_of_others_are_other_runs(other: Run) -> None:
    """Caller, key and policy make a run; nothing runs together."""
    runs = once(Clock())
    runs.begin(RUN, LONG)
    runs.finish(RUN, b"answer")

    assert RUN.policy == UNRESTRICTED
    assert runs.begin(other, LONG) is None


def test_an_abandoned_run_is_begun_anew_at_once() -> None:
    """Whoever failed lets the next one try."""
    runs = once(Clock())
    runs.begin(RUN, LONG)
    runs.abandon(RUN)

    assert runs.begin(RUN, LONG) is None


def test_a_run_that_died_is_taken_over_when_its_lease_is_over() -> None:
    """Not before."""
    clock = Clock()
    runs = once(clock)
    runs.begin(RUN, LONG)
    with pytest.raises(Conflict) as caught:
        runs.begin(RUN, HASTY)
    clock.now += LEASE_S + 0.1

    assert runs.begin(RUN, HASTY) is None
    assert caught.value.retry_after_s


def test_a_lease_outlasts_every_request() -> None:
    """Nobody takes over from a run that is alive: a request ends within a minute."""
    assert LEASE_S > 60


def test_who_waits_gets_the_answer_soon_after_it_is_there() -> None:
    """Within the pause between two looks, and no exception."""
    runs = once(Clock())
    runs.begin(RUN, LONG)
    timer = threading.Timer(0.5, lambda: runs.finish(RUN, b"answer"))
    timer.start()
    began = time.monotonic()

    assert runs.begin(RUN, within(20.0)) == b"answer"
    assert 0.4 < time.monotonic() - began < 2.5
    timer.join()


def test_who_waits_looks_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look is a read and a write of the store: in ten seconds a dozen, not a hundred."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    runs = once(Clock())
    runs.begin(RUN, LONG)

    with pytest.raises(Conflict):
        runs.begin(RUN, lambda: 15.0 - sum(slept))
    assert 5 < len(slept) < 20
    assert sum(slept) <= 10
    assert slept == sorted(slept)


def test_two_calls_and_no_more() -> None:
    """However often a run is begun; without a key nobody counts."""
    runs = once(Clock())

    assert [runs.may_call(RUN) for _ in range(4)] == [True] * MAX_CALLS + [False, False]
    assert [runs.may_call(None) for _ in range(4)] == [True] * 4
    assert runs.may_call(Run("me", "k-2", "body"))


def test_one_of_many_instances_makes_it(tmp_path: Path) -> None:
    """Twenty at once over four instances: one is told to make it, the others wait and get its answer."""
    instances = [Once(GuardedStore(SqliteStore(tmp_path / "state.db", time.time))) for _ in range(4)]
    made = itertools.count()

    def ask(runs: Once) -> bytes:
        answer = runs.begin(RUN, within(30.0))
        if answer is not None:
            return answer
        number = next(made)
        time.sleep(0.3)
        runs.finish(RUN, b"answer %d" % number)
        return b"made"

    found = AtOnce([lambda runs=instances[n % 4]: ask(runs) for n in range(20)]).run()  # type: ignore[misc]

    assert sorted(found) == [b"answer 0"] * 19 + [b"made"]


def test_without_a_store_everybody_is_the_first(tmp_path: Path) -> None:
    """Made twice rather than never, with a model for each."""
    runs = Once(GuardedStore(SqliteStore(tmp_path / "no" / "such" / "folder", time.time)))

    assert runs.begin(RUN, LONG) is None
    assert runs.begin(RUN, LONG) is None
    assert all(runs.may_call(RUN) for _ in range(5))
    runs.finish(RUN, b"answer")


def test_what_another_version_left_is_no_answer() -> None:
    """A claim that cannot be read is none: the run is made."""
    store = MemoryStore(Clock())
    store.set(f"once/{RUN.digest}", b'{"body_hash": 5}', 100.0)

    assert Once(GuardedStore(store)).begin(RUN, LONG) is None


def test_the_store_learns_neither_caller_nor_key() -> None:
    """Only a hash of them."""
    store = MemoryStore(Clock())
    runs = Once(GuardedStore(store))
    run = Run("ops@example.com", "key-of-mine", "body")
    runs.begin(run, LONG)
    runs.may_call(run)
    runs.finish(run, b"answer")

    kept = str([*store.scan(""), *store.counters("")])
    assert "ops@" not in kept
    assert "key-of-mine" not in kept
