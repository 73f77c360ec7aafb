"""What must outlive an instance: one small key-value store behind one protocol.

    store.py            StateStore, its errors and limits
    frame.py            how a value lies in a store: compressed, checked, dated
    deadline.py         the time one call may take
    memory_store.py     one process (unit tests)
    sqlite_store.py     one machine, several processes
    redis_store.py      Redis
    firestore_store.py  Firestore
    guarded.py          makes a broken store slower, never wrong

Importing this package imports no vendor's library.
"""

from shared.state.firestore_store import FirestoreStore
from shared.state.guarded import GuardedStore, Reading
from shared.state.memory_store import MemoryStore
from shared.state.redis_store import RedisStore
from shared.state.sqlite_store import SqliteStore
from shared.state.store import (
    StateStore,
    StoreError,
    StoreFull,
    StoreRequestInvalid,
    StoreTimeout,
    StoreUnavailable,
    StoreValueTooLarge,
)

__all__ = [
    "FirestoreStore",
    "GuardedStore",
    "MemoryStore",
    "Reading",
    "RedisStore",
    "SqliteStore",
    "StateStore",
    "StoreError",
    "StoreFull",
    "StoreRequestInvalid",
    "StoreTimeout",
    "StoreUnavailable",
    "StoreValueTooLarge",
]
