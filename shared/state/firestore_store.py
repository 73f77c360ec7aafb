"""A state store in one Firestore collection.

    {collection}/v{sha256 of key}                    a value: key, expires_at, generation, parts, data
    {collection}/v{sha256 of key}-{generation}-{i}   a part of a value too large for one document
    {collection}/c{sha256 of key}                    a counter: key, expires_at?, sums {"f" + field: sum}

Hashed ids take any key and spread the writes; `key` (as bytes, after "v" or "c") serves the scans.
Each write of a value has its own random generation, so parts of two writes never mix, and its head is
committed last, so what a reader is pointed to is whole. Parts that were replaced, or whose head never
came, are left to the time-to-live policy on `expires_at`.

No transactions: contended ones fail or stall. `create`, `Increment` and update-time preconditions do.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from shared.state import frame
from shared.state.deadline import Deadline
from shared.state.firestore_client import FirestoreClient
from shared.state.firestore_documents import (
    DOCUMENTS_PER_COMMIT,
    addition,
    document_id,
    end_of,
    part_ids,
    value_documents,
)
from shared.state.live_counters import LiveCounters
from shared.state.store import (
    StoreUnavailable,
    after_prefix,
    check_deltas,
    expiry,
    key_bytes,
    prefix_bytes,
)

_PAGE_DOCUMENTS = 16
_ATTEMPTS = 5


class FirestoreStore:
    """A StateStore in Firestore. Costs: `get` one read, `set` one commit, `create` one commit (and a
    read where something is there), `increment` one commit (and a read of a counter whose expiry this
    process does not know). A value over 900 kB is a document more for each 900 kB begun, and
    over 2.7 MB a second commit.

    Wants a time-to-live policy on `expires_at`, and no index but on `key`.
    """

    def __init__(
        self,
        client: Callable[[], Any],
        clock: Callable[[], float],
        *,
        read_deadline_s: float = 0.25,
        write_deadline_s: float = 1.0,
        collection: str = "log_aggregator_state",
    ) -> None:
        """`client` builds a `google.cloud.firestore.Client`, on a thread, at the first call after a fork.

        `clock`: seconds since the epoch.
        """
        self._client = FirestoreClient(client)
        self._clock = clock
        self._read_deadline_s = read_deadline_s
        self._write_deadline_s = write_deadline_s
        self._collection = collection
        self._live = LiveCounters()

    def get(self, key: str) -> bytes | None:
        """As StateStore.get."""
        name, deadline = key_bytes(key), Deadline(self._read_deadline_s)
        with self._client.within(deadline) as client:
            document = client.document(self._collection, document_id(b"v", name))
            snapshot = document.get(retry=None, timeout=deadline.left_s())
            return self._value(client, name, snapshot, deadline)

    def set(self, key: str, value: bytes, ttl_s: float) -> bool:
        """As StateStore.set."""
        name, now = key_bytes(key), self._clock()
        documents = value_documents(name, frame.pack(name, value, expiry(now, ttl_s)), now + ttl_s)
        deadline = Deadline(self._write_deadline_s)
        with self._client.within(deadline) as client:
            self._commit(client, documents, deadline)
        return True

    def create(self, key: str, value: bytes, ttl_s: float) -> bool:
        """As StateStore.create."""
        name, now = key_bytes(key), self._clock()
        documents = value_documents(name, frame.pack(name, value, expiry(now, ttl_s)), now + ttl_s)
        deadline = Deadline(self._write_deadline_s)
        with self._client.within(deadline) as client:
            from google.api_core.exceptions import Conflict

            document = client.document(self._collection, document_id(b"v", name))
            for _ in range(_ATTEMPTS):
                try:
                    self._commit(client, documents, deadline, new=True)
                    return True
                except Conflict:
                    snapshot = document.get(retry=None, timeout=deadline.left_s())
                if self._value(client, name, snapshot, deadline) is not None:
                    return False
                _remove_if_unchanged(client, snapshot, deadline)
        raise StoreUnavailable("Firestore: the key did not come to rest")

    def increment(self, key: str, deltas: Mapping[str, float], ttl_s: float | None = None) -> bool:
        """As StateStore.increment. Give one key the same `ttl_s` each time."""
        name, now = key_bytes(key), self._clock()
        expires_at = None if ttl_s is None else expiry(now, ttl_s)
        if not check_deltas(deltas):
            return True
        deadline = Deadline(self._write_deadline_s)
        with self._client.within(deadline) as client:
            document = client.document(self._collection, document_id(b"c", name))
            ends = self._live.until(name)
            if now >= ends:
                ends = _end_of_live(client, document, now, deadline)
            document.set(
                addition(name, deltas, expires_at), merge=True, retry=None, timeout=deadline.left_s()
            )
        self._live.remember(name, ends if expires_at is None else expires_at)
        return True

    def counter(self, key: str) -> dict[str, float]:
        """As StateStore.counter."""
        name, deadline = key_bytes(key), Deadline(self._read_deadline_s)
        with self._client.within(deadline) as client:
            document = client.document(self._collection, document_id(b"c", name))
            snapshot = document.get(retry=None, timeout=deadline.left_s())
        return self._sums(snapshot)

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """As StateStore.scan."""
        for name, snapshot in self._pages(b"v", prefix):
            deadline = Deadline(self._read_deadline_s)
            with self._client.within(deadline) as client:
                value = self._value(client, name, snapshot, deadline)
            if value is not None:
                yield name.decode(), value

    def counters(self, prefix: str) -> Iterator[tuple[str, dict[str, float]]]:
        """As StateStore.counters."""
        for name, snapshot in self._pages(b"c", prefix):
            if numbers := self._sums(snapshot):
                yield name.decode(errors="replace"), numbers

    def delete(self, key: str) -> bool:
        """As StateStore.delete."""
        name, deadline = key_bytes(key), Deadline(self._write_deadline_s)
        with self._client.within(deadline) as client:
            collection = client.collection(self._collection)
            value = collection.document(document_id(b"v", name))
            snapshot = value.get(["generation", "parts"], retry=None, timeout=deadline.left_s())
            batch = client.batch()
            parts = part_ids(name, snapshot.to_dict() or {})
            for gone in (*parts, value.id, document_id(b"c", name)):
                batch.delete(collection.document(gone))
            batch.commit(retry=None, timeout=deadline.left_s())
        return True

    def _sums(self, snapshot: Any) -> dict[str, float]:
        """The numbers of a counter's document; empty when it is absent, expired or foreign."""
        sums = (snapshot.to_dict() or {}).get("sums")
        if not isinstance(sums, dict) or self._clock() >= end_of(snapshot):
            return {}
        return {field[1:]: n for field, n in sums.items() if isinstance(n, int | float)}

    def close(self) -> None:
        """As StateStore.close."""
        self._client.close()

    def _commit(
        self,
        client: Any,
        documents: list[tuple[str, dict[str, Any]]],
        deadline: Deadline,
        *,
        new: bool = False,
    ) -> None:
        """Store a value's documents, its head last. Raises: the vendor's Conflict if it is not `new`."""
        for first in range(0, len(documents), DOCUMENTS_PER_COMMIT):
            batch = client.batch()
            for its_id, fields in documents[first : first + DOCUMENTS_PER_COMMIT]:
                reference = client.document(self._collection, its_id)
                if new and "key" in fields:
                    batch.create(reference, fields)
                else:
                    batch.set(reference, fields)
            batch.commit(retry=None, timeout=deadline.left_s())

    def _value(self, client: Any, name: bytes, snapshot: Any, deadline: Deadline) -> bytes | None:
        """The value of a document, its parts fetched if it has any; None for what `frame` refuses."""
        fields = snapshot.to_dict() or {}
        framed = fields.get("data")
        ids = part_ids(name, fields)
        if ids:
            collection = client.collection(self._collection)
            references = [collection.document(part_id) for part_id in ids]
            found = client.get_all(references, ["data"], retry=None, timeout=deadline.left_s())
            parts = {part.id: (part.to_dict() or {}).get("data") for part in found}
            framed = b"".join(part for part in map(parts.get, ids) if isinstance(part, bytes))
        return frame.unpack(name, framed, self._clock())

    def _pages(self, kind: bytes, prefix: str) -> Iterator[tuple[bytes, Any]]:
        """(key, snapshot) in key order, a page a query, so that a slow caller costs no deadline."""
        low, high = kind + prefix_bytes(prefix), after_prefix(kind + prefix_bytes(prefix))
        above = ">="
        while True:
            deadline = Deadline(self._read_deadline_s)
            with self._client.within(deadline) as client:
                snapshots = _query(client.collection(self._collection), (above, low), high, deadline)
            for snapshot in snapshots:
                yield snapshot.get("key")[1:], snapshot
            if len(snapshots) < _PAGE_DOCUMENTS:
                return
            above, low = ">", snapshots[-1].get("key")


