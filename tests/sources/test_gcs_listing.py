"""How Cloud Storage is listed: everything that may be of the window, with few calls and little beside it."""

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import instant
from shared.arguments import Arguments
from shared.config import GcsSettings
from shared.layout import date_in, days_of
from shared.policy import UNRESTRICTED
from shared.query import LogQuery
from shared.redact import Redactor
from shared.sources.gcs import CloudObjects
from shared.sources.gcs_calls import Calls
from shared.sources.gcs_local import LocalObjects
from shared.sources.object_store import ObjectStore
from shared.sources.objects import ObjectLogs
from shared.sources.source import Budget
from tests.servers.fake_gcs import FakeGcs

BOTS = ("futures_trader", "options_trader", "paper_trader", "stock_trader")
FIRST, DAYS = date(2023, 1, 1), 3 * 365 + 1
WINDOWS = (
    "2024-06-15T12:00",  # within a month
    "2024-06-15T00:00",
    "2025-01-31T10:00",  # over a month's end
    "2025-02-28T12:00",
    "2024-12-31T18:00",  # over a year's end
    "2024-01-01T05:00",
    "2023-01-01T00:00",  # at the first day
    "2025-12-31T23:00",  # at the last
)
# Layout, its most list calls, its most rows beside those of the window.
FOLDERS = {
    "{day:%Y/%m/%d}/{bot}/log_HH0000.json": (10, 0),
    "{day:%Y-%m-%d}/{bot}/log_HH0000.json": (10, 0),
    "{day:%Y%m%d}/{bot}/log_HH0000.json": (10, 0),
    "{bot}/{day:%Y/%m/%d}/log_HH0000.json": (20, 0),
    "{bot}/{day:%Y-%m-%d}/log_HH0000.json": (20, 0),
    "{bot}/{day:%Y%m%d}/log_HH0000.json": (20, 0),
}
NAMES = {
    "{day:%Y-%m-%d}_{bot}_HH.json": (10, 32),
    "{day:%Y%m%d}_HH0000_{bot}.json": (10, 32),
    "{bot}/log_{day:%Y-%m-%d}_HH.json": (25, 128),
    "{bot}_{day:%Y%m%d}_HH0000.json": (25, 128),
}


@pytest.fixture(scope="module")
def gcs() -> Iterator[FakeGcs]:
    """One server for the module, a bucket for each layout or test."""
    with FakeGcs() as server:
        yield server


Found = Callable[[str, str, str], set[str]]


@pytest.fixture
def found(gcs: FakeGcs) -> Iterator[Found]:
    """The names listed for 24 hours from a time on."""
    stores = []

    def names(bucket: str, prefix: str, start: str) -> set[str]:
        store = CloudObjects(GcsSettings(gcs_bucket_name=bucket), Calls("p", endpoint=gcs.url))
        stores.append(store)
        gcs.reset()
        return {info.name for info in store.list(bucket, prefix, days_from(start), Budget(60))}

    yield names
    for store in stores:
        store.close()


def days_from(start: str) -> tuple[date, date]:
    """The dates that a window of 24 hours is about."""
    begin = instant.from_datetime(datetime.fromisoformat(start).replace(tzinfo=UTC))
    return days_of(begin, begin + instant.DAY, UTC)


Fill = Callable[[str], dict[str, date]]


@pytest.fixture(scope="module")
def fill(gcs: FakeGcs) -> Fill:
    """A bucket, named by its layout, of three years of hourly objects of four bots: names and dates."""

    @cache
    def filled(layout: str) -> dict[str, date]:
        names = {}
        for day in (FIRST + timedelta(days=number) for number in range(DAYS)):
            updated = datetime(day.year, day.month, day.day, tzinfo=UTC)
            for bot in BOTS:
                name = "trades/" + layout.format(day=day, bot=bot)
                for hour in range(24):
                    named = name.replace("HH", f"{hour:02}")
                    gcs.put(layout, named, b"{}", updated=updated, generation=1)
                    names[named] = day
        return names

    return filled


