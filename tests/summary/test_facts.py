"""Facts: sums that nobody has to believe a model for; a trade is one trade wherever it is told."""

from datetime import UTC
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.incidents import START, corpus, entry_id
from benchmarks.summaries import REDACTOR
from shared import instant
from shared.entry import LogEntry, Severity
from shared.normalise import labels_of, message_of
from shared.query import Window
from shared.summary.facts import MAX_NAMES, Facts
from shared.summary.line import Line, line_reader

WINDOW = Window(START, START + instant.DAY)
READ = line_reader(REDACTOR, UTC)


def record_line(source: str, record: dict[str, Any], number: int = 0, bot: str = "stock_trader") -> Line:
    """A stored record as summaries see it."""
    at = START + number * instant.MINUTE
    entry = LogEntry(
        id=entry_id(source, bot, number, at), timestamp=at, timestamp_from="field", severity=Severity.INFO,
        severity_from="default", source=source, message=message_of(record), labels=labels_of(record, bot=bot),
        trace=None, payload=record, origin={},
    )  # fmt: skip
    return READ(entry)


def facts_of(*lines: Line) -> dict[str, Any]:
    """The facts of some lines."""
    facts = Facts()
    for line in lines:
        facts.add(line)
    return facts.document(WINDOW)


def plain_line(number: int, bot: str, severity: Severity = Severity.INFO) -> Line:
    """An entry that tells of no trade, a minute after the one before it."""
    at = START + number * instant.MINUTE
    return Line(entry_id("pods", bot, number, at), at, severity, "pods", "tick", {"bot": bot})


DETAILED = {
    "trade_id": "T17", "symbol": "TCS", "strategy": "vwap", "bot_type": "stock_trader", "direction": "BUY",
    "quantity": 10, "entry_price": 3120.5, "exit_price": 3132.5, "status": "closed", "pnl": 120.0,
    "entry_time": "2026-01-15T04:00:00", "exit_time": "2026-01-15T05:00:00",
}  # fmt: skip
SUMMARY_CSV = {name: str(value) for name, value in DETAILED.items()}
FIRESTORE_OPEN = DETAILED | {"status": "open", "exit_price": None, "exit_time": None, "pnl": None}


def test_a_trade_told_three_times_is_one_trade() -> None:
    """By the detailed file, by the summary CSV with its texts, and by Firestore."""
    trades = facts_of(
        record_line("gcs", DETAILED),
        record_line("gcs", SUMMARY_CSV, 1),
        record_line("firestore", DETAILED, 2),
    )["trades"]

    assert (trades["opened"], trades["closed"], trades["winners"], trades["pnl"]) == (1, 1, 1, 120.0)
    assert trades["by_bot"]["stock_trader"]["opened"] == 1
    assert trades["by_strategy"]["vwap"]["pnl"] == 120.0


def test_the_end_of_a_trade_is_believed() -> None:
    """Opened in one place and closed in another: it is closed, whichever was read first."""
    lines = [record_line("firestore", FIRESTORE_OPEN), record_line("gcs", DETAILED, 1)]

    for told in (lines, lines[::-1]):
        trades = facts_of(*told)["trades"]
        assert (trades["opened"], trades["closed"], trades["pnl"]) == (1, 1, 120.0)


def test_trades_without_an_id_are_known_by_what_they_are() -> None:
    """The same bot, symbol, quantity, price and second is the same trade, as number or as text."""
    record = {name: value for name, value in DETAILED.items() if name != "trade_id"}
    again = {name: str(value) for name, value in record.items()}
    other = record | {"quantity": 11}

    trades = facts_of(
        record_line("gcs", record), record_line("firestore", again, 1), record_line("gcs", other, 2)
    )["trades"]

    assert trades["opened"] == 2


def test_rejected_trades_are_not_opened() -> None:
    """They have a count of their own, and no result."""
    rejected = {
        "timestamp": "2026-01-15T04:00:00", "symbol": "TCS", "strategy": "vwap", "entry_price": 3120.5,
        "quantity": 10, "required_margin": 50_000, "rejection_reason": "insufficient margin",
        "status": "rejected_insufficient_margin",
    }  # fmt: skip

    trades = facts_of(record_line("firestore", rejected), record_line("gcs", DETAILED, 1))["trades"]

    assert (trades["opened"], trades["rejected"], trades["pnl"]) == (1, 1, 120.0)


def test_equal_ids_of_two_bots_are_two_trades() -> None:
    """Bots count for themselves."""
    other = DETAILED | {"bot_type": "hedger"}

    assert (
        facts_of(record_line("gcs", DETAILED), record_line("gcs", other, 1, bot="hedger"))["trades"]["opened"]
        == 2
    )


def test_a_trade_that_ends_later_is_still_open_in_the_window() -> None:
    """The window's end is what counts, not the time of reading."""
    later = DETAILED | {"exit_time": "2026-01-16T05:00:00"}

    trades = facts_of(record_line("gcs", later))["trades"]

    assert (trades["opened"], trades["closed"], trades["pnl"]) == (1, 0, 0.0)


