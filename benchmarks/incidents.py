"""Days of a fleet's logs with planted problems: what summaries are measured on.

Nothing of the miner, the masks or the summary is imported, and no word list is shared with them. What is
wrong in a corpus is known to the corpus alone: each problem has a phrase that stands in all of its lines and
in no other line, and it reached a prompt when its phrase did.
"""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final, NamedTuple

from shared import instant
from shared.entry import LogEntry, Severity
from shared.query import Window

START: Final = 1_768_435_200 * instant.SECOND  # 2026-01-15T00:00:00Z
SOURCES: Final = ("gcs", "firestore", "pods")
BOTS: Final = ("stock_trader", "options_trader", "futures_trader", "paper_trader", "hedger")
_TICKERS: Final = ("TCS", "INFY", "SBIN", "M&M", "BAJAJ-AUTO", "ZENTEC", "RVNL", "POLYCAB", "TITAN", "WIPRO")
_STRATEGIES: Final = ("vwap", "orb_scalper", "iron_condor", "mean_reversion")
_HOSTS: Final = ("kite-ws-2", "redis-0", "feed-edge-7", "risk-core", "order-gw-1")
_FIRST: Final = """
    ledger margin heartbeat candle webhook session premium basket hedge broker tick greeks quote socket
    position settlement volatility portfolio strike expiry watchdog snapshot gateway circuit throttle
    replica checkpoint calendar contract dividend exposure journal lease mandate netting oracle payload
    quorum rollover spool
    """
_SECOND: Final = """
    drifted vanished stalled diverged overflowed collapsed corrupted misrouted truncated starved deadlocked
    desynchronised unacknowledged orphaned exhausted inverted clipped revoked garbled skewed suspended evicted
    unreachable misaligned throttled duplicated outrun poisoned unbalanced forfeited
    """
_THIRD: Final = """
    overnight mid-auction silently twice upstream downstream permanently again at-open at-close intraday
    unexpectedly without-notice during-rollover across-shards after-failover before-expiry under-load
    """
_ORDINARY: Final = """
    INFO|Order placed {side} {n} {sym} @ {price} order_id={id}
    INFO|Order filled {side} {n} {sym} at {price} in {ms}ms
    INFO|Signal {strategy} on {sym}: confidence {ratio}
    DEBUG|tick {sym} ltp={price} volume={n}
    DEBUG|indicator rsi={ratio} macd={ratio} for {sym}
    INFO|Position opened {sym} qty {n} stop {price} target {price}
    INFO|Position closed {sym} pnl ₹{price}
    DEBUG|cache hit for quotes:{sym} age {ms}ms
    DEBUG|cache miss for quotes:{sym}
    INFO|Heartbeat from {host} uptime {n}s
    INFO|Strategy {strategy} evaluated {n} instruments in {ms}ms
    DEBUG|GET /orders/{id} 200 {ms}ms
    DEBUG|GET /positions 200 {ms}ms
    INFO|Token refreshed, next refresh in {n}s
    INFO|Market data subscription for {n} symbols confirmed by {host}
    DEBUG|order book depth for {sym}: bid {price} ask {price}
    INFO|Risk check passed for {sym}: exposure {ratio} of limit
    INFO|Reflection written for {date}
    DEBUG|loop took {ms}ms, slept {ms}ms
    INFO|Trailing stop of {sym} moved from {price} to {price}
    NOTICE|Paper mode: order {id} simulated
    DEBUG|gc: collected {n} objects
    INFO|Loaded {n} candles of {sym} from {host}
    INFO|Model answered in {ms}ms with {n} tokens
    DEBUG|websocket ping {ms}ms
    INFO|Squared off {n} positions before close
    INFO|Daily limit: {n} of 200 orders used
    DEBUG|serialised state {n} bytes
    INFO|Checkpoint saved to /var/bots/{strategy}/{id}.json
    DEBUG|scheduler woke {n} jobs
    INFO|Backfill {date} done, {n} rows
    INFO|Confidence of {strategy} is {ratio}, holding
    DEBUG|http pool has {n} idle connections
    NOTICE|Config reloaded by {host}
    INFO|{"event":"quote","symbol":"{sym}","ltp":{price}}
    """


