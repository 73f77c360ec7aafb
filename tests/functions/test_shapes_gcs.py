"""Every shape of a log object, read through the front door, each field of each entry checked."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Serve
from tests.functions.mirror import GENERATION, Mirror, jsonl, zipped

WITH_LOGS = {"GCS_LOG_PREFIXES": "trades/,reflections/,strategies/,logs/"}
IN_INDIA = {"LOG_TIMEZONE": "Asia/Kolkata"}
FOLDER = "trades/2026/01/15/stock_trader"
BOT = {"bot": "stock_trader"}


@dataclass(frozen=True)
class Told:
    """What one entry must say, but for what follows from the object's name and the line."""

    line: int
    timestamp: str
    timestamp_from: str
    severity: str
    severity_from: str
    message: str
    labels: dict[str, str]
    payload: dict[str, Any] | None

    def entry(self, name: str) -> dict[str, Any]:
        """The whole entry of an object of this name."""
        fields = {key: value for key, value in vars(self).items() if key != "line"}
        return {
            "id": f"gcs:logs-bucket/{name}#{GENERATION}:{self.line}",
            "source": "gcs",
            "trace": None,
            "origin": {"uri": f"gs://logs-bucket/{name}", "generation": GENERATION, "line": self.line},
            **fields,
        }


@dataclass(frozen=True)
class Shape:
    """One object and the entries that it holds, oldest first."""

    title: str
    name: str
    data: bytes
    told: list[Told]
    settings: dict[str, str] = field(default_factory=dict)


def compact(record: Any) -> str:
    """What stands for a record that has no message."""
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False)[:500]


GENERAL = {
    "timestamp": "2026-01-15T09:20:01.250000",
    "level": "ERROR",
    "category": "trade",
    "log_type": "system_logs",
    "message": "Insufficient margin for TCS ₹1,200",
    "data": {"required": 1200, "free": 10.5},
    "source": "engine",
    "session_id": "s-1",
    "bot_type": "stock_trader",
    "trade_id": "T17",
    "position_id": None,
    "strategy": "vwap",
    "symbol": "TCS",
}
GENERAL_LABELS = {"bot": "stock_trader", "strategy": "vwap", "symbol": "TCS", "trade_id": "T17"}
EMPTY_SUMMARY = {"timestamp": "2025-05-04T11:29:53.370684", "summary": []}
NESTED = {
    "timestamp": "2026-01-15T09:21:00",
    "level": "warning",
    "message": "slippage",
    "bot_type": None,
    "trade_id": None,
    "strategy": None,
    "data": {"trade_id": "T18", "symbol": "INFY"},
    "metadata": {"strategy": "orb"},
    "context": {"bot_name": "paper_trader"},
}
LONG = {"timestamp": "2026-01-15T09:22:00", "blob": "é" * 600}


def trade(**fields: Any) -> dict[str, Any]:
    """A trade record as the detailed file holds it."""
    return {
        "trade_id": "T1",
        "symbol": "TCS",
        "strategy": "vwap",
        "bot_type": "stock_trader",
        "direction": "BUY",
        "quantity": 10,
        "entry_price": 3500.5,
        "stop_loss": 3450,
        "target": 3600,
        "exit_price": None,
        "status": "open",
        "pnl": None,
        "entry_time": "2026-01-15T09:20:00",
        "exit_time": None,
        "exit_reason": None,
        "confidence_level": 0.7,
        "metadata": None,
    } | fields


TRADES = [
    trade(),
    trade(trade_id="T2", status="closed", pnl=120.5, exit_price=3512.55, entry_time="2026-01-15T09:21:00"),
    trade(trade_id="T3", direction="SELL", status="closed", pnl=-35, entry_time="2026-01-15T09:22:00+05:30"),
    trade(trade_id="T4", status="rejected_insufficient_margin", direction=None, entry_time=None,
          exit_time="2026-01-15T09:23:00"),
    trade(trade_id="T5", status="rejected_insufficient_margin", entry_time="2026-01-15T09:24:00"),
    trade(trade_id="T6", status="closed", pnl=0, entry_time=None),
    trade(trade_id="T7", status="closed", pnl="12.345", quantity="5", entry_price="3500.50", symbol="M&M",
          entry_time="2026-01-15T09:25:00"),
]  # fmt: skip


