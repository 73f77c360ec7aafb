"""The words of the demo's bots: message templates with holes, and the tracebacks that follow some errors.

Holes: `<symbol>`, `<price>`, `<a|b|c>` one of them, `<1..90>` a whole number, `<0.1..18:.2f>` a float
in this format.
"""

import re
from collections.abc import Callable
from random import Random
from typing import Final

Fill = Callable[[Random, str, float], str]
# Level, category, how often among the others, words.
Row = tuple[str, str, int, str]

BROKER_DOWN: Final = (
    "Traceback (most recent call last):",
    '  File "/app/runner/broker/client.py", line 212, in place_order',
    "    reply = self._session.post(url, json=order, timeout=self._timeout_s)",
    '  File "/app/runner/broker/session.py", line 88, in post',
    "    raise BrokerUnavailable(f'{self._host}: {exc}') from exc",
    "runner.broker.errors.BrokerUnavailable: api.broker.example: HTTP 503 after 3 attempts",
)
_NO_PRICE: Final = (
    "Traceback (most recent call last):",
    '  File "/app/runner/strategies/vwap.py", line 74, in on_tick',
    '    price = tick["ltp"]',
    "            ~~~~^^^^^^^",
    "KeyError: 'ltp'",
)
_MODEL_SLOW: Final = (
    "Traceback (most recent call last):",
    '  File "/app/runner/cognition/advisor.py", line 131, in decide',
    "    answer = self._model.complete(prompt, timeout_s=20)",
    '  File "/app/runner/cognition/model.py", line 57, in complete',
    "    raise TimeoutError(f'no answer after {timeout_s} s')",
    "TimeoutError: no answer after 20 s",
)
# The traceback of an ordinary ERROR, by category.
TRACES: Final = {"market_data": _NO_PRICE, "cognitive": _MODEL_SLOW}

