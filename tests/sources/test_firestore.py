"""What is read of Firestore: everything that may be of the window, little beside it, side by side."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.types import StructuredQuery

from shared import instant
from shared.errors import NotFound
from shared.policy import UNRESTRICTED
from shared.sources.firestore_local import LocalDocuments
from shared.sources.source import Budget
from tests.conftest import Serve, bearer
from tests.servers.firestore_emulator import FirestoreEmulator, missing
from tests.servers.firestore_proxy import LISTS, Gate
from tests.servers.required import require
from tests.sources.firestore_world import ALL_TEMPLATES, NOW, World, ask, read, source_of, world_in

BOTS = ("alpha", "futures_trader", "options_trader", "paper_trader", "stock_trader")
FIRST_DAY, DAYS = date(2024, 11, 22), 730


@pytest.fixture(scope="module")
def emulator() -> Iterator[FirestoreEmulator]:
    """One emulator for the module, a project for each test."""
    require("the Firestore emulator", missing() is None)
    with FirestoreEmulator() as running:
        yield running


@pytest.fixture
def world(emulator: FirestoreEmulator) -> Iterator[World]:
    """An empty Firestore."""
    with world_in(emulator) as made:
        yield made


@pytest.fixture(scope="module")
def history(emulator: FirestoreEmulator) -> str:
    """Five bots that do not exist as documents, two years of dates each, one document at noon of each."""
    with world_in(emulator, "history") as made:
        days = [FIRST_DAY + timedelta(days=n) for n in range(DAYS)]
        made.put(
            {
                f"gpt_runner_trades/{bot}/{day}/d": {"ts": f"{day}T12:00:00", "message": f"{bot} {day}"}
                for bot in BOTS
                for day in days
            }
        )
    return "history"


@pytest.fixture
def two_years(emulator: FirestoreEmulator, history: str) -> Iterator[World]:
    """The history, read by a product of the test's own."""
    with world_in(emulator, history) as made:
        yield made


