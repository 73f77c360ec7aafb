"""A state store in one SQLite file, shared by the processes of one machine."""

import json
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.state import frame
from shared.state.deadline import Deadline
from shared.state.store import (
    StoreError,
    StoreFull,
    StoreTimeout,
    StoreUnavailable,
    after_prefix,
    check_deltas,
    expiry,
    key_bytes,
    prefix_bytes,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS value (key BLOB PRIMARY KEY, frame BLOB NOT NULL, expires_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS value_expiry ON value (expires_at);
CREATE TABLE IF NOT EXISTS counter (key BLOB PRIMARY KEY, sums TEXT NOT NULL, expires_at REAL);
CREATE INDEX IF NOT EXISTS counter_expiry ON counter (expires_at) WHERE expires_at IS NOT NULL;
"""
_PAGE_ROWS = 16
_PURGED_PER_WRITE = 16
_PAGE_BYTES = 4096
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

_inherited: list[deque[sqlite3.Connection]] = []
"""Connections of the parent of a fork. The child may neither use nor close them, so they are kept.

Source: https://www.sqlite.org/howtocorrupt.html (2.6)
"""


class SqliteStore:
    """A StateStore in the file `path`, made with its folder on first use, readable by its owner only.

    Write-ahead logging: readers never wait for writers; writers wait for each other, at most
    `write_deadline_s`. A call that fails was rolled back. Commits survive the end of the process; the
    last ones may be lost with the machine (`synchronous=NORMAL`), which a cache can bear.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float],
        *,
        read_deadline_s: float = 0.25,
        write_deadline_s: float = 1.0,
        max_bytes: int = 1024**3,
    ) -> None:
        """`clock`: seconds since the epoch. `max_bytes` bounds the file: beyond it writes are StoreFull."""
        self._path = path
        self._clock = clock
        self._read_deadline_s = read_deadline_s
        self._write_deadline_s = write_deadline_s
        self._max_pages = max(1, max_bytes // _PAGE_BYTES)
        self._pid = os.getpid()
        self._idle: deque[sqlite3.Connection] = deque()

    def get(self, key: str) -> bytes | None:
        """As StateStore.get."""
        name = key_bytes(key)
        with self._reading() as db:
            row = db.execute("SELECT frame FROM value WHERE key = ?", (name,)).fetchone()
        return frame.unpack(name, row[0], self._clock()) if row else None

    def set(self, key: str, value: bytes, ttl_s: float) -> bool:
        """As StateStore.set."""
        name, expires_at, framed = self._framed(key, value, ttl_s)
        with self._writing() as db:
            _put_value(db, name, framed, expires_at)
        return True

    def create(self, key: str, value: bytes, ttl_s: float) -> bool:
        """As StateStore.create."""
        name, expires_at, framed = self._framed(key, value, ttl_s)
        with self._writing() as db:
            row = db.execute("SELECT frame FROM value WHERE key = ?", (name,)).fetchone()
            if row and frame.unpack(name, row[0], self._clock()) is not None:
                return False
            _put_value(db, name, framed, expires_at)
        return True

    def increment(self, key: str, deltas: Mapping[str, float], ttl_s: float | None = None) -> bool:
        """As StateStore.increment."""
        name, now = key_bytes(key), self._clock()
        new_expiry = None if ttl_s is None else expiry(now, ttl_s)
        if not check_deltas(deltas):
            return True
        with self._writing() as db:
            row = db.execute("SELECT sums, expires_at FROM counter WHERE key = ?", (name,)).fetchone()
            sums, old_expiry = _counter(row, now) or ({}, None)
            for field, delta in deltas.items():
                sums[field] = sums.get(field, 0) + delta
            expires_at = old_expiry if new_expiry is None else new_expiry
            db.execute("REPLACE INTO counter VALUES (?, ?, ?)", (name, json.dumps(sums), expires_at))
        return True

    def counter(self, key: str) -> dict[str, float]:
        """As StateStore.counter."""
        name = key_bytes(key)
        with self._reading() as db:
            row = db.execute("SELECT sums, expires_at FROM counter WHERE key = ?", (name,)).fetchone()
        found = _counter(row, self._clock()) if row else None
        return found[0] if found else {}

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """As StateStore.scan."""
        for name, framed in self._pages("SELECT key, frame FROM value", prefix):
            value = frame.unpack(name, framed, self._clock())
            if value is not None:
                yield name.decode(), value

    def counters(self, prefix: str) -> Iterator[tuple[str, dict[str, float]]]:
        """As StateStore.counters."""
        for name, *row in self._pages("SELECT key, sums, expires_at FROM counter", prefix):
            found = _counter(row, self._clock())
            if found:
                yield name.decode(errors="replace"), found[0]

    def delete(self, key: str) -> bool:
        """As StateStore.delete."""
        name = key_bytes(key)
        with self._writing() as db:
            db.execute("DELETE FROM value WHERE key = ?", (name,))
            db.execute("DELETE FROM counter WHERE key = ?", (name,))
        return True

    def close(self) -> None:
        """As StateStore.close."""
        self._leave_the_parents_behind()
        while self._idle:
            self._idle.pop().close()

    def _framed(self, key: str, value: bytes, ttl_s: float) -> tuple[bytes, float, bytes]:
        name = key_bytes(key)
        expires_at = expiry(self._clock(), ttl_s)
        return name, expires_at, frame.pack(name, value, expires_at)

    def _pages(self, select: str, prefix: str) -> Iterator[Any]:
        """Rows in key order, a few at a time: no read transaction stays open while the caller works."""
        start = prefix_bytes(prefix)
        page = f"{select} WHERE key {{}} ? AND key < ? ORDER BY key LIMIT {_PAGE_ROWS}"
        first, following = page.format(">="), page.format(">")
        query, low = first, start
        while True:
            with self._reading() as db:
                rows = db.execute(query, (low, after_prefix(start))).fetchall()
            yield from rows
            if len(rows) < _PAGE_ROWS:
                return
            query, low = following, rows[-1][0]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._connection(Deadline(self._read_deadline_s)) as db:
            yield db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that holds the write lock from its start, so nothing read in it goes stale."""
        with self._connection(Deadline(self._write_deadline_s)) as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                _purge(db, self._clock())
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    @contextmanager
    def _connection(self, deadline: Deadline) -> Iterator[sqlite3.Connection]:
        """A connection for this thread alone, with vendor errors turned into ours."""
        self._leave_the_parents_behind()
        db = None
        try:
            try:
                db = self._idle.pop()
            except IndexError:
                db = self._open(deadline)
            db.execute(f"PRAGMA busy_timeout = {int(deadline.left_s() * 1000)}")
            yield db
        except (sqlite3.Error, OSError) as exc:
            error = _translated(exc, deadline)
            if db is not None and not isinstance(error, StoreTimeout):
                db.close()
                db = None
            raise error from exc
        finally:
            if db is not None:
                self._idle.append(db)

    def _open(self, deadline: Deadline) -> sqlite3.Connection:
        if not self._path.exists():
            # The folder is not made: a mistyped path must not look like an empty mirror.
            self._path.touch(mode=0o600)
        db = sqlite3.connect(
            self._path, timeout=deadline.left_s(), isolation_level=None, check_same_thread=False
        )
        try:
            while db.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                _become_wal(db, deadline)
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute(f"PRAGMA max_page_count = {self._max_pages}")
            db.executescript(_SCHEMA)
        except BaseException:
            db.close()
            raise
        return db

    def _leave_the_parents_behind(self) -> None:
        if self._pid != os.getpid():
            _inherited.append(self._idle)
            self._idle, self._pid = deque(), os.getpid()


def _become_wal(db: sqlite3.Connection, deadline: Deadline) -> None:
    """Two processes that switch at once are refused without the wait that busy_timeout promises."""
    try:
        db.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as exc:
        if exc.sqlite_errorcode not in _BUSY:
            raise
        deadline.left_s()


def _put_value(db: sqlite3.Connection, name: bytes, framed: bytes, expires_at: float) -> None:
    db.execute("REPLACE INTO value VALUES (?, ?, ?)", (name, framed, expires_at))


def _purge(db: sqlite3.Connection, now: float) -> None:
    """More than one write can add, so what has expired never piles up, and no write pays for it all."""
    for table in ("value", "counter"):
        db.execute(
            f"DELETE FROM {table} WHERE key IN "  # noqa: S608 - two names of our own
            f"(SELECT key FROM {table} WHERE expires_at <= ? LIMIT {_PURGED_PER_WRITE})",
            (now,),
        )


def _counter(row: Any, now: float) -> tuple[dict[str, float], float | None] | None:
    """A stored counter's sums and expiry; None if there is none, it has expired or it is not ours."""
    if not row or (row[1] is not None and now >= row[1]):
        return None
    try:
        sums = json.loads(row[0])
        return {field: amount + 0 for field, amount in sums.items()}, row[1]
    except (ValueError, TypeError, AttributeError):
        return None


def _translated(exc: Exception, deadline: Deadline) -> StoreError:
    code = getattr(exc, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _BUSY:
        return StoreTimeout(f"the file stayed locked for {deadline.seconds:g} s")
    if code == sqlite3.SQLITE_FULL:
        return StoreFull("the file has reached its limit, or the disk is full")
    return StoreUnavailable(f"SQLite: {exc}")