@pytest.mark.parametrize("start", WINDOWS)
@pytest.mark.parametrize("layout", sorted(FOLDERS | NAMES))
def test_a_day_of_three_years_takes_few_calls(
    gcs: FakeGcs, fill: Fill, found: Found, layout: str, start: str
) -> None:
    """Every object of the window's dates is listed, and what it costs does not grow with the bucket."""
    first, last = days_from(start)
    wanted = {name for name, day in fill(layout).items() if first <= day <= last}

    names = found(layout, "trades/", start)

    most_calls, most_beside = (FOLDERS | NAMES)[layout]
    assert len(wanted) <= 384
    assert wanted <= names
    assert gcs.calls == {"list": gcs.calls["list"]}
    assert gcs.calls["list"] <= most_calls
    assert gcs.rows <= len(wanted) + most_beside


def test_many_folders_without_dates_are_listed_whole(gcs: FakeGcs, found: Found) -> None:
    """A folder a trade, none with a date: a call for the first few, then a thousand objects a call."""
    names = {f"trades/T{number:05}/record.json" for number in range(3500)}
    for name in names:
        gcs.put("plain", name, b"{}")

    assert found("plain", "trades/", "2024-06-15T12:00") == names
    assert gcs.calls["list"] <= 20


def test_dates_among_many_folders_without_dates_are_still_left_out(gcs: FakeGcs, found: Found) -> None:
    """Listing whole ends at the first date, and the years of that folder are not read."""
    plain = {f"trades/{letter}{number:03}/x.json" for letter in "am" for number in range(100)}
    for name in plain:
        gcs.put("among", name, b"{}")
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        for hour in range(24):
            gcs.put("among", f"trades/k/{day:%Y/%m/%d}/log_{hour:02}.json", b"{}")

    names = found("among", "trades/", "2024-06-15T12:00")

    assert plain <= names
    assert {name for name in names if date_in(name) == date(2024, 6, 15)}
    assert gcs.rows < 2500


MIXED = [
    "trades/misc.json",
    "trades/notes/readme.json",
    "trades/notes/deep/er/readme.json",
    "trades/2026-01-15/x.json",
    "trades/2026-01-15_x.json",
    "trades/20260115/x.json",
    "trades/20260115_x.json",
    "trades/2026.json",
    "trades/2026/loose.json",
    "trades/2026/0-loose.json",
    "trades/2026/~loose.json",
    "trades/2026/2026-01-15_x.json",
    "trades/2026/2026-01-15/x.json",
    "trades/2026/loose/x.json",
    "trades/2026/13/x.json",
    "trades/2026/01/loose.json",
    "trades/2026/01/15.json",
    "trades/2026/01/00.json",
    "trades/2026/01/2026-01-15_x.json",
    "trades/2026/01/loose/x.json",
    "trades/2026/01/15/x.json",
    "trades/2026/01/15/stock_trader/x.json",
    "trades/2026/01/15/stock_trader/2025-12-31.json",
    "trades/stock_trader/x.json",
    "trades/stock_trader/2026/01/15/x.json",
    "trades/stock_trader/2026-01-15/x.json",
    "trades/stock_trader/20260115/x.json",
    "trades/stock_trader/logs_20260115_093000.json",
    "trades/stock_trader/vwap/2026/01/15/x.json",
    "trades/stock_trader/1999/01/15/x.json",
    "trades/₹/2026/01/15/₹.json",
    "trades/a b/2026/01/15/#?.json",
    "tradesman/2026/01/15/x.json",
]


@pytest.mark.parametrize("start", WINDOWS[2:5])
def test_a_file_loose_in_a_year_of_many_bots_is_found(gcs: FakeGcs, found: Found, start: str) -> None:
    """Calls are spared for tidy bots only: a summary beside the months is listed in every window."""
    bucket = f"loose-{start}"
    first, _ = days_from(start)
    for bot in (*BOTS, "crypto_trader"):
        for number in range(-40, 40):
            day = first + timedelta(days=number)
            gcs.put(bucket, f"trades/{bot}/{day:%Y/%m/%d}/log.json", b"{}")
            gcs.put(bucket, f"trades/{bot}/{day:%Y}/summary.json", b"{}")

    names = found(bucket, "trades/", start)

    assert {f"trades/{bot}/{first:%Y}/summary.json" for bot in (*BOTS, "crypto_trader")} <= names


PREFIXES = ["", "trades/", "trades/2026/", "trades/2026/01/", "trades/2026/01/15/"]
PREFIXES += ["trades/20", "trades/stock", "trades/2026/01/1"]  # which end within a name


