"""Pages of entries as bytes: json, ndjson, csv, text."""

import csv
import io
import re
from typing import Any, Final

import msgspec

from shared import instant
from shared.entry import LogEntry
from shared.query import LABELS

TYPES: Final = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "text": "text/plain; charset=utf-8",
}
CSV_COLUMNS: Final = ("timestamp", "severity", "source", *LABELS, "message", "id")
# C0, DEL, C1 and the two separators that some programs take for line ends.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def page_parts(
    format: str,  # noqa: A002
    entries: list[LogEntry],
    meta: dict[str, Any],
    token: str | None,
) -> tuple[bytes, bytes, bytes]:
    """One page in one of the formats, as what stands before its meta, its meta, and what stands behind;
    csv and text carry the token and meta in headers instead."""
    if format == "csv":
        return _csv(entries), b"", b""
    if format == "text":
        return "".join(f"{text_line(entry)}\n" for entry in entries).encode(), b"", b""
    documents = [entry.document() for entry in entries]
    next_page = b'"next_page_token":' + json_bytes(token) + b',"meta":'
    if format == "ndjson":
        lines = msgspec.json.Encoder().encode_lines(documents)
        return lines + b"{" + next_page, json_bytes(meta), b"}\n"
    return b'{"entries":' + json_bytes(documents) + b"," + next_page, json_bytes(meta), b"}"


def json_bytes(value: Any) -> bytes:
    """JSON, with NaN and Infinity as null."""
    return msgspec.json.encode(value)


def text_line(entry: LogEntry) -> str:
    """`timestamp severity source bot message` on exactly one line."""
    parts = (
        instant.to_text(entry.timestamp),
        entry.severity.name,
        entry.source,
        entry.labels.get("bot", "-"),
        entry.message,
    )
    return " ".join(_CONTROL.sub(_escaped, part) for part in parts)


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    return _NAMED.get(char) or f"\\u{ord(char):04x}"


def _csv(entries: list[LogEntry]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    for entry in entries:
        labels = [entry.labels.get(name, "") for name in LABELS]
        row = (
            instant.to_text(entry.timestamp),
            entry.severity.name,
            entry.source,
            *labels,
            entry.message,
            entry.id,
        )
        writer.writerow([_cell(value) for value in row])
    return out.getvalue().encode()


def _cell(value: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{value}" if value[:1] in ("=", "+", "-", "@") else value
