"""Several instances that share a store: how far over the limit they go, and what a broken store costs."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.limits import Limiter, Rate, SharedCounts
from shared.state import GuardedStore, MemoryStore, SqliteStore, StoreFull, StoreTimeout, StoreUnavailable
from tests.limits.test_limits import START_S, Clock, most_in_a_window

ROOT = Path(__file__).parents[2]


class Recording(MemoryStore):
    """A store in memory that notes its calls, and fails, forgets its answer or is cut short on demand."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.writes: list[tuple[str, dict[str, float]]] = []
        self.reads = 0
        self.error: Exception | None = None
        self.write_is_done_first = False
        self.read_stops_early = False

    def increment(self, key: str, deltas: Mapping[str, float], ttl_s: float | None = None) -> bool:
        self.writes.append((key, dict(deltas)))
        if self.error and not self.write_is_done_first:
            raise self.error
        super().increment(key, deltas, ttl_s)
        if self.error:
            raise self.error
        return True

    def counter(self, key: str) -> dict[str, float]:
        self.reads += 1
        if self.read_stops_early:
            raise StoreTimeout("too late")
        return super().counter(key)


def instances(number: int, rate: Rate, clock: Clock, store: SharedCounts, share: int | None) -> list[Limiter]:
    """So many limiters, as so many processes would have them."""
    return [Limiter(rate, "read", clock, store, key=b"key", share=share) for _ in range(number)]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.3, 2.0, 4.9, 5.0, 31.0]), st.integers(0, 2)), max_size=120),
    st.integers(1, 12),
    st.integers(1, 4),
)
def test_instances_exceed_the_count_by_what_they_have_not_told(
    asked: list[tuple[float, int]], count: int, share: int
) -> None:
    """In any window n instances let in at most count + n * (share - 1): with a share of 1, the count."""
    clock = Clock()
    fleet = instances(3, Rate(count, 60), clock, GuardedStore(MemoryStore(clock)), share)
    let_in = []
    for gap, which in asked:
        clock.now += gap
        if fleet[which].take("alice").allowed:
            let_in.append(clock.now)

    assert most_in_a_window(let_in, 60) <= count + 3 * (share - 1)


@pytest.mark.parametrize(("share", "least", "most"), [(1, 60, 60), (None, 58, 63)])
def test_a_caller_spread_over_instances_gets_the_count(share: int | None, least: int, most: int) -> None:
    """Not once for each instance, and not less than the count either; a period later, again."""
    clock = Clock()
    fleet = instances(3, Rate(60, 60), clock, GuardedStore(MemoryStore(clock)), share)
    rounds = []
    for _ in range(3):
        rounds.append(sum(fleet[n % 3].take("alice").allowed for n in range(400)))
        clock.now += 66

    assert all(least <= let_in <= most for let_in in rounds)


def test_waiting_as_told_is_enough_among_instances_too() -> None:
    """Retry-After counts what the others have used, and is never longer than the window."""
    clock = Clock()
    one, other = instances(2, Rate(10, 60), clock, GuardedStore(MemoryStore(clock)), 1)
    for _ in range(10):
        clock.now += 1.7
        other.take("alice")
    refused = one.take("alice")

    assert not refused.allowed
    assert 0 < refused.retry_after_s <= 60
    clock.now += refused.retry_after_s
    assert one.take("alice").allowed


def test_what_another_used_counts_a_whole_window_and_is_not_told_to_last_longer() -> None:
    """However a unit lies in its slot: no earlier than its window ends, and Retry-After within the window."""
    clock = Clock()
    one, other = instances(2, Rate(1, 60), clock, GuardedStore(MemoryStore(clock)), 1)
    clock.now = START_S + 4.9
    other.take("late in its slot")
    clock.now = START_S + 64.8
    assert not one.take("late in its slot").allowed

    clock.now = START_S + 100
    other.take("early in its slot")
    clock.now += 0.25
    assert one.take("early in its slot").retry_after_s <= 60