class Problem(NamedTuple):
    """Something that went wrong. `write` makes one of its lines; each has `phrase` in it."""

    phrase: str
    severity: Severity
    often: int
    write: Callable[[Random], str]


class Corpus(NamedTuple):
    """Entries in order of time, and what is wrong in them."""

    entries: list[LogEntry]
    problems: list[Problem]
    window: Window


def corpus(seed: int, lines: int = 12_000, problems: int = 50, days: int = 3) -> Corpus:
    """About `lines` entries of all sources and bots, `problems` of them of their own kind."""
    rng = Random(f"incidents {seed}")
    window = Window(START, START + days * instant.DAY)
    wrong = planted(rng, problems)
    told = [(problem.severity, problem.write(rng)) for problem in wrong for _ in range(problem.often)]
    ordinary = list(ordinary_lines(rng, max(0, lines - len(told))))
    moments = sorted(rng.randrange(window.start, window.end) for _ in range(len(told) + len(ordinary)))
    mixed = told + ordinary
    rng.shuffle(mixed)
    entries = [
        entry(rng, number, at, severity, message)
        for number, (at, (severity, message)) in enumerate(zip(moments, mixed, strict=True))
    ]
    return Corpus(entries, wrong, window)


def ordinary_lines(rng: Random, count: int) -> Iterator[tuple[Severity, str]]:
    """Traffic without anything wrong in it."""
    kinds = [line.strip().split("|", 1) for line in _ORDINARY.strip().splitlines()]
    weights = [1 / (rank + 3) for rank in range(len(kinds))]
    for level, template in rng.choices(kinds, weights, k=count):
        yield Severity[level], filled(rng, template)


def filled(rng: Random, template: str) -> str:
    """A line of a template."""
    for name, value in {
        "sym": rng.choice(_TICKERS), "n": rng.randrange(1, 5000), "price": f"{rng.uniform(10, 60_000):.2f}",
        "ratio": f"{rng.random():.3f}", "ms": rng.randrange(1, 2000), "id": f"O{rng.randrange(10**7):07d}",
        "side": rng.choice(("BUY", "SELL")), "strategy": rng.choice(_STRATEGIES), "host": rng.choice(_HOSTS),
        "date": f"2026-01-{rng.randint(1, 28):02d}",
    }.items():  # fmt: skip
        template = template.replace(f"{{{name}}}", str(value))
    return template


def planted(rng: Random, count: int) -> list[Problem]:
    """`count` problems of all the shapes there are, in turn; the rarest come once, the most frequent in
    hundreds of lines."""
    phrases = sorted({_phrase(rng) for _ in range(4 * count)})
    rng.shuffle(phrases)
    levels = (Severity.ERROR, Severity.WARNING, Severity.ERROR, Severity.CRITICAL)
    counts = (1, 1, 2, 3, 7, 20, 60, 250)
    return [
        Problem(phrase, levels[at % len(levels)], rng.choice(counts), SHAPES[at % len(SHAPES)](rng, phrase))
        for at, phrase in enumerate(phrases[:count])
    ]


def _phrase(rng: Random) -> str:
    return " ".join(rng.choice(words.split()) for words in (_FIRST, _SECOND, _THIRD))


def _plain(rng: Random, phrase: str) -> Callable[[Random], str]:
    tail = rng.choice(("", " for {sym}", " on {host} after {ms}ms", ": {n} of {n}", " (order {id})"))
    return lambda inner: filled(inner, phrase + tail)


def _family(_: Random, phrase: str) -> Callable[[Random], str]:
    """One template with many reasons, as brokers answer."""
    return lambda inner: filled(inner, "Order {id} rejected for {sym}: " + phrase)