def _end_of_live(client: Any, document: Any, now: float, deadline: Deadline) -> float:
    """Remove the counter if it has expired; say when what is left ends (infinite for nothing)."""
    snapshot = document.get(["expires_at"], retry=None, timeout=deadline.left_s())
    if now < end_of(snapshot):
        return end_of(snapshot)
    _remove_if_unchanged(client, snapshot, deadline)
    return math.inf


def _remove_if_unchanged(client: Any, snapshot: Any, deadline: Deadline) -> None:
    """Remove a dead document, unless another caller has replaced it meanwhile."""
    from google.api_core.exceptions import Conflict, FailedPrecondition, NotFound

    if not snapshot.exists:
        return
    unchanged = client.write_option(last_update_time=snapshot.update_time)
    with suppress(Conflict, FailedPrecondition, NotFound):
        snapshot.reference.delete(option=unchanged, retry=None, timeout=deadline.left_s())


def _query(collection: Any, low: tuple[str, bytes], high: bytes, deadline: Deadline) -> list[Any]:
    from google.api_core.retry import Retry
    from google.cloud.firestore_v1.base_query import FieldFilter

    query = collection.where(filter=FieldFilter("key", *low)).where(filter=FieldFilter("key", "<", high))
    # Not `retry=None`: a query that fails then ends in an AttributeError of the client's own.
    never = Retry(predicate=lambda _: False)
    page = query.order_by("key").limit(_PAGE_DOCUMENTS)
    return list(page.stream(retry=never, timeout=deadline.left_s()))
