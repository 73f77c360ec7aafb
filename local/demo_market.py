"""The demo's fleet and its market: bots, symbols, trading sessions and trades.

Sessions are 09:15 to 15:30 Asia/Kolkata on weekdays, which is 03:45 to 10:00 UTC of the same date
(UTC+05:30, no daylight saving). Only paper_trader also trades outside them: it replays old days.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from random import Random
from typing import Any, Final, NamedTuple, TypeVar

from local.demo_files import DAY, HOUR, MINUTE, SECOND, date_of, iso

_OPEN: Final = 3 * HOUR + 45 * MINUTE
_CLOSE: Final = 10 * HOUR
_Item = TypeVar("_Item")


class Span(NamedTuple):
    """The window of the demo's data, `[begin, end)`."""

    begin: int
    end: int


class Bot(NamedTuple):
    """One trading bot. `off_hours` is its number of trades an hour outside the sessions."""

    name: str
    prefix: str
    symbols: tuple[tuple[str, float], ...]
    strategies: tuple[str, ...]
    lot: int
    per_session: int
    off_hours: float

    @property
    def container(self) -> str:
        """Its container's name in the cluster: `stock-trader`."""
        return self.name.replace("_", "-")


class Trade(NamedTuple):
    """One trade; `closed` is None while it is open, and for a rejected one (`status` tells)."""

    id: str
    bot: str
    symbol: str
    strategy: str
    direction: str
    quantity: int
    price: float
    opened: int
    closed: int | None
    exit_price: float
    exit_reason: str
    confidence: float
    status: str

    @property
    def rejected(self) -> bool:
        """Refused by the broker."""
        return self.status.startswith("rejected")

    @property
    def pnl(self) -> float:
        """Profit or loss in rupees, once closed."""
        sign = 1 if self.direction == "BUY" else -1
        return round(sign * (self.exit_price - self.price) * self.quantity, 2)


_STOCKS: Final = (
    ("TCS", 3412.5), ("INFY", 1544.2), ("RELIANCE", 2931.0), ("HDFCBANK", 1688.4), ("ICICIBANK", 1124.7),
    ("SBIN", 812.3), ("TATAMOTORS", 968.1), ("BHARTIARTL", 1402.9), ("ITC", 438.6), ("LT", 3587.0),
)  # fmt: skip
_OPTIONS: Final = (
    ("NIFTY24500CE", 142.3), ("NIFTY24300PE", 118.7), ("BANKNIFTY52000CE", 311.4),
    ("BANKNIFTY51500PE", 276.9), ("FINNIFTY23600CE", 96.2), ("RELIANCE2940CE", 41.8),
)  # fmt: skip
_FUTURES: Final = (
    ("NIFTYFUT", 24412.0), ("BANKNIFTYFUT", 51880.0), ("RELIANCEFUT", 2944.5), ("TCSFUT", 3426.0),
)  # fmt: skip
BOTS: Final = (
    Bot("stock_trader", "ST", _STOCKS, ("vwap", "orb", "momentum", "range_reversal"), 10, 165, 0),
    Bot("options_trader", "OT", _OPTIONS, ("scalp", "iron_condor", "straddle"), 50, 185, 0),
    Bot("futures_trader", "FT", _FUTURES, ("trend", "vwap", "gap_fill"), 25, 120, 0),
    Bot("paper_trader", "PT", _STOCKS + _OPTIONS, ("vwap", "scalp", "ml_v3"), 10, 230, 5),
)


