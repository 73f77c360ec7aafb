"""A state store in Redis.

    {namespace}:v:{key}   string: a frame
    {namespace}:c:{key}   hash: "f" + field -> sum, "e" -> expires at (seconds since the epoch)

Redis's own expiry only frees the memory: what has expired is decided by our clock, as in every store.
"""

import hashlib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared.state import frame
from shared.state.deadline import Deadline
from shared.state.redis_links import Command, RedisLinks, translated
from shared.state.store import check_deltas, expiry, key_bytes, prefix_bytes

_SCAN_COUNT = 500
_PAGE_VALUES = 16
_GLOB = re.compile(rb"([\\*?\[\]^-])")

_REPLACE_DEAD = """
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'string' and redis.sha1hex(redis.call('GET', KEYS[1])) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""
"""Only what the caller saw to be dead is replaced: another caller's live value stays."""

_ADD = """
local kind = redis.call('TYPE', KEYS[1]).ok
local expires = kind == 'hash' and redis.call('HGET', KEYS[1], 'e')
if (kind ~= 'hash' and kind ~= 'none') or (expires and (tonumber(expires) or 0) <= tonumber(ARGV[1])) then
  redis.call('DEL', KEYS[1])
end
for i = 4, #ARGV, 2 do
  local sum = redis.pcall('HINCRBYFLOAT', KEYS[1], ARGV[i], ARGV[i + 1])
  if type(sum) == 'table' and sum.err then
    if string.find(sum.err, 'OOM') then return sum end
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'e', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1
"""
"""A sum that is not a number was not ours: it is replaced."""


