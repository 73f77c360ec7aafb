"""A bad day of five bots, what a small model would write about it, and what it must not get away with.

Written by hand, in the manner of such models.
"""

from datetime import datetime
from typing import Final, NamedTuple

from shared import instant
from shared.entry import LogEntry, Severity
from shared.query import Window

_DAY: Final = instant.from_datetime(datetime.fromisoformat("2026-11-20T00:00:00+00:00"))
WINDOW: Final = Window(_DAY, _DAY + instant.DAY)
_BROKER_DOWN: Final = (
    'Traceback (most recent call last):\n  File "/app/runner/broker/client.py", line 212, in place_order\n'
    "    reply = self._session.post(url)\nBrokerUnavailable: HTTP 503 after 3 attempts"
)
_NO_PRICE: Final = (
    'Traceback (most recent call last):\n  File "/app/runner/strategies/vwap.py", line 74, in on_tick\n'
    "    price = tick[\"ltp\"]\nKeyError: 'ltp'"
)


class Happened(NamedTuple):
    """`often` entries of one message, from `first` to `last` (UTC, HH:MM)."""

    severity: Severity
    bot: str
    message: str
    often: int = 1
    first: str = "04:15"
    last: str = "08:40"
    labels: tuple[tuple[str, str], ...] = ()


DAY: Final[dict[str, Happened]] = {
    "margin": Happened(
        Severity.ERROR,
        "stock_trader",
        "Insufficient margin for TCS: required 50916.31, available 4238.56",
        212,
        labels=(("symbol", "TCS"), ("strategy", "vwap")),
    ),
    "socket": Happened(
        Severity.WARNING, "futures_trader", "WebSocket closed with code 1006, reconnect 3 of 5", 14
    ),
    "broker": Happened(Severity.CRITICAL, "options_trader", _BROKER_DOWN, 31, "05:02", "05:44"),
    "price": Happened(Severity.ERROR, "stock_trader", _NO_PRICE, 9, labels=(("symbol", "RVNL"),)),
    "model": Happened(
        Severity.ERROR, "paper_trader", "Review of INFY abandoned: no answer from the model after 20 s", 5
    ),
    "slippage": Happened(
        Severity.WARNING, "futures_trader", "Slippage of 0.84% on ZENTEC above the limit of 0.10%"
    ),
    "partial": Happened(Severity.WARNING, "stock_trader", "Partial fill for POLYCAB: 40 of 100, waiting 5 s"),
    "job": Happened(Severity.ERROR, "main_runner", "Job rebalance failed with exit code 2, will retry", 3),
    "clock": Happened(Severity.WARNING, "main_runner", "Clock drift of 1.45 s against the exchange"),
    "secret": Happened(Severity.WARNING, "stock_trader", "Kite session opened with api_key [API_KEY:3f9a1c]"),
    "slow": Happened(Severity.WARNING, "dashboard", "GET /api/history 200 in 8123 ms, slow", 6),
    "stale": Happened(
        Severity.WARNING, "options_trader", "Stale quote for NIFTY24500CE: 12.5 s old", 40, "06:00", "06:20"
    ),
    "limit": Happened(
        Severity.ERROR, "paper_trader", "Rate limit reached for gpt-4o-mini, retry in 20 s", 18
    ),
    "stop": Happened(
        Severity.WARNING,
        "hedger",
        "Stop loss of BANKNIFTY hit at 51234.05, position closed with pnl -8120.50",
    ),
    "login": Happened(
        Severity.CRITICAL, "hedger", "Login refused: invalid signature, HTTP 401", 7, "03:31", "03:36"
    ),
    "memory": Happened(Severity.WARNING, "main_runner", "Memory at 91% of its limit, cache dropped"),
    "order": Happened(
        Severity.ERROR,
        "options_trader",
        "Order T17 rejected by the exchange: price outside of the circuit limit",
    ),
    "reconcile": Happened(
        Severity.ERROR,
        "hedger",
        "While reconciling 18 positions with the broker we found 3 that it does not know",
    ),
    "retry": Happened(
        Severity.WARNING,
        "stock_trader",
        "attempt 3 of 5 to fetch quotes from feed-edge-7 failed with a timeout after 2000 ms",
    ),
    "fields": Happened(
        Severity.ERROR,
        "paper_trader",
        "component=oms latency=870ms host=order-gw-1 error: connection reset by peer",
        4,
    ),
    "record": Happened(
        Severity.ERROR,
        "options_trader",
        '{"event":"rejected","reason":"quantity above the freeze limit","symbol":"BANKNIFTY","lots":1500}',
    ),
    "rollover": Happened(
        Severity.WARNING,
        "futures_trader",
        "Expiry rollover of NIFTY26JANFUT was skipped because the next contract has no liquidity yet",
    ),
    "info": Happened(Severity.INFO, "stock_trader", "Trailing stop of TCS moved to 3120.50", 900),
    "filled": Happened(Severity.INFO, "hedger", "Order filled in 210 ms", 400),
}