def in_session(at: int) -> bool:
    """Whether the market is open; 1970-01-01 was a Thursday."""
    return (at // DAY + 3) % 7 < 5 and _OPEN <= at % DAY < _CLOSE


def sessions(span: Span) -> Iterator[Span]:
    """The trading sessions within the window, the first and last cut to it."""
    for midnight in range(span.begin - span.begin % DAY, span.end, DAY):
        start, stop = max(midnight + _OPEN, span.begin), min(midnight + _CLOSE, span.end)
        if in_session(midnight + _OPEN) and start < stop:
            yield Span(start, stop)


def flushes(
    items: Iterable[_Item], at: Callable[[_Item], int], busy: int, quiet: int
) -> Iterator[list[_Item]]:
    """Items in time order, a list for each flush: every `busy` while the market is open, else `quiet`."""

    def period(item: _Item) -> tuple[bool, int]:
        when = at(item)
        return (True, when // busy) if in_session(when) else (False, when // quiet)

    for _, group in groupby(items, key=period):
        yield list(group)


def trades(bot: Bot, span: Span, rng: Random) -> list[Trade]:
    """The bot's trades in the window, oldest first."""
    times = []
    for session in sessions(span):
        share = (session.end - session.begin) / (_CLOSE - _OPEN)
        times += [rng.randrange(*session) for _ in range(round(bot.per_session * share))]
    if bot.off_hours:
        extra = round((span.end - span.begin) / HOUR * bot.off_hours)
        times += [rng.randrange(*span) for _ in range(extra)]
    return [_trade(bot, number, at, span, rng) for number, at in enumerate(sorted(times))]


def _trade(bot: Bot, number: int, at: int, span: Span, rng: Random) -> Trade:
    symbol, base = rng.choice(bot.symbols)
    price = _tick(base * rng.uniform(0.985, 1.015))
    exit_price = _tick(price * rng.gauss(1.0006, 0.006))
    direction = rng.choice(("BUY", "BUY", "SELL"))
    won = exit_price >= price if direction == "BUY" else exit_price <= price
    closes, reason = _exit(at, won=won, rng=rng)
    refused = rng.random() < 0.02
    return Trade(
        id=f"{bot.prefix}{date_of(at).replace('-', '')}{number:05d}",
        bot=bot.name,
        symbol=symbol,
        strategy=rng.choice(bot.strategies),
        direction=direction,
        quantity=bot.lot * rng.randint(1, 6),
        price=price,
        opened=at,
        closed=None if refused or closes >= span.end else closes,
        exit_price=exit_price,
        exit_reason=reason,
        confidence=round(rng.uniform(0.51, 0.97), 2),
        status="rejected_insufficient_margin" if refused else "open" if closes >= span.end else "closed",
    )


def _exit(at: int, *, won: bool, rng: Random) -> tuple[int, str]:
    """When and why a trade ends: after 25 min on average, but on the day that it was opened."""
    closes = at + int(rng.expovariate(1 / 25) * MINUTE) + 20 * SECOND
    square_off = at - at % DAY + _CLOSE - int(rng.random() * MINUTE)
    if in_session(at) and closes > square_off > at:
        return square_off, "eod_square_off"
    return closes, rng.choice(("target_hit", "trailing_stop") if won else ("stop_loss_hit", "signal_flip"))


def _tick(price: float) -> float:
    """Prices move in steps of five paise."""
    return round(round(price * 20) / 20, 2)


def trade_record(trade: Trade, *, closed: bool) -> dict[str, Any]:
    """A trade record as the bots store it: no `timestamp`, no `message`."""
    return {
        "trade_id": trade.id,
        "symbol": trade.symbol,
        "strategy": trade.strategy,
        "bot_type": trade.bot,
        "direction": trade.direction,
        "quantity": trade.quantity,
        "entry_price": trade.price,
        "stop_loss": _tick(trade.price * (0.99 if trade.direction == "BUY" else 1.01)),
        "target": _tick(trade.price * (1.02 if trade.direction == "BUY" else 0.98)),
        "exit_price": trade.exit_price if closed else None,
        "status": trade.status if closed or trade.rejected else "open",
        "pnl": trade.pnl if closed else None,
        "entry_time": iso(trade.opened),
        "exit_time": iso(trade.closed) if closed and trade.closed else None,
        "exit_reason": trade.exit_reason if closed else None,
        "confidence_level": trade.confidence,
        "metadata": {"timeframe": "5m", "lots": trade.quantity // 10, "tags": [trade.strategy, "auto"]},
    }