def told_trade(index: int, when: str, message: str, severity: str = "INFO", since: str = "field") -> Told:
    """What a record of `TRADES` must say."""
    record = TRADES[index - 1]
    labels = {"bot": "stock_trader", "strategy": "vwap", "symbol": record["symbol"], "trade_id": f"T{index}"}
    return Told(index, when, since, severity, "default", message, labels, record)


ERROR = {
    "error_id": "E1",
    "error_type": "BrokerTimeout",
    "error_message": "broker did not answer",
    "stack_trace": 'Traceback (most recent call last):\n  File "a.py", line 1\nTimeoutError',
    "context": {"symbol": "TCS", "attempt": 3},
    "recovery_attempted": True,
    "recovery_successful": None,
}
DECISION = {
    "decision_id": "D1",
    "decision_type": "entry",
    "confidence_level": 0.82,
    "reasoning": "Volume confirms the breakout 🚀",
    "market_context": {"nifty": 24000},
    "outcome": None,
    "tags": ["breakout"],
}
METRICS = {
    "date": "2026-01-15",
    "bot_type": "options_trader",
    "timestamp": "2026-01-15T10:15:00",
    "metrics": {"win_rate": 0.6, "trades": 12},
}
REFLECTION = {"reflection": "# Today\n\n- entries were late\n- **exits** were fine"}
LINE = "[2026-01-15 09:15:22] [ERROR] [trade] Insufficient margin for TCS"
TRACEBACK = """Traceback (most recent call last):
  File "/app/bot.py", line 12, in run
    place(order)
ConnectionError: broker is down"""
CHAINED = (
    TRACEBACK
    + """

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/bot.py", line 14, in run
    retry(order)
RuntimeError: gave up"""
)
TEXT = f"""starting
{LINE}
order 17 was refused
{TRACEBACK}
[2026-01-15 09:15:23] [INFO] [system] Order placed ✅ ₹100
{CHAINED}
[2026-01-15 09:15:24.500] [CRITICAL] [risk] stop
"""
CSV = (
    "trade_id,symbol,strategy,bot_type,direction,quantity,entry_price,status,pnl,entry_time,metadata\r\n"
    "T1,TCS,vwap,stock_trader,BUY,10,3500.5,closed,120.5,2026-01-15T09:20:00,\"{'a': 1, 'b': [None]}\"\r\n"
    'T2,"L&T, ""new""",,stock_trader,SELL,5,100,open,,2026-01-15T09:21:00,"two\r\nlines"\r\n'
    "T3,INFY,orb,,BUY,1,1500,closed,-7.5,,\r\n"
)
CSV_NAMES = CSV.split("\r\n", maxsplit=1)[0].split(",")


def csv_row(*cells: str) -> dict[str, str | None]:
    """A row as it was stored: every cell is text, an empty one is the bots' null."""
    return {name: cell or None for name, cell in zip(CSV_NAMES, cells, strict=True)}


