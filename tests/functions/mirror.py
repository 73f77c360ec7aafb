"""A local mirror to write what the bots wrote, and the front door to read it back."""

import gzip
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.conftest import Serve, bearer

UPDATED = "2026-01-15T18:00:00Z"
GENERATION = "1768500000000000"
EVERYTHING = {"start": "2025-05-01T00:00:00Z", "end": "2026-05-01T00:00:00Z", "order": "asc"}
ADMIN = bearer("admin")
"""Admins read unredacted: what is stored is what is told."""


@dataclass(frozen=True)
class Read:
    """All pages of one question."""

    entries: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    partial: bool

    @property
    def messages(self) -> list[str]:
        """The message of each entry."""
        return [entry["message"] for entry in self.entries]

    @property
    def codes(self) -> set[str]:
        """The code of each warning."""
        return {warning["code"] for warning in self.warnings}


def jsonl(records: Iterable[Any]) -> bytes:
    """A line of JSON each, non-ASCII text as it is."""
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)


def zipped(data: bytes) -> bytes:
    """One gzip member."""
    return gzip.compress(data, mtime=0)


def place(path: Path, data: bytes, updated: str) -> None:
    """Write a file whose modification time is `updated` (RFC 3339)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    seconds = int(datetime.fromisoformat(updated).timestamp())
    os.utime(path, ns=(seconds * 10**9, seconds * 10**9))


@dataclass(frozen=True)
class Mirror:
    """Writes below `root`; `read` asks the function that serves it."""

    root: Path
    serve: Serve

    def put(self, name: str, data: bytes, updated: str = UPDATED, bucket: str = "logs-bucket") -> None:
        """An object of the bucket."""
        place(self.root / "gcs" / bucket / name, data, updated)

    def put_document(self, path: str, fields: Mapping[str, Any], updated: str = UPDATED) -> None:
        """A Firestore document."""
        place(self.root / "firestore" / f"{path}.json", json.dumps(fields).encode(), updated)

    def put_lines(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Cloud Logging entries, each appended to its container's file."""
        for line in lines:
            labels = line["resource"]["labels"]
            folder = self.root / "pods" / labels["namespace_name"] / labels["pod_name"]
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / f"{labels['container_name']}.jsonl").open("ab") as file:
                file.write(jsonl([line]))

    def read(self, source: str, settings: Mapping[str, str] | None = None, **parameters: Any) -> Read:
        """Every page of `/logs/{source}`; each must be 200."""
        client = self.serve(source, **(settings or {}))
        asked = EVERYTHING | {"page_size": "1000"} | parameters
        entries: list[dict[str, Any]] = []
        warnings: list[dict[str, Any]] = []
        partial = False
        token: str | None = ""
        while token is not None:
            asked["page_token"] = token
            # A mirror that a test changes is read anew each time.
            fresh = ADMIN | {"Cache-Control": "no-cache"}
            answer = client.get(f"/logs/{source}", query_string=asked, headers=fresh)
            assert answer.status_code == 200, answer.text
            entries += answer.json["entries"]
            warnings += [one for one in answer.json["meta"]["warnings"] if one not in warnings]
            partial = partial or answer.json["meta"]["partial"]
            token = answer.json["next_page_token"]
        return Read(entries, warnings, partial)


def stored_line(
    timestamp: str,
    payload: str | Mapping[str, Any],
    *,
    insert_id: str,
    severity: str = "INFO",
    stream: str = "stdout",
    container: str = "stock-trader",
    **more: Any,
) -> dict[str, Any]:
    """A container's line as Cloud Logging stores it: text, or a JSON payload."""
    kind = "textPayload" if isinstance(payload, str) else "jsonPayload"
    return {
        "insertId": insert_id,
        "timestamp": timestamp,
        "receiveTimestamp": "2026-01-15T18:00:00Z",
        "logName": f"projects/p/logs/{stream}",
        "severity": severity,
        kind: payload,
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
        **more,
    }


def moments(start: str, count: int) -> list[str]:
    """`count` times, a millisecond apart, in RFC 3339."""
    first = datetime.fromisoformat(start)
    steps = (first + timedelta(milliseconds=step) for step in range(count))
    return [step.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for step in steps]