def test_crooked_numbers_count_as_none() -> None:
    """A result that is no number is no result; the trade is still one."""
    lines = [
        record_line("gcs", DETAILED | {"trade_id": f"T{at}", "pnl": pnl}, at)
        for at, pnl in enumerate(("NaN", "Infinity", "", None, "12,5", {"a": 1}, 10**400, "7.25"))
    ]

    trades = facts_of(*lines)["trades"]

    assert (trades["closed"], trades["winners"], trades["pnl"]) == (8, 1, 7.25)


def test_losses_and_wins_add_up_to_the_cent() -> None:
    """Sums of cents are exact in any order."""
    lines = [
        record_line("gcs", DETAILED | {"trade_id": f"T{at}", "pnl": 0.1 if at % 3 else -0.2}, at)
        for at in range(300)
    ]

    trades = facts_of(*lines)["trades"]

    assert (trades["winners"], trades["losers"], trades["pnl"]) == (200, 100, 0.0)


def test_times_without_an_offset_are_in_the_zone_of_the_logs() -> None:
    """05:00 in Kolkata is the day before in UTC, and within another window."""
    read = line_reader(REDACTOR, ZoneInfo("Asia/Kolkata"))
    record = DETAILED | {"exit_time": "2026-01-16T05:00:00"}
    entry = LogEntry(
        id="gcs:x#1:1", timestamp=START, timestamp_from="field", severity=Severity.INFO,
        severity_from="default", source="gcs", message="m", labels=labels_of(record), trace=None,
        payload=record, origin={},
    )  # fmt: skip

    assert facts_of(read(entry))["trades"]["closed"] == 1


def test_counts_are_by_severity_source_bot_and_hour() -> None:
    """Each entry once in each table; the worst severity and the busiest bot first."""
    facts = facts_of(
        plain_line(0, "hedger"),
        plain_line(1, "hedger", Severity.ERROR),
        plain_line(70, "stock_trader", Severity.ALERT),
    )

    assert facts["entries"] == 3
    assert list(facts["by_severity"].items()) == [("ALERT", 1), ("ERROR", 1), ("INFO", 1)]
    assert list(facts["by_bot"].items()) == [("hedger", 2), ("stock_trader", 1)]
    assert facts["by_source"] == {"pods": 3}
    assert facts["by_hour"] == {"2026-01-15T00:00Z": 2, "2026-01-15T01:00Z": 1}


def test_any_number_of_names_is_told_as_fifty() -> None:
    """Labels come from logs: a flood of them does not flood the facts."""
    facts = facts_of(*(plain_line(at, f"bot{at:04}") for at in range(300)))

    assert len(facts["by_bot"]) == MAX_NAMES
    assert facts["entries"] == 300


def test_bots_that_fell_silent_are_told() -> None:
    """Gone since the window before, or quiet in the last quarter while others wrote."""
    facts = Facts()
    for at in range(60):
        facts.add(plain_line(at, "hedger"))
        facts.add(plain_line(at * 24, "stock_trader"))
    facts.add(plain_line(5, "rare_bot"))
    before = Facts()
    before.see(plain_line(3, "gone_bot"))
    before.see(plain_line(-10, "hedger"))

    assert list(facts.silent(before.last, WINDOW)) == ["gone_bot", "hedger"]


def test_who_rests_every_night_has_not_fallen_silent() -> None:
    """Quiet at the end of the window before, too: a bot that writes while its market is open."""
    facts, before = Facts(), Facts()
    for at in range(60):
        facts.add(plain_line(at, "day_trader"))
        facts.add(plain_line(at * 24, "night_trader"))
    before.see(plain_line(59 - 1440, "day_trader"))

    assert facts.silent(before.last, WINDOW) == {}


def test_nobody_is_silent_when_everybody_is() -> None:
    """A market that closed is no bot that failed."""
    facts = Facts()
    for at in range(60):
        facts.add(plain_line(at, "hedger"))

    assert facts.silent({}, WINDOW) == {}


LINES = [READ(entry) for entry in corpus(32, lines=400, problems=10).entries] + [
    record_line(
        "gcs", DETAILED | {"trade_id": f"T{at % 7}", "pnl": at, "status": "open" if at % 3 else "closed"}, at
    )
    for at in range(40)
]
WHOLE = facts_of(*LINES)


@settings(deadline=None, max_examples=25)
@given(st.randoms(use_true_random=False))
def test_facts_of_parts_in_any_order_are_the_facts_of_the_whole(rng: Random) -> None:
    """Shuffled, cut, and merged."""
    lines = list(LINES)
    rng.shuffle(lines)
    cut = rng.randrange(len(lines))
    first, second = Facts(), Facts()
    for line in lines[:cut]:
        first.add(line)
    for line in lines[cut:]:
        second.add(line)

    second.merge(first)

    assert second.document(WINDOW) == WHOLE