def test_waiting_as_told_is_enough_where_the_count_was_exceeded() -> None:
    """Then more than one unit has to leave the window first."""
    clock = Clock()
    one, other = instances(2, Rate(3, 60), clock, GuardedStore(MemoryStore(clock)), 3)
    for second in (0, 20):
        clock.now = START_S + second
        one.take("alice")
    clock.now = START_S + 40
    for _ in range(3):
        other.take("alice")
    clock.now = START_S + 41
    refused = one.take("alice")

    assert not refused.allowed
    clock.now += refused.retry_after_s - 1
    assert not one.peek("alice").allowed
    clock.now += 1
    assert one.peek("alice").allowed


def test_a_request_that_the_store_refuses_does_not_count() -> None:
    """It is taken back, here and there."""
    clock = Clock()
    store = MemoryStore(clock)
    one, other = instances(2, Rate(10, 60), clock, GuardedStore(store), 1)
    for _ in range(10):
        other.take("alice")
    clock.now += 30
    assert not one.take("alice").allowed

    assert sum(sum(sums.values()) for _, sums in store.counters("limit/")) == 10
    clock.now += 36
    assert one.peek("alice").remaining == 10


@pytest.mark.parametrize(
    ("rate", "most"), [(Rate(300, 60), 32), (Rate(600, 60), 32), (Rate(10, 60), 10), (Rate(50, 1), 1)]
)
def test_a_window_costs_few_writes(rate: Rate, most: int) -> None:
    """About one a second at the limit, whatever is asked beyond it: refusals do not reach the store."""
    clock = Clock()
    store = Recording(clock)
    [limit] = instances(1, rate, clock, GuardedStore(store), None)
    for _ in range(5 * rate.count):
        limit.take("alice")

    assert 1 <= len(store.writes) <= most
    assert store.reads == 2 * len(store.writes)


def test_what_is_told_names_nobody() -> None:
    """Keys hold a keyed hash of the subject; another key, another hash."""
    clock = Clock()
    store = Recording(clock)
    for key in (b"one", b"two", b"one"):
        Limiter(Rate(5, 60), "auth", clock, GuardedStore(store), key=key).take("alice@example.com")

    keys = [key for key, _ in store.writes]
    assert keys[0] == keys[2] != keys[1]
    assert all(key.startswith("limit/auth/") for key in keys)
    assert "alice" not in json.dumps(store.writes)


def test_counters_end_by_themselves() -> None:
    """After two periods and a little nothing of a subject is left in the store."""
    clock = Clock()
    store = MemoryStore(clock)
    [limit] = instances(1, Rate(5, 60), clock, GuardedStore(store), None)
    limit.take("alice")

    clock.now += 124
    assert list(store.counters("limit/"))
    clock.now += 2
    assert not list(store.counters("limit/"))


@pytest.mark.parametrize("error", [StoreTimeout("slow"), StoreUnavailable("down"), StoreFull("full")])
def test_a_broken_store_leaves_each_instance_its_own_limit(error: Exception) -> None:
    """Nothing raises, the count holds in each instance, and holds again among them once the store is back."""
    clock, down_s = Clock(), [0.0]
    store = Recording(clock)
    guarded = GuardedStore(store, monotonic=lambda: down_s[0])
    fleet = instances(2, Rate(10, 60), clock, guarded, 1)
    store.error = error

    assert [sum(limit.take("alice").allowed for _ in range(50)) for limit in fleet] == [10, 10]
    store.error, down_s[0] = None, 10.0
    clock.now += 66
    assert sum(fleet[n % 2].take("alice").allowed for n in range(50)) == 10


def test_a_write_that_happened_unheard_counts_once() -> None:
    """A store that does what it is told and answers too late makes nobody's count grow twice."""
    clock, later_s = Clock(), [0.0]
    store = Recording(clock)
    guarded = GuardedStore(store, monotonic=lambda: later_s[0])
    one, other = instances(2, Rate(20, 60), clock, guarded, 1)
    store.error, store.write_is_done_first = StoreTimeout("late"), True
    for _ in range(5):
        later_s[0] += 10
        assert one.take("alice").allowed
    store.error = None
    later_s[0] += 10

    assert other.take("alice").remaining == 20 - 5 - 1
    assert one.take("alice").remaining == 20 - 5 - 1 - 1


