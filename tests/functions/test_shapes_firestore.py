"""Every shape of a Firestore document, read through the front door, each field checked."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Serve
from tests.functions.mirror import Mirror

FLAT = {
    "FIRESTORE_COLLECTIONS": "gpt_runner_trades/{bot}/{date}/{doc},live_alerts/{doc},thought_journal/{doc},"
    "daily_reflections/{bot}_{date},cognitive_by_date/{date}/decisions/{doc}"
}
STORED_AT = "2026-01-15T18:00:00.000000Z"
IN_INDIA = {"LOG_TIMEZONE": "Asia/Kolkata"}


@dataclass(frozen=True)
class Shape:
    """One document and what its one entry must say."""

    title: str
    path: str
    fields: dict[str, Any]
    timestamp: str
    timestamp_from: str
    severity: str
    severity_from: str
    message: str
    labels: dict[str, str]
    settings: dict[str, str] = field(default_factory=dict)

    def entry(self) -> dict[str, Any]:
        """The whole entry; on the local mirror both times are the file's."""
        told = ("timestamp", "timestamp_from", "severity", "severity_from", "message", "labels")
        return {
            "id": f"firestore:{self.path}",
            "source": "firestore",
            "trace": None,
            "payload": self.fields,
            "origin": {"path": self.path, "create_time": STORED_AT, "update_time": STORED_AT},
            **{name: getattr(self, name) for name in told},
        }


OPEN = {
    "trade_id": "T1",
    "symbol": "TCS",
    "strategy": "vwap",
    "direction": "BUY",
    "quantity": 10,
    "entry_price": 3500.5,
    "exit_price": None,
    "status": "open",
    "pnl": None,
    "entry_time": "2026-01-15T09:20:00",
    "metadata": {"session": "s-1"},
}
CLOSED = OPEN | {
    "direction": "SELL",
    "quantity": "10",
    "entry_price": "3500.50",
    "exit_price": 3490,
    "status": "closed",
    "pnl": -105.456,
    "entry_time": 1768469400,
    "exit_time": "2026-01-15T06:00:00Z",
}
REJECTED = {
    "timestamp": "2026-01-15T09:20:00.5",
    "symbol": "INFY",
    "segment": "equity",
    "strategy": None,
    "entry_price": 1500,
    "quantity": 5,
    "required_margin": 7500.0,
    "rejection_reason": "Insufficient margin: 7500 needed",
    "status": "rejected_insufficient_margin",
}
UNTIMED = {"symbol": "TCS", "quantity": 1, "entry_price": 2, "status": "rejected_by_risk", "strategy": "orb"}
ALERT = {
    "error_type": "BrokerDown",
    "error_message": "no answer from the broker",
    "severity": "critical",
    "timestamp": "2026-01-15T03:50:00.123456789+00:00",
    "ttl": "2026-02-15T03:50:00+00:00",
    "acknowledged": False,
    "resolved": None,
}
REFLECTION = {"reflection": "# 15 January\n\nToo many entries before 10:00.\n- wait\n- ₹ matters"}
DECISION = {
    "decision_id": "D1",
    "decision_type": "exit",
    "confidence_level": 0.4,
    "reasoning": "Momentum is gone",
}
JOURNAL = {"thought": "market is thin", "timestamp": "2026-01-15T10:00:00+05:30", "symbol": "TCS"}

TRADES = "gpt_runner_trades/stock_trader/2026-01-15"
SHAPES = [
    Shape("an open trade", f"{TRADES}/a1", OPEN, "2026-01-15T09:20:00.000000Z", "field", "INFO", "default",
          "BUY 10 TCS @ 3500.5, vwap, open",
          {"bot": "stock_trader", "strategy": "vwap", "symbol": "TCS", "trade_id": "T1"}),
    Shape("a closed trade with mixed types", f"{TRADES}/a1", CLOSED, "2026-01-15T09:30:00.000000Z", "field",
          "INFO", "default", "SELL 10 TCS @ 3500.50, vwap, closed, pnl -105.46",
          {"bot": "stock_trader", "strategy": "vwap", "symbol": "TCS", "trade_id": "T1"}),
    Shape("a rejected trade with its reason", f"{TRADES}/r1", REJECTED, "2026-01-15T03:50:00.500000Z",
          "field", "WARNING", "default", "Insufficient margin: 7500 needed",
          {"bot": "stock_trader", "symbol": "INFY"}, IN_INDIA),
    Shape("a rejected trade without reason, side or time", f"{TRADES}/r2", UNTIMED,
          "2026-01-14T18:30:00.000000Z", "path", "WARNING", "default",
          "REJECTED 1 TCS @ 2, orb, rejected_by_risk",
          {"bot": "stock_trader", "strategy": "orb", "symbol": "TCS"}, IN_INDIA),
    Shape("a reflection", "gpt_runner_reflections/options_trader/days/2026-01-15", REFLECTION,
          "2026-01-14T18:30:00.000000Z", "path", "INFO", "default", REFLECTION["reflection"],
          {"bot": "options_trader"}, IN_INDIA),
    Shape("an alert", "live_alerts/x1", ALERT, "2026-01-15T03:50:00.123456789Z", "field", "CRITICAL", "field",
          "no answer from the broker", {}, FLAT),
    Shape("a low alert without a time", "live_alerts/x2",
          {"error_message": "slow", "severity": "low", "timestamp": None, "context": {"bot_type": "alpha"}},
          "2026-01-15T18:00:00.000000Z", "metadata", "NOTICE", "field", "slow", {"bot": "alpha"}, FLAT),
    Shape("an error without a severity", "live_alerts/x3", {"error_message": "slow", "error_type": "Slow"},
          "2026-01-15T18:00:00.000000Z", "metadata", "ERROR", "default", "slow", {}, FLAT),
    Shape("a thought without a message", "thought_journal/t1", JOURNAL, "2026-01-15T04:30:00.000000Z",
          "field", "DEFAULT", "default", json.dumps(JOURNAL, separators=(",", ":")), {"symbol": "TCS"}, FLAT),
    Shape("a reflection named by bot and date", "daily_reflections/paper_trader_2026-01-15", REFLECTION,
          "2026-01-15T00:00:00.000000Z", "path", "INFO", "default", REFLECTION["reflection"],
          {"bot": "paper_trader"}, FLAT),
    Shape("a decision under its date", "cognitive_by_date/2026-01-15/decisions/d1", DECISION,
          "2026-01-15T00:00:00.000000Z", "path", "INFO", "default", "Momentum is gone", {}, FLAT),
    Shape("a document without fields", f"{TRADES}/empty", {}, "2026-01-15T00:00:00.000000Z", "path",
          "DEFAULT", "default", "{}", {"bot": "stock_trader"}),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.title)
