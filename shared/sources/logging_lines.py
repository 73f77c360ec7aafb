"""Cloud Logging's messages as container lines: read field by field, for that is twice as fast as by JSON.

Source: https://cloud.google.com/logging/docs/reference/v2/rpc/google.logging.v2#logentry
"""

import math
from typing import Any, Final

from shared import instant
from shared.entry import Severity
from shared.sources.containers import Line

_SEVERITIES: Final = {severity.value: severity.name for severity in Severity}
# Up to here a double holds every whole number; Cloud Logging keeps all numbers as doubles.
_WHOLE: Final = 2**53


def line_from(stored: Any) -> Line:
    """A plain protobuf LogEntry as `containers.line_of` makes it of the same entry in JSON.

    `size` is that of the message. Numbers without a fraction are whole ones; keys are in order.
    """
    time = stored.timestamp if stored.HasField("timestamp") else stored.receive_timestamp
    labels = stored.resource.labels
    kind = stored.WhichOneof("payload")
    return Line(
        timestamp=time.seconds * instant.SECOND + time.nanos,
        insert_id=stored.insert_id,
        log_name=stored.log_name,
        text=None if kind in ("json_payload", "proto_payload") else stored.text_payload,
        payload=_payload(stored, kind),
        severity=_SEVERITIES.get(stored.severity, "DEFAULT"),
        namespace=labels.get("namespace_name", ""),
        pod=labels.get("pod_name", ""),
        container=labels.get("container_name", ""),
        cluster=labels.get("cluster_name", ""),
        trace=stored.trace or None,
        size=stored.ByteSize(),
    )


def _payload(stored: Any, kind: str | None) -> Any:
    if kind == "json_payload":
        return _fields(stored.json_payload.fields)
    return _unpacked(stored.proto_payload) if kind == "proto_payload" else None


def _fields(fields: Any) -> dict[str, Any]:
    return {name: _value(fields[name]) for name in sorted(fields)}


def _value(value: Any) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "number_value":
            return _number(value.number_value)
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return _fields(value.struct_value.fields)
        case "list_value":
            return [_value(inner) for inner in value.list_value.values]
        case _:
            return None


def _number(number: float) -> float | None:
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) <= _WHOLE else number


def _unpacked(anything: Any) -> dict[str, Any]:
    """A message inside of a message: as JSON when its type is known here, else only the type's name."""
    from google.protobuf import json_format

    try:
        unpacked: dict[str, Any] = json_format.MessageToDict(anything)
    except (TypeError, ValueError, json_format.Error):
        return {"@type": anything.type_url}
    return unpacked
