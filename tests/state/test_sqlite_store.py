"""What the SQLite store does when its file is locked, full, broken or old."""

import os
import sqlite3
import stat
import time
from pathlib import Path

import pytest

from shared.state import SqliteStore, StoreFull, StoreTimeout, StoreUnavailable


def test_a_locked_file_costs_its_deadline(tmp_path: Path) -> None:
    """A writer that does not end is a timeout for other writers, and no matter for readers."""
    store = SqliteStore(tmp_path / "state.db", time.time, write_deadline_s=0.2)
    store.set("k", b"x", 60)
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    started = time.monotonic()
    with pytest.raises(StoreTimeout):
        store.set("k", b"y", 60)
    assert 0.15 <= time.monotonic() - started < 1
    assert store.get("k") == b"x"

    other.execute("ROLLBACK")
    other.close()
    assert store.set("k", b"y", 60)
    store.close()


def test_a_file_locked_before_it_is_opened_costs_its_deadline(tmp_path: Path) -> None:
    """Opening and making the tables is inside of the deadline too."""
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    store = SqliteStore(tmp_path / "state.db", time.time, read_deadline_s=0.2)

    started = time.monotonic()
    with pytest.raises(StoreTimeout):
        store.get("k")
    assert time.monotonic() - started < 1

    other.execute("ROLLBACK")
    other.close()
    assert store.get("k") is None
    store.close()


def test_a_full_file_is_full(tmp_path: Path) -> None:
    """Beyond its limit the file takes no more, says so, and serves what it has; deleting makes room."""
    store = SqliteStore(tmp_path / "state.db", time.time, max_bytes=200_000)

    with pytest.raises(StoreFull):
        [store.set(f"{n}", os.urandom(10_000), 60) for n in range(100)]

    assert store.get("0") is not None
    assert (tmp_path / "state.db").stat().st_size <= 200_000
    store.delete("0")
    assert store.set("small", b"x", 60)
    store.close()


def test_the_expired_makes_room(tmp_path: Path) -> None:
    """Writes remove what has expired, a little each, so the file does not grow with its history."""
    now = [1_000.0]
    store = SqliteStore(tmp_path / "state.db", lambda: now[0])
    for n in range(40):
        store.set(f"old {n}", b"x" * 500, 10)
        store.increment(f"old {n}", {"n": 1}, 10)
    now[0] = 2_000.0
    for n in range(5):
        store.set(f"new {n}", b"x", 10)
    store.close()

    db = sqlite3.connect(tmp_path / "state.db")
    assert db.execute("SELECT count(*) FROM value").fetchone() == (5,)
    assert db.execute("SELECT count(*) FROM counter").fetchone() == (0,)
    db.close()


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    """A foreign file is left as it is, and is an error of ours."""
    (tmp_path / "state.db").write_bytes(b"not a database at all " * 100)
    store = SqliteStore(tmp_path / "state.db", time.time)

    for call in (lambda: store.get("k"), lambda: store.set("k", b"", 60)):
        with pytest.raises(StoreUnavailable):
            call()
    assert (tmp_path / "state.db").read_bytes().startswith(b"not a database")


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    """A path through a file is an error of ours, not an OSError."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StoreUnavailable):
        SqliteStore(tmp_path / "file" / "state.db", time.time).get("k")


def test_a_counter_that_is_not_ours_is_replaced(tmp_path: Path) -> None:
    """Sums that cannot be read are nothing, and an increment begins anew."""
    store = SqliteStore(tmp_path / "state.db", time.time)
    store.increment("hits", {"n": 1})
    db = sqlite3.connect(tmp_path / "state.db")
    for foreign in ("{", "[1]", '{"n": "1"}', "null"):
        with db:
            db.execute("UPDATE counter SET sums = ?", (foreign,))
        assert list(store.counters("")) == []
    db.close()

    store.increment("hits", {"n": 2})

    assert dict(store.counters("")) == {"hits": {"n": 2}}
    store.close()


def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    """Cached answers are log lines: the file is nobody else's."""
    store = SqliteStore(tmp_path / "state.db", time.time)
    store.set("k", b"x", 60)

    assert stat.S_IMODE((tmp_path / "state.db").stat().st_mode) == 0o600
    store.close()


def test_a_missing_folder_is_not_made(tmp_path: Path) -> None:
    """A mistyped path is a store that is not there, not an empty one."""
    store = SqliteStore(tmp_path / "mistyped" / "state.db", time.time)

    with pytest.raises(StoreUnavailable):
        store.set("k", b"x", 60)
    assert not (tmp_path / "mistyped").exists()