def test_what_could_not_be_told_while_the_circuit_was_open_is_told_later() -> None:
    """Where a call would fail at once it is not made, and its units wait for the next."""
    clock, later_s = Clock(), [0.0]
    store = Recording(clock)
    guarded = GuardedStore(store, monotonic=lambda: later_s[0])
    one, other = instances(2, Rate(50, 60), clock, guarded, 1)
    store.error = StoreUnavailable("down")
    for _ in range(3 + 8):
        one.take("alice")
    assert len(store.writes) == 3
    store.error = None
    later_s[0] += 10
    one.take("alice")

    assert other.take("alice").remaining == 50 - (8 + 1) - 1


def test_what_has_left_the_window_is_not_told_any_more() -> None:
    """However long the store was away, the first telling after it is a window's."""
    clock, later_s = Clock(), [0.0]
    store = Recording(clock)
    guarded = GuardedStore(store, monotonic=lambda: later_s[0])
    [one] = instances(1, Rate(50, 60), clock, guarded, 1)
    store.error = StoreUnavailable("down")
    for _ in range(2_000):
        clock.now += 5
        assert one.take("alice").allowed
    store.error = None
    later_s[0] += 10
    one.take("alice")

    assert len(store.writes[-1][1]) <= 13


def test_an_answer_that_was_cut_short_is_not_believed() -> None:
    """What was heard before stays, until it has left the window by itself."""
    clock, later_s = Clock(), [0.0]
    store = Recording(clock)
    one, other = instances(2, Rate(10, 60), clock, GuardedStore(store, monotonic=lambda: later_s[0]), 1)
    for _ in range(8):
        other.take("alice")
    assert one.take("alice").remaining == 1
    store.read_stops_early = True

    assert one.take("alice").remaining == 0
    assert not one.take("alice").allowed


def test_a_subject_that_was_dropped_is_still_known_to_the_store() -> None:
    """Being crowded out of an instance's memory frees nobody who was counted in the store."""
    clock = Clock()
    store = GuardedStore(MemoryStore(clock))
    limit = Limiter(Rate(6, 60), "read", clock, store, share=1, max_subjects=20)
    for _ in range(4):
        limit.take("alice")
    for n in range(2_000):
        for _ in range(3):
            limit.take(f"{n}")

    assert limit.take("alice").remaining == 6 - 4 - 1


