"""Where the stores under test keep their things: how to open one there, and how to spoil what it keeps."""

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.state import FirestoreStore, MemoryStore, RedisStore, SqliteStore, StateStore

PATIENT_S = 20.0
"""The promises are tested without haste; haste has tests of its own."""
Clock = Callable[[], float]


@dataclass
class Memory:
    """One store, whoever opens it: memory is shared with nobody else."""

    stores: list[MemoryStore] = field(default_factory=list)
    kind = "memory"

    def open(self, clock: Clock = time.time) -> StateStore:
        if not self.stores:
            self.stores.append(MemoryStore(clock))
        return self.stores[0]

    def spoil(self, key: str, change: Callable[[bytes], bytes], under: str | None = None) -> None:
        values = self.stores[0]._values
        framed, expires_at = values[key.encode()]
        values[(under or key).encode()] = (change(framed), expires_at)


@dataclass
class Sqlite:
    """A file."""

    path: str
    kind = "sqlite"

    def open(self, clock: Clock = time.time) -> StateStore:
        path = Path(self.path)
        return SqliteStore(path, clock, read_deadline_s=PATIENT_S, write_deadline_s=PATIENT_S)

    def spoil(self, key: str, change: Callable[[bytes], bytes], under: str | None = None) -> None:
        db = sqlite3.connect(self.path)
        with db:
            [framed] = db.execute("SELECT frame FROM value WHERE key = ?", (key.encode(),)).fetchone()
            row = ((under or key).encode(), change(framed), 1e12)
            db.execute("REPLACE INTO value (key, frame, expires_at) VALUES (?, ?, ?)", row)
        db.close()


@dataclass
class Redis:
    """A namespace in a server."""

    url: str
    namespace: str
    kind = "redis"

    def open(self, clock: Clock = time.time) -> StateStore:
        patient: dict[str, Any] = {"read_deadline_s": PATIENT_S, "write_deadline_s": PATIENT_S}
        return RedisStore(self.url, clock, namespace=self.namespace, **patient)

    def spoil(self, key: str, change: Callable[[bytes], bytes], under: str | None = None) -> None:
        import redis

        with redis.Redis.from_url(self.url) as server:
            framed: Any = server.get(f"{self.namespace}:v:{key}")
            server.set(f"{self.namespace}:v:{under or key}", change(framed))


@dataclass
class Firestore:
    """A collection in the emulator."""

    host: str
    collection: str
    kind = "firestore"

    def client(self) -> Any:
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import firestore

        os.environ["FIRESTORE_EMULATOR_HOST"] = self.host
        try:
            nobody: Any = AnonymousCredentials()  # type: ignore[no-untyped-call]
            return firestore.Client(project="state-store", credentials=nobody)
        finally:
            del os.environ["FIRESTORE_EMULATOR_HOST"]

    def open(self, clock: Clock = time.time) -> StateStore:
        patient: dict[str, Any] = {"read_deadline_s": PATIENT_S, "write_deadline_s": PATIENT_S}
        return FirestoreStore(self.client, clock, collection=self.collection, **patient)

    def spoil(self, key: str, change: Callable[[bytes], bytes], under: str | None = None) -> None:
        client = self.client()
        kept = client.collection(self.collection)
        fields = kept.document(_document_id(key)).get().to_dict()
        if fields["parts"]:
            ids = [f"{_document_id(key)}-{fields['generation']}-{i}" for i in range(fields["parts"])]
            framed = b"".join(kept.document(part).get().to_dict()["data"] for part in ids)
        else:
            framed = fields["data"]
        key_now = b"v" + (under or key).encode()
        kept.document(_document_id(under or key)).set(
            {**fields, "key": key_now, "parts": 0, "data": change(framed)}
        )
        client.close()


Backing = Memory | Sqlite | Redis | Firestore
KINDS = {"sqlite": Sqlite, "redis": Redis, "firestore": Firestore}


def _document_id(key: str) -> str:
    return "v" + hashlib.sha256(key.encode()).hexdigest()