def test_every_field_of_a_document(serve: Serve, tmp_path: Path, shape: Shape) -> None:
    """A document of this shape is one entry that says exactly this, and nothing to warn about."""
    mirror = Mirror(tmp_path, serve)
    mirror.put_document(shape.path, shape.fields)

    answer = mirror.read("firestore", shape.settings)

    (entry,) = answer.entries
    assert entry == shape.entry()
    assert (answer.partial, answer.warnings) == (False, [])


def test_documents_of_one_collection_differ_in_their_types(serve: Serve, tmp_path: Path) -> None:
    """Epoch numbers, texts, nulls and nested values in one field: all are told, in order of time."""
    mirror = Mirror(tmp_path, serve)
    times: list[Any] = [
        1768469400000,
        "2026-01-15T09:20:00",
        {"seconds": 5},
        "2026-01-15T15:10:00+05:30",
        None,
    ]
    for number, when in enumerate(times):
        fields = {"timestamp": when, "message": f"m{number}", "quantity": when, "symbol": [when]}
        mirror.put_document(f"{TRADES}/d{number}", fields)

    answer = mirror.read("firestore")

    assert answer.messages == ["m2", "m4", "m1", "m0", "m3"]
    assert [entry["timestamp_from"] for entry in answer.entries] == [
        "path",
        "path",
        "field",
        "field",
        "field",
    ]


def test_a_trade_that_closed_appears_once_as_it_is_now(serve: Serve, tmp_path: Path) -> None:
    """A document that was updated in place keeps its id and is told in its present state."""
    mirror = Mirror(tmp_path, serve)
    mirror.put_document(f"{TRADES}/a1", OPEN)
    before = mirror.read("firestore").entries
    mirror.put_document(f"{TRADES}/a1", CLOSED, "2026-01-15T19:00:00Z")

    after = mirror.read("firestore").entries

    assert [entry["id"] for entry in before] == [entry["id"] for entry in after]
    assert [entry["payload"]["status"] for entry in before + after] == ["open", "closed"]


BROKEN = {
    "empty": b"",
    "cut": b"{",
    "array": b"[1]",
    "null": b"null",
    "not UTF-8": b'{"message": "\xff"}',
    "deep": b"[" * 100_000,
}


def test_a_document_that_cannot_be_decoded_is_its_text(serve: Serve, tmp_path: Path) -> None:
    """Its text is the message; there is no record that could be the payload."""
    mirror = Mirror(tmp_path, serve)
    mirror.put_document(f"{TRADES}/broken", {})
    (tmp_path / "firestore" / f"{TRADES}/broken.json").write_bytes(b'{"symbol": "TC')

    (entry,) = mirror.read("firestore").entries

    assert (entry["message"], entry["severity"], entry["payload"]) == ('{"symbol": "TC', "DEFAULT", None)


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_document_that_is_none_spares_the_others(serve: Serve, tmp_path: Path, data: bytes) -> None:
    """What is not one JSON object is warned about by its name, and its neighbours are told."""
    mirror = Mirror(tmp_path, serve)
    mirror.put_document(f"{TRADES}/a1", OPEN)
    mirror.put_document(f"{TRADES}/broken", {})
    (tmp_path / "firestore" / f"{TRADES}/broken.json").write_bytes(data)

    answer = mirror.read("firestore")

    assert f"firestore:{TRADES}/a1" in [entry["id"] for entry in answer.entries]
    assert answer.partial
    assert {"firestore"} == {warning["source"] for warning in answer.warnings}
    assert any("broken" in warning.get("object", "") for warning in answer.warnings)
