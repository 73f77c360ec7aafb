"""The documents that a value or a counter is in Firestore; `firestore_store` draws them."""

import hashlib
import math
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.state import frame

_PART_BYTES = 900_000
"""Of 1,048,487 for a property and 1,048,576 for a document with its names and other fields.

Source: https://cloud.google.com/firestore/quotas
"""
DOCUMENTS_PER_COMMIT = 4
"""Full ones stay under the 4 MiB of a request that a gRPC server takes by default (the emulator does)."""
_MAX_PARTS = frame.MAX_FRAME_BYTES // _PART_BYTES + 1


def document_id(kind: bytes, name: bytes) -> str:
    """`kind` is b"v" or b"c". One id for a key, whatever characters it has."""
    return kind.decode() + hashlib.sha256(name).hexdigest()


def part_ids(name: bytes, fields: dict[str, Any]) -> list[str]:
    """The ids that a value's document says its parts have: none if it holds the value itself."""
    count, generation = fields.get("parts"), fields.get("generation")
    if not isinstance(count, int) or not 0 < count <= _MAX_PARTS:
        return []
    if not isinstance(generation, str) or not generation.isalnum():
        return []
    return [f"{document_id(b'v', name)}-{generation}-{i}" for i in range(count)]


def value_documents(name: bytes, framed: bytes, expires_at: float) -> list[tuple[str, dict[str, Any]]]:
    """(id, fields) of each document of a value: its parts if it needs any, and last its head."""
    dated = {"expires_at": datetime.fromtimestamp(expires_at, UTC)}
    head: dict[str, Any] = {**dated, "key": b"v" + name, "generation": secrets.token_hex(8), "parts": 0}
    if len(framed) <= _PART_BYTES:
        return [(document_id(b"v", name), {**head, "data": framed})]
    chunks = [framed[start : start + _PART_BYTES] for start in range(0, len(framed), _PART_BYTES)]
    head["parts"] = len(chunks)
    parts = [{**dated, "data": chunk} for chunk in chunks]
    return [*zip(part_ids(name, head), parts, strict=True), (document_id(b"v", name), head)]


def addition(name: bytes, deltas: Mapping[str, float], expires_at: float | None) -> dict[str, Any]:
    """What to merge into a counter's document, made by the server: exact whoever else is adding."""
    from google.cloud.firestore_v1 import Increment

    fields: dict[str, Any] = {"key": b"c" + name}
    # The "f" makes any name legal: Firestore refuses empty ones and `__…__`.
    fields["sums"] = {"f" + field: Increment(delta) for field, delta in deltas.items()}
    if expires_at is not None:
        fields["expires_at"] = datetime.fromtimestamp(expires_at, UTC)
    return fields


def end_of(snapshot: Any) -> float:
    """When a counter expires, in seconds since the epoch; infinite for one that does not."""
    ends = (snapshot.to_dict() or {}).get("expires_at")
    return ends.timestamp() if isinstance(ends, datetime) else math.inf