SHAPES = [
    Shape(
        "JSON lines with general records",
        f"{FOLDER}/system_logs_040000_v1.jsonl",
        jsonl([GENERAL, EMPTY_SUMMARY]) + b"\n  \n" + jsonl([NESTED, LONG]),
        [
            Told(2, "2025-05-04T11:29:53.370684Z", "field", "DEFAULT", "default",
                 '{"timestamp":"2025-05-04T11:29:53.370684","summary":[]}', BOT, EMPTY_SUMMARY),
            Told(1, "2026-01-15T09:20:01.250000Z", "field", "ERROR", "field",
                 "Insufficient margin for TCS ₹1,200", GENERAL_LABELS, GENERAL),
            Told(5, "2026-01-15T09:21:00.000000Z", "field", "WARNING", "field", "slippage",
                 {"bot": "paper_trader", "strategy": "orb", "symbol": "INFY", "trade_id": "T18"}, NESTED),
            Told(6, "2026-01-15T09:22:00.000000Z", "field", "DEFAULT", "default", compact(LONG), BOT, LONG),
        ],
    ),
    Shape(
        "one compact JSON array of trades",
        "logs/2026/01/15/stock_trader/trades_detailed_043107_v1.json.gz",
        zipped(compact_array := json.dumps(TRADES, separators=(",", ":")).encode()),
        [
            told_trade(3, "2026-01-15T03:52:00.000000Z", "SELL 10 TCS @ 3500.5, vwap, closed, pnl -35.00"),
            told_trade(6, "2026-01-15T04:31:07.000000Z", "BUY 10 TCS @ 3500.5, vwap, closed, pnl +0.00",
                       since="path"),
            told_trade(1, "2026-01-15T09:20:00.000000Z", "BUY 10 TCS @ 3500.5, vwap, open"),
            told_trade(2, "2026-01-15T09:21:00.000000Z", "BUY 10 TCS @ 3500.5, vwap, closed, pnl +120.50"),
            told_trade(4, "2026-01-15T09:23:00.000000Z",
                       "REJECTED 10 TCS @ 3500.5, vwap, rejected_insufficient_margin", "WARNING"),
            told_trade(5, "2026-01-15T09:24:00.000000Z",
                       "BUY 10 TCS @ 3500.5, vwap, rejected_insufficient_margin", "WARNING"),
            told_trade(7, "2026-01-15T09:25:00.000000Z", "BUY 5 M&M @ 3500.50, vwap, closed, pnl +12.35"),
        ],
        WITH_LOGS,
    ),
    Shape(
        "one JSON object of metrics",
        "logs/2026/01/15/options_trader/performance_metrics_101500_v1.json.gz",
        zipped(json.dumps(METRICS, indent=2).encode()),
        [Told(1, "2026-01-15T10:15:00.000000Z", "field", "INFO", "default", compact(METRICS),
              {"bot": "options_trader"}, METRICS)],
        WITH_LOGS,
    ),
    Shape(
        "error records without any time",
        "logs/2026/01/15/futures_trader/error_logs_094512_v2.json.gz",
        zipped(json.dumps([ERROR, ERROR | {"error_id": "E2", "context": {}}]).encode()),
        [
            Told(1, "2026-01-15T04:15:12.000000Z", "path", "ERROR", "default", "broker did not answer",
                 {"bot": "futures_trader", "symbol": "TCS"}, ERROR),
            Told(2, "2026-01-15T04:15:12.000000Z", "path", "ERROR", "default", "broker did not answer",
                 {"bot": "futures_trader"}, ERROR | {"error_id": "E2", "context": {}}),
        ],
        WITH_LOGS | IN_INDIA,
    ),
    Shape(
        "decision records",
        "logs/2026/01/15/options_trader/cognitive_decisions_101500_v1.json.gz",
        zipped(json.dumps([DECISION]).encode()),
        [Told(1, "2026-01-15T10:15:00.000000Z", "path", "INFO", "default", "Volume confirms the breakout 🚀",
              {"bot": "options_trader"}, DECISION)],
        WITH_LOGS,
    ),
    Shape(
        "a reflection, dated by its folder",
        "reflections/2026/01/15/paper_trader/gpt_reflections_v1.json.gz",
        zipped(json.dumps(REFLECTION).encode()),
        [Told(1, "2026-01-14T18:30:00.000000Z", "path", "INFO", "default", REFLECTION["reflection"],
              {"bot": "paper_trader"}, REFLECTION)],
        IN_INDIA,
    ),
    Shape(
        "plain text with tracebacks",
        f"{FOLDER}/system_logs_091500_v1.log",
        TEXT.encode(),
        [
            Told(1, "2026-01-15T09:15:00.000000Z", "path", "DEFAULT", "default", "starting", BOT, None),
            Told(2, "2026-01-15T09:15:22.000000Z", "text", "ERROR", "text", LINE, BOT, None),
            Told(3, "2026-01-15T09:15:22.000000Z", "text", "DEFAULT", "default",
                 "order 17 was refused", BOT, None),
            Told(4, "2026-01-15T09:15:22.000000Z", "text", "ERROR", "text", TRACEBACK, BOT, None),
            Told(8, "2026-01-15T09:15:23.000000Z", "text", "INFO", "text",
                 "[2026-01-15 09:15:23] [INFO] [system] Order placed ✅ ₹100", BOT, None),
            Told(9, "2026-01-15T09:15:23.000000Z", "text", "ERROR", "text", CHAINED, BOT, None),
            Told(20, "2026-01-15T09:15:24.500000Z", "text", "CRITICAL", "text",
                 "[2026-01-15 09:15:24.500] [CRITICAL] [risk] stop", BOT, None),
        ],
    ),
    Shape(
        "plain text is in LOG_TIMEZONE, the last line has no end",
        f"{FOLDER}/debug.txt.gz",
        zipped(LINE.encode()),
        [Told(1, "2026-01-15T03:45:22.000000Z", "text", "ERROR", "text", LINE, BOT, None)],
        IN_INDIA,
    ),
    Shape(
        "CSV with Python-like cells",
        "logs/2026/01/15/stock_trader/trades_summary_101500_v1.csv.gz",
        zipped(CSV.encode()),
        [
            Told(2, "2026-01-15T09:20:00.000000Z", "field", "INFO", "default",
                 "BUY 10 TCS @ 3500.5, vwap, closed, pnl +120.50",
                 {"bot": "stock_trader", "strategy": "vwap", "symbol": "TCS", "trade_id": "T1"},
                 csv_row("T1", "TCS", "vwap", "stock_trader", "BUY", "10", "3500.5", "closed", "120.5",
                         "2026-01-15T09:20:00", "{'a': 1, 'b': [None]}")),
            Told(3, "2026-01-15T09:21:00.000000Z", "field", "INFO", "default",
                 'SELL 5 L&T, "new" @ 100, open',
                 {"bot": "stock_trader", "symbol": 'L&T, "new"', "trade_id": "T2"},
                 csv_row("T2", 'L&T, "new"', "", "stock_trader", "SELL", "5", "100", "open", "",
                         "2026-01-15T09:21:00", "two\r\nlines")),
            Told(5, "2026-01-15T10:15:00.000000Z", "path", "INFO", "default",
                 "BUY 1 INFY @ 1500, orb, closed, pnl -7.50",
                 {"bot": "stock_trader", "strategy": "orb", "symbol": "INFY", "trade_id": "T3"},
                 csv_row("T3", "INFY", "orb", "", "BUY", "1", "1500", "closed", "-7.5", "", "")),
        ],
        WITH_LOGS,
    ),
    Shape(
        "a bracketed time and level in the message of a record",
        f"{FOLDER}/wrapped.jsonl",
        jsonl([{"message": LINE}]),
        [Told(1, "2026-01-15T09:15:22.000000Z", "text", "ERROR", "text", LINE, BOT, {"message": LINE})],
    ),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.title)
