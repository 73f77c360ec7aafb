"""Container log lines as entries: what is the same for Cloud Logging and its local mirror.

A line is one Cloud Logging LogEntry in its JSON form. Lines of one container, in order, become
entries; the lines of one Python traceback become one entry.

Source: https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from shared import instant
from shared.config import PodSettings
from shared.decode import group_lines
from shared.entry import LogEntry, Severity, SeverityFrom, TimestampFrom
from shared.errors import InvalidRequest
from shared.layout import bot_name
from shared.normalise import (
    MESSAGE_FIELDS,
    labels_of,
    message_of,
    read_severity,
    severity_of,
    text_severity,
    trace_of,
)
from shared.query import LogQuery

SOURCE: Final = "pods"
# Lines of one traceback are printed at once; a longer pause between two lines ends it.
MAX_PAUSE: Final = 10 * instant.SECOND
# A traceback may begin before a window and end in it: this much around the window is read.
SLACK: Final = 6 * MAX_PAUSE
# What GKE makes of a line that says nothing about itself.
_STREAMS: Final = {"stdout": Severity.INFO, "stderr": Severity.ERROR}
_NOT_LABEL: Final = re.compile(r"[^a-z0-9.\-*]", re.ASCII)


class Line(msgspec.Struct, frozen=True):
    """One stored line: `text` for an unstructured one, else `payload`. `timestamp` is an instant."""

    timestamp: int
    insert_id: str
    text: str | None
    size: int
    log_name: str = ""
    payload: Any = None
    severity: str = "DEFAULT"
    namespace: str = ""
    pod: str = ""
    container: str = ""
    cluster: str = ""
    trace: str | None = None
    timestamp_from: TimestampFrom = "field"

    @property
    def order(self) -> tuple[int, str]:
        """The order of lines within one container."""
        return self.timestamp, self.insert_id

    @property
    def stream(self) -> tuple[str, str, str, str]:
        """The container that printed it."""
        return self.cluster, self.namespace, self.pod, self.container


def line_of(stored: dict[str, Any], size: int) -> Line | None:
    """A LogEntry in JSON as a line; None when it has no time that can be read.

    Fields are read leniently: what is missing is empty.
    """
    timestamp = instant.from_rfc3339(str(stored.get("timestamp") or stored.get("receiveTimestamp") or ""))
    if timestamp is None:
        return None
    resource = stored.get("resource")
    found = resource.get("labels") if isinstance(resource, dict) else None
    labels = found if isinstance(found, dict) else {}
    payload = next((stored[name] for name in ("jsonPayload", "protoPayload") if name in stored), None)
    text = stored.get("textPayload")
    trace = stored.get("trace")
    return Line(
        timestamp=timestamp,
        insert_id=str(stored.get("insertId") or ""),
        log_name=str(stored.get("logName") or ""),
        text=None if payload is not None else str(text if text is not None else ""),
        payload=payload,
        severity=str(stored.get("severity") or "DEFAULT"),
        namespace=str(labels.get("namespace_name") or ""),
        pod=str(labels.get("pod_name") or ""),
        container=str(labels.get("container_name") or ""),
        cluster=str(labels.get("cluster_name") or ""),
        trace=trace if isinstance(trace, str) and trace else None,
        size=size,
    )


def groups_of(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """One container's lines, in their order, as the groups that are one entry each.

    Structured lines stand alone, and do not part the lines of text around them: another thread may log
    while a traceback is printed, and a filter may leave them out.
    """
    run: list[Line] = []
    for line in lines:
        if line.text is None:
            yield [line]
            continue
        if run and line.timestamp - run[-1].timestamp > MAX_PAUSE:
            yield from group_lines(run, lambda line: line.text)
            run = []
        run.append(line)
    yield from group_lines(run, lambda line: line.text)


def entry_of(group: list[Line]) -> LogEntry:
    """One entry of one line, or of the lines of one traceback: id, time and labels are its first line's."""
    first = group[0]
    text = _text(group)
    severity, severity_from = _severity(first, text)
    labels = labels_of(first.payload, bot=first.container or None)
    places = {
        "namespace": first.namespace,
        "pod": first.pod,
        "container": first.container,
        "cluster": first.cluster,
    }
    return LogEntry(
        id=f"pods:{first.log_name}/{instant.to_text(first.timestamp)}/{first.insert_id}",
        timestamp=first.timestamp,
        timestamp_from=first.timestamp_from,
        severity=severity,
        severity_from=severity_from,
        source=SOURCE,
        message=_message(first.payload) if text is None else text,
        labels=labels | {name: value for name, value in places.items() if value},
        trace=first.trace or trace_of(first.payload),
        payload=first.payload,
        origin={"log_name": first.log_name, "insert_ids": [line.insert_id for line in group]},
    )


