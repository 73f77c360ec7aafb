"""The demo's log objects in every shape the bots write: what they said and what went wrong.

trades/2026/11/20/stock_trader/system_logs_043107_v1.jsonl.gz   JSON lines; gzip, some of several
                                                                members, some no gzip despite the name
trades/2026/11/20/stock_trader/system_logs_080000_v1.json.gz    the same as one JSON array
trades/2026/11/20/stock_trader/error_logs_043107_v1.json.gz     a JSON array of records without any time
trades/20261120/stock_trader/trace_043107_v1.log                text with tracebacks, gzip or not
"""

from collections.abc import Sequence
from random import Random
from typing import Any

from local.demo_files import HOUR, MINUTE, SECOND, Mirror, encode, iso, json_lines, moment, zipped
from local.demo_incidents import Story
from local.demo_lines import Line, chatter
from local.demo_market import Bot, Span, flushes

DAY_FOLDERS = "trades/%Y/%m/%d/"
_UNTIDY_AGE = 50 * HOUR


def write_log_objects(mirror: Mirror, story: Story, rng: Random) -> None:
    """The bot's system logs, error logs and text traces."""
    folder = DAY_FOLDERS + story.bot.name
    for group in flushes(story.lines, _at, 15 * MINUTE, 2 * HOUR):
        records = _general_records(story.bot, group, rng)
        suffix, body = _as_some_shape(records, rng)
        mirror.flush(folder, "system_logs", suffix, body, at=_flushed(group, rng), records=len(records))
    failures = [line for line in story.lines if line.trace]
    for group in flushes(failures, _at, HOUR, 4 * HOUR):
        body = zipped(encode([_error_record(line, rng) for line in group]))
        mirror.flush(folder, "error_logs", ".json.gz", body, at=_flushed(group, rng), records=len(group))
    for group in flushes(story.lines, _at, 3 * HOUR, 6 * HOUR):
        loud = [line for line in group if line.level not in {"DEBUG", "INFO"}]
        if loud:
            text = "".join(map(text_of, loud)).encode()
            suffix, body = (".log", text) if rng.random() < 0.5 else (".log.gz", zipped(text))
            path = f"trades/%Y%m%d/{story.bot.name}"
            mirror.flush(path, "trace", suffix, body, at=_flushed(loud, rng), records=len(loud))


def _at(line: Line) -> int:
    return line.at


def _flushed(group: Sequence[Line], rng: Random) -> int:
    return group[-1].at + rng.randint(200_000, 2_000_000)


def _general_records(bot: Bot, lines: Sequence[Line], rng: Random) -> list[dict[str, Any]]:
    session = f"{bot.prefix.lower()}-{rng.getrandbits(32):08x}"
    return [
        {
            "timestamp": iso(line.at),
            "level": line.level,
            "category": line.category,
            "log_type": f"{line.category}_event",
            "message": line.message,
            "data": {"seq": number, "latency_ms": round(rng.random() * 90, 2)} if number % 3 else {},
            "source": f"runner.{line.category}",
            "session_id": session,
            "bot_type": bot.name,
            "trade_id": line.trade_id,
            "position_id": f"P{line.trade_id}" if line.trade_id else None,
            "strategy": line.strategy,
            "symbol": line.symbol,
        }
        for number, line in enumerate(lines)
    ]


def _as_some_shape(records: list[dict[str, Any]], rng: Random) -> tuple[str, bytes]:
    """A suffix and a body: mostly gzipped JSON lines, sometimes one of the others."""
    draw = rng.random()
    if draw < 0.10:
        return ".json.gz", zipped(encode(records))
    if draw < 0.18:
        half = len(records) // 2
        return ".jsonl.gz", zipped(json_lines(records[:half])) + zipped(json_lines(records[half:]))
    if draw < 0.24:
        return ".jsonl.gz", json_lines(records)
    if draw < 0.28:
        return ".jsonl", zipped(json_lines(records))
    return ".jsonl.gz", zipped(json_lines(records))


def _error_record(line: Line, rng: Random) -> dict[str, Any]:
    kind = line.trace[-1].partition(":")[0].rpartition(".")[2]
    return {
        "error_id": f"E{rng.getrandbits(40):010x}",
        "error_type": kind,
        "error_message": line.message,
        "stack_trace": "\n".join(line.trace),
        "context": {"symbol": line.symbol, "category": line.category},
        "recovery_attempted": True,
        "recovery_successful": rng.random() < 0.6,
    }


def text_of(line: Line) -> str:
    """The line as the bots print it, its traceback below: `[2026-11-20 04:31:07] [ERROR] [trade] …`."""
    head = f"[{moment(line.at):%Y-%m-%d %H:%M:%S}] [{line.level}] [{line.category}] {line.message}\n"
    return head + "".join(f"{row}\n" for row in line.trace)


def write_untidy(mirror: Mirror, story: Story, rng: Random) -> None:
    """What goes wrong in the real ones: one object each, of stock_trader, 50 h before the end.

    A cut gzip, a half-written last line, invalid UTF-8, NaN, a number of 30 digits; and, 30 min before
    the end, a record dated 3 h after it.
    """
    folder = DAY_FOLDERS + story.bot.name
    late, sample = _sample(story.bot, story.span.end - 30 * MINUTE, rng)
    skewed = {
        **sample[-1],
        "timestamp": iso(story.span.end + 3 * HOUR),
        "message": "Clock of node 3 is ahead",
    }
    mirror.flush(folder, "system_logs", ".jsonl", json_lines([skewed]), at=late, records=1)
    at, records = _sample(story.bot, story.span.end - _UNTIDY_AGE, rng)
    if at - 15 * MINUTE < story.span.begin:
        return
    lines, count = json_lines(records), len(records)
    mirror.flush(folder, "system_logs", ".jsonl.gz", _cut(zipped(lines)), at=at, records=count // 2)
    mirror.flush(folder, "system_logs", ".jsonl", lines[:-40], at=at + SECOND, records=count)
    huge = zipped(lines.replace(b'"seq":1,', b'"seq":123456789012345678901234567890,'))
    mirror.flush(folder, "system_logs", ".jsonl.gz", huge, at=at + 2 * SECOND, records=count)
    bad = f"[{moment(at):%Y-%m-%d %H:%M:%S}] [WARNING] [system] unreadable reply: ".encode()
    mirror.flush(folder, "trace", ".log", bad + b"\xff\xfe\xb5caf\xe9\n", at=at + 3 * SECOND, records=1)
    nan = b'{"bot_type":"stock_trader","timestamp":"%b","metrics":{"sharpe":NaN,"pnl":Infinity}}'
    body = nan % iso(at).encode()
    mirror.flush(folder, "performance_metrics", ".json.gz", body, at=at + 4 * SECOND, records=1)


def _sample(bot: Bot, end: int, rng: Random) -> tuple[int, list[dict[str, Any]]]:
    """Ten minutes of records before `end`, and when they were flushed."""
    lines = sorted(chatter(bot, Span(end - 10 * MINUTE, end), rng), key=_at)
    return _flushed(lines, rng), _general_records(bot, lines, rng)


def _cut(body: bytes) -> bytes:
    """Its first two thirds: the pod was killed in the middle of its upload."""
    return body[: len(body) * 2 // 3]
