"""Redaction of ordinary log lines: microseconds of CPU a line, and how many lines it changes.

    python benchmarks/bench_redact.py [lines]

Bounds that the tests hold: 20 microseconds a line on average, 1 changed line in 1,000.
"""

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from shared.redact import Redactor

SYMBOLS = ("TCS", "RELIANCE", "HDFCBANK", "NIFTY25JUN24500CE", "BANKNIFTY2560552000PE", "M&M", "TCS.NS")
STRATEGIES = ("vwap", "orb", "mean_reversion", "gpt_momentum", "pin_bar")
BOTS = ("stock_trader", "options_trader", "futures_trader", "paper_trader")
Shape = Callable[[random.Random, datetime], str]


def _digits(rng: random.Random, count: int) -> str:
    return str(rng.randrange(10 ** (count - 1), 10**count))


def _hex(rng: random.Random, count: int) -> str:
    return f"{rng.getrandbits(4 * count):0{count}x}"


def _uuid(rng: random.Random) -> str:
    return "-".join(_hex(rng, count) for count in (8, 4, 4, 4, 12))


def _price(rng: random.Random) -> str:
    return f"{rng.uniform(10, 55_000):.{rng.choice((1, 2, 2, 2, 4))}f}"


def _order_id(rng: random.Random, now: datetime) -> str:
    """Fifteen digits with the day in front, the exchange's sixteen, or nineteen."""
    return rng.choice((f"{now:%y%m%d}{_digits(rng, 9)}", f"1{_digits(rng, 15)}", f"1{_digits(rng, 18)}"))


def _placed(rng: random.Random, now: datetime) -> str:
    side, symbol = rng.choice(("BUY", "SELL")), rng.choice(SYMBOLS)
    order = rng.choice(("order_id={}", "order id: {}", "orderid {}", "#{}")).format(_order_id(rng, now))
    return f"Order placed {side} {rng.randrange(1, 5000)} {symbol} @ {_price(rng)}, {order}"


def _filled(rng: random.Random, now: datetime) -> str:
    fill = f"{rng.choice(SYMBOLS)} filled {rng.randrange(1, 500)}@{_price(rng)}"
    return (
        f"✅ {fill} trade_id=T{rng.randrange(10**6)} "
        f"exchange_order_id={_order_id(rng, now)} fill_ts={int(now.timestamp() * 1e9)}"
    )


def _profit(rng: random.Random, _now: datetime) -> str:
    amount = rng.randrange(-200_000, 200_000)
    profit = f"₹{amount:,}.{rng.randrange(100):02d} ({amount / 5000:+.2f}%)"
    return f"🚀 P&L {profit} on {rng.choice(STRATEGIES)} – day total ₹ {amount * 3:+d}"


def _ticks(rng: random.Random, _now: datetime) -> str:
    quotes = " ".join(_price(rng) for _ in range(rng.randrange(3, 12)))
    return f"ticks instrument_token={rng.randrange(10**5, 10**6)} volume={rng.randrange(10**9)} ohlc {quotes}"


def _strikes(rng: random.Random, _now: datetime) -> str:
    first = rng.randrange(40, 98) * 100
    row = " ".join(str(first + step * rng.choice((50, 100))) for step in range(rng.randrange(3, 7)))
    return f"strikes {row} oi {rng.randrange(10**7, 10**10)} expiry {_now:%Y-%m-%d}"


def _object(rng: random.Random, now: datetime) -> str:
    name = f"trades/{now:%Y/%m/%d}/{rng.choice(BOTS)}/system_logs_{now:%H%M%S}_v{rng.randrange(9)}.jsonl.gz"
    generation = int(now.timestamp() * 1e6)
    return rng.choice(
        (f"wrote gs://logs-bucket/{name} generation {generation}", f"gcs:logs-bucket/{name}#{generation}:42")
    )


def _record(rng: random.Random, now: datetime) -> str:
    record = {
        "timestamp": now.isoformat(),
        "level": "INFO",
        "session_id": _uuid(rng),
        "trade_id": f"T{rng.randrange(10**6)}",
        "symbol": rng.choice(SYMBOLS),
        "quantity": rng.randrange(900),
        "entry_price": float(_price(rng)),
        "pnl": None,
        "ts": int(now.timestamp() * 1e3),
        "confidence_level": rng.random(),
    }
    return json.dumps(record)