def test_every_field_of_every_entry_of_a_shape(serve: Serve, tmp_path: Path, shape: Shape) -> None:
    """An object of this shape gives these entries, in this order, and nothing to warn about."""
    mirror = Mirror(tmp_path, serve)
    mirror.put(shape.name, shape.data)

    answer = mirror.read("gcs", shape.settings)

    assert answer.entries == [told.entry(shape.name) for told in shape.told]
    assert (answer.partial, answer.warnings) == (False, [])


@pytest.mark.parametrize(
    ("name", "timestamp", "since"),
    [
        ("trades/2026/01/15/bot_a/x_094512_v1.json", "2026-01-15T04:15:12.000000Z", "path"),
        ("trades/2026/01/15/bot_a/x.json", "2026-01-14T18:30:00.000000Z", "path"),
        ("trades/2026-01-15/bot_a/x_094512.json", "2026-01-15T04:15:12.000000Z", "path"),
        ("trades/bot_a/20260115/x.json", "2026-01-14T18:30:00.000000Z", "path"),
        ("trades/bot_a/x_2026-01-15.json", "2026-01-14T18:30:00.000000Z", "path"),
        ("trades/bot_a/x_20260115_094512.json", "2026-01-15T04:15:12.000000Z", "path"),
        ("trades/bot_a/20260115-094512.json", "2026-01-15T04:15:12.000000Z", "path"),
        ("trades/2026/01/15/bot_a/x_995999.json", "2026-01-14T18:30:00.000000Z", "path"),
        ("trades/2026/13/45/bot_a/x.json", "2026-01-15T18:00:00.000000Z", "metadata"),
        ("trades/bot_a/x.json", "2026-01-15T18:00:00.000000Z", "metadata"),
    ],
)
def test_a_record_without_a_time_is_dated_by_its_path(
    serve: Serve, tmp_path: Path, name: str, timestamp: str, since: str
) -> None:
    """Each layout gives the day, the file's name the hour, in LOG_TIMEZONE; else the object's time."""
    mirror = Mirror(tmp_path, serve)
    mirror.put(name, jsonl([ERROR]))

    (entry,) = mirror.read("gcs", IN_INDIA).entries

    assert (entry["timestamp"], entry["timestamp_from"]) == (timestamp, since)
    assert entry["labels"]["bot"] == "bot_a"


