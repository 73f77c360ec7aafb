"""The promises of StateStore, kept by all four: memory, SQLite, a real Redis, the real Firestore emulator."""

import dataclasses
import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.state import StateStore, StoreRequestInvalid, StoreValueTooLarge
from tests.contract.state_backings import Backing, Firestore, Memory, Redis, Sqlite
from tests.servers.redis_server import RedisServer, find_redis_server
from tests.servers.required import require

ROOT = Path(__file__).resolve().parents[2]
NOON = 1_795_000_000.0


class Clock:
    """Stands still until told."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    require("redis-server", find_redis_server())
    with RedisServer() as server:
        yield server.url


@pytest.fixture(scope="session")
def firestore_host() -> Iterator[str]:
    from tests.servers.firestore_emulator import FirestoreEmulator, find_jar

    require("the Firestore emulator", find_jar())
    with FirestoreEmulator() as emulator:
        yield emulator.host


@pytest.fixture(params=["memory", "sqlite", "redis", "firestore"])
def backing(request: pytest.FixtureRequest, tmp_path: Path) -> Backing:
    alone = f"test-{uuid.uuid4().hex}"
    if request.param == "redis":
        return Redis(request.getfixturevalue("redis_url"), alone)
    if request.param == "firestore":
        return Firestore(request.getfixturevalue("firestore_host"), alone)
    return Sqlite(str(tmp_path / "state.db")) if request.param == "sqlite" else Memory()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(backing: Backing, clock: Clock) -> Iterator[StateStore]:
    opened = backing.open(clock)
    yield opened
    opened.close()


between_processes = pytest.mark.parametrize("backing", ["sqlite", "redis", "firestore"], indirect=True)
across_a_fork = pytest.mark.parametrize("backing", ["sqlite", "redis"], indirect=True)
"""Not Firestore: gRPC itself does not survive a fork after its first call."""


def in_threads(number: int, job: Callable[[int], object]) -> list[object]:
    """What `job(0..number-1)` answered, all begun at once."""
    answers: list[object] = [None] * number
    gate = threading.Barrier(number)

    def run(n: int) -> None:
        gate.wait()
        answers[n] = job(n)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def in_processes(backing: Backing, number: int, job: str) -> list[Any]:
    """What the worker's `job` answered in so many processes, all begun at once."""
    worker = [sys.executable, "-m", "tests.contract.state_worker", backing.kind]
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    workers = [
        subprocess.Popen(
            [*worker, json.dumps(dataclasses.asdict(backing)), job, str(n)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": paths},
            text=True,
        )
        for n in range(number)
    ]
    try:
        assert [process.stdout.readline() for process in workers if process.stdout] == ["ready\n"] * number
        for process in workers:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        return [json.loads(process.communicate(timeout=120)[0]) for process in workers]
    finally:
        for process in workers:
            process.kill()
            process.communicate()


VALUES = {
    "empty": b"",
    "one byte": b"\x00",
    "every byte": bytes(range(256)),
    "json": b'{"entries": []}' * 10_000,
    "just over a document": os.urandom(900_001),
    "4 MiB that do not compress": os.urandom(4 * 1024 * 1024),
    "30 MiB that do": b"2026-11-20 ERROR Insufficient margin for TCS\n" * 700_000,
}


@pytest.mark.parametrize("name", VALUES)
def test_what_was_set_is_what_is_read(store: StateStore, name: str) -> None:
    """A value comes back byte for byte, whatever its size, and replaces any other."""
    assert store.get("answer") is None
    assert store.set("answer", b"old" + os.urandom(1_000_000), 60)

    assert store.set("answer", VALUES[name], 60)

    assert store.get("answer") == VALUES[name]
    assert list(store.scan("ans")) == [("answer", VALUES[name])]


@pytest.mark.parametrize("value", [os.urandom(4 * 1024 * 1024 + 1), bytes(64 * 1024 * 1024 + 1)])
def test_a_value_over_the_limit_is_refused(store: StateStore, value: bytes) -> None:
    """More than 4 MiB compressed, or 64 MiB before, is an error, and what was there stays."""
    store.set("answer", b"small", 60)

    for write in (store.set, store.create):
        with pytest.raises(StoreValueTooLarge):
            write("answer" if write == store.set else "other", value, 60)

    assert (store.get("answer"), store.get("other")) == (b"small", None)


@pytest.mark.parametrize("size", [10, 2_000_000])
def test_an_expired_value_is_absent(store: StateStore, clock: Clock, size: int) -> None:
    """From the instant of its expiry a value is not read, not listed, and in nobody's way."""
    value = os.urandom(size)
    store.set("answer", value, 10)
    store.create("lease", value, 10)

    clock.now = NOON + 9.999
    assert (store.get("answer"), store.get("lease")) == (value, value)
    assert not store.create("lease", b"mine", 10)

    clock.now = NOON + 10
    assert (store.get("answer"), store.get("lease")) == (None, None)
    assert list(store.scan("")) == []
    assert store.create("lease", b"mine", 10)
    assert not store.create("lease", b"theirs", 10)
    assert store.get("lease") == b"mine"


def test_create_keeps_what_is_there(store: StateStore) -> None:
    """Creating succeeds once; the first value stays until it is deleted."""
    assert store.create("lease", b"first", 60)
    assert not store.create("lease", b"second", 60)
    assert store.get("lease") == b"first"

    store.delete("lease")

    assert store.create("lease", b"third", 60)
    assert store.get("lease") == b"third"


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "foreign": lambda _: b'{"an": "older program wrote this"}',
    "cut in its head": lambda framed: framed[:7],
    "cut before its body": lambda framed: framed[:21],
    "cut by one byte": lambda framed: framed[:-1],
    "longer": lambda framed: framed + b"\x00",
    "first bit": lambda framed: bytes([framed[0] ^ 1]) + framed[1:],
    "expiry": lambda framed: framed[:10] + bytes([framed[10] ^ 1]) + framed[11:],
    "claimed length": lambda framed: framed[:5] + b"\xff\xff\xff\xff" + framed[9:],
    "last bit": lambda framed: framed[:-1] + bytes([framed[-1] ^ 1]),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_value_is_absent_and_replaced(backing: Backing, store: StateStore, name: str) -> None:
    """What is corrupt, cut or foreign reads as a miss, is not listed, and makes room for a write."""
    for key in ("a", "b"):
        store.set(key, b"an answer " * 100, 60)
        backing.spoil(key, SPOILT[name])

    assert (store.get("a"), list(store.scan(""))) == (None, [])
    assert store.set("a", b"new", 60)
    assert store.create("b", b"new", 60)
    assert not store.create("b", b"newer", 60)
    assert (store.get("a"), store.get("b")) == (b"new", b"new")


def test_a_value_under_another_key_is_absent(backing: Backing, store: StateStore) -> None:
    """An answer that lies under another caller's key is never served there."""
    store.set("admin/answer", b"secret", 60)

    backing.spoil("admin/answer", lambda framed: framed, under="viewer/answer")

    assert store.get("viewer/answer") is None
    assert dict(store.scan("")) == {"admin/answer": b"secret"}


KEYS = [
    *(
        "a",
        "a/b",
        "a*",
        "a?c",
        "a[b]",
        "a\\",
        "a^-",
        "aé",
        "a₹",
        "a😀",
        "a\x00b",
        "a b",
        "a.b",
        "a\n",
        "A",
        "ab",
    ),
    *("__a__", ".", "..", "%2F", "'; DROP TABLE value; --", "a\uffff", "a\U0010ffff", "k" * 1_000, "₹" * 333),
]


def test_any_key_is_legal_and_its_own(store: StateStore) -> None:
    """Keys of any characters keep their own values, and a prefix finds exactly those that begin with it."""
    for key in KEYS:
        store.set(key, key.encode(), 60)
        store.increment(key, {"n": 1})

    assert {key: store.get(key) for key in KEYS} == {key: key.encode() for key in KEYS}
    for prefix in (
        "",
        "a",
        "a*",
        "a?",
        "a[",
        "a\\",
        "a^",
        "a₹",
        "a😀",
        "a\x00",
        "__",
        ".",
        "k",
        "nothing",
        "a\U0010ffff",
    ):
        begins = sorted(key for key in KEYS if key.startswith(prefix))
        assert sorted(key for key, _ in store.scan(prefix)) == begins
        assert sorted(key for key, _ in store.counters(prefix)) == begins


def test_a_long_listing_names_each_key_once(store: StateStore) -> None:
    """Listings of several pages are complete, without doubles, and may be left half-way."""
    names = {f"page/{n:03}" for n in range(70)}
    for name in names:
        store.set(name, b"x", 60)
    store.set("paged", b"another", 60)

    found = [key for key, _ in store.scan("page/")]

    assert sorted(found) == sorted(names)
    assert next(store.scan("page/"))[1] == b"x"
    assert store.get("paged") == b"another"


@pytest.mark.parametrize("key", ["", "k" * 1_001, "₹" * 334, "\ud800"])
def test_an_unusable_key_is_refused(store: StateStore, key: str) -> None:
    """Every method says so before it asks the server anything."""
    calls: list[Callable[[], object]] = [
        lambda: store.get(key),
        lambda: store.set(key, b"", 60),
        lambda: store.create(key, b"", 60),
        lambda: store.increment(key, {"n": 1}),
        lambda: store.increment("k", {key: 1}),
        lambda: store.delete(key),
    ]
    if key:
        calls += [lambda: list(store.scan(key)), lambda: list(store.counters(key))]
    for call in calls:
        with pytest.raises(StoreRequestInvalid):
            call()


@pytest.mark.parametrize("ttl_s", [0, -1, float("nan"), float("inf"), 1e12])
def test_an_unusable_time_to_live_is_refused(store: StateStore, ttl_s: float) -> None:
    """Nothing lives for no time, for ever, or beyond the calendar of a store."""
    writes: list[Callable[[], object]] = [
        lambda: store.set("k", b"", ttl_s),
        lambda: store.create("k", b"", ttl_s),
        lambda: store.increment("k", {"n": 1}, ttl_s),
    ]
    for write in writes:
        with pytest.raises(StoreRequestInvalid):
            write()
    assert store.get("k") is None


def test_a_counter_can_be_read_alone(store: StateStore) -> None:
    """One counter by its key, whatever else there is; none is empty."""
    store.increment("alone", {"x": 2.0, "y": 0.5})
    store.increment("alone/2", {"x": 7.0})
    store.set("value", b"1", 60)

    assert store.counter("alone") == {"x": 2.0, "y": 0.5}
    assert store.counter("value") == store.counter("nothing") == {}


def test_counters_add_up(store: StateStore) -> None:
    """Integers are exact, floats are sums, and a field may have any name."""
    odd = ["a.b", "__x__", "`", 'requests_total{route="/logs/gcs",status="200"}', "₹", "e", "*"]
    store.increment("hits", {"n": 2**52, "s": 0.25})
    store.increment("hits", {"n": 1, "s": 1e-3, "down": -5} | dict.fromkeys(odd, 1))
    store.increment("hits", {"n": -3} | dict.fromkeys(odd, 1.5))
    store.increment("hits", {})
    store.increment("nothing", {})

    [(key, sums)] = store.counters("")

    assert key == "hits"
    assert sums.pop("s") == pytest.approx(0.251, abs=1e-12)
    assert sums == {"n": 2**52 - 2, "down": -5} | dict.fromkeys(odd, 2.5)
    assert list(store.scan("")) == []
    assert store.get("hits") is None


@pytest.mark.parametrize(
    "deltas", [{"n": float("nan")}, {"n": float("inf")}, {"n": 2**54}, {str(n): 1 for n in range(501)}]
)
def test_an_unusable_delta_is_refused(store: StateStore, deltas: dict[str, float]) -> None:
    """What would make a sum inexact or a write impossible adds nothing at all."""
    with pytest.raises(StoreRequestInvalid):
        store.increment("hits", {"ok": 1} | deltas)

    assert list(store.counters("")) == []


def test_as_many_fields_as_allowed_are_one_write(store: StateStore) -> None:
    """500 fields at once, twice."""
    deltas = {f"field {n}": n + 0.5 for n in range(500)}

    assert store.increment("hits", deltas, 60)
    assert store.increment("hits", deltas, 60)

    assert dict(store.counters("hits"))["hits"] == {field: 2 * delta for field, delta in deltas.items()}


def test_a_counter_lives_on_with_each_write_and_then_starts_over(store: StateStore, clock: Clock) -> None:
    """A time to live counts from the latest write that gave one; after it the sums begin at nothing."""
    store.increment("window", {"n": 1, "old": 1}, 10)
    clock.now = NOON + 9
    store.increment("window", {"n": 1}, 10)
    clock.now = NOON + 18
    assert list(store.counters("")) == [("window", {"n": 2, "old": 1})]

    clock.now = NOON + 19
    assert list(store.counters("")) == []
    store.increment("window", {"n": 5}, 10)
    assert list(store.counters("")) == [("window", {"n": 5})]


def test_a_counter_without_a_time_to_live_keeps_its_expiry(
    backing: Backing, store: StateStore, clock: Clock
) -> None:
    """It never expires; and a write without one does not make a mortal counter immortal, or the reverse."""
    store.increment("fleet", {"n": 1})
    store.increment("mortal", {"n": 1}, 10)
    newcomer = backing.open(clock)
    newcomer.increment("mortal", {"n": 1})
    clock.now = NOON + 10
    assert dict(store.counters("")) == {"fleet": {"n": 1}}

    newcomer.increment("mortal", {"n": 7})
    clock.now = NOON + 1e8
    assert dict(store.counters("")) == {"fleet": {"n": 1}, "mortal": {"n": 7}}
    newcomer.close()


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_delete_removes_value_and_counter(store: StateStore, size: int) -> None:
    """After a delete nothing of the key is left, and deleting nothing is no error."""
    store.set("k", os.urandom(size), 60)
    store.increment("k", {"n": 1})
    store.set("kept", b"x", 60)

    assert store.delete("k")
    assert store.delete("k")

    assert (store.get("k"), list(store.counters("")), list(store.scan(""))) == (None, [], [("kept", b"x")])


def test_threads_share_a_store(store: StateStore) -> None:
    """One winner a key, and no increment lost, among eight threads."""
    wins = in_threads(8, lambda n: [k for k in range(5) if store.create(f"lease/{k}", b"%d" % n, 60)])
    in_threads(8, lambda _: [store.increment("hits", {"n": 1, "s": 0.5}, 60) for _ in range(10)])

    assert sorted(key for won in wins for key in won) == list(range(5))  # type: ignore[attr-defined]
    assert dict(store.counters("")) == {"hits": {"n": 80, "s": 40.0}}


def test_expired_things_are_taken_over_once(store: StateStore, clock: Clock) -> None:
    """When a lease or a counter has run out, racing threads still get one winner and an exact sum."""
    for key in range(30):
        store.create(f"lease/{key}", b"dead", 10)
        store.increment(f"window/{key}", {"n": 1000, "old": 1}, 10)
    clock.now = NOON + 20

    wins = in_threads(6, lambda n: [k for k in range(30) if store.create(f"lease/{k}", b"%d" % n, 60)])
    in_threads(6, lambda _: [store.increment(f"window/{k}", {"n": 1}, 60) for k in range(30)])

    assert sorted(key for won in wins for key in won) == list(range(30))  # type: ignore[attr-defined]
    for n, won in enumerate(wins):
        assert {store.get(f"lease/{key}") for key in won} <= {b"%d" % n}  # type: ignore[attr-defined]
    assert dict(store.counters("")) == {f"window/{k}": {"n": 6} for k in range(30)}


@between_processes
def test_one_of_several_processes_wins_each_key(backing: Backing) -> None:
    """Four processes race for twenty keys: each key has exactly one winner."""
    claims = in_processes(backing, 4, "claim")

    assert sorted(key for claimed in claims for key in claimed) == list(range(20))


@between_processes
def test_processes_lose_no_increment(backing: Backing) -> None:
    """Four processes, fifty increments each, on one counter: the sums are exact."""
    in_processes(backing, 4, "count")

    store = backing.open()
    own = {f"by {n}": 100 for n in range(4)}
    assert dict(store.counters("")) == {"hits": {"requests": 200, "seconds": 50.0} | own}
    store.close()


@between_processes
def test_large_values_are_never_mixed(backing: Backing) -> None:
    """While three processes overwrite one large value, a reader has one of them whole, or none."""
    assert in_processes(backing, 3, "rewrite") == [0, 0, 0]


@across_a_fork
def test_a_store_survives_a_fork(backing: Backing) -> None:
    """A store that was used before a fork serves parent and child, neither harming the other."""
    assert in_processes(backing, 1, "fork") == [[0, True]]