def _model(rng: random.Random, _now: datetime) -> str:
    used = rng.randrange(4000)
    reply = f"GPT reply in {rng.random():.3f}s prompt_tokens={used} completion_tokens={used // 7}"
    return f"{reply} max_tokens: 4000 tokens: {used}"


def _identity(rng: random.Random, _now: datetime) -> str:
    return rng.choice(
        (
            "Access token refreshed, next token refresh at 06:00",
            "token: expired, logging in again",
            "Login OK, access_token=None -> requesting; password: required",
            "account balance: 12500000.50 margin used 4500000",
            f"Authorization failed for session {_uuid(rng)}",
            "secret projects/p/secrets/kite/versions/3 loaded",
            f"digest sha256:{_hex(rng, 64)} commit {_hex(rng, 40)}",
            "Invalid token: session expired, bearer authentication needed",
        )
    )


def _traceback(rng: random.Random, _now: datetime) -> str:
    return rng.choice(
        (
            "Traceback (most recent call last):",
            f'  File "/app/bots/runner.py", line {rng.randrange(900)}, in place_order',
            "    kite = KiteConnect(api_key=api_key, access_token=self.access_token)",
            '    token = os.environ["KITE_ACCESS_TOKEN"]',
            f"    raise OrderRejected(order_id={_digits(rng, 15)}, price={_price(rng)})",
            f"KeyError: '{rng.choice(SYMBOLS)}'",
            f"  at 0x{_hex(rng, 12)} in <module 'kite.orders'> {_uuid(rng)}",
        )
    )


def _csv(rng: random.Random, now: datetime) -> str:
    return (
        f"T{rng.randrange(10**6)},{rng.choice(SYMBOLS)},{rng.choice(STRATEGIES)},{rng.choice(BOTS)},LONG,"
        f"{rng.randrange(500)},{_price(rng)},{_price(rng)},,open,\"{{'rsi': {rng.random() * 100:.4f}, 'ts': "
        f'{int(now.timestamp())}}}",{now.isoformat()}'
    )


_SHAPES: tuple[Shape, ...] = (
    _placed, _filled, _profit, _ticks, _strikes, _object, _record, _model, _identity, _traceback, _csv,
)  # fmt: skip
_BARE: frozenset[Shape] = frozenset({_record, _traceback, _csv})


def ordinary_lines(count: int, seed: int = 20251124) -> Iterator[str]:
    """`count` lines as trading bots write them, without any secret; equal for equal seeds."""
    rng = random.Random(seed)
    now = datetime(2026, 1, 15, 3, 45, tzinfo=UTC)
    for number in range(count):
        now += timedelta(milliseconds=rng.randrange(1, 9000))
        shape = _SHAPES[number % len(_SHAPES)]
        level = rng.choice(("INFO", "DEBUG", "ERROR"))
        head = "" if shape in _BARE else f"[{now:%Y-%m-%d %H:%M:%S}] [{level}] [trade] "
        yield head + shape(rng, now)


def measure(lines: list[str]) -> tuple[float, list[str]]:
    """Microseconds of CPU a line (rules already compiled and warm), and the lines that were changed."""
    redactor = Redactor(b"benchmark" * 4)
    for line in lines[:500]:
        redactor.text(line)
    begun = time.process_time()
    changed = [line for line in lines if redactor.text(line) is not line]
    return (time.process_time() - begun) * 1e6 / len(lines), changed


def main() -> None:
    lines = list(ordinary_lines(int(sys.argv[1]) if len(sys.argv) > 1 else 30_000))
    microseconds, changed = measure(lines)
    size = sum(map(len, lines)) / len(lines)
    print(f"redact: {microseconds:.2f} µs a line of {size:.0f} characters")
    print(f"        {len(changed)} of {len(lines)} ordinary lines changed")
    for line in changed[:10]:
        print("  changed:", line)


if __name__ == "__main__":
    main()