class RedisStore:
    """A StateStore in one Redis server; not in a cluster, whose redirections it would not follow."""

    def __init__(
        self,
        url: str,
        clock: Callable[[], float],
        *,
        read_deadline_s: float = 0.25,
        write_deadline_s: float = 1.0,
        namespace: str = "log_aggregator",
    ) -> None:
        """`clock`: seconds since the epoch. `namespace` keeps our keys apart in a shared server."""
        self._links = RedisLinks(url)
        self._clock = clock
        self._read_deadline_s = read_deadline_s
        self._write_deadline_s = write_deadline_s
        self._values = namespace.encode() + b":v:"
        self._counters = namespace.encode() + b":c:"

    def get(self, key: str) -> bytes | None:
        """As StateStore.get."""
        return self._get(key_bytes(key), Deadline(self._read_deadline_s))[0]

    def set(self, key: str, value: bytes, ttl_s: float) -> bool:
        """As StateStore.set."""
        name, framed = self._framed(key, value, ttl_s)
        self._write(Deadline(self._write_deadline_s), "SET", self._values + name, framed, "PX", _ms(ttl_s))
        return True

    def create(self, key: str, value: bytes, ttl_s: float) -> bool:
        """As StateStore.create. One round trip, or three where something dead is in the way."""
        name, framed = self._framed(key, value, ttl_s)
        deadline = Deadline(self._write_deadline_s)
        stored = self._values + name
        if self._write(deadline, "SET", stored, framed, "NX", "PX", _ms(ttl_s)) is not None:
            return True
        value_there, frame_there = self._get(name, deadline)
        if value_there is not None:
            return False
        seen = hashlib.sha1(frame_there, usedforsecurity=False).hexdigest()
        replaced = self._write(deadline, "EVAL", _REPLACE_DEAD, 1, stored, seen, framed, _ms(ttl_s))
        return bool(replaced)

    def increment(self, key: str, deltas: Mapping[str, float], ttl_s: float | None = None) -> bool:
        """As StateStore.increment."""
        name, now = key_bytes(key), self._clock()
        lasting = ("", "") if ttl_s is None else (repr(expiry(now, ttl_s)), _ms(ttl_s))
        if not check_deltas(deltas):
            return True
        added = [part for field, delta in deltas.items() for part in (b"f" + field.encode(), repr(delta + 0))]
        deadline = Deadline(self._write_deadline_s)
        self._write(deadline, "EVAL", _ADD, 1, self._counters + name, repr(now), *lasting, *added)
        return True

    def counter(self, key: str) -> dict[str, float]:
        """As StateStore.counter."""
        deadline = Deadline(self._read_deadline_s)
        [flat] = self._links.run(deadline, ("HGETALL", self._counters + key_bytes(key)))
        if _is_refusal(flat, but="WRONGTYPE"):
            raise translated(flat, deadline) from flat
        return _sums(flat, self._clock()) or {}

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """As StateStore.scan. Walks the whole server: its work grows with all keys, not with the found."""
        for name, framed in self._found(self._values, prefix, "GET"):
            value = frame.unpack(name, framed, self._clock())
            if value is not None:
                yield name.decode(), value

    def counters(self, prefix: str) -> Iterator[tuple[str, dict[str, float]]]:
        """As StateStore.counters, at the cost of `scan`."""
        for name, flat in self._found(self._counters, prefix, "HGETALL"):
            sums = _sums(flat, self._clock())
            if sums:
                yield name.decode(errors="replace"), sums

    def delete(self, key: str) -> bool:
        """As StateStore.delete."""
        name = key_bytes(key)
        self._write(Deadline(self._write_deadline_s), "DEL", self._values + name, self._counters + name)
        return True

    def close(self) -> None:
        """As StateStore.close."""
        self._links.close()

    def _framed(self, key: str, value: bytes, ttl_s: float) -> tuple[bytes, bytes]:
        name = key_bytes(key)
        return name, frame.pack(name, value, expiry(self._clock(), ttl_s))

    def _get(self, name: bytes, deadline: Deadline) -> tuple[bytes | None, bytes]:
        """The value, and the bytes that lie there: none if there is nothing or another type."""
        [stored] = self._links.run(deadline, ("GET", self._values + name))
        if _is_refusal(stored, but="WRONGTYPE"):
            raise translated(stored, deadline) from stored
        return frame.unpack(name, stored, self._clock()), stored if isinstance(stored, bytes) else b""

    def _write(self, deadline: Deadline, *command: bytes | str | int) -> Any:
        [reply] = self._links.run(deadline, command)
        if _is_refusal(reply):
            raise translated(reply, deadline) from reply
        return reply

    def _found(self, kind: bytes, prefix: str, read: str) -> Iterator[tuple[bytes, Any]]:
        """(key, reply to `read` of it), each key once: SCAN may name one twice."""
        pattern = _GLOB.sub(rb"\\\1", kind + prefix_bytes(prefix)) + b"*"
        seen: set[bytes] = set()
        cursor = b"0"
        while True:
            deadline = Deadline(self._read_deadline_s)
            reply = self._write(deadline, "SCAN", cursor, "MATCH", pattern, "COUNT", _SCAN_COUNT)
            cursor, names = reply[0], [name for name in dict.fromkeys(reply[1]) if name not in seen]
            seen.update(names)
            for first in range(0, len(names), _PAGE_VALUES):
                page = names[first : first + _PAGE_VALUES]
                commands: list[Command] = [(read, name) for name in page]
                replies = self._links.run(Deadline(self._read_deadline_s), *commands)
                yield from zip((name[len(kind) :] for name in page), replies, strict=True)
            if cursor == b"0":
                return


def _ms(ttl_s: float) -> int:
    return math.ceil(ttl_s * 1000)


def _is_refusal(reply: object, but: str = "\0") -> bool:
    return isinstance(reply, Exception) and not str(reply).startswith(but)


def _sums(flat: object, now: float) -> dict[str, float] | None:
    """A counter's sums from HGETALL's flat list; None if it is gone, expired or not ours."""
    if not isinstance(flat, list):
        return None
    pairs = dict(zip(flat[::2], flat[1::2], strict=True))
    try:
        if now >= float(pairs.pop(b"e", "inf")):
            return None
        return {field[1:].decode(): float(amount) for field, amount in pairs.items()}
    except ValueError:
        return None