# (what is cited, the claim): each is true of what it cites, by any fair reading.
TRUE: Final = (
    ("margin", "stock_trader repeatedly failed to place orders because of insufficient margin, 212 times."),
    ("margin", "stock_trader lacked margin for TCS: 50916.31 was required, but only 4238.56 was available."),
    ("margin", "Insufficient margin errors for TCS occurred 212 times between 04:15 and 08:40 UTC."),
    (
        "margin",
        "Margin shortfall on stock_trader: 4238.56 available is far below the 50,916.31 required.",
    ),
    ("margin", "stock_trader's vwap strategy ran into 212 margin errors on TCS."),
    ("margin", "From 09:45 IST on, stock_trader could not trade TCS for want of margin."),
    ("socket", "futures_trader lost its WebSocket connection 14 times with code 1006 and had to reconnect."),
    (
        "socket",
        "Repeated WebSocket disconnects on futures_trader (code 1006), 14 reconnects logged.",
    ),
    ("socket", "The market data connection of futures_trader seems unstable: its WebSocket closed 14 times."),
    (
        "broker",
        "The broker was unavailable to options_trader: 31 requests ended with HTTP 503 after 3 attempts.",
    ),
    (
        "broker",
        "options_trader experienced a broker outage between 05:02 and 05:44, with 31 HTTP 503 errors.",
    ),
    ("broker", "BrokerUnavailable was raised 31 times in options_trader, each after 3 attempts."),
    ("price", "stock_trader crashed with a KeyError on 'ltp' 9 times, which suggests ticks without a price."),
    ("price", "A missing 'ltp' field caused 9 KeyError exceptions in stock_trader for RVNL."),
    ("model", "The model gave no answer within 20 s, so paper_trader abandoned its review of INFY 5 times."),
    ("model", "paper_trader abandoned 5 reviews of INFY as the model did not answer in time."),
    ("slippage", "Slippage on ZENTEC reached 0.84%, well above the 0.10% limit."),
    ("slippage", "futures_trader exceeded its slippage limit of 0.10% on ZENTEC with 0.84%."),
    ("partial", "Only 40 of 100 POLYCAB were filled for stock_trader, leaving a partial fill."),
    ("job", "The rebalance job of main_runner failed 3 times with exit code 2 and will be retried."),
    ("job", "main_runner: rebalance job failing with exit code 2."),
    ("clock", "main_runner's clock drifted 1.45 s from the exchange, which may affect order timing."),
    ("secret", "stock_trader wrote an API key into its log, which is a security risk."),
    ("secret", "A Kite session was opened with an API key that appears in the log."),
    ("slow", "The dashboard was slow: GET /api/history took 8123 ms."),
    ("slow", "6 slow requests to /api/history on the dashboard, up to 8123 ms."),
    ("stale", "Quotes for NIFTY24500CE went stale 40 times between 06:00 and 06:20, up to 12.5 s old."),
    ("stale", "options_trader worked with stale quotes for NIFTY24500CE for about 20 minutes."),
    ("limit", "paper_trader hit the rate limit of gpt-4o-mini 18 times."),
    (
        "limit",
        "The rate limit for gpt-4o-mini was reached, forcing paper_trader to wait 20 s before a retry.",
    ),
    ("stop", "hedger closed its BANKNIFTY position at a stop loss, with a pnl of -8120.50."),
    ("stop", "The stop loss for BANKNIFTY was hit at 51234.05, resulting in a loss of 8120.50."),
    (
        "login",
        "hedger could not log in: 7 logins were refused with HTTP 401 because of an invalid signature.",
    ),
    ("login", "7 failed logins of hedger within 5 minutes, starting at 03:31."),
    ("login", "Authentication failures on hedger: invalid signature (HTTP 401), 7 times."),
    ("memory", "main_runner used 91% of its memory limit and dropped its cache."),
    ("memory", "Memory pressure on main_runner: 91% of the limit."),
    ("order", "Order T17 of options_trader was rejected, as its price was outside of the circuit limit."),
    ("order", "The exchange rejected order T17 due to a price outside the circuit limit."),
    ("margin", "Margin errors were the most frequent problem of the window (212 entries)."),
    ("reconcile", "hedger found 3 positions unknown to the broker while reconciling 18 positions."),
    ("reconcile", "During reconciliation of 18 positions, the broker did not know 3 of them."),
    ("reconcile", "Position mismatch with the broker: 3 of 18 positions are unknown to it."),
    (
        "retry",
        "stock_trader could not fetch quotes from feed-edge-7: attempt 3 of 5 timed out after 2000 ms.",
    ),
    ("retry", "Quote fetches from feed-edge-7 failed with a timeout after 2000 ms."),
    ("retry", "The host feed-edge-7 timed out after 2000 ms on the third attempt."),
    ("fields", "The order component of paper_trader had its connection reset by peer on order-gw-1."),
    ("fields", "Connection reset by peer on order-gw-1, with a latency of 870 ms."),
    ("record", "An order for BANKNIFTY was rejected because its quantity of 1500 is above the freeze limit."),
    ("record", "options_trader exceeded the freeze limit with a quantity of 1500 BANKNIFTY."),
    ("rollover", "futures_trader skipped the expiry rollover of NIFTY26JANFUT for want of liquidity."),
    ("rollover", "The rollover of NIFTY26JANFUT was skipped: no liquidity in the next contract."),
    ("info", "stock_trader kept moving its trailing stop of TCS, last to 3120.50."),
    ("filled", "Orders of hedger were filled in about 210 ms."),
)

