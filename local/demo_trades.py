"""The demo's objects about trading: trades, decisions, metrics and reflections.

trades/2026/11/20/stock_trader/trades_detailed_043107_v1.json.gz     a JSON array of trade records, each
                                                                     written when opened and when closed
trades/2026/11/20/stock_trader/trades_summary_100000_v1.csv.gz       the closed ones as CSV
trades/2026/11/20/stock_trader/performance_metrics_100000_v1.json    one JSON object
strategies/2026-11-20/stock_trader/cognitive_decisions_*.json.gz     a JSON array, no time in the records
strategies/stock_trader/summary_20261120_043107_v1.jsonl             JSON lines, not compressed
reflections/20261120/stock_trader/gpt_reflections_*.json.gz          one JSON object
"""

import csv
import io
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from local.demo_files import DAY, HOUR, MINUTE, Mirror, date_of, encode, iso, json_lines, zipped
from local.demo_incidents import INJECTION, Story
from local.demo_market import Bot, Span, Trade, flushes, trade_record
from local.demo_objects import DAY_FOLDERS
from local.demo_templates import DECISION, REVIEW, compiled

_REVIEW_TIME: Final = 10 * HOUR + 15 * MINUTE  # 15:45 in India, after the close
_reason = compiled(DECISION)
# When, and the record of then.
Event = tuple[int, dict[str, Any]]


def write_trade_objects(mirror: Mirror, story: Story, rng: Random) -> None:
    """The bot's trades, their summary, its decisions, metrics and reflections."""
    folder = DAY_FOLDERS + story.bot.name
    for group in flushes(_events(story), _at, 30 * MINUTE, 3 * HOUR):
        body = zipped(encode([record for _, record in group]))
        mirror.flush(folder, "trades_detailed", ".json.gz", body, at=_flushed(group, rng), records=len(group))
    closed = [event for event in _events(story) if event[1]["exit_time"]]
    for group in flushes(closed, _at, 2 * HOUR, 6 * HOUR):
        rows = [record for _, record in group]
        mirror.flush(
            folder,
            "trades_summary",
            ".csv.gz",
            zipped(_csv(rows)),
            at=_flushed(group, rng),
            records=len(rows),
        )
        metrics = encode(_metrics(story.bot, group))
        body = metrics if rng.random() < 0.5 else zipped(metrics)
        mirror.flush(
            folder, "performance_metrics", ".json", body, at=_flushed(group, rng) + 400_000, records=1
        )
        totals = json_lines(_totals(group))
        path = f"strategies/{story.bot.name}"
        mirror.flush(path, "summary_%Y%m%d", ".jsonl", totals, at=_flushed(group, rng) + 600_000, records=2)
    _write_decisions(mirror, story, rng)
    for at, text in reviews(story):
        record = {"timestamp": iso(at), "bot_type": story.bot.name, "reflection": text, "tags": ["daily"]}
        path = f"reflections/%Y%m%d/{story.bot.name}"
        mirror.flush(path, "gpt_reflections", ".json.gz", zipped(encode(record)), at=at + 900_000, records=1)


def _at(event: Event) -> int:
    return event[0]


def _flushed(group: Sequence[Event], rng: Random) -> int:
    return group[-1][0] + rng.randint(200_000, 1_500_000)


def _events(story: Story) -> list[Event]:
    """Each trade once as it was opened or refused, and again when it was closed."""
    found = [(trade.opened, trade_record(trade, closed=False)) for trade in story.trades]
    found += [(t.closed, trade_record(t, closed=True)) for t in story.trades if t.closed]
    if story.twice and story.twice.closed:
        # The same trade flushed again, in an object of its own a few hours later or the next version.
        found.append((story.twice.closed + MINUTE, trade_record(story.twice, closed=True)))
    return sorted(found, key=_at)


