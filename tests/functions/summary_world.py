"""What tests of summaries through the front door share: a day of logs, a truthful model, short asks."""

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from shared import metrics, wiring
from shared.query import LogQuery
from shared.sources.source import Budget, Health, Page, Plan, Scanned
from tests.conftest import Serve, bearer, token
from tests.functions.mirror import Mirror, jsonl, stored_line, zipped

DAY: Final = {"start": "2026-01-15T00:00:00Z", "end": "2026-01-16T00:00:00Z"}
MODEL: Final = "gpt-4o-mini"
FOLDER: Final = "trades/2026/01/15/stock_trader"
TRADES: Final = "gpt_runner_trades/stock_trader/2026-01-15"

SIGNING = "a-signing-key-for-tests-0123456789"


def record(minute: int, message: str, level: str = "ERROR", bot: str = "stock_trader") -> dict[str, Any]:
    """A record of that minute after 04:00 UTC."""
    time = f"2026-01-15T{4 + minute // 60:02}:{minute % 60:02}:07.250000Z"
    return {"timestamp": time, "level": level, "message": message, "bot_type": bot}


def trade(trade_id: str = "T17", **changes: Any) -> dict[str, Any]:
    """A closed trade's record."""
    whole = {
        "trade_id": trade_id,
        "symbol": "TCS",
        "strategy": "vwap",
        "bot_type": "stock_trader",
        "direction": "BUY",
        "quantity": 10,
        "entry_price": 3500.5,
        "exit_price": 3520.5,
        "status": "closed",
        "pnl": 200.0,
        "entry_time": "2026-01-15T04:30:00Z",
        "exit_time": "2026-01-15T05:30:00Z",
    }
    return whole | changes


def write_day(mirror: Mirror) -> None:
    """Entries of every source: 40 errors, 30 lines of pods, a reflection, and one trade told three times."""
    errors = [
        record(n, f"Insufficient margin for TCS: required {5000 + n}, available 100") for n in range(40)
    ]
    mirror.put(f"{FOLDER}/system_logs_043107_v1.jsonl.gz", zipped(jsonl(errors)))
    mirror.put(f"{FOLDER}/trades_detailed_060000_v1.json.gz", zipped(json.dumps([trade()]).encode()))
    summary = ",".join(trade()) + "\n" + ",".join(str(value) for value in trade().values()) + "\n"
    mirror.put(f"{FOLDER}/trades_summary_060000_v1.csv.gz", zipped(summary.encode()))
    mirror.put_document(f"{TRADES}/auto1", trade())
    mirror.put_lines(
        stored_line(
            f"2026-01-15T05:{n:02}:00Z",
            f"[2026-01-15 05:{n:02}:00] [INFO] [system] Heartbeat {n} of the feed",
            insert_id=f"line-{n}",
            container="options-trader",
        )
        for n in range(30)
    )


def rows(messages: list[dict[str, str]]) -> list[list[Any]]:
    """The patterns that a prompt shows: JSON arrays whose last element are the examples."""
    lines = messages[-1]["content"].splitlines()[1:-1]
    return [row for line in lines if isinstance(row := json.loads(line), list)]


def truthful(messages: list[dict[str, str]]) -> str:
    """What an honest model says: the first pattern's first example, word for word."""
    found = rows(messages)
    ref, bot, text = found[0][-1][0][0], found[0][-1][0][-2], found[0][-1][0][-1]
    finding = {
        "claim": text,
        "kind": "fact",
        "severity": found[0][0],
        "bots": [bot] if bot else [],
        "citations": [ref],
        "quote": text,
    }
    return json.dumps({"headline": text, "findings": [finding], "recommended_checks": []})


def by(role: str, sub: str = "") -> dict[str, str]:
    """The header of a caller: of a role, or some other one of that role."""
    return {"Authorization": f"Bearer {token(role, sub=sub)}"} if sub else bearer(role)


def ask(client: Any, body: Any = None, role: str = "analyst", **headers: str) -> Any:
    """`POST /logs/summary` of the day, or with a body of its own; header names with `_` for `-`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/logs/summary", json=DAY | (body or {}), headers=bearer(role) | sent)


def made(client: Any, body: Any = None, role: str = "analyst", **headers: str) -> Any:
    """The summary; it must be 200, and its counts must add up."""
    answer = ask(client, body, role, **headers)
    assert answer.status_code == 200, answer.text
    check_counts(answer.json)
    return answer.json


def check_counts(summary: Any) -> None:
    """What is shown and what is left out is what matched; and all of it was counted."""
    coverage = summary["coverage"]
    assert sum(one["count"] for one in summary["patterns"]) + coverage["omitted"] == coverage["matched"]
    assert coverage["shown"] + coverage["omitted"] == coverage["matched"] == summary["facts"]["entries"]
    assert sum(summary["facts"]["by_source"].values()) == coverage["matched"]
    assert sum(summary["facts"]["by_hour"].values()) == coverage["matched"]


def counted(name: str, *labels: str) -> float:
    """What this process has counted of a metric, with these values of its labels."""
    totals = {tuple(json.loads(field_)): amount for field_, amount in metrics.process.totals().items()}
    return totals.get((name, *labels), 0.0)


def codes(summary: Any) -> set[str]:
    """The codes of its warnings."""
    return {warning["code"] for warning in summary["coverage"]["warnings"]}


@dataclass
class AtOnce:
    """Calls made at the same time, each by a thread of its own; `results` in no order."""

    calls: Iterable[Callable[[], Any]]
    results: list[Any] = field(default_factory=list)

    def run(self) -> list[Any]:
        """All of them to their ends."""
        threads = [threading.Thread(target=lambda c=call: self.results.append(c())) for call in self.calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.results


def day_of(serve: Serve, root: Path) -> Mirror:
    """A mirror with the day in it."""
    mirror = Mirror(root, serve)
    write_day(mirror)
    return mirror


@dataclass
class Instead:
    """A source that does not work: it raises, or it keeps everybody waiting."""

    name: str
    error: Exception | None = None
    wait_s: float = 0.0
    asked: int = 0

    def read(self, query: LogQuery, budget: Budget) -> Page:
        """Never a page, but after a wait an empty one."""
        self.asked += 1
        threading.Event().wait(self.wait_s)
        if self.error:
            raise self.error
        return Page(self.name, [], None, False, [], Scanned())

    def plan(self, query: LogQuery, budget: Budget) -> Plan:
        """Nothing."""
        return Plan(self.name)

    def digest(self, query: LogQuery, budget: Budget) -> str:
        """Nothing."""
        return ""

    def check(self, deadline_s: float) -> Health:
        """Down."""
        return Health(self.name, "down", 0.0)


def use(monkeypatch: pytest.MonkeyPatch, *sources: Instead) -> None:
    """These in place of the real ones, of a function that was served before."""
    for source in sources:
        monkeypatch.setattr(wiring, f"{source.name}_source", lambda given=source: given)