def shifted(name: str, days: int) -> str:
    """A name with another date in it, whichever way it is written."""
    day = date(2026, 1, 15) + timedelta(days=days)
    return (
        name.replace("2026/01/15", f"{day:%Y/%m/%d}")
        .replace("2026-01-15", f"{day:%Y-%m-%d}")
        .replace("20260115", f"{day:%Y%m%d}")
        .replace("2026/01/", f"{day:%Y/%m/}")
        .replace("trades/2026", f"trades/{day:%Y}")
    )


def objects(store: ObjectStore, query: LogQuery) -> set[str]:
    """What the source lists over a store, by bucket and name."""
    gcs_settings = GcsSettings(gcs_bucket_name=store.buckets()[0])
    listing = ObjectLogs(store, gcs_settings, UTC, Redactor(b"k" * 32)).objects(query, Budget(60))
    return set(listing.items)


def both(gcs: FakeGcs, root: Path, bucket: str, names: Iterable[str]) -> tuple[ObjectStore, ObjectStore]:
    """The same objects in Cloud Storage and in the local mirror."""
    updated = datetime(2026, 12, 31, tzinfo=UTC)
    gcs.create_bucket(bucket)
    (root / bucket).mkdir(parents=True)
    for name in names:
        gcs.put(bucket, name, b"{}", updated=updated)
        path = root / bucket / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"{}")
        os.utime(path, (updated.timestamp(), updated.timestamp()))
    gcs_settings = GcsSettings(gcs_bucket_name=bucket)
    return CloudObjects(gcs_settings, Calls("p", endpoint=gcs.url)), LocalObjects(root, (bucket,))


def between(start: str, end: str, prefix: str = "") -> LogQuery:
    """A query of a window of dates."""
    text = f"start={start}T00:00:00Z&end={end}T00:00:00Z" + (f"&prefix={prefix}" if prefix else "")
    now = instant.from_datetime(datetime(2027, 1, 1, tzinfo=UTC))
    return LogQuery.from_args(
        Arguments(text), route="/logs/gcs", now=now, policy=UNRESTRICTED, sources=("gcs",)
    )


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-01-15", "2026-01-16"),
        ("2026-01-31", "2026-02-01"),
        ("2025-12-31", "2026-01-01"),
        ("2026-01-01", "2026-01-02"),
        ("2025-12-20", "2026-02-10"),
        ("2025-06-01", "2026-06-01"),
        ("2024-01-01", "2024-01-02"),
    ],
)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_mixed_layouts_are_listed_as_the_local_mirror_lists_them(
    gcs: FakeGcs, tmp_path: Path, start: str, end: str, prefix: str
) -> None:
    """Whatever layouts meet under a prefix, and whatever lies loose between dates, nothing is lost."""
    shifts = (-400, -40, -16, -15, -14, -2, -1, 0, 1, 2, 16, 17, 40, 400)
    names = {shifted(name, days) for name in MIXED for days in shifts}
    cloud, local = both(gcs, tmp_path, f"mixed-{start}-{end}-{prefix}", names)

    query = between(start, end, prefix)

    assert objects(cloud, query) == objects(local, query)


segments = st.sampled_from(
    ["stock_trader", "2025", "2026", "12", "01", "14", "15", "2026-01-15", "20260116", "2025-12-31", "x"]
)
names = st.lists(segments, max_size=5).flatmap(
    lambda folders: st.sampled_from(["a.json", "log_20260115.json", "2026-01-14_a.json", "15", "1.json"]).map(
        lambda file: "/".join(["trades", *folders, file])
    )
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stored=st.sets(names, max_size=40), day=st.sampled_from(["2026-01-14", "2025-12-30", "2026-02-01"]))
def test_any_tree_of_folders_is_listed_as_the_local_mirror_lists_it(
    gcs: FakeGcs, tmp_path_factory: pytest.TempPathFactory, stored: set[str], day: str
) -> None:
    """Of any folders and files, dated or not, both stores find the same."""
    stored = {name for name in stored if not any(other.startswith(name + "/") for other in stored)}
    root = tmp_path_factory.mktemp("any")
    cloud, local = both(gcs, root, root.name, stored)

    query = between(day, (date.fromisoformat(day) + timedelta(days=1)).isoformat())

    assert objects(cloud, query) == objects(local, query)