def _csv(rows: Sequence[dict[str, Any]]) -> bytes:
    """CSV with a header; nested values as Python writes them, nulls as nothing."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _metrics(bot: Bot, group: Sequence[Event]) -> dict[str, Any]:
    at = group[-1][0]
    results = [record["pnl"] for _, record in group]
    winners = sum(result > 0 for result in results)
    rate = round(winners / len(results), 4)
    metrics = {"trades": len(results), "win_rate": rate, "pnl": round(sum(results), 2)}
    return {"date": date_of(at), "bot_type": bot.name, "timestamp": iso(at), "metrics": metrics}


def _totals(group: Sequence[Event]) -> list[dict[str, Any]]:
    """What a strategy's file says: nothing at first, later a total for each strategy."""
    totals: dict[str, float] = {}
    for _, record in group:
        totals[record["strategy"]] = round(totals.get(record["strategy"], 0.0) + record["pnl"], 2)
    summary = [{"strategy": name, "pnl": pnl} for name, pnl in totals.items()]
    first, last = group[0][0], group[-1][0]
    return [{"timestamp": iso(first), "summary": []}, {"timestamp": iso(last), "summary": summary}]


def _write_decisions(mirror: Mirror, story: Story, rng: Random) -> None:
    chosen = [trade for trade in story.trades if trade.confidence > 0.7]
    events = [(trade.opened, _decision(trade, rng)) for trade in chosen]
    for group in flushes(events, _at, HOUR, 4 * HOUR):
        path = f"strategies/%Y-%m-%d/{story.bot.name}"
        body = zipped(encode([record for _, record in group]))
        mirror.flush(
            path, "cognitive_decisions", ".json.gz", body, at=_flushed(group, rng), records=len(group)
        )
    for line in story.lines:
        if line.message == INJECTION:
            record = {"decision_id": "D-news", "decision_type": "news", "reasoning": INJECTION}
            path = f"strategies/%Y-%m-%d/{story.bot.name}"
            mirror.flush(
                path, "cognitive_decisions", ".json", encode([record]), at=line.at + MINUTE, records=1
            )


def _decision(trade: Trade, rng: Random) -> dict[str, Any]:
    return {
        "decision_id": f"D{rng.getrandbits(40):010x}",
        "decision_type": "rejected_entry" if trade.rejected else "entry",
        "confidence_level": trade.confidence,
        "reasoning": _reason(rng, trade.symbol, trade.price),
        "market_context": {"symbol": trade.symbol, "ltp": trade.price, "vix": round(rng.uniform(11, 19), 2)},
        "outcome": None if trade.closed is None else "win" if trade.pnl > 0 else "loss",
        "tags": [trade.strategy, trade.direction.lower()],
    }


def reviews(story: Story) -> list[tuple[int, str]]:
    """The bot's review of each day on which it closed trades, in Markdown, written at 10:15 UTC."""
    days: dict[int, list[Trade]] = {}
    for trade in story.trades:
        if trade.closed:
            days.setdefault(trade.closed // DAY, []).append(trade)
    times = [(day * DAY + _REVIEW_TIME, trades) for day, trades in sorted(days.items())]
    return [(at, _review(story.bot, at, made)) for at, made in times if _within(at, story.span)]


def _within(at: int, span: Span) -> bool:
    return span.begin <= at < span.end - MINUTE


def _review(bot: Bot, at: int, made: Sequence[Trade]) -> str:
    totals: dict[str, float] = {}
    for trade in made:
        totals[trade.strategy] = totals.get(trade.strategy, 0.0) + trade.pnl
    words = {
        "bot": bot.name,
        "date": date_of(at),
        "closed": str(len(made)),
        "winners": str(sum(trade.pnl > 0 for trade in made)),
        "pnl": f"{sum(trade.pnl for trade in made):+,.2f}",
        "strategy": max(totals, key=lambda name: totals[name]),
    }
    text = REVIEW
    for name, value in words.items():
        text = text.replace(f"<{name}>", value)
    return text
