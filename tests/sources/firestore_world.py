"""A Firestore of a test's own: a project in the emulator, what the product's calls pass, and the product."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from itertools import count
from typing import Any

from shared import instant
from shared.arguments import Arguments
from shared.config import FirestoreSettings
from shared.entry import LogEntry
from shared.layout import PathTemplate
from shared.policy import UNRESTRICTED
from shared.query import LogQuery
from shared.redact import Redactor
from shared.sources.document_store import DocumentStore
from shared.sources.documents import DocumentLogs
from shared.sources.firestore import CloudDocuments
from shared.sources.source import Budget
from tests.contract.shelf_firestore import client
from tests.servers.firestore_emulator import FirestoreEmulator
from tests.servers.firestore_proxy import FirestoreProxy

NOW = 1_795_176_000 * instant.SECOND  # 2026-11-20T12:00:00Z
TRADES = "gpt_runner_trades/{bot}/{date}/{doc}"
ALL_TEMPLATES = (
    TRADES,
    "gpt_runner_reflections/{bot}/days/{date}",
    "live_alerts/{doc}",
    "thought_journal/{doc}",
    "daily_reflections/{bot}_{date}",
    "cognitive_by_date/{date}/decisions/{doc}",
)
_NUMBERS = count(1)


def source_of(store: DocumentStore, *templates: str) -> DocumentLogs:
    """The source over a store."""
    settings = FirestoreSettings(tuple(PathTemplate.parse(text) for text in templates or (TRADES,)))
    return DocumentLogs(store, settings, UTC, Redactor(b"k" * 32))


def ask(text: str = "") -> LogQuery:
    """A query as the front door would parse it."""
    return LogQuery.from_args(
        Arguments(text), route="/logs/firestore", now=NOW, policy=UNRESTRICTED, sources=("firestore",)
    )


def read(source: DocumentLogs, text: str = "") -> list[LogEntry]:
    """All entries of a query that fits one page."""
    page = source.read(ask(text + "&page_size=1000"), Budget(60))
    assert page.resume is None
    return page.entries


class World:
    """`client` writes to the emulator directly; `store` reads through `proxy`."""

    def __init__(self, emulator: FirestoreEmulator, proxy: FirestoreProxy, project: str) -> None:
        self.proxy = proxy
        self.client = client(emulator.host, project)
        self.store = CloudDocuments(lambda: client(proxy.host, project))

    def put(self, documents: Mapping[str, Mapping[str, Any]]) -> None:
        """Write documents by their paths."""
        paths = list(documents)
        for first in range(0, len(paths), 500):
            batch = self.client.batch()
            for path in paths[first : first + 500]:
                batch.set(self.client.document(path), dict(documents[path]))
            batch.commit()

    def source(self, *templates: str) -> DocumentLogs:
        """The source over this world."""
        return source_of(self.store, *templates)


@contextmanager
def world_in(emulator: FirestoreEmulator, project: str = "") -> Iterator[World]:
    """A world that is closed at the end: a new one, or another view of a project."""
    with FirestoreProxy(emulator.host) as proxy:
        world = World(emulator, proxy, project or f"world-{next(_NUMBERS)}")
        yield world
        world.store.close()
        world.client.close()