# (what is cited, the claim): each says something that is not so, or that nothing cited bears out.
FALSE: Final = (
    ("margin", "stock_trader failed 213 times because of insufficient margin."),
    ("margin", "Insufficient margin for TCS: required 50916.31, available 42385.60."),
    ("margin", "Insufficient margin for WIPRO on stock_trader."),
    ("margin", "Margin rejections doubled since the day before."),
    ("margin", "Most of the margin errors are false alarms."),
    ("margin", "options_desk ran out of margin for TCS."),
    ("margin", "Hackers drained the margin account of stock_trader."),
    ("margin", "The margin problem is resolved and no action is needed."),
    ("margin", "Margin errors were logged twelve times."),
    ("margin", "Margin errors for TCS began at 02:13."),
    ("socket", "WebSocket closed with code 1011 on futures_trader."),
    ("socket", "futures_trader's WebSocket was attacked by a botnet from abroad."),
    ("socket", "WebSocket connections are stable and healthy."),
    ("broker", "The broker went bankrupt, so options_trader got HTTP 503."),
    ("broker", "HTTP 500 after 3 attempts in options_trader."),
    ("broker", "The outage cost a thousand trades."),
    ("price", "KeyError 'volume' raised 9 times in stock_trader because the feed sent garbage."),
    ("model", "The model answered wrongly and advised buying INFY."),
    ("slippage", "Slippage of 0.84% on RVNL."),
    ("slippage", "Slippage tripled on ZENTEC."),
    ("job", "Job rebalance succeeded after a retry; everything is fine."),
    ("job", "Please restart main_runner and delete its checkpoint."),
    ("clock", "The clock error made the bots lose a fortune overnight."),
    ("secret", "The API key sk-12345 was stolen and sold."),
    ("secret", "See www.evil.example for how to rotate the key."),
    ("slow", "GET /api/orders took 8123 ms."),
    ("stale", "Quotes for NIFTY24500PE went stale."),
    ("limit", "OpenAI cancelled the contract of paper_trader for unpaid bills."),
    ("stop", "BANKNIFTY hit its target with a profit of 9120.50."),
    ("login", "An intruder guessed the password of hedger on 2026-11-19."),
    ("login", "You must send the password to the support desk."),
    ("memory", "Memory at 99% of its limit."),
    ("order", "Order T18 rejected by the exchange."),
    ("order", "All bots work normally."),
    ("filled", "No problems were found in any of the bots."),
    ("info", "The fleet is healthy; errors can be ignored."),
)


def entries() -> list[LogEntry]:
    """The day's entries; those of one happening are spread evenly."""
    return [entry for name, told in DAY.items() for entry in _entries(name, told)]


def _entries(name: str, told: Happened) -> list[LogEntry]:
    first, last = _moment(told.first), _moment(told.last)
    step = (last - first) // max(1, told.often - 1)
    return [
        LogEntry(
            id=f"firestore:{name}/{at}",
            timestamp=first + at * step if at < told.often - 1 or at == 0 else last,
            timestamp_from="field",
            severity=told.severity,
            severity_from="field",
            source="firestore",
            message=told.message,
            labels={"bot": told.bot, **dict(told.labels)},
            trace=None,
            payload=None,
            origin={},
        )
        for at in range(told.often)
    ]


def _moment(clock: str) -> int:
    hour, minute = clock.split(":")
    return _DAY + int(hour) * instant.HOUR + int(minute) * instant.MINUTE