def _retries(rng: Random, phrase: str) -> Callable[[Random], str]:
    target = rng.choice(("quotes", "orders", "funds"))
    return lambda inner: filled(inner, f"attempt {{n}} of 5 to fetch {target} from {{host}} failed, {phrase}")


def _traceback(rng: Random, phrase: str) -> Callable[[Random], str]:
    kind = rng.choice(("ValueError", "KeyError", "TimeoutError", "broker.errors.OrderException"))
    file, number = rng.choice(("engine", "feed", "risk", "orders")), rng.randrange(10, 900)
    return lambda inner: filled(
        inner,
        "Traceback (most recent call last):\n"
        f'  File "/app/bots/run.py", line 88, in main\n    step()\n'
        f'  File "/app/bots/{file}.py", line {number}, in on_{file}\n    raise error\n'
        f"{kind}: {phrase} for {{sym}}",
    )


def _json(rng: Random, phrase: str) -> Callable[[Random], str]:
    kind = rng.choice(("BrokerError", "DataError", "StateError"))
    return lambda inner: json.dumps(
        {"error_type": kind, "detail": phrase, "attempt": inner.randrange(9), "host": inner.choice(_HOSTS)},
        separators=(",", ":"),
    )


def _unequal(_: Random, phrase: str) -> Callable[[Random], str]:
    """As many symbols as there happen to be."""
    return lambda inner: f"{phrase} for " + ", ".join(inner.sample(_TICKERS, inner.randint(1, 5)))


def _fields(rng: Random, phrase: str) -> Callable[[Random], str]:
    component = rng.choice(("oms", "rms", "feed", "gpt"))
    return lambda inner: filled(
        inner, f"component={component} latency={{ms}}ms host={{host}} error: {phrase}"
    )


def _prose(_: Random, phrase: str) -> Callable[[Random], str]:
    """Long, and with values of its own in each line."""
    return lambda inner: filled(
        inner,
        f"While reconciling {{n}} positions with the broker we saw that the {phrase} and gave up after {{ms}}"
        " ms; the last known state was kept, the order book of {sym} was not touched, and {n} pending orders"
        " wait for the next cycle, which begins when the exchange opens again",
    )


def _lines(_: Random, phrase: str) -> Callable[[Random], str]:
    return lambda inner: filled(
        inner, f"{phrase}: {{n}} items\n  item {{id}} {{price}}\n  item {{id}} {{price}}"
    )


def _bracketed(_: Random, phrase: str) -> Callable[[Random], str]:
    """A pod's line, with its own time and level."""
    return lambda inner: filled(inner, f"[{{date}} 09:31:07] [ERROR] [system] {phrase}, host {{host}} 🚨")


SHAPES: Final = (
    _plain, _family, _retries, _traceback, _json, _unequal, _fields, _prose, _lines, _bracketed,
)  # fmt: skip


def entry(rng: Random, number: int, at: int, severity: Severity, message: str, **labels: str) -> LogEntry:
    """An entry of some source and bot."""
    source, bot = rng.choice(SOURCES), labels.pop("bot", None) or rng.choice(BOTS)
    named = {"bot": bot, **labels}
    if rng.random() < 0.4:
        named.setdefault("strategy", rng.choice(_STRATEGIES))
    payload: Any = json.loads(message) if message[:1] == "{" else {"message": message}
    return LogEntry(
        id=entry_id(source, bot, number, at), timestamp=at, timestamp_from="field", severity=severity,
        severity_from="field", source=source, message=message, labels=named, trace=None, payload=payload,
        origin={},
    )  # fmt: skip


def entry_id(source: str, bot: str, number: int, at: int) -> str:
    """As the sources make them."""
    if source == "gcs":
        return (
            f"gcs:logs-bucket/logs/2026/01/15/{bot}/system_logs_043107_v1.json.gz#1768451467000000:{number}"
        )
    if source == "firestore":
        return f"firestore:gpt_runner_trades/{bot}/2026-01-15/doc{number}"
    return f"pods:projects/p/logs/stdout/{instant.to_text(at)}/i{number}"
