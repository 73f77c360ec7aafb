"""What the demo's bots say, line by line: by themselves, and around each trade."""

from collections.abc import Iterator, Sequence
from itertools import count
from random import Random
from typing import Final, NamedTuple

from local.demo_files import MINUTE, SECOND
from local.demo_market import Bot, Span, Trade, in_session, sessions
from local.demo_templates import DASHBOARD, QUIET, RUNNER, SESSION, TRACES, Fill, Row, compiled


class Line(NamedTuple):
    """One log line. `trace` is the Python traceback that followed it, if any."""

    at: int
    level: str
    category: str
    message: str
    symbol: str | None = None
    strategy: str | None = None
    trade_id: str | None = None
    trace: tuple[str, ...] = ()


def _deck(rows: Sequence[Row]) -> list[tuple[str, str, Fill]]:
    """A pack to draw from, each row in it as often as its weight."""
    return [card for level, kind, often, words in rows for card in [(level, kind, compiled(words))] * often]


_SESSION: Final = _deck(SESSION)
_QUIET: Final = _deck(QUIET)
_RUNNER: Final = _deck(RUNNER)
_DASHBOARD: Final = _deck(DASHBOARD)


def chatter(bot: Bot, span: Span, rng: Random) -> Iterator[Line]:
    """What the bot says by itself: busy in the sessions, now and then outside, a heartbeat all the time."""
    for session in sessions(span):
        for at in ticks(session, 9 * SECOND, rng):
            yield _line(bot, at, rng)
    for at in ticks(span, 700 * SECOND, rng):
        if not in_session(at):
            yield _line(bot, at, rng)
    for beat, at in zip(count(1), ticks(span, 190 * SECOND, rng), strict=False):
        words = f"💓 heartbeat {beat} ok, rss {rng.uniform(180, 420):.1f} MiB, lag {rng.random():.3f} s"
        yield Line(at, "INFO", "system", words)


def services(span: Span, rng: Random) -> dict[str, list[Line]]:
    """The lines of the two containers that do not trade, around the clock."""
    decks = {"main-runner": _RUNNER, "dashboard": _DASHBOARD}
    return {
        name: [
            Line(at, level, category, fill(rng, "", 0.0))
            for at in ticks(span, 150 * SECOND, rng)
            for level, category, fill in [rng.choice(deck)]
        ]
        for name, deck in decks.items()
    }


def ticks(span: Span, gap: int, rng: Random) -> Iterator[int]:
    """Times in the window, about `gap` apart."""
    at = span.begin + int(gap * rng.random())
    while at < span.end:
        yield at
        at += int(gap * (0.2 + 1.6 * rng.random())) + 1


def _line(bot: Bot, at: int, rng: Random) -> Line:
    level, category, fill = rng.choice(_SESSION if in_session(at) else _QUIET)
    symbol, base = rng.choice(bot.symbols)
    strategy = rng.choice(bot.strategies) if category in {"strategy", "risk", "position"} else None
    message = fill(rng, symbol, base * rng.uniform(0.985, 1.015))
    trace = TRACES[category] if level == "ERROR" else ()
    return Line(at, level, category, message, symbol if symbol in message else None, strategy, None, trace)


def around(trade: Trade, rng: Random) -> Iterator[Line]:
    """The lines that a trade leaves: placed and filled, later closed; or refused."""

    def line(at: int, level: str, message: str) -> Line:
        return Line(at, level, "trade", message, trade.symbol, trade.strategy, trade.id)

    what = f"{trade.direction} {trade.quantity} {trade.symbol} @ ₹{trade.price:,.2f}"
    yield line(trade.opened, "INFO", f"Order placed: {what} ({trade.strategy}) trade_id={trade.id}")
    if trade.rejected:
        need = trade.price * trade.quantity * rng.uniform(0.2, 1.1)
        amounts = f"required ₹{need:,.2f}, available ₹{need * rng.random():,.2f}"
        refusal = f"Insufficient margin for {trade.symbol}: {amounts}, trade_id={trade.id}"
        yield line(trade.opened + 90_000, "ERROR", refusal)
        return
    order = rng.randint(2_411_000_000, 2_411_999_999)
    yield line(trade.opened + 350_000, "INFO", f"✅ Order {order} filled: {what}")
    if trade.closed:
        where = f"{trade.symbol} @ ₹{trade.exit_price:,.2f}"
        words = f"Position closed: {where}, pnl {trade.pnl:+,.2f} ({trade.exit_reason}) trade_id={trade.id}"
        yield line(trade.closed, "INFO" if trade.pnl > -5000 else "WARNING", words)


def outage(bot: Bot, span: Span, rng: Random, trace: tuple[str, ...]) -> Iterator[Line]:
    """A broker that does not answer: an error with its traceback each 40 s, retries, then the kill switch."""
    for attempt, at in zip(count(1), ticks(span, 40 * SECOND, rng), strict=False):
        symbol, _ = rng.choice(bot.symbols)
        request = f"{rng.getrandbits(48):012x}"
        words = f"Broker API unavailable, order for {symbol} not sent (HTTP 503, request {request})"
        yield Line(at, "ERROR", "error", words, symbol, None, None, trace)
        retry = f"🔁 Retry {attempt} of the broker session in {min(2**attempt, 60)} s"
        yield Line(at + 20_000, "WARNING", "recovery", retry)
    words = "🚨 Broker API down: trading suspended, kill switch armed"
    yield Line(span.begin + 10 * MINUTE, "CRITICAL", "alert", words)
