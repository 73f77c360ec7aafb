"""What the Redis store does when Redis is slow, gone, full or holds something else."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from shared.state import RedisStore, StoreFull, StoreTimeout, StoreUnavailable
from tests.servers.black_hole import BlackHole
from tests.servers.redis_server import RedisServer, find_redis_server
from tests.servers.required import require


@pytest.fixture
def server() -> Iterator[RedisServer]:
    require("redis-server", find_redis_server())
    with RedisServer("--maxmemory", "3mb") as running:
        yield running


class Dripping:
    """Answers every connection with a large value, a byte each 20 ms: never silent, never done."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        self._listener.settimeout(0.02)
        open_ones: list[socket.socket] = []
        while not self._stop.wait(0.02):
            try:
                connection, _ = self._listener.accept()
                connection.sendall(b"$1000\r\n")
                open_ones.append(connection)
            except TimeoutError:
                pass
            for connection in list(open_ones):
                try:
                    connection.sendall(b"x")
                except OSError:
                    open_ones.remove(connection)
        for connection in [*open_ones, self._listener]:
            connection.close()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def test_a_silent_server_costs_its_deadline() -> None:
    """A server that accepts and never answers is a timeout after the deadline, for reads and writes."""
    with BlackHole() as silent:
        url = f"redis://{silent.host}"
        store = RedisStore(url, time.time, read_deadline_s=0.1, write_deadline_s=0.2)
        for call, deadline_s in (
            (lambda: store.get("k"), 0.1),
            (lambda: store.increment("k", {"n": 1}), 0.2),
        ):
            started = time.monotonic()
            with pytest.raises(StoreTimeout):
                call()
            assert deadline_s <= time.monotonic() - started < deadline_s + 0.5
        store.close()


def test_a_dripping_server_costs_its_deadline() -> None:
    """The deadline is over the whole answer: bytes that trickle in do not extend it."""
    dripping = Dripping()
    store = RedisStore(dripping.url, time.time, read_deadline_s=0.3)
    started = time.monotonic()
    try:
        with pytest.raises(StoreTimeout):
            store.get("k")
        assert time.monotonic() - started < 1.5
    finally:
        dripping.stop()
        store.close()


def test_a_refused_connection_is_unavailable() -> None:
    """Nobody listening is not a timeout: it is known at once."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    store = RedisStore(f"redis://127.0.0.1:{port}", time.time, read_deadline_s=5)

    with pytest.raises(StoreUnavailable):
        store.get("k")


def test_a_restarted_server_is_found_again(server: RedisServer) -> None:
    """The first call after a restart works: connections the server has closed are not used again."""
    store = RedisStore(server.url, time.time, read_deadline_s=5, write_deadline_s=5)
    store.set("k", b"before", 60)

    server.stop()
    with pytest.raises(StoreUnavailable):
        store.get("k")
    server.start()

    assert store.get("k") is None
    assert store.set("k", b"after", 60)
    server.stop()
    server.start()
    assert store.set("k", b"again", 60)
    assert store.get("k") == b"again"
    store.close()


def test_a_full_server_is_full(server: RedisServer) -> None:
    """No room is its own error; what is there can still be read, and room made."""
    store = RedisStore(server.url, time.time, read_deadline_s=5, write_deadline_s=5)
    store.set("small", b"x", 60)

    with pytest.raises(StoreFull):
        [store.set(f"{n}", os.urandom(100_000), 60) for n in range(100)]

    assert store.get("small") == b"x"
    writes: list[Callable[[], object]] = [
        lambda: store.create("new", b"x", 60),
        lambda: store.increment("hits", {"n": 1}),
    ]
    for write in writes:
        with pytest.raises(StoreFull):
            write()
    assert store.delete("small")
    store.close()


def test_things_of_another_type_are_replaced(server: RedisServer) -> None:
    """A list where a value should be is a miss, a text where a counter should be is nothing."""
    import redis

    with redis.Redis.from_url(server.url) as other:
        other.rpush("log_aggregator:v:k", "foreign")
        other.rpush("log_aggregator:v:lease", "foreign")
        other.set("log_aggregator:c:hits", "foreign")
        other.hset("log_aggregator:c:half", "fn", "not a number")
    store = RedisStore(server.url, time.time, read_deadline_s=5, write_deadline_s=5)

    assert (store.get("k"), list(store.scan("")), list(store.counters(""))) == (None, [], [])
    assert store.set("k", b"ours", 60)
    assert store.create("lease", b"ours", 60)
    store.increment("hits", {"n": 1})
    store.increment("half", {"n": 2, "m": 1})
    assert dict(store.scan("")) == {"k": b"ours", "lease": b"ours"}
    assert dict(store.counters("")) == {"hits": {"n": 1}, "half": {"n": 2, "m": 1}}
    store.close()


def test_redis_forgets_by_itself(server: RedisServer) -> None:
    """What has a time to live leaves the server's memory without us."""
    import redis

    store = RedisStore(server.url, time.time, read_deadline_s=5, write_deadline_s=5)
    store.set("k", b"x", 0.001)
    store.create("lease", b"x", 0.001)
    store.increment("hits", {"n": 1}, 0.001)

    with redis.Redis.from_url(server.url) as other:
        ends = time.monotonic() + 5
        while other.keys("*") and time.monotonic() < ends:
            time.sleep(0.01)
        assert other.keys("*") == []
    store.close()


@pytest.mark.parametrize(
    "url", ["http://sekrit@h", "redis://:sekrit@h:port/0", "redis://:sekrit@h?unknown=1"]
)
def test_a_wrong_address_is_not_quoted(url: str) -> None:
    """An address that cannot be used is an error that does not repeat the password in it."""
    with pytest.raises(StoreUnavailable) as caught:
        RedisStore(url, time.time).get("k")

    assert "sekrit" not in str(caught.value)


def test_the_address_cannot_loosen_the_deadline() -> None:
    """Options in the URL do not win over the store's own."""
    with BlackHole() as silent:
        store = RedisStore(f"redis://{silent.host}?socket_timeout=60&retry_on_timeout=yes", time.time)
        started = time.monotonic()
        with pytest.raises(StoreTimeout):
            store.get("k")
        assert time.monotonic() - started < 1