@pytest.mark.parametrize(
    ("fields", "timestamp"),
    [
        ({"time": "2026-01-15T09:20:00.123456789Z"}, "2026-01-15T09:20:00.123456789Z"),
        ({"ts": 1768468800}, "2026-01-15T09:20:00.000000Z"),
        ({"ts": 1768468800250}, "2026-01-15T09:20:00.250000Z"),
        ({"@timestamp": 1768468800000000001}, "2026-01-15T09:20:00.000000001Z"),
        ({"ts": "1768468800"}, "2026-01-15T09:20:00.000000Z"),
        ({"ts": 1768468800.5}, "2026-01-15T09:20:00.500000Z"),
        ({"timestamp": "soon", "time": None, "ts": "", "created_at": "2026-01-15 09:20:00"},
         "2026-01-15T09:20:00.000000Z"),
        ({"exit_time": "2026-01-15T10:00:00", "entry_time": "2026-01-15T09:20:00"},
         "2026-01-15T09:20:00.000000Z"),
        ({"last_updated": "2026-01-15T09:00:00Z", "updated_at": "2026-01-15T14:50:00+05:30"},
         "2026-01-15T09:20:00.000000Z"),
        ({"timestamp": {"nested": 1}, "time": [], "ts": True, "last_updated": "2026-01-15T09:20:00Z"},
         "2026-01-15T09:20:00.000000Z"),
    ],
)  # fmt: skip
def test_the_first_time_that_can_be_read_counts(
    serve: Serve, tmp_path: Path, fields: dict[str, Any], timestamp: str
) -> None:
    """In the contract's order of names: ISO with and without an offset, epoch by digit count."""
    mirror = Mirror(tmp_path, serve)
    mirror.put(f"{FOLDER}/times.jsonl", jsonl([fields | {"message": "m"}]))

    (entry,) = mirror.read("gcs").entries

    assert (entry["timestamp"], entry["timestamp_from"]) == (timestamp, "field")