def test_strange_counters_and_clocks_are_no_matter() -> None:
    """Fields that are not ours, sums that are no counts, an instance whose clock is a year ahead."""
    clock, ahead = Clock(), Clock()
    store = Recording(clock)
    guarded = GuardedStore(store)
    [one] = instances(1, Rate(10, 60), clock, guarded, 1)
    one.take("alice")
    [(key, _)] = store.writes
    slot = int(START_S // 5)
    kept = store._counters[key.encode()][0]
    strange = ("", "x", "9" * 5000 + ".row", f"{'9' * 15}.row", "-5.row", "²5.row", f"{slot - 30}.row")
    kept |= dict.fromkeys(strange, 2.0)
    kept |= {f"{slot}.a": -3.0, f"{slot}.b": 0.5, f"{slot}.c": float("nan"), f"{slot}.d": float("inf")}
    ahead.now += 366 * 86_400
    [mad] = instances(1, Rate(10, 60), ahead, guarded, 1)
    for _ in range(5):
        mad.take("alice")

    assert one.take("alice").remaining == 8


def test_a_slow_store_delays_nobody_else() -> None:
    """While one subject waits for the store, another is answered at once, and so is who is refused."""
    clock, asked, go_on = Clock(), threading.Event(), threading.Event()

    class Slow(MemoryStore):
        def increment(self, key: str, deltas: Mapping[str, float], ttl_s: float | None = None) -> bool:
            asked.set()
            return go_on.wait(20) and super().increment(key, deltas, ttl_s)

    limit = Limiter(Rate(2, 60), "read", clock, GuardedStore(Slow(clock)), share=2)
    limit.take("alice")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(limit.take, "alice")
        assert asked.wait(20)
        began = time.monotonic()
        assert limit.take("bob").allowed
        assert not limit.take("alice").allowed
        assert time.monotonic() - began < 5
        assert not waiting.done()
        go_on.set()
        assert waiting.result(20).allowed


class Gated(MemoryStore):
    """A store in memory that holds one call, the first after `hold` was set to its name, until `go_on`."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.hold = ""
        self.held, self.go_on = threading.Event(), threading.Event()

    def _gate(self, call: str) -> None:
        if self.hold == call:
            self.hold = ""
            self.held.set()
            assert self.go_on.wait(20)

    def increment(self, key: str, deltas: Mapping[str, float], ttl_s: float | None = None) -> bool:
        self._gate("increment")
        return super().increment(key, deltas, ttl_s)

    def counter(self, key: str) -> dict[str, float]:
        found = super().counter(key)
        self._gate("counter")
        return found


def test_an_old_answer_does_not_replace_a_new_one() -> None:
    """Of two reads at a time, what the later one found holds, whichever comes back last."""
    clock = Clock()
    store = Gated(clock)
    one, other = instances(2, Rate(20, 60), clock, GuardedStore(store), 1)
    store.hold = "counter"
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(one.take, "alice")
        assert store.held.wait(20)
        for _ in range(5):
            other.take("alice")
        assert one.take("alice").remaining == 20 - 5 - 2
        store.go_on.set()
        first.result(20)

    assert one.peek("alice").remaining == 20 - 5 - 2


def test_a_request_whose_write_was_slow_is_judged_by_what_was_used_meanwhile() -> None:
    """Its answer is newer than those of requests that began after it."""
    clock = Clock()
    store = Gated(clock)
    one, other = instances(2, Rate(10, 60), clock, GuardedStore(store), 1)
    store.hold = "increment"
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(one.take, "alice")
        assert store.held.wait(20)
        assert one.take("alice").allowed
        assert [other.take("alice").allowed for _ in range(9)] == [True] * 9
        store.go_on.set()

        assert not first.result(20).allowed


def test_a_store_slower_than_the_window_is_no_matter() -> None:
    """A request that has left the window before it is refused is not taken back a second time."""
    clock = Clock()
    store = Gated(clock)
    [one] = instances(1, Rate(10, 60), clock, GuardedStore(store), 1)
    [other] = instances(1, Rate(12, 60), clock, GuardedStore(store), 1)
    store.hold = "increment"
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(one.take, "alice")
        assert store.held.wait(20)
        clock.now += 70
        assert one.peek("alice").remaining == 10
        for _ in range(12):
            other.take("alice")
        store.go_on.set()
        assert not first.result(20).allowed
    clock.now += 66

    assert [one.take("alice").allowed for _ in range(11)] == [True] * 10 + [False]


@pytest.mark.parametrize("share", [1, 4])
def test_threads_of_two_instances_stay_within_the_bound(tmp_path: Path, share: int) -> None:
    """Four threads each, on one SQLite file: at most count + n * (1 + 4) * (share - 1)."""
    store = SqliteStore(tmp_path / "state.db", time.time, read_deadline_s=20, write_deadline_s=20)
    fleet = [Limiter(Rate(60, 3600), "read", time.time, GuardedStore(store), share=share) for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        let_in = sum(pool.map(lambda n: fleet[n % 2].take("alice").allowed, range(400)))
    store.close()

    assert 60 - 8 <= let_in <= 60 + 2 * 5 * (share - 1)


_WORKER = """
import sys, time
from pathlib import Path
from shared.limits import Limiter, Rate
from shared.state import GuardedStore, SqliteStore

store = SqliteStore(Path(sys.argv[1]), time.time, read_deadline_s=20, write_deadline_s=20)
limit = Limiter(Rate(100, 3600), "read", time.time, GuardedStore(store), share=int(sys.argv[2]))
store.get("warm up")
print("ready", flush=True)
sys.stdin.readline()
print(sum(limit.take("alice").allowed for _ in range(150)))
"""


@pytest.mark.parametrize("share", [1, 5])
def test_processes_share_a_limit_through_a_file(tmp_path: Path, share: int) -> None:
    """Four processes that ask 150 times each, all at once, are let in 100 times and what is untold."""
    command = [sys.executable, "-c", _WORKER, str(tmp_path / "state.db"), str(share)]
    workers = [
        subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    try:
        for worker in workers:
            assert worker.stdout
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin
            worker.stdin.write("\n")
            worker.stdin.flush()
        let_in = [int(worker.communicate(timeout=60)[0]) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()

    assert 100 - 4 <= sum(let_in) <= 100 + 4 * (share - 1)
