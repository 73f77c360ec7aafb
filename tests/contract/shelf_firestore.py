"""The shelf of the `firestore` source over the real emulator: one for all tests, a project for each."""

import os
from collections.abc import Iterable
from datetime import UTC
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from shared.config import FirestoreSettings
from shared.redact import Redactor
from shared.sources.documents import DocumentLogs
from shared.sources.firestore import CloudDocuments
from shared.sources.source import LogSource
from tests.contract.shelves import Event, document_fields, document_path
from tests.servers.firestore_emulator import FirestoreEmulator, missing
from tests.servers.required import require

_NUMBERS = count(1)
_STORES: list[CloudDocuments] = []


@cache
def emulator() -> FirestoreEmulator:
    """The emulator of this session; `stop` ends it."""
    return FirestoreEmulator()


def stop() -> None:
    """End the emulator, if any shelf has started it, and the clients that asked it."""
    while _STORES:
        _STORES.pop().close()
    if emulator.cache_info().currsize:
        emulator().stop()
        emulator.cache_clear()


def client(host: str, project: str) -> Any:
    """The vendor's client of a project in an emulator; it reads the host when it is made, and only then."""
    from google.cloud.firestore import Client

    before = os.environ.get("FIRESTORE_EMULATOR_HOST")
    os.environ["FIRESTORE_EMULATOR_HOST"] = host
    try:
        return Client(project=project)
    finally:
        if before is None:
            del os.environ["FIRESTORE_EMULATOR_HOST"]
        else:
            os.environ["FIRESTORE_EMULATOR_HOST"] = before


class CloudFirestore:
    """A document per event."""

    name = "firestore"

    def __init__(self, root: Path) -> None:
        require("the Firestore emulator", missing() is None)
        self.client = client(emulator().host, f"shelf-{next(_NUMBERS)}")
        self._store = CloudDocuments(lambda: self.client)
        _STORES.append(self._store)
        self._count = 0

    def put(self, events: Iterable[Event]) -> None:
        batch = self.client.batch()
        for event in events:
            self._count += 1
            batch.set(self.client.document(document_path(event, self._count)), document_fields(event))
        batch.commit()

    def source(self) -> LogSource:
        return DocumentLogs(self._store, FirestoreSettings(), UTC, Redactor(b"k" * 32))
