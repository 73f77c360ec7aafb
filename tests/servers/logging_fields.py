"""The fields of a LogEntry as filters see them: which exist, of which kind, and their values in one entry.

A field of LogEntry that an entry does not set compares as its default; a missing key of a payload
or of labels compares with nothing; a field that LogEntry does not have is an error.

Source: https://cloud.google.com/logging/docs/view/logging-query-language#missing-fields
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.cloud.logging_v2.types import LogEntry

from tests.servers.logging_syntax import FilterError, FilterUnsupported

ENTRY = LogEntry.pb().DESCRIPTOR
_LEAVES = {"google.protobuf.Timestamp": "time", "google.protobuf.Duration": "duration"}


@dataclass(frozen=True)
class Field:
    """A resolved path. `kind`: string, number, bool, severity, time, duration, dynamic, or object.

    `values` yields what one entry holds there (protobuf's own values; for dynamic the leaves of a
    Struct), `present` says whether it was set.
    """

    kind: str
    values: Callable[[Any], Iterator[Any]]
    present: Callable[[Any], bool]


def resolve(path: tuple[str, ...]) -> Field:
    """The field that a path names. Raises: FilterError, FilterUnsupported (protoPayload)."""
    descriptor = ENTRY
    names: list[str] = []
    for position, key in enumerate(path):
        field = _named(descriptor, key, path)
        names.append(field.name)
        rest = path[position + 1 :]
        kind = _kind(field)
        if kind == "any" and rest:
            raise FilterUnsupported("this fake does not look into protoPayload")
        if kind in ("struct", "map") and rest:
            return _dynamic(names, rest) if kind == "struct" else _labelled(names, rest, path)
        if not rest:
            return _declared("object" if kind in ("struct", "map", "any", "message") else kind, names)
        if kind != "message":
            raise FilterError(f"Field not found: {'.'.join(path)!r}")
        descriptor = field.message_type
    raise FilterError("Unparseable filter: empty field name")


def _named(descriptor: Any, key: str, path: tuple[str, ...]) -> Any:
    for field in descriptor.fields:
        if key.lower() in (field.name, field.json_name.lower()):
            return field
    raise FilterError(f"Field not found: {'.'.join(path)!r}")


def _kind(field: Any) -> str:
    if field.message_type is None:
        if field.enum_type is not None:
            return "severity"
        return {field.TYPE_STRING: "string", field.TYPE_BOOL: "bool"}.get(field.type, "number")
    name = field.message_type.full_name
    if field.message_type.GetOptions().map_entry:
        return "map"
    return {"google.protobuf.Struct": "struct", "google.protobuf.Any": "any"}.get(
        name, _LEAVES.get(name, "message")
    )


def _follow(entry: Any, names: list[str]) -> Any:
    for name in names:
        entry = getattr(entry, name)
    return entry


def _is_set(entry: Any, names: list[str]) -> bool:
    for name in names:
        field = entry.DESCRIPTOR.fields_by_name[name]
        if field.has_presence:
            if not entry.HasField(name):
                return False
        elif not getattr(entry, name):
            return False
        entry = getattr(entry, name)
    return True


def _declared(kind: str, names: list[str]) -> Field:
    def values(entry: Any) -> Iterator[Any]:
        yield _follow(entry, names)

    return Field(kind, values, lambda entry: _is_set(entry, names))


def _labelled(names: list[str], rest: tuple[str, ...], path: tuple[str, ...]) -> Field:
    """A key of a map of strings; keys are matched exactly."""
    if len(rest) > 1:
        raise FilterError(f"Field not found: {'.'.join(path)!r}: labels are not nested, quote the key")
    key = rest[0]

    def values(entry: Any) -> Iterator[Any]:
        labels = _follow(entry, names)
        if key in labels:
            yield labels[key]

    return Field("string", values, lambda entry: key in _follow(entry, names))


def _dynamic(names: list[str], rest: tuple[str, ...]) -> Field:
    """A path inside of a Struct; lists on the way and at the end stand for each of their elements."""

    def values(entry: Any) -> Iterator[Any]:
        root = _follow(entry, names)
        if rest[0] in root.fields:
            yield from _descend(root.fields[rest[0]], rest[1:])

    return Field("dynamic", values, lambda entry: any(True for _ in values(entry)))


def _descend(value: Any, rest: tuple[str, ...]) -> Iterator[Any]:
    kind = value.WhichOneof("kind")
    if kind == "list_value":
        for element in value.list_value.values:
            yield from _descend(element, rest)
    elif not rest:
        yield value
    elif kind == "struct_value" and rest[0] in value.struct_value.fields:
        yield from _descend(value.struct_value.fields[rest[0]], rest[1:])


def texts(value: Any) -> Iterator[str]:
    """Every leaf below a message, map or scalar as text: what a search over all fields sees."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)
    elif hasattr(value, "ToJsonString"):  # Timestamp and Duration
        yield value.ToJsonString()
    elif hasattr(value, "ListFields"):
        for field, inner in value.ListFields():
            yield from _field_texts(field, inner)
    else:
        yield _scalar_text(value)


def _field_texts(field: Any, value: Any) -> Iterator[str]:
    if field.enum_type is not None:
        number = field.enum_type.values_by_number.get(value)
        yield number.name if number is not None else str(value)
    elif field.is_repeated and not isinstance(value, Mapping):
        for element in value:
            yield from texts(element)
    else:
        yield from texts(value)


def _scalar_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)
