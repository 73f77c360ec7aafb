"""Shelves: one per source implementation, each stores the same events in its own natural form.

A contract test puts events on a shelf and asks the source that reads it; what it then promises holds
for every implementation.
"""

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any, Protocol

from shared import instant
from shared.config import FirestoreSettings, GcsSettings, PodSettings
from shared.redact import Redactor
from shared.sources.documents import DocumentLogs
from shared.sources.firestore_local import LocalDocuments
from shared.sources.gcs_local import LocalObjects
from shared.sources.objects import ObjectLogs
from shared.sources.pods_local import PodLogs
from shared.sources.source import LogSource

REDACTOR = Redactor(b"k" * 32)


@dataclass(frozen=True)
class Event:
    """Something that happened, in no store's words yet. `at` is an instant."""

    at: int
    severity: str = "INFO"
    message: str = "order placed"
    bot: str = "stock_trader"
    strategy: str | None = None
    symbol: str | None = None
    trade_id: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """The event as the bots write it."""
        named = {"strategy": self.strategy, "symbol": self.symbol, "trade_id": self.trade_id}
        return {"message": self.message, **named, **self.extra}


class Shelf(Protocol):
    """One implementation of a source with somewhere to put events."""

    name: str

    def put(self, events: Iterable[Event]) -> None:
        """Store events; may be called again."""

    def source(self) -> LogSource:
        """The source that reads them."""


def touch(path: Path, at: int) -> None:
    """Give a file a modification time."""
    os.utime(path, ns=(at, at))


class LocalGcs:
    """JSON lines, one object per bot, day and `put`."""

    name = "gcs"

    def __init__(self, root: Path) -> None:
        self.root = root / "gcs"
        self._puts = 0

    def put(self, events: Iterable[Event]) -> None:
        self._puts += 1
        for name, data, updated in objects_of(events, self._puts):
            path = self.root / "logs-bucket" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            touch(path, updated)

    def source(self) -> LogSource:
        settings = GcsSettings(gcs_bucket_name="logs-bucket")
        return ObjectLogs(LocalObjects(self.root, settings.buckets), settings, UTC, REDACTOR)


def objects_of(events: Iterable[Event], put: int) -> list[tuple[str, bytes, int]]:
    """Name, bytes and update time of the objects that hold these events."""
    by_name: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        day = instant.to_datetime(event.at).strftime("%Y/%m/%d")
        by_name[f"trades/{day}/{event.bot}/system_logs_v{put}.jsonl"].append(event)
    objects = []
    for number, (name, some) in enumerate(by_name.items()):
        lines = [
            json.dumps(
                {"timestamp": instant.to_text(e.at), "level": e.severity, "bot_type": e.bot, **e.record()}
            )
            for e in some
        ]
        updated = max(e.at for e in some) + (number + 1) * 1_000_000
        objects.append((name, "\n".join(lines).encode() + b"\n", updated))
    return objects


class LocalFirestore:
    """A document per event."""

    name = "firestore"

    def __init__(self, root: Path) -> None:
        self.root = root / "firestore"
        self._count = 0

    def put(self, events: Iterable[Event]) -> None:
        for event in events:
            self._count += 1
            path = self.root / f"{document_path(event, self._count)}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(document_fields(event)))
            touch(path, event.at + instant.SECOND)

    def source(self) -> LogSource:
        return DocumentLogs(LocalDocuments(self.root), FirestoreSettings(), UTC, REDACTOR)


def document_path(event: Event, number: int) -> str:
    """Where the bots would store it."""
    day = instant.to_datetime(event.at).strftime("%Y-%m-%d")
    return f"gpt_runner_trades/{event.bot}/{day}/doc{number:05d}"


def document_fields(event: Event) -> dict[str, Any]:
    """A document's fields."""
    return {"timestamp": instant.to_text(event.at), "level": event.severity, **event.record()}


class LocalPods:
    """Structured lines of one container per bot."""

    name = "pods"

    def __init__(self, root: Path) -> None:
        self.root = root / "pods"
        self._count = 0

    def put(self, events: Iterable[Event]) -> None:
        for event in events:
            self._count += 1
            line = stored_line(event, self._count)
            labels = line["resource"]["labels"]
            folder = self.root / labels["namespace_name"] / labels["pod_name"]
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{labels['container_name']}.jsonl"
            with path.open("a") as file:
                file.write(json.dumps(line) + "\n")

    def source(self) -> LogSource:
        return PodLogs(self.root, PodSettings(), REDACTOR)


def stored_line(event: Event, number: int) -> dict[str, Any]:
    """The event as Cloud Logging stores it."""
    container = event.bot.replace("_", "-")
    return {
        "insertId": f"i{number:05d}",
        "timestamp": instant.to_text(event.at),
        "logName": "projects/p/logs/stdout",
        "severity": event.severity,
        "jsonPayload": event.record(),
        "resource": {
            "type": "k8s_container",
            "labels": {
                "project_id": "p",
                "location": "asia-south1",
                "cluster_name": "runner",
                "namespace_name": "gpt",
                "pod_name": f"{container}-7d9f",
                "container_name": container,
            },
        },
    }


def cloud_gcs(root: Path) -> Shelf:
    """Cloud Storage itself, faked."""
    from tests.contract.shelf_gcs import CloudGcs

    return CloudGcs(root)


def cloud_firestore(root: Path) -> Shelf:
    """Firestore itself, in its emulator."""
    from tests.contract.shelf_firestore import CloudFirestore

    return CloudFirestore(root)


def cloud_pods(root: Path) -> Shelf:
    """Cloud Logging itself, faked."""
    from tests.contract.shelf_pods import CloudPods

    return CloudPods(root)


SHELVES: dict[str, Callable[[Path], Shelf]] = {
    "gcs-cloud": cloud_gcs,
    "gcs-local": LocalGcs,
    "firestore-cloud": cloud_firestore,
    "firestore-local": LocalFirestore,
    "pods-local": LocalPods,
    "pods-cloud": cloud_pods,
}
