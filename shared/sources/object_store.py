"""What holds log objects: Cloud Storage, or its local mirror."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import Any, Final, Protocol

import msgspec

from shared import instant
from shared.sources.source import Budget, Health

SOURCE: Final = "gcs"


class ObjectInfo(msgspec.Struct, frozen=True):
    """An object as it was listed. `updated` is an instant; `size` is in bytes as stored."""

    bucket: str
    name: str
    size: int
    updated: int
    generation: int
    content_type: str = ""
    content_encoding: str = ""

    def document(self) -> dict[str, Any]:
        """The object as the API writes it."""
        return {
            "bucket": self.bucket,
            "name": self.name,
            "size": self.size,
            "updated": instant.to_text(self.updated),
            "generation": str(self.generation),
            "content_type": self.content_type,
            "content_encoding": self.content_encoding,
        }


class Interrupted(Exception):
    """An object's bytes keep breaking off; those that came are right. Never reaches a caller."""


class Reader(Protocol):
    """What one scan reads objects with."""

    def expect(self, infos: Sequence[ObjectInfo]) -> None:
        """The scan will open these, in this order; it may skip some and end early."""

    def open(self, info: ObjectInfo, budget: Budget) -> Iterator[bytes]:
        """The stored bytes of exactly this generation, in chunks.

        Raises: NotFound when it is gone, Interrupted when not all of it could be had.
        """


class ObjectStore(Protocol):
    """Where objects are. Raises SourceError and its kinds, and what is named here."""

    def list(self, bucket: str, prefix: str, days: tuple[date, date], budget: Budget) -> Iterable[ObjectInfo]:
        """Objects below `prefix`; folders whose date lies outside of `days` need not be entered."""

    def open(self, info: ObjectInfo, budget: Budget) -> Iterator[bytes]:
        """As a reader's, for one object alone."""

    def reading(self, budget: Budget) -> AbstractContextManager[Reader]:
        """The reader of one scan, which may fetch ahead of it."""

    def stat(self, bucket: str, name: str, budget: Budget) -> ObjectInfo:
        """One object. Raises: NotFound."""

    def buckets(self) -> tuple[str, ...]:
        """The configured buckets; of the local mirror, when none is configured, those that exist."""

    def check(self, deadline_s: float) -> Health:
        """Whether the store answers."""