def severity_of_group(group: list[Line]) -> Severity:
    """The severity that its entry has."""
    return _severity(group[0], _text(group))[0]


def _text(group: list[Line]) -> str | None:
    return None if group[0].text is None else "\n".join(line.text or "" for line in group)


def _severity(line: Line, text: str | None) -> tuple[Severity, SeverityFrom]:
    """Of a structured line its field's; of a text line what the text says, since every unstructured
    line on stderr is stored as an ERROR; else what its stream says."""
    stored = read_severity(line.severity)
    if text is not None:
        if (said := text_severity(text)) is not None:
            return said, "text"
        stored = stored or _STREAMS.get(line.log_name.rpartition("/")[2])
        return (stored, "stream") if stored else (Severity.DEFAULT, "default")
    if isinstance(line.payload, dict) and any(
        read_severity(line.payload.get(name)) is not None for name in ("level", "severity")
    ):
        return severity_of(line.payload, None)
    return (stored, "field") if stored else severity_of(line.payload, _message_text(line.payload))


def _message(payload: Any) -> str:
    """Cloud Logging keeps no order of keys: where the whole record is the message, they are sorted."""
    if isinstance(payload, dict) and not any(payload.get(name) for name in MESSAGE_FIELDS):
        payload = _sorted(payload)
    return message_of(payload)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(inner) for inner in value] if isinstance(value, list) else value


def _message_text(payload: Any) -> str | None:
    message = payload.get("message") if isinstance(payload, dict) else None
    return message if isinstance(message, str) else None


class Places(msgspec.Struct, frozen=True):
    """Which containers a query asks for. A pod is exact, or a prefix that ends in `*`."""

    namespaces: tuple[str, ...]
    pods: tuple[str, ...]
    containers: tuple[str, ...]
    clusters: tuple[str, ...]

    def take(self, line: Line) -> bool:
        """Whether a line is asked for."""
        ours = not self.clusters or line.cluster in self.clusters
        return ours and self.hold(line.namespace, line.pod, line.container)

    def hold(self, namespace: str, pod: str, container: str) -> bool:
        """Whether a container is asked for, whatever its cluster."""
        return (
            namespace in self.namespaces
            and (not self.containers or container in self.containers)
            and (not self.pods or any(pod_matches(pattern, pod) for pattern in self.pods))
        )


def pod_matches(pattern: str, pod: str) -> bool:
    """A pod's name against `stock-trader-*` or a whole name."""
    return pod.startswith(pattern[:-1]) if pattern.endswith("*") else pod == pattern


def places_of(query: LogQuery, settings: PodSettings) -> Places:
    """The containers a query asks for and its policy shows; no namespaces when it shows none of them.

    Raises: InvalidRequest for a namespace that is not configured; Forbidden.
    """
    namespaces = query.scoped("namespace")
    if any(namespace not in settings.namespaces for namespace in namespaces):
        raise InvalidRequest.of("namespace", "is not configured")
    for parameter in ("pod", "container"):
        for value in query.scoped(parameter):
            if _NOT_LABEL.search(value) or "*" in (value[:-1] if parameter == "pod" else value):
                raise InvalidRequest.of(parameter, "must be a name, or for a pod a prefix that ends in *")
    bounds = query.policy.bounds(SOURCE)
    own_cluster = (settings.gke_cluster,) if settings.gke_cluster else ()
    return Places(
        tuple(name for name in namespaces or settings.namespaces if bounds.allow("namespace", name)),
        query.scoped("pod"),
        query.scoped("container"),
        query.scoped("cluster") or own_cluster,
    )


def seen_names(lines: Iterable[Line], bots: frozenset[str] | None) -> dict[str, dict[str, Any]]:
    """The containers of these lines, with their first and last time and how many lines they printed.

    `bots` (None: all) are those whose containers may be told of.
    """
    seen: dict[tuple[str, str, str, str], list[int]] = {}
    for line in lines:
        if bots is not None and bot_name(line.container) not in bots:
            continue
        facts = seen.setdefault(line.stream, [line.timestamp, line.timestamp, 0])
        facts[0] = min(facts[0], line.timestamp)
        facts[1] = max(facts[1], line.timestamp)
        facts[2] += 1
    return {
        "/".join((cluster, namespace, pod, container)): {
            "cluster": cluster,
            "namespace": namespace,
            "pod": pod,
            "container": container,
            "first": instant.to_text(first),
            "last": instant.to_text(last),
            "lines": lines_seen,
        }
        for (cluster, namespace, pod, container), (first, last, lines_seen) in seen.items()
    }
