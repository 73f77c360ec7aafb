"""Connections to Redis on which no call outlasts its deadline.

redis-py bounds each receive, not a whole answer (a server that drips bytes holds a caller for ever),
not the look-up of the host's name, and by default it tries again. So its connections are used here
without its pool and its client: one deadline over connecting, sending and receiving, no retries.
"""

import os
import select
from collections import deque
from typing import Any

from shared.state.deadline import Deadline, in_background
from shared.state.store import StoreError, StoreFull, StoreUnavailable

_CONNECT_DEADLINE_S = 5.0
"""For a connection made in the background: a slow look-up fails the calls that wait, not the next ones."""
Command = tuple[bytes | str | int, ...]


class RedisLinks:
    """A pool of links to one server; as many as there are calls at once. Safe after a fork."""

    def __init__(self, url: str) -> None:
        """`url`: redis://, rediss:// or unix://, as redis-py reads it. Nothing is opened yet."""
        self._url = url
        self._pid = os.getpid()
        self._idle: deque[_Link] = deque()

    def run(self, deadline: Deadline, *commands: Command) -> list[Any]:
        """The reply to each command, sent together. A refused command's reply is its ResponseError.

        Raises: StoreTimeout, StoreUnavailable.
        """
        from redis.exceptions import RedisError

        link = None
        try:
            link = self._take(deadline)
            replies = link.ask(deadline, commands)
        except BaseException as exc:
            if link is not None:
                link.close()
            if isinstance(exc, RedisError | OSError):
                raise translated(exc, deadline) from exc
            raise
        self._idle.append(link)
        return replies

    def close(self) -> None:
        """Close the idle links."""
        while self._idle:
            self._idle.pop().close()

    def _take(self, deadline: Deadline) -> "_Link":
        if self._pid != os.getpid():
            self._idle, self._pid = deque(), os.getpid()
        while True:
            try:
                link = self._idle.pop()
            except IndexError:
                in_background(self._connect).result(timeout=deadline.left_s())
                continue
            if link.is_fresh():
                return link
            link.close()

    def _connect(self) -> None:
        self._idle.append(_Link(self._url, Deadline(_CONNECT_DEADLINE_S)))


class _Link:
    """One connection; every send and receive gets what is left of the current call's time."""

    def __init__(self, url: str, deadline: Deadline) -> None:
        self.deadline = deadline
        self._connection = _unconnected(url, on_connect=self._bind)
        try:
            self._connection.connect()
            self._poll = select.poll()
            self._poll.register(self._connection._sock.fileno(), select.POLLIN)
        except BaseException:
            self.close()
            raise

    def ask(self, deadline: Deadline, commands: tuple[Command, ...]) -> list[Any]:
        self.deadline = deadline
        self._connection.send_packed_command(self._connection.pack_commands(commands), check_health=False)
        return [self._reply() for _ in commands]

    def is_fresh(self) -> bool:
        """Nobody has asked, so anything to read is the server's goodbye."""
        return not self._poll.poll(0)

    def close(self) -> None:
        self._connection.disconnect()

    def _reply(self) -> Any:
        from redis.exceptions import ResponseError

        try:
            return self._connection.read_response()
        except ResponseError as refusal:
            return refusal

    def _bind(self, connection: Any) -> None:
        """redis-py's hook between opening a socket and greeting the server on it."""
        connection._sock = _BoundedSocket(connection._sock, self)
        connection.on_connect()


class _BoundedSocket:
    """A socket that gives each operation the time left of its link's deadline."""

    def __init__(self, sock: Any, link: _Link) -> None:
        self._sock = sock
        self._link = link

    def recv(self, max_bytes: int) -> Any:
        self._sock.settimeout(self._link.deadline.left_s())
        return self._sock.recv(max_bytes)

    def recv_into(self, *args: Any) -> Any:
        self._sock.settimeout(self._link.deadline.left_s())
        return self._sock.recv_into(*args)

    def sendall(self, data: Any) -> None:
        self._sock.settimeout(self._link.deadline.left_s())
        self._sock.sendall(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def translated(exc: BaseException, deadline: Deadline) -> StoreError:
    """Our error for one of redis-py's."""
    from redis.exceptions import OutOfMemoryError
    from redis.exceptions import TimeoutError as RedisTimeout

    if isinstance(exc, TimeoutError | RedisTimeout):
        return deadline.passed()
    if isinstance(exc, OutOfMemoryError):
        return StoreFull("Redis has reached its maxmemory")
    return StoreUnavailable(f"Redis: {exc}")


def _unconnected(url: str, on_connect: Any) -> Any:
    """A redis-py connection made from `url`, whose options may not undo ours."""
    from redis.backoff import NoBackoff
    from redis.connection import Connection, parse_url
    from redis.retry import Retry

    try:
        options: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
        kind = options.pop("connection_class", Connection)
        options |= {
            "socket_timeout": _CONNECT_DEADLINE_S,
            "socket_connect_timeout": _CONNECT_DEADLINE_S,
            "retry": Retry(NoBackoff(), 0),
            "health_check_interval": 0,
            "decode_responses": False,
            "driver_info": None,  # no two further round trips to tell the server our version
            "protocol": 2,
            "redis_connect_func": on_connect,
        }
        return kind(**options)
    except (TypeError, ValueError):
        # Without the cause: it may quote the address, and the address may hold a password.
        raise StoreUnavailable("the Redis URL cannot be used") from None
