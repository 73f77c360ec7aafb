"""Log objects in Cloud Storage.

Objects are read as they are stored (`accept-encoding: gzip`, so that the service does not decompress), in
the generation that was listed. What breaks off is taken up again at the next byte of the same generation.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import date
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from shared import instant
from shared.config import GcsSettings
from shared.errors import AggregatorError, NotFound, SourceError, SourceMisconfigured
from shared.sources.gcs_ahead import Ahead, Workers
from shared.sources.gcs_calls import CHUNK_BYTES, Answered, Broken, Calls, Tries, busy, pieces
from shared.sources.gcs_walk import Answer, Ask, Walk
from shared.sources.object_store import SOURCE, Interrupted, ObjectInfo, Reader
from shared.sources.source import Budget, BudgetSpent, Health, Status

T = TypeVar("T")

_FIELDS: Final = "name,size,updated,generation,contentType,contentEncoding"


class _Stored(msgspec.Struct):
    """An object resource, of the fields that are asked for; 64-bit numbers are strings."""

    name: str
    updated: str
    generation: str
    size: str = "0"
    contentType: str = ""  # noqa: N815 - the service's names
    contentEncoding: str = ""  # noqa: N815


class _Listed(msgspec.Struct):
    items: list[_Stored] = []
    prefixes: list[str] = []
    nextPageToken: str = ""  # noqa: N815


# No attempt may wait for more than this of the time that is left, so that all of them end in time: an object
# that never comes must not stop the reading of those behind it.
_SHARE: Final = 0.2

_LISTED: Final = msgspec.json.Decoder(_Listed)
_STORED: Final = msgspec.json.Decoder(_Stored)


class CloudObjects:
    """An object store in Cloud Storage. Needs `storage.objects.list` and `storage.objects.get`, no more.

    Safe for threads; connects at first use.
    """

    def __init__(self, settings: GcsSettings, calls: Calls) -> None:
        self._settings = settings
        self._calls = calls
        self._workers = Workers()

    def buckets(self) -> tuple[str, ...]:
        """The configured buckets."""
        return self._settings.buckets

    def list(self, bucket: str, prefix: str, days: tuple[date, date], budget: Budget) -> Iterable[ObjectInfo]:
        """Objects below `prefix`; of folders with dates in their names, those of `days`.

        Raises: SourceError, SourceMisconfigured, BudgetSpent.
        """

        def ask(what: Ask) -> Answer:
            budget.spend(calls=1)
            return self._list(bucket, what, budget)

        return Walk(ask, days).objects(prefix)

    def open(self, info: ObjectInfo, budget: Budget) -> Iterator[bytes]:
        """The stored bytes of exactly this generation.

        Raises: NotFound when it is gone, Interrupted when its bytes keep breaking off, SourceError,
        SourceMisconfigured, BudgetSpent.
        """
        budget.spend(calls=1)
        yield from self._bytes(info, budget)

    def reading(self, budget: Budget) -> AbstractContextManager[Reader]:
        """A reader that has small objects on their way, side by side, before the scan comes to them."""
        return Ahead(self._bytes, budget, self._workers)

    def stat(self, bucket: str, name: str, budget: Budget) -> ObjectInfo:
        """One object. Raises: NotFound, SourceError, SourceMisconfigured, BudgetSpent."""
        budget.spend(calls=1)
        if name in ("", ".", ".."):
            raise NotFound("There is no such object.")
        path = f"/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"
        try:
            body = self._calls.get(path, {"fields": _FIELDS}, budget)
        except Answered as exc:
            if exc.status != 404:
                raise self._refusal(bucket, exc) from exc
            # A missing bucket is 404 too, and then another's fault.
            budget.spend(calls=1)
            self._list(bucket, Ask(prefix="", size=1), budget)
            raise NotFound("There is no such object.") from exc
        return _info(bucket, _decoded(_STORED, body))

    def check(self, deadline_s: float) -> Health:
        """Whether every bucket lets itself be listed: ok; some do: degraded; none does: down."""
        budget = Budget(deadline_s)
        answered = [self._answers(bucket, budget) for bucket in self.buckets()]
        status: Status = "ok" if all(answered) else "degraded" if any(answered) else "down"
        return Health(SOURCE, status, budget.elapsed_s * 1000)

    def close(self) -> None:
        """Let go of threads and connections; the next use makes new ones."""
        self._workers.close()
        self._calls.close()

    def _answers(self, bucket: str, budget: Budget) -> bool:
        try:
            self._list(bucket, Ask(prefix="", size=1), budget)
        except (AggregatorError, BudgetSpent):
            return False
        return True

    def _list(self, bucket: str, ask: Ask, budget: Budget) -> Answer:
        params: dict[str, str | int] = {
            "prefix": ask.prefix,
            "startOffset": ask.start,
            "endOffset": ask.end,
            "delimiter": "/" if ask.by_folder else "",
            "pageToken": ask.token,
        }
        sent = {name: value for name, value in params.items() if value}
        fields = f"items({_FIELDS}),prefixes,nextPageToken"
        sent |= {"maxResults": ask.size, "fields": fields, "prettyPrint": "false"}
        try:
            body = self._calls.get(f"/storage/v1/b/{quote(bucket, safe='')}/o", sent, budget)
        except Answered as exc:
            raise self._refusal(bucket, exc) from exc
        listed = _decoded(_LISTED, body)
        return Answer([_info(bucket, item) for item in listed.items], listed.prefixes, listed.nextPageToken)

    def _bytes(self, info: ObjectInfo, budget: Budget) -> Iterator[bytes]:
        """As `open`, not yet counted."""
        at = since_failure = 0
        answered = False
        tries = self._calls.tries(budget)
        while True:
            failure: Exception = Broken()
            try:
                with self._calls.stream(*_media(info), budget, headers=_range(at), share=_SHARE) as answer:
                    answered = True
                    for piece in _behind(at, info, answer, pieces(answer, budget)):
                        at += len(piece)
                        since_failure += len(piece)
                        yield piece
                if at >= info.size:
                    return
            except Answered as exc:
                if exc.status in (404, 412, 416):
                    raise NotFound("The object was replaced or deleted.") from exc
                if not exc.is_passing:
                    raise self._refusal(info.bucket, exc) from exc
                failure = exc
            except Broken as exc:
                failure = exc
            if since_failure >= CHUNK_BYTES:
                tries.got_on()
            since_failure = 0
            _again(tries, failure, answered=answered)

    def _refusal(self, bucket: str, exc: Answered) -> AggregatorError:
        setting = "GCS_BUCKET_NAME" if bucket == self._settings.gcs_bucket_name else "GCS_BUCKETS"
        if exc.status in (401, 403):
            return SourceMisconfigured(SOURCE, setting, "is refused access to a bucket")
        if exc.status == 404:
            return SourceMisconfigured(SOURCE, setting, "has no such bucket")
        return SourceError(SOURCE)


def _again(tries: Tries, failure: Exception, *, answered: bool) -> None:
    """Wait before the rest of an object is asked for.

    Raises: BudgetSpent; when it was tried often enough, Interrupted; but SourceError when there was never
    an answer, for then it is not the object.
    """
    try:
        tries.wait(failure)
    except (Answered, Broken):
        if isinstance(failure, Broken) and answered:
            raise Interrupted from failure
        if isinstance(failure, Broken) and failure.is_silence:
            raise BudgetSpent("deadline") from failure
        raise busy() from failure


def _media(info: ObjectInfo) -> tuple[str, Mapping[str, str | int]]:
    """Where an object's bytes are. Without its generation another one's might follow the first bytes."""
    path = f"/download/storage/v1/b/{quote(info.bucket, safe='')}/o/{quote(info.name, safe='')}"
    return path, {"alt": "media", "generation": info.generation}


def _range(at: int) -> dict[str, str]:
    return {"range": f"bytes={at}-"} if at else {}


def _behind(at: int, info: ObjectInfo, answer: Any, body: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes from `at` on, of an answer that may hold all of them.

    Raises: NotFound for another generation's bytes, Broken for others than were asked for.
    """
    if answer.headers.get("x-goog-generation", str(info.generation)) != str(info.generation):
        raise NotFound("The object was replaced.")
    surplus = at
    if answer.status == 206:
        if not answer.headers.get("content-range", "").startswith(f"bytes {at}-"):
            raise Broken
        surplus = 0
    for piece in body:
        kept = piece[surplus:] if surplus else piece
        surplus -= len(piece) - len(kept)
        if kept:
            yield kept


def _info(bucket: str, stored: _Stored) -> ObjectInfo:
    updated = instant.from_rfc3339(stored.updated)
    if updated is None:
        raise SourceError(SOURCE)
    size, generation = int(stored.size), int(stored.generation)
    return ObjectInfo(
        bucket, stored.name, size, updated, generation, stored.contentType, stored.contentEncoding
    )


def _decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Raises: SourceError when this is no answer of Cloud Storage."""
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as exc:
        raise SourceError(SOURCE) from exc