WINDOWS = {
    "a day": ("2026-11-18T00:00:00Z", "2026-11-19T00:00:00Z", 1),
    "from noon to noon": ("2026-11-17T12:00:00Z", "2026-11-18T12:00:00Z", 1),
    "an hour": ("2026-11-18T11:30:00Z", "2026-11-18T12:30:00Z", 1),
    "a week": ("2026-11-05T00:00:00Z", "2026-11-12T00:00:00Z", 7),
    "over a year's end": ("2025-12-31T00:00:00Z", "2026-01-02T00:00:00Z", 2),
    "a quarter": ("2026-08-20T00:00:00Z", "2026-11-18T00:00:00Z", 90),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_cost_grows_with_the_window_and_not_with_the_store(two_years: World, name: str) -> None:
    """Of two years, the dates of the window and two days more are read, with at most 3 list calls a bot."""
    start, end, dates = WINDOWS[name]
    budget = Budget(120)
    query = ask(f"start={start}&end={end}&page_size=1000")

    found = [entry.id for entry in two_years.source().read(query, budget).entries]

    assert len(found) == len(set(found)) == min(dates * len(BOTS), 1000)
    documents, calls = two_years.proxy.documents, len(two_years.proxy.made(*LISTS))
    assert documents <= (dates + 3 if name == "from noon to noon" else dates + 2) * len(BOTS)
    assert len(found) <= budget.scanned.documents <= documents
    assert calls <= (1 if dates == 1 else 3 * len(BOTS) + 1)


def test_scanned_counts_the_calls_that_were_made(two_years: World) -> None:
    """`api_calls` is what Firestore was asked, listings and reads in vain included."""
    budget = Budget(60)

    two_years.source().read(ask("start=2026-11-01T00:00:00Z&end=2026-11-15T00:00:00Z&page_size=1"), budget)

    two_years.proxy.settle(budget.scanned.api_calls)
    assert budget.scanned.api_calls == len(two_years.proxy.calls)


def test_collections_are_read_side_by_side(two_years: World) -> None:
    """Nine reads wait for each other: the scan's own and the eight behind it."""
    gate = two_years.proxy.gate = Gate(9)

    found = read(two_years.source(), "start=2026-11-18T00:00:00Z&end=2026-11-19T00:00:00Z")

    assert gate.opened.is_set()
    assert [entry.message.split()[0] for entry in found] == sorted(BOTS, reverse=True)


def test_a_full_page_starts_no_more_reads(two_years: World) -> None:
    """Of 32 dates of five bots, a page of the newest two entries reads the first few and eight ahead."""
    budget = Budget(60)

    page = two_years.source().read(
        ask("start=2026-10-20T00:00:00Z&end=2026-11-19T00:00:00Z&page_size=2"), budget
    )
    two_years.proxy.settle(budget.scanned.api_calls)
    reads = len(two_years.proxy.made("RunQuery"))

    assert [entry.message for entry in page.entries] == ["stock_trader 2026-11-18", "paper_trader 2026-11-18"]
    # Dates 19 to 17 may hold entries of the 18th: five bots each, and eight ahead.
    assert reads <= 4 * len(BOTS) + 8


def test_only_reads_by_name_are_asked(two_years: World) -> None:
    """No query filters or orders by a field: that would leave documents out, or need an index."""
    read(two_years.source(*ALL_TEMPLATES))

    for call in two_years.proxy.made("RunQuery"):
        query = call.query().structured_query
        assert [order.field.field_path for order in query.order_by] == ["__name__"]
        assert query.where == StructuredQuery.Filter()


AT = datetime(2026, 11, 20, 4, 31, 7, 250_000, tzinfo=UTC)
STORED: dict[str, Any] = {
    "timestamp": AT,
    "ancient": datetime(1, 1, 2, tzinfo=UTC),
    "bytes": b"\x00\xff",
    "place": GeoPoint(19.07, 72.87),
    "big": 2**63 - 1,
    "float": 0.1,
    "text": "₹ 🚀",
    "nothing": None,
    "flag": True,
    "deep": {"list": [1, {"at": AT, "in": [b"a"]}], "empty": {}},
}
PLAIN: dict[str, Any] = {
    "timestamp": "2026-11-20T04:31:07.250000Z",
    "ancient": "0001-01-02T00:00:00.000000Z",
    "bytes": "AP8=",
    "place": {"latitude": 19.07, "longitude": 72.87},
    "big": 2**63 - 1,
    "float": 0.1,
    "text": "₹ 🚀",
    "nothing": None,
    "flag": True,
    "deep": {"list": [1, {"at": "2026-11-20T04:31:07.250000Z", "in": ["YQ=="]}], "empty": {}},
}


def test_every_type_of_field_is_told_in_jsons_types(world: World) -> None:
    """Times as the API writes them, whole numbers to the last digit; what JSON cannot say is null."""
    world.put({"live_alerts/a": STORED | {"nan": float("nan"), "inf": float("-inf")}})
    world.client.document("live_alerts/a").update({"mine": world.client.document("live_alerts/b")})

    (entry,) = read(world.source("live_alerts/{doc}"))

    expected = PLAIN | {"nan": None, "inf": None, "mine": "live_alerts/b"}
    assert json.loads(msgspec.json.encode(entry.payload)) == expected
    assert instant.to_text(entry.timestamp) == PLAIN["timestamp"]
    assert entry.timestamp_from == "field"


def test_a_flat_collection_loses_nothing_whatever_its_times_are(world: World) -> None:
    """Timestamps, texts with and without an offset, numbers, nulls and none at all, in one collection."""
    hour = "2026-11-20T08:00:00"
    times: dict[str, Any] = {
        "timestamp": datetime(2026, 11, 20, 8, tzinfo=UTC),
        "text": hour,
        "offset": "2026-11-20T13:30:00+05:30",
        "seconds": 1_795_161_600,
        "millis": 1_795_161_600_000.0,
    }
    undated: dict[str, Any] = {"null": None, "words": "yesterday", "map": {"a": 1}}
    documents = {f"thought_journal/{name}": {"timestamp": time} for name, time in (times | undated).items()}
    documents |= {"thought_journal/none": {"x": 1}, "thought_journal/old": {"timestamp": "2020-01-01"}}
    world.put(documents)
    source = world.source("thought_journal/{doc}")

    dated = read(source, "start=2026-11-20T08:00:00Z&end=2026-11-20T08:00:01Z")
    whole = read(source, f"start={hour}Z&end=2027-11-01T00:00:00Z")

    assert sorted(entry.origin["path"].split("/")[1] for entry in dated) == sorted(times)
    kept = {entry.origin["path"].split("/")[1]: entry.timestamp_from for entry in whole}
    assert kept == dict.fromkeys(times, "field") | dict.fromkeys([*undated, "none"], "metadata")


SEEDED: dict[str, dict[str, Any]] = {
    "gpt_runner_trades/stock_trader/2026-11-20/t1": {
        "trade_id": "T1", "symbol": "TCS", "quantity": 10, "entry_price": 3120.5, "direction": "BUY",
        "status": "closed", "pnl": 120, "entry_time": "2026-11-20T04:00:00", "strategy": "vwap",
    },
    "gpt_runner_trades/stock_trader/2026-11-20/t2": {"symbol": "INFY", "quantity": "3", "entry_price": "9"},
    "gpt_runner_trades/stock_trader/20261120/compact": {"message": "a date without dashes"},
    "gpt_runner_trades/options_trader/2026-11-19/t3": {"timestamp": AT, "level": "ERROR", "message": "bad"},
    "gpt_runner_trades/options_trader": {"note": "a bot that is a document too"},
    "gpt_runner_trades/options_trader/notes/n": {"message": "no date"},
    "gpt_runner_reflections/stock_trader/days/2026-11-20": {"reflection": "# Day\n\nlong"},
    "gpt_runner_reflections/stock_trader/days/20261119": {"reflection": "compact"},
    "gpt_runner_reflections/stock_trader/days/2026-01-02": {"reflection": "long ago"},
    "gpt_runner_reflections/stock_trader/other/2026-11-20": {"reflection": "elsewhere"},
    "live_alerts/a1": {"error_type": "X", "error_message": "boom", "severity": "critical", "timestamp": AT},
    "live_alerts/a2": {"error_message": "no time", "severity": "low"},
    "thought_journal/j1": {"timestamp": "2026-11-20T05:00:00+05:30", "thought": "hm"},
    "daily_reflections/stock_trader_2026-11-20": {"reflection": "named"},
    "daily_reflections/readme": {"reflection": "neither bot nor date"},
    "cognitive_by_date/2026-11-20/decisions/d1": {"decision_id": "D1", "reasoning": "gone"},
    "cognitive_by_date/20261120/decisions/d2": {"decision_id": "D2", "reasoning": "compact"},
    "cognitive_by_date/2026-11-20/other/d3": {"reasoning": "elsewhere"},
}  # fmt: skip


def mirrored(world: World, root: Path) -> LocalDocuments:
    """The documents as the local mirror holds them, with their times."""
    for path in SEEDED:
        stored = world.store.get(path, Budget(60))
        file = root / f"{path}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.json.encode(stored.fields))
        os.utime(file, ns=(stored.update_time, stored.update_time))
    return LocalDocuments(root)


@pytest.mark.parametrize("window", ["", "&since=30d", "&start=2026-11-19T12:00:00Z&end=2027-10-01T00:00:00Z"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_entries_are_those_of_the_local_mirror(world: World, tmp_path: Path, window: str, order: str) -> None:
    """Every template, with literal segments, missing parents and strays: entry for entry, field for field."""
    world.put(SEEDED)
    mirror = mirrored(world, tmp_path / "firestore")

    cloud = world.source(*ALL_TEMPLATES).read(ask(f"order={order}&page_size=1000{window}"), Budget(60))
    local = source_of(mirror, *ALL_TEMPLATES).read(ask(f"order={order}&page_size=1000{window}"), Budget(60))

    sized = msgspec.json.encode
    assert [sized(entry) for entry in cloud.entries] == [sized(entry) for entry in local.entries]
    assert len(cloud.entries) >= 10
    assert cloud.partial is local.partial is False


def test_collections_are_those_of_the_local_mirror(world: World, tmp_path: Path) -> None:
    """The bots and dates that are there, and none that were only tried."""
    world.put(SEEDED)
    mirror = mirrored(world, tmp_path / "firestore")

    cloud = world.source(*ALL_TEMPLATES).collections(ask(), Budget(60)).items
    local = source_of(mirror, *ALL_TEMPLATES).collections(ask(), Budget(60)).items

    assert cloud == local
    trades = cloud["gpt_runner_trades/{bot}/{date}/{doc}"]
    assert (trades["bots"], trades["dates"]) == (
        ["options_trader", "stock_trader"],
        ["2026-11-19", "2026-11-20", "20261120"],
    )


def test_one_document(world: World) -> None:
    """A document by its path; what is missing, only a parent, or cannot be, is not found."""
    world.put({"gpt_runner_trades/alpha/2026-11-20/t": {"at": AT}})
    source = world.source("gpt_runner_trades/{bot}", "gpt_runner_trades/{bot}/{date}/{doc}")

    found = source.document("gpt_runner_trades/alpha/2026-11-20/t", UNRESTRICTED, Budget(60))

    assert (found["path"], found["fields"]) == (
        "gpt_runner_trades/alpha/2026-11-20/t",
        {"at": PLAIN["timestamp"]},
    )
    assert instant.from_rfc3339(found["create_time"]) == instant.from_rfc3339(found["update_time"])
    for path in ("alpha", "nobody", "__reserved__", "x" * 1501):
        with pytest.raises(NotFound):
            source.document(f"gpt_runner_trades/{path}", UNRESTRICTED, Budget(60))


def test_the_front_door_reads_firestore(world: World, emulator: FirestoreEmulator, serve: Serve) -> None:
    """Without a local directory the function asks the project of the settings."""
    world.put({"gpt_runner_trades/alpha/2026-11-20/t": {"timestamp": AT, "message": "hello"}})
    place = {"LOCAL_DATA_DIR": "", "GOOGLE_CLOUD_PROJECT": world.client.project}
    function = serve("firestore", FIRESTORE_EMULATOR_HOST=emulator.host, **place)
    window = {"start": "2026-11-20T00:00:00Z", "end": "2026-11-21T00:00:00Z"}

    answer = function.get("/logs/firestore", query_string=window, headers=bearer("admin"))

    assert answer.status_code == 200
    assert [entry["message"] for entry in answer.json["entries"]] == ["hello"]


def test_a_plan_reads_nothing(two_years: World) -> None:
    """A plan lists bots, and reads no document."""
    plan = two_years.source().plan(ask("since=24h"), Budget(60))

    assert two_years.proxy.documents == 0
    assert 5 <= plan.api_calls <= 41


def test_nothing_was_written_by_the_product(world: World) -> None:
    """A source only reads: the calls it knows are listings and reads."""
    world.put({"live_alerts/a": {"timestamp": instant.to_text(NOW - 1000)}})
    read(world.source("live_alerts/{doc}"))
    world.store.check(2)

    assert {call.method for call in world.proxy.calls} <= {*LISTS, "RunQuery", "BatchGetDocuments"}
