"""The demo's Firestore documents, in the mirror's layout.

    firestore/gpt_runner_trades/{bot}/{YYYY-MM-DD}/{auto id}.json      the subcollection's name is the date
    firestore/gpt_runner_reflections/{bot}/days/{YYYY-MM-DD}.json      {"reflection": "<Markdown>"}

Field types vary from document to document, as the bots' own do. A file's time is the document's last
update: when the trade was closed.
"""

from random import Random
from string import ascii_letters, digits
from typing import Any, Final

from local.demo_files import HOUR, SECOND, Mirror, date_of, encode, iso
from local.demo_incidents import Story
from local.demo_market import Trade, trade_record
from local.demo_trades import reviews

_LETTERS: Final = ascii_letters + digits


def write_documents(mirror: Mirror, story: Story, rng: Random) -> None:
    """The bot's trades, each in its last state, and its daily reviews."""
    for trade in story.trades:
        _write_trade(mirror, trade, trade.opened, rng)
    if story.twice:
        _write_trade(mirror, story.twice, story.twice.opened + 2 * SECOND, rng)
    for at, text in reviews(story):
        path = f"firestore/gpt_runner_reflections/{story.bot.name}/days/{date_of(at)}.json"
        mirror.write(path, encode({"reflection": text}), at + SECOND, "documents", 1)


def _write_trade(mirror: Mirror, trade: Trade, opened: int, rng: Random) -> None:
    fields = _rejected(trade, rng) if trade.rejected else _booked(trade, opened, rng)
    name = "".join(rng.choices(_LETTERS, k=20))
    path = f"firestore/gpt_runner_trades/{trade.bot}/{date_of(opened)}/{name}.json"
    mirror.write(path, encode(fields), (trade.closed or opened) + 150_000, "documents", 1)


def _booked(trade: Trade, opened: int, rng: Random) -> dict[str, Any]:
    fields = trade_record(trade, closed=trade.closed is not None)
    fields["entry_time"] = _time(opened, rng)
    fields["exit_time"] = _time(trade.closed, rng) if trade.closed else None
    if rng.random() < 0.03:
        del fields["entry_time"]
    for name in ("entry_price", "stop_loss", "target"):
        fields[name] = _price(fields[name], rng)
    return fields


def _rejected(trade: Trade, rng: Random) -> dict[str, Any]:
    """A rejected trade has other fields, and a timestamp."""
    return {
        "timestamp": _time(trade.opened, rng),
        "trade_id": trade.id,
        "symbol": trade.symbol,
        "segment": "NFO" if "options" in trade.bot else "NSE",
        "strategy": trade.strategy,
        "entry_price": _price(trade.price, rng),
        "quantity": trade.quantity,
        "required_margin": round(trade.price * trade.quantity * rng.uniform(0.2, 1.1), 2),
        "rejection_reason": f"Insufficient margin for {trade.symbol}",
        "status": trade.status,
    }


def _time(at: int, rng: Random) -> str:
    """Text without an offset (UTC), or a Firestore Timestamp, which the mirror has with its offset."""
    draw = rng.random()
    if draw < 0.6:
        return iso(at)
    return f"{iso(at)}Z" if draw < 0.9 else f"{iso(at + 11 * HOUR // 2)}+05:30"


def _price(price: float, rng: Random) -> float | int | str:
    draw = rng.random()
    return str(price) if draw < 0.1 else round(price) if draw < 0.2 else price
