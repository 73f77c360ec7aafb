"""What the fake of Cloud Storage holds and has seen: buckets, planned faults, counters, the journal."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.servers.faults import Fault, FaultPlan
from tests.servers.gcs_objects import Bucket, StoredObject


@dataclass(frozen=True)
class Request:
    """One request that arrived; header names are in lower case.

    `kind`: list, get (metadata), media, bucket, or other. `name` is the object's, or a list's prefix.
    """

    kind: str
    bucket: str
    name: str | None
    params: dict[str, str]
    headers: dict[str, str]


class GcsState:
    """The store behind the server. `calls` counts requests by kind, `rows` the objects' metadata in
    list answers, `bytes_sent` the bytes of media written to sockets; `requests` is the journal.
    """

    def __init__(self) -> None:
        self.buckets: dict[str, Bucket] = {}
        self.faults = FaultPlan()
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.calls: Counter[str] = Counter()
        self.rows = 0
        self.bytes_sent = 0
        self.requests: list[Request] = []

    def reset(self) -> None:
        """Counters to zero, an empty journal; objects and faults stay."""
        with self.lock:
            self.calls = Counter()
            self.rows = 0
            self.bytes_sent = 0
            self.requests = []

    def create_bucket(self, bucket: str) -> None:
        """An empty bucket; nothing happens when it exists."""
        with self.lock:
            self.buckets.setdefault(bucket, Bucket(bucket))

    def put(
        self,
        bucket: str,
        name: str,
        data: bytes,
        *,
        content_type: str = "application/octet-stream",
        content_encoding: str | None = None,
        updated: datetime | None = None,
        generation: int | None = None,
        keep_old: bool = False,
    ) -> StoredObject:
        """Stores a new generation of an object, creating the bucket; `data` is stored as it is.

        `updated` (aware; default now) is also the creation time; `generation` defaults to it in
        microseconds, and always to more than the generation that it replaces, which is gone unless
        `keep_old`. Raises: ValueError for a name or time that the service cannot hold.
        """
        if not 1 <= len(name.encode()) <= 1024 or "\r" in name or "\n" in name:
            raise ValueError("an object's name has 1 to 1024 bytes of UTF-8 without CR and LF")
        when = updated if updated is not None else datetime.now(UTC)
        if when.tzinfo is None:
            raise ValueError("updated needs an offset")
        with self.lock:
            self.create_bucket(bucket)
            old = self.buckets[bucket].get(name)
            if generation is None:
                generation = max(int(when.timestamp() * 1_000_000), old.generation + 1 if old else 1)
            when = when.astimezone(UTC)
            new = StoredObject(bucket, name, data, generation, when, content_type, content_encoding)
            self.buckets[bucket].put(new, keep_old=keep_old)
        return new

    def delete(self, bucket: str, name: str) -> None:
        """Deletes the live object. Raises: KeyError when there is none."""
        with self.lock:
            self.buckets[bucket].remove(name)

    def fail(
        self,
        kind: str,
        *,
        how: str | int,
        bucket: str | None = None,
        name: str | None = None,
        after_bytes: int = 0,
        times: int | None = 1,
        skip: int = 0,
        then: Callable[[], object] | None = None,
    ) -> None:
        """Plans a fault for requests of `kind`: list, get, media or bucket; see `faults.Fault`.

        `name` is the object's, or the prefix of a list. Raises: ValueError for an unknown kind or how.
        """
        if kind not in ("list", "get", "media", "bucket"):
            raise ValueError(f"unknown kind {kind!r}")
        self.faults.add(Fault(kind, bucket, name, after_bytes, how, times, skip, then))

    def received(self, request: Request) -> Fault | None:
        """Counts and journals a request; the fault that is to strike it, if any."""
        with self.lock:
            self.calls[request.kind] += 1
            self.requests.append(request)
        return self.faults.take(request.kind, request.bucket, request.name)

    def sent(self, *, rows: int = 0, media_bytes: int = 0) -> None:
        """Counts what an answer carried."""
        with self.lock:
            self.rows += rows
            self.bytes_sent += media_bytes
