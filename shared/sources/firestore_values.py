"""Firestore's values in JSON's types, straight from its messages.

The client library's own decoding copies every field, costs three times as much, and fails on a document
that refers to another database.
"""

from base64 import b64encode
from typing import Any

from shared import instant
from shared.sources.document_store import Document


def document_of(root: str, stored: Any) -> Document:
    """A `google.firestore.v1.Document` of the database whose documents lie below `root`."""
    return Document(
        path=stored.name.removeprefix(root + "/"),
        fields={name: _plain(value, root) for name, value in stored.fields.items()},
        create_time=_instant_of(stored.create_time),
        update_time=_instant_of(stored.update_time),
        size=stored.ByteSize(),
    )


def _plain(value: Any, root: str) -> Any:
    """A `google.firestore.v1.Value`: times as RFC 3339, bytes as base64, references as paths.

    A whole number keeps every digit; NaN and infinity stay numbers, which JSON writes as null.
    """
    kind = value.WhichOneof("value_type")
    if kind == "map_value":
        return {name: _plain(inner, root) for name, inner in value.map_value.fields.items()}
    if kind == "array_value":
        return [_plain(inner, root) for inner in value.array_value.values]
    if kind == "timestamp_value":
        return instant.to_text(_instant_of(value.timestamp_value))
    if kind == "bytes_value":
        return b64encode(value.bytes_value).decode()
    if kind == "reference_value":
        return value.reference_value.removeprefix(root + "/")
    if kind == "geo_point_value":
        point = value.geo_point_value
        return {"latitude": point.latitude, "longitude": point.longitude}
    return None if kind in (None, "null_value") else getattr(value, kind)


def _instant_of(timestamp: Any) -> int:
    nanoseconds: int = timestamp.seconds * instant.SECOND + timestamp.nanos
    return nanoseconds