@pytest.mark.parametrize(
    ("fields", "severity", "since"),
    [
        ({"level": "DEBUG"}, "DEBUG", "field"),
        ({"level": "critical"}, "CRITICAL", "field"),
        ({"level": None, "severity": "low"}, "NOTICE", "field"),
        ({"severity": "medium"}, "WARNING", "field"),
        ({"severity": "high"}, "ERROR", "field"),
        ({"severity": "EMERGENCY"}, "EMERGENCY", "field"),
        ({"level": "shouting"}, "DEFAULT", "default"),
        ({"level": 17, "severity": []}, "DEFAULT", "default"),
    ],
)
def test_severity_of_a_record(
    serve: Serve, tmp_path: Path, fields: dict[str, Any], severity: str, since: str
) -> None:
    """`level` or `severity`, in any case, with the words of alerts; an unknown word is no severity."""
    mirror = Mirror(tmp_path, serve)
    mirror.put(f"{FOLDER}/severities.jsonl", jsonl([fields | {"message": "m"}]))

    (entry,) = mirror.read("gcs").entries

    assert (entry["severity"], entry["severity_from"]) == (severity, since)


@pytest.mark.parametrize(
    ("record", "labels"),
    [
        ({"bot_name": "paper_trader"}, {"bot": "paper_trader"}),
        ({"bot": "alpha", "data": {"bot_type": "other"}}, {"bot": "alpha"}),
        ({"data": {"bot_type": "nested"}}, {"bot": "nested"}),
        ({"data": "text", "metadata": None, "context": []}, {"bot": "stock_trader"}),
        ({"symbol": "TOP", "data": {"symbol": "LOW"}}, {"bot": "stock_trader", "symbol": "TOP"}),
        ({"data": {"symbol": None}, "metadata": {"symbol": "MID"}, "context": {"symbol": "LOW"}},
         {"bot": "stock_trader", "symbol": "MID"}),
        ({"trade_id": 17}, {"bot": "stock_trader", "trade_id": "17"}),
        ({"session_id": "s-1", "namespace": "gpt"}, {"bot": "stock_trader"}),
    ],
)  # fmt: skip
def test_labels_of_a_record(
    serve: Serve, tmp_path: Path, record: dict[str, Any], labels: dict[str, str]
) -> None:
    """The record's top, then its `data`, `metadata` and `context`, then the path, under one name."""
    mirror = Mirror(tmp_path, serve)
    mirror.put(f"{FOLDER}/labels.jsonl", jsonl([record | {"message": "m"}]))

    (entry,) = mirror.read("gcs").entries

    assert entry["labels"] == labels


def test_equal_times_are_ordered_by_the_number_of_the_record(serve: Serve, tmp_path: Path) -> None:
    """Indexes are compared as numbers, and newest first is the exact reverse."""
    mirror = Mirror(tmp_path, serve)
    mirror.put(f"{FOLDER}/error_logs_091500_v1.json", json.dumps([ERROR] * 12).encode())

    lines = [entry["origin"]["line"] for entry in mirror.read("gcs").entries]
    reverse = [entry["origin"]["line"] for entry in mirror.read("gcs", order="desc", page_size="5").entries]

    assert lines == list(range(1, 13))
    assert reverse == lines[::-1]


def test_any_field_at_the_top_is_a_label_to_ask_for(serve: Serve, tmp_path: Path) -> None:
    """`label.<name>` finds what `labels` does not show."""
    mirror = Mirror(tmp_path, serve)
    mirror.put(f"{FOLDER}/labels.jsonl", jsonl([GENERAL, GENERAL | {"session_id": "s-2"}]))

    found = mirror.read("gcs", None, **{"label.session_id": "s-2"}).entries

    assert [entry["origin"]["line"] for entry in found] == [2]
    assert found[0]["labels"] == GENERAL_LABELS
