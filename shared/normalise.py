"""Records into entries: where the time, the severity, the labels and the message are found.

The bots' writers disagree on names, so each rule here is a list of places to look, in order. The
rules are the API's contract; nothing else decides them.
"""

import ast
import math
import re
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Any, Final

import msgspec

from shared import instant
from shared.decode import Head
from shared.entry import Severity, SeverityFrom, TimestampFrom
from shared.layout import bot_name

TIME_FIELDS: Final = (
    "timestamp", "time", "ts", "@timestamp", "entry_time", "exit_time", "created_at", "updated_at",
    "last_updated",
)  # fmt: skip
MESSAGE_FIELDS: Final = ("message", "error_message", "reasoning", "reflection", "rejection_reason")
MAX_COMPACT_CHARS: Final = 500
_LABEL_FIELDS: Final = {
    "bot": ("bot", "bot_type", "bot_name"),
    "strategy": ("strategy",),
    "symbol": ("symbol",),
    "trade_id": ("trade_id",),
}
# Where a label is looked for when the top of the record has none.
_NESTED: Final = ("data", "metadata", "context")

_BRACKETED_TIME: Final = re.compile(
    r"\s*\[(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})?)\]", re.ASCII
)
_LEVELS: Final = {
    **Severity.__members__,
    "TRACE": Severity.DEBUG,
    "INFORMATION": Severity.INFO,
    "WARN": Severity.WARNING,
    "ERR": Severity.ERROR,
    "EXCEPTION": Severity.ERROR,
    "FATAL": Severity.CRITICAL,
    # of alerts
    "LOW": Severity.NOTICE,
    "MEDIUM": Severity.WARNING,
    "HIGH": Severity.ERROR,
}
_WORDS: Final = "|".join(name for name in _LEVELS if name not in ("DEFAULT", "LOW", "MEDIUM", "HIGH"))
# `[2025-05-22 23:55:22] [ERROR] …`, `[ERROR] …`, `ERROR: …`, `ERROR - …`, `2025-05-22 23:55:22,123 ERROR …`
_TEXT_LEVEL: Final = re.compile(
    rf"\s*(?:\[[^\]]{{0,40}}\]\s*){{0,2}}\[(?P<a>{_WORDS})\]"
    rf"|\s*(?:\d{{4}}-\d\d-\d\d[T ][\d:.,]{{8,18}}Z?\s+)?(?:-\s+)?(?P<b>{_WORDS})(?:\s*[:\-|]|\s{{2,}})",
    re.ASCII,
)
_TRACEBACK: Final = "Traceback (most recent call last):"


def read_time(value: Any, zone: tzinfo) -> int | None:
    """A field's value as an instant: ISO 8601 (without an offset: in `zone`) or an epoch number."""
    if isinstance(value, str):
        text = value.strip()
        if text[:9].isdigit():
            try:
                return instant.from_epoch(int(text) if text.isdigit() else float(text))
            except ValueError:
                return None
        return instant.from_iso(text, zone)
    if isinstance(value, int) and not isinstance(value, bool):
        return instant.from_epoch(value)
    if isinstance(value, float) and math.isfinite(value):
        return instant.from_epoch(value)
    return None


def field_time(fields: Mapping[str, Any], zone: tzinfo) -> int | None:
    """The first time field that can be read."""
    for name in TIME_FIELDS:
        if (value := fields.get(name)) is not None and (moment := read_time(value, zone)) is not None:
            return moment
    return None


def head_time(head: Head, zone: tzinfo) -> int | None:
    """As `field_time`, of a record whose time fields alone were decoded."""
    for value in msgspec.structs.astuple(head):
        if value is not None and (moment := read_time(value, zone)) is not None:
            return moment
    return None


def text_time(text: str, zone: tzinfo) -> int | None:
    """The bracketed time that a line begins with."""
    match = _BRACKETED_TIME.match(text)
    return instant.from_iso(match[1], zone) if match else None


def severity_of(record: Any, text: str | None) -> tuple[Severity, SeverityFrom]:
    """From the record's `level` or `severity`, else from its text, else from its kind."""
    if isinstance(record, dict):
        for name in ("level", "severity"):
            if (severity := read_severity(record.get(name))) is not None:
                return severity, "field"
    if text is not None and (severity := text_severity(text)) is not None:
        return severity, "text"
    return _kind_severity(record) if isinstance(record, dict) else Severity.DEFAULT, "default"


def read_severity(value: Any) -> Severity | None:
    """A level by its name in any case, or by Cloud Logging's number."""
    if isinstance(value, str):
        return _LEVELS.get(value.strip().upper())
    if isinstance(value, int) and not isinstance(value, bool):
        return next((s for s in Severity if s == value), None)
    return None


def text_severity(text: str) -> Severity | None:
    """The level that a line of text states near its beginning; a traceback is an ERROR."""
    if match := _TEXT_LEVEL.match(text):
        return _LEVELS[match["a"] or match["b"]]
    head = text.lstrip()[:80]
    return Severity.ERROR if head.startswith((_TRACEBACK, "+ Exception Group Traceback")) else None


