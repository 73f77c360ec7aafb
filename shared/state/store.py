"""The promises that every state store keeps, its errors and its limits.

    StoreError
    ├── StoreTimeout         no answer within the deadline; a write may or may not have happened
    ├── StoreUnavailable     unreachable, refusing, broken or misconfigured
    ├── StoreFull            it answers, but has no room for this write
    ├── StoreValueTooLarge   the value is over the limit; nothing was written
    └── StoreRequestInvalid  a key, field, delta or time to live that no store takes

None of these reaches a caller of the API: `GuardedStore` turns them into misses and dropped writes.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Protocol

MAX_KEY_BYTES = 1_000
MAX_VALUE_BYTES = 4 * 1024 * 1024
"""Of one value, after compression."""
MAX_RAW_BYTES = 64 * 1024 * 1024
"""Of one value, before compression: what a reader must be ready to hold."""
MAX_TTL_S = 10 * 366 * 86_400.0
MAX_FIELDS = 500
"""In one `increment`. Source: https://cloud.google.com/firestore/quotas (field transformations)"""
MAX_DELTA = 2.0**53
"""Integers up to here are exact in every store."""


class StoreError(Exception):
    """The state store did not do what was asked. `reason` is a metric label."""

    reason = "error"


class StoreTimeout(StoreError):
    """No answer within the deadline. A write may or may not have happened."""

    reason = "timeout"


class StoreUnavailable(StoreError):
    """The store cannot be reached, refuses, or is not what it was said to be."""

    reason = "unavailable"


class StoreFull(StoreError):
    """The store answers, but has no room for this write."""

    reason = "full"


class StoreValueTooLarge(StoreError):
    """More than MAX_VALUE_BYTES after compression, or MAX_RAW_BYTES before."""

    reason = "too_large"


class StoreRequestInvalid(StoreError):
    """A key, field, delta or time to live outside of the limits of this module."""

    reason = "invalid"


class StateStore(Protocol):
    """Small values with a time to live, and counters. Thread-safe; safe to build before a fork.

    Keys are 1 to MAX_KEY_BYTES bytes (UTF-8) of any characters. Values and counters do not share
    keys: `set("a", …)` and `increment("a", …)` are two things, and only `delete` touches both.
    `ttl_s` is in (0, MAX_TTL_S]; what has expired reads as absent even while it is still stored.
    A stored value that is corrupt, cut, or not ours reads as absent, and a write replaces it.

    Writes answer True once stored. Every method raises StoreTimeout, StoreUnavailable and
    StoreRequestInvalid, and writes StoreFull.
    """

    def get(self, key: str) -> bytes | None:
        """The value, whole, or None."""
        ...

    def set(self, key: str, value: bytes, ttl_s: float) -> bool:
        """Store `value`, whatever was there. Raises: StoreValueTooLarge."""
        ...

    def create(self, key: str, value: bytes, ttl_s: float) -> bool:
        """Store `value` if the key has none: True for exactly one of several racing callers.

        Raises: StoreValueTooLarge.
        """
        ...

    def increment(self, key: str, deltas: Mapping[str, float], ttl_s: float | None = None) -> bool:
        """Add each delta to its field, all in one write, exactly, whoever else is adding.

        A missing or expired counter starts from nothing. With `ttl_s` the counter expires that long
        after this write; without, its expiry stays as it is (a new counter has none). One counter
        takes about one write a second in Firestore: let the caller shard busy ones by key.
        """
        ...

    def counter(self, key: str) -> dict[str, float]:
        """The sums of one counter by field; empty when there is none."""
        ...

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Each (key, value) whose key starts with `prefix`, in no promised order.

        Read in pages as it is consumed, each within the read deadline: values written or deleted
        meanwhile may or may not appear. A failure surfaces in the middle of the iteration.
        """
        ...

    def counters(self, prefix: str) -> Iterator[tuple[str, dict[str, float]]]:
        """Each (key, {field: sum}) of the counters whose key starts with `prefix`; as `scan`."""
        ...

    def delete(self, key: str) -> bool:
        """Remove the value and the counter of this key, if any."""
        ...

    def close(self) -> None:
        """Let go of connections. The next call would open new ones."""
        ...


def key_bytes(key: str) -> bytes:
    """The key as UTF-8. Raises: StoreRequestInvalid."""
    if not key:
        raise StoreRequestInvalid("a key is not empty")
    return prefix_bytes(key)


def prefix_bytes(prefix: str) -> bytes:
    """A key's beginning (may be empty) as UTF-8. Raises: StoreRequestInvalid."""
    try:
        encoded = prefix.encode()
    except UnicodeEncodeError as exc:
        raise StoreRequestInvalid("a key is text that UTF-8 can hold") from exc
    if len(encoded) > MAX_KEY_BYTES:
        raise StoreRequestInvalid(f"a key has at most {MAX_KEY_BYTES} bytes, not {len(encoded)}")
    return encoded


def after_prefix(prefix: bytes) -> bytes:
    """The smallest byte string above every key with this prefix: UTF-8 never contains 0xFF."""
    return prefix + b"\xff"


def expiry(now: float, ttl_s: float) -> float:
    """When something stored now expires, in seconds since the epoch. Raises: StoreRequestInvalid."""
    if not 0 < ttl_s <= MAX_TTL_S:
        raise StoreRequestInvalid(f"a time to live is in (0, {MAX_TTL_S:.0f}] seconds, not {ttl_s}")
    return now + ttl_s


def check_deltas(deltas: Mapping[str, float]) -> bool:
    """Whether there is anything to add.

    Raises: StoreRequestInvalid for too many fields, an unusable name or a delta out of bounds.
    """
    if len(deltas) > MAX_FIELDS:
        raise StoreRequestInvalid(f"at most {MAX_FIELDS} fields in one write, not {len(deltas)}")
    for name, delta in deltas.items():
        key_bytes(name)
        if not math.isfinite(delta) or abs(delta) > MAX_DELTA:
            raise StoreRequestInvalid(f"a delta is a number of at most ±2^53, not {delta}")
    return bool(deltas)
