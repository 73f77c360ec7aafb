"""An entry as summaries see it: without secrets, without its payload. Nothing else reads an entry."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from typing import Any, Final, Literal

import msgspec

from shared.entry import LogEntry, Severity
from shared.normalise import is_trade, read_time
from shared.redact import Redactor
from shared.summary.plain import plain_pattern

State = Literal["open", "closed", "rejected"]
# Which telling of one trade is believed: what happened last.
_RANKS: Final[dict[State, int]] = {"open": 0, "rejected": 1, "closed": 2}
# A record may have megabytes, and there are many lines in a digest.
MAX_MESSAGE_CHARS: Final = 20_000
# Names of bots, strategies and symbols are far shorter.
MAX_LABEL_CHARS: Final = 200
_SHOWN: Final = ("bot", "strategy", "symbol", "trade_id")


class Telling(msgspec.Struct, frozen=True, order=True):
    """One record's word about a trade. Tellings of one trade have one `key`; the greatest is believed."""

    rank: int
    closed_at: int
    pnl: float
    strategy: str
    state: State
    key: tuple[str, ...]
    bot: str
    entry_id: str


class Line(msgspec.Struct, frozen=True, order=True):
    """One entry: its message and labels without secrets, and what it tells of a trade."""

    id: str
    timestamp: int
    severity: Severity
    source: str
    message: str
    labels: Mapping[str, str]
    trade: Telling | None = None

    @property
    def bot(self) -> str:
        """Whose entry it is; empty when nobody's."""
        return self.labels.get("bot", "")


def line_reader(redactor: Redactor, zone: tzinfo = UTC) -> Callable[[LogEntry], Line]:
    """What makes lines of entries. `zone` is that of times without an offset.

    Labels come again and again: what was made of one is remembered. They become names in claims and keys of
    facts, so they are plain text like all that a summary says.
    """
    known: dict[str, str] = {}

    def clean(label: str) -> str:
        found = known.get(label)
        if found is None:
            if len(known) > 10_000:
                known.clear()
            found = known[label] = plain_pattern(redactor.text(label))[:MAX_LABEL_CHARS]
        return found

    def read(entry: LogEntry) -> Line:
        given = entry.labels
        labels: dict[str, str] = {name: clean(given[name]) for name in _SHOWN if name in given}
        payload = entry.payload
        trade = None
        if isinstance(payload, dict) and is_trade(payload):
            trade = telling(entry.id, payload, labels, zone)
        message = shortened(redactor.message(entry))
        return Line(entry.id, entry.timestamp, entry.severity, entry.source, message, labels, trade)

    return read


def shortened(message: str) -> str:
    """A message; of a very long one both ends: a traceback has its exception at its end."""
    if len(message) <= MAX_MESSAGE_CHARS:
        return message
    half, gap = MAX_MESSAGE_CHARS // 2, "\n…\n" if "\n" in message else " … "
    return message[:half] + gap + message[-half:]


def telling(entry_id: str, record: dict[str, Any], labels: Mapping[str, str], zone: tzinfo) -> Telling:
    """What a trade's record tells; one without an id is known by bot, symbol, quantity, price and second."""
    status = str(record.get("status") or "").lower()
    closed_at = read_time(record.get("exit_time"), zone)
    state: State = "open"
    if status.startswith("rejected") or record.get("rejection_reason"):
        state = "rejected"
    elif closed_at is not None or status == "closed":
        state = "closed"
    bot = labels.get("bot", "")
    return Telling(
        _RANKS[state],
        closed_at or 0,
        _number(record.get("pnl")),
        labels.get("strategy", ""),
        state,
        (bot, labels["trade_id"]) if "trade_id" in labels else _signs(record, bot, zone),
        bot,
        entry_id,
    )


def _signs(record: dict[str, Any], bot: str, zone: tzinfo) -> tuple[str, ...]:
    begun = read_time(record.get("timestamp") or record.get("entry_time"), zone)
    quantity, price = _number(record.get("quantity")), _number(record.get("entry_price"))
    return (
        bot,
        str(record.get("symbol")),
        f"{quantity:g}",
        f"{price:g}",
        str(begun // 1_000_000_000 if begun else ""),
    )


def _number(value: Any) -> float:
    """A number however it was written, from 0 when there is none: CSV cells hold text."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return number if math.isfinite(number) else 0.0