def _kind_severity(record: dict[str, Any]) -> Severity:
    if any(name in record for name in ("error_type", "error_message", "error_id")):
        return Severity.ERROR
    if str(record.get("status") or "").startswith("rejected") or record.get("rejection_reason"):
        return Severity.WARNING
    known = ("decision_id", "decision_type", "reflection", "metrics")
    if is_trade(record) or any(name in record for name in known):
        return Severity.INFO
    return Severity.DEFAULT


def is_trade(record: dict[str, Any]) -> bool:
    """Whether a record tells a trade: a symbol, a quantity and a price, side or status."""
    return "symbol" in record and "quantity" in record and ("entry_price" in record or "status" in record)


def labels_of(record: Any, *, bot: str | None = None) -> dict[str, str]:
    """`bot`, `strategy`, `symbol`, `trade_id`: from the top of the record, else from its `data`,
    `metadata` and `context`; the bot at last from where the record lies."""
    labels: dict[str, str] = {}
    if isinstance(record, dict):
        inner: list[dict[str, Any]] | None = None
        for label, names in _LABEL_FIELDS.items():
            value = _scalar(record, names)
            if value is None:
                if inner is None:
                    inner = _nested(record)
                value = next((found for one in inner if (found := _scalar(one, names))), None)
            if value:
                labels[label] = value
    if found := bot_name(labels.get("bot")) or bot_name(bot):
        labels["bot"] = found
    return labels


def bot_of(record: Any, *, bot: str | None = None) -> str | None:
    """The label `bot` alone."""
    value = None
    if isinstance(record, dict):
        names = _LABEL_FIELDS["bot"]
        value = _scalar(record, names)
        if value is None:
            value = next((found for one in _nested(record) if (found := _scalar(one, names))), None)
    return bot_name(value) or bot_name(bot)


def _nested(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Where labels may be besides the top of a record."""
    found = []
    for place in _NESTED:
        inner = record.get(place)
        if isinstance(inner, str) and inner.startswith("{"):
            inner = _python_dict(inner)
        if isinstance(inner, dict):
            found.append(inner)
    return found


def _python_dict(cell: str) -> Any:
    """A CSV cell that holds a nested value as Python writes it, `{'a': 1}`."""
    try:
        return ast.literal_eval(cell) if len(cell) <= 10_000 else None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _scalar(record: dict[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = record.get(name)
        if value is None or value == "":
            continue
        if type(value) is str and value.isascii():
            return value
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            # A nested CSV cell can spell half a surrogate pair, which nothing can be written with.
            return str(value).encode("utf-8", "replace").decode("utf-8")
    return None


def message_of(record: Any) -> str:
    """The first of the message fields, else a trade in one line, else the record as compact JSON."""
    if isinstance(record, dict):
        for name in MESSAGE_FIELDS:
            value = record.get(name)
            if isinstance(value, str) and value:
                return value
        if is_trade(record):
            return _trade_message(record)
    return compact(record)


def compact(record: Any) -> str:
    """A record as compact JSON, cut: the message of what has none."""
    return msgspec.json.encode(record).decode()[:MAX_COMPACT_CHARS]


def _trade_message(record: dict[str, Any]) -> str:
    """`BUY 10 TCS @ 3120.5, vwap, closed, pnl +120.00`; what the record does not have is left out."""
    status = str(record.get("status") or "")
    side = {"BUY": "BUY", "LONG": "BUY", "SELL": "SELL", "SHORT": "SELL"}.get(
        str(record.get("direction") or record.get("side") or "").upper(),
        "REJECTED" if status.startswith("rejected") else "",
    )
    what = [side, _number(record.get("quantity")), str(record.get("symbol") or "")]
    if price := _number(record.get("entry_price")):
        what += ["@", price]
    parts = [" ".join(part for part in what if part), str(record.get("strategy") or ""), status]
    if (pnl := _float(record.get("pnl"))) is not None:
        parts.append(f"pnl {pnl:+.2f}")
    return ", ".join(part for part in parts if part)


def _number(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _float(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def text_of(record: Any) -> str:
    """The record's own `message`, where a time and a level may stand as in a line of text."""
    message = record.get("message") if isinstance(record, dict) else None
    return message if isinstance(message, str) else ""


def trace_of(record: Any) -> str | None:
    """The trace that a record names, if it does."""
    if isinstance(record, dict):
        for name in ("trace", "logging.googleapis.com/trace", "trace_id"):
            if isinstance(value := record.get(name), str) and value:
                return value
    return None


def texts_of(value: Any) -> Iterator[str]:
    """Every text and number of a record as text: what `q` and `regex` look at besides the message."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def placed_time(
    moment: int | None, path: int | None, metadata: int, found: TimestampFrom = "field"
) -> tuple[int, TimestampFrom]:
    """The time found in the record, else the path's, else the object's or document's own."""
    if moment is not None:
        return moment, found
    if path is not None:
        return path, "path"
    return metadata, "metadata"