SESSION: Final[tuple[Row, ...]] = (
    ("DEBUG", "market_data", 60, "tick <symbol> ltp=<price> vol=<100..99999> oi=<0..9999999>"),
    ("DEBUG", "strategy", 40, "<symbol> rsi=<12..88:.1f> atr=<0.4..60:.2f> vwap=<price>"),
    ("DEBUG", "cognitive", 14, "prompt built for <symbol>: <600..3900> tokens, <3..19> candles"),
    ("DEBUG", "system", 10, "event loop lag <0.1..18:.2f> ms, queue depth <0..40>"),
    ("INFO", "strategy", 24, "Signal <LONG|SHORT|FLAT> <symbol> score=<-1..1:+.3f> at <price>"),
    ("INFO", "market_data", 18, "Order book imbalance <-1..1:+.3f> for <symbol>, spread <0.05..0.6:.2f>"),
    ("INFO", "risk", 16, "Risk check passed for <symbol>: <1..64:.1f>% of limit, <1..9> open positions"),
    ("INFO", "position", 14, "Trailing stop of <symbol> moved to <price> (unrealised ₹<-2400..4800:+,.2f>)"),
    ("INFO", "cognitive", 10, "🤖 Model says <hold|enter|trim|wait> on <symbol>, confidence <0.4..0.98:.2f>"),
    ("INFO", "performance", 8, "Cycle <10000..99999> finished in <40..900:.1f> ms, <4..60> symbols"),
    ("INFO", "trade", 6, "Order <2411000000..2411999999> for <symbol> acknowledged in <18..420> ms"),
    ("INFO", "performance", 5, "📈 Day P&L ₹<-18000..26000:+,.2f>, win rate <38..71:.1f>%"),
    ("WARNING", "market_data", 3, "Stale quote for <symbol>: <2.5..14:.1f> s old"),
    ("WARNING", "risk", 2, "Slippage of <0.15..1.2:.2f>% on <symbol> above the limit of 0.10%"),
    ("WARNING", "system", 2, "WebSocket reconnect <1..4> of 5 after code 1006"),
    ("WARNING", "trade", 1, "⚠️ Partial fill for <symbol>: <10..90> of 100, waiting <1..9> s"),
    ("ERROR", "market_data", 1, "Strategy raised on a tick of <symbol>, skipped (seq <1000000..9999999>)"),
)
QUIET: Final[tuple[Row, ...]] = (
    ("INFO", "system", 8, "Instrument list refreshed: <71000..74000> rows in <1.1..6.8:.2f> s"),
    ("INFO", "market_data", 8, "Backfilled <40..900> candles of <symbol>"),
    ("INFO", "recovery", 4, "State snapshot written, <3..90> KiB, <0..7> open positions"),
    ("DEBUG", "system", 8, "gc: <10..9000> objects in <0.4..22:.1f> ms"),
    ("WARNING", "system", 1, "Clock drift of <0.2..1.9:.2f> s against the exchange"),
    ("ERROR", "cognitive", 1, "Review of <symbol> abandoned after <20..21:.2f> s"),
)
RUNNER: Final[tuple[Row, ...]] = (
    ("INFO", "system", 30, "Scheduler tick: <4..9> jobs due, next in <1..59> s"),
    ("INFO", "system", 12, "Pod <stock|options|paper>-trader answered its probe in <2..90> ms"),
    ("INFO", "risk", 8, "Portfolio exposure ₹<120000..9800000:,.0f>, <1..38> open positions"),
    ("INFO", "recovery", 3, "Checkpoint <10000..99999> stored, <40..900> KiB"),
    ("WARNING", "system", 2, "Job <rebalance|snapshot|report> started <2..40> s late"),
    ("ERROR", "system", 1, "Job <rebalance|snapshot|report> failed with exit code <1..3>, will retry"),
)
DASHBOARD: Final[tuple[Row, ...]] = (
    ("INFO", "http", 40, "GET /api/<positions|pnl|orders> 200 in <2..300> ms"),
    ("INFO", "http", 6, "Session of trader<1..9> renewed"),
    ("WARNING", "http", 2, "GET /api/history 200 in <3000..9000> ms, slow"),
    ("ERROR", "http", 1, "GET /api/pnl 502 in <20..90> ms: upstream closed the connection"),
)
DECISION: Final = (
    "<symbol> holds above its VWAP with volume <1.1..3.4:.1f> times the average; reward to risk "
    "<1.2..3.1:.2f>. Entering with <half|full|quarter> size because the index is <flat|firm|weak>."
)
REVIEW: Final = (
    "# Review of <bot>, <date>\n\n"
    "* <closed> trades closed, <winners> winners, P&L ₹<pnl>\n"
    "* Best strategy: **<strategy>**\n\n"
    "## What went well\n\nEntries waited for confirmation; stops were moved in time.\n\n"
    "## What to change\n\nSize was too large in the first 15 minutes. ₹ at risk per idea stays below 0.5 %.\n"
)


def compiled(words: str) -> Fill:
    """A template as a function of a random generator, a symbol and its price."""
    parts = [_part(text, hole) for text, hole in re.findall(r"([^<]*)(?:<([^<>]+)>)?", words) if text or hole]

    def fill(rng: Random, symbol: str, price: float) -> str:
        return "".join([part if isinstance(part, str) else part(rng, symbol, price) for part in parts])

    return fill


def _part(text: str, hole: str) -> str | Fill:
    if not hole:
        return text
    if hole == "symbol":
        return lambda _, symbol, __: text + symbol
    if hole == "price":
        return lambda _, __, price: f"{text}{price:.2f}"
    if ".." not in hole:
        choices = hole.split("|")
        return lambda rng, _, __: text + rng.choice(choices)
    bounds, _, spec = hole.partition(":")
    low, _, high = bounds.partition("..")
    if not spec:
        first, count = int(low), int(high) - int(low) + 1
        return lambda rng, _, __: f"{text}{first + int(rng.random() * count)}"
    start, width = float(low), float(high) - float(low)
    return lambda rng, _, __: f"{text}{start + rng.random() * width:{spec}}"
