"""Which summaries are made on schedule, when they are due, and what a wrong list is told."""

import json
from datetime import time
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from shared import instant
from shared.summary.schedule import (
    MARKET_HOURS,
    Schedule,
    default_schedules,
    parse_market_hours,
    parse_schedules,
)


def at(text: str) -> int:
    """An instant, written as RFC 3339."""
    found = instant.from_rfc3339(text)
    assert found is not None
    return found


def schedule(cron: str = "0 9 * * *", timezone: str = "UTC", **request: Any) -> Schedule:
    """One schedule, as the setting would give it."""
    text = json.dumps([{"name": "a", "cron": cron, "timezone": timezone, "request": request}])
    (made,) = parse_schedules(text)
    return made


def due(cron: str, timezone: str, after: str, times: int = 1) -> list[str]:
    """When it is due, the first so many times after an instant."""
    made, now, found = schedule(cron, timezone), at(after), []
    for _ in range(times):
        now = made.next_after(now)
        found.append(instant.to_text(now).replace(":00.000000Z", "Z"))
    return found


def told(text: str) -> str:
    """What a list that cannot be used is told."""
    with pytest.raises(ValueError) as caught:  # the sentence is looked at by each test
        parse_schedules(text)
    return str(caught.value)


def test_the_default_digests_leave_no_gap_between_them() -> None:
    """Over three weeks, each digest reaches back to the one before it, weekends included."""
    digests = [each for each in default_schedules() if each.name != "errors"]
    now, runs = at("2026-11-02T00:00:00Z"), []
    for _ in range(30):
        now, reach = min((each.next_after(now), each.request["since"]) for each in digests)
        runs.append((now, now - (instant.from_duration(reach) or 0)))

    assert instant.to_text(now) == "2026-11-20T10:30:00.000000Z"
    assert all(start <= before for (before, _), (_, start) in pairwise(runs))


def test_the_default_list_is_three_digests_around_the_market_and_errors_every_hour() -> None:
    """The day begins before the market opens and ends after it has closed, on the market's clocks."""
    market = parse_market_hours(MARKET_HOURS)
    named = {each.name: each for each in default_schedules()}
    midnight = at("2026-11-24T18:30:00Z")
    clocks = {
        name: instant.to_datetime(each.next_after(midnight)).astimezone(market.zone).time()
        for name, each in named.items()
    }

    assert {each.timezone for each in named.values()} == {"Asia/Kolkata"}
    assert clocks["morning"] < market.open < market.close < clocks["evening"]
    assert clocks["morning-after-weekend"] == clocks["morning"]
    assert clocks["errors"] == time(0, 5)
    assert [named[name].request["type"] for name in ("morning", "evening", "errors")] == [
        "general",
        "trading",
        "errors",
    ]


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("45 8 * * 1-5", "2026-11-27T08:45:00Z", ["2026-11-30T08:45Z", "2026-12-01T08:45Z"]),
        ("45 8 * * 1-5", "2026-11-27T08:44:59.999999999Z", ["2026-11-27T08:45Z", "2026-11-30T08:45Z"]),
        ("0 0 31 * *", "2026-01-31T00:00:00Z", ["2026-03-31T00:00Z", "2026-05-31T00:00Z"]),
        ("59 23 28-31 2 *", "2027-02-28T23:58:59Z", ["2027-02-28T23:59Z", "2028-02-28T23:59Z"]),
        ("0 0 29 feb *", "2026-01-01T00:00:00Z", ["2028-02-29T00:00Z", "2032-02-29T00:00Z"]),
        ("*/25 * * * *", "2026-12-31T23:49:59Z", ["2026-12-31T23:50Z", "2027-01-01T00:00Z"]),
        ("0 9-17/4 * * *", "2026-11-25T09:00:00Z", ["2026-11-25T13:00Z", "2026-11-25T17:00Z"]),
        ("0 9,12 * * MON,wed", "2026-11-25T10:00:00Z", ["2026-11-25T12:00Z", "2026-11-30T09:00Z"]),
        # Sunday is 0 and 7.
        ("0 0 * * 0", "2026-11-25T00:00:00Z", ["2026-11-29T00:00Z", "2026-12-06T00:00Z"]),
        ("0 0 * * 7", "2026-11-25T00:00:00Z", ["2026-11-29T00:00Z", "2026-12-06T00:00Z"]),
        ("0 0 * * 5-7", "2026-11-28T00:00:00Z", ["2026-11-29T00:00Z", "2026-12-04T00:00Z"]),
        # Both days restricted: either is enough. One restricted: it alone.
        ("0 0 13 * FRI", "2026-11-10T00:00:00Z", ["2026-11-13T00:00Z", "2026-11-20T00:00Z"]),
        ("0 0 1 * MON", "2026-11-30T00:00:00Z", ["2026-12-01T00:00Z", "2026-12-07T00:00Z"]),
        ("0 0 13 * *", "2026-11-14T00:00:00Z", ["2026-12-13T00:00Z", "2027-01-13T00:00Z"]),
    ],
)
def test_a_cron_is_due_when_unix_cron_says(cron: str, after: str, expected: list[str]) -> None:
    """Month ends, leap years, weekdays, steps, names, and the rule of the two days."""
    assert due(cron, "UTC", after, 2) == expected


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        # 00:15 on a Monday in India is still Sunday in UTC.
        ("15 0 * * MON", "Asia/Kolkata", "2026-11-26T00:00:00Z", ["2026-11-29T18:45Z", "2026-12-06T18:45Z"]),
        ("0 0 1 * *", "Asia/Kolkata", "2026-11-30T18:29:59Z", ["2026-11-30T18:30Z", "2026-12-31T18:30Z"]),
        # Clocks are put back at 03:00: 02:30 comes twice, and the schedule once.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", ["2026-10-25T00:30Z", "2026-10-26T01:30Z"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", ["2026-10-26T01:30Z", "2026-10-27T01:30Z"]),
        # Clocks are put forward at 02:00: what would be due in the hour that is missing is due after it.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", ["2026-03-29T01:00Z", "2026-03-30T00:30Z"]),
        ("5 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", ["2026-10-25T00:05Z", "2026-10-25T01:05Z"]),
    ],
)
def test_a_cron_is_read_on_the_clocks_of_its_zone(
    cron: str, zone: str, after: str, expected: list[str]
) -> None:
    """Days begin and end there, and summer time is that zone's."""
    assert due(cron, zone, after, 2) == expected


def test_a_schedule_without_a_zone_is_in_the_markets() -> None:
    """MARKET_HOURS decides, unless the schedule has its own."""
    usual = {"name": "a", "cron": "0 9 * * *", "request": {}}
    text = json.dumps([usual, {**usual, "name": "b", "timezone": "UTC"}])
    newyork = parse_market_hours("09:30-16:00 America/New_York")

    assert [each.timezone for each in parse_schedules(text)] == ["Asia/Kolkata", "UTC"]
    assert [each.timezone for each in parse_schedules(text, newyork)] == ["America/New_York", "UTC"]
    assert {each.timezone for each in default_schedules(newyork)} == {"America/New_York"}


def test_targets_that_are_not_configured_are_left_out() -> None:
    """A request never names a target that would be refused; the rest of it is as it was written."""
    both = schedule(since="1h", deliver=["slack", "webhook"])

    assert both.body({"slack", "webhook"}) == {"since": "1h", "deliver": ["slack", "webhook"]}
    assert both.body(["webhook"]) == {"since": "1h", "deliver": ["webhook"]}
    assert both.body([]) == {"since": "1h", "deliver": []}
    assert both.request["deliver"] == ["slack", "webhook"]


def test_everything_that_a_request_may_have_is_accepted() -> None:
    """The fields of POST /logs/summary, with a window that moves."""
    request: dict[str, Any] = {
        "start": "-48h",
        "end": "-24h",
        "sources": ["gcs", "pods"],
        "type": "security",
        "max_tokens": 500,
        "deliver": [],
        "store": False,
        "min_severity": "error",
        "q": "margin",
        "regex": "T[0-9]+",
        "exclude": "heartbeat",
        "bot": ["stock_trader", "options_trader"],
        "label.session_id": "s-1",
        "namespace": "gpt",
        "prefix": ["trades/"],
    }

    assert schedule(**request).request == request


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": None}, "/0/name must be lower-case letters"),
        ({"name": "Morning"}, "/0/name must be lower-case letters"),
        ({"name": "1st"}, "/0/name must be lower-case letters"),
        ({"name": "a_b"}, "/0/name must be lower-case letters"),
        ({"name": "a\n"}, "/0/name must be lower-case letters"),
        ({"name": "a" * 64}, "/0/name must be lower-case letters"),
        ({"timezone": "Mars/Phobos"}, "/0/timezone must be a time zone"),
        ({"timezone": ""}, "/0/timezone must be a time zone"),
        ({"timezone": "../../etc/passwd"}, "/0/timezone must be a time zone"),
        ({"timezone": None}, "/0/timezone must be a time zone"),
        ({"sekrit": 1}, "/0 has 1 unknown fields"),
        ({"request": None}, "/0/request must be an object"),
        ({"request": {"sekrit": 1}}, "/0/request has 1 unknown fields"),
        ({"request": {"label.": "x"}}, "/0/request has 1 unknown fields"),
        ({"request": {"label.sekrit": 7}}, "/0/request/label.… must be a text or a list of texts"),
        ({"request": {"since": "tomorrow"}}, "/0/request/since must be a duration"),
        ({"request": {"since": "0h"}}, "/0/request/since must be a duration"),
        ({"request": {"since": "1h", "start": "-1h"}}, "/0/request/since must not stand beside start"),
        ({"request": {"start": "2026-11-25T00:00:00Z"}}, "/0/request/start must be relative"),
        ({"request": {"type": "sekrit"}}, "/0/request/type must be one of general, errors,"),
        (
            {"request": {"deliver": ["slack", "sekrit"]}},
            "/0/request/deliver must be a list of slack, webhook",
        ),
        ({"request": {"deliver": "slack"}}, "/0/request/deliver must be a list of slack, webhook"),
        ({"request": {"sources": ["sekrit"]}}, "/0/request/sources must be a list of gcs, firestore, pods"),
        ({"request": {"sources": []}}, "/0/request/sources must be a list"),
        ({"request": {"max_tokens": 499}}, "/0/request/max_tokens must be a whole number from 500 to 32000"),
        ({"request": {"max_tokens": 32001}}, "/0/request/max_tokens must be a whole number"),
        ({"request": {"max_tokens": "4000"}}, "/0/request/max_tokens must be a whole number"),
        ({"request": {"store": 1}}, "/0/request/store must be true or false"),
        ({"request": {"min_severity": "LOUD"}}, "/0/request/min_severity must be a severity"),
        ({"request": {"q": ""}}, "/0/request/q must be a text"),
        ({"request": {"bot": []}}, "/0/request/bot must be a text or a list of texts"),
    ],
)
def test_a_fault_is_told_with_its_place_and_without_the_value(change: dict[str, Any], fault: str) -> None:
    """A JSON pointer, what is expected there, and never what was given."""
    good = {"name": "a", "cron": "0 9 * * *", "request": {}}
    sentence = told(json.dumps([{**good, **change}]))

    assert sentence.startswith(f"has faults: {fault}")
    assert "sekrit" not in sentence
    assert ", /" not in sentence


@pytest.mark.parametrize(
    "cron",
    ["", "* * * *", "* * * * * *", "0 0 9 * * *", "@daily", "60 * * * *", "* 24 * * *", "* * 0 * *",
     "* * 32 * *", "* * * 13 *", "* * * * 8", "* * * * MOO", "* * L * *", "* * LW * *", "* * * * 5L",
     "* * * * MON#1", "5/15 * * * *", "*/0 * * * *", "5-1 * * * *", "-1 * * * *", "1, * * * *",
     "0 0 30 2 *", "0 0 31 4,6 *", "٣ * * * *", "every day", "0 9 * * *\n", " 0 9 * * *", None, 5],
)  # fmt: skip
def test_what_is_no_cron_of_both_is_refused(cron: object) -> None:
    """Five fields that unix cron and Cloud Scheduler read alike, and days that exist."""
    sentence = told(json.dumps([{"name": "a", "cron": cron, "request": {}}]))

    assert sentence == "has faults: /0/cron must be five fields of unix cron that meet some day"


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '[{"name": "a"}', "null", "morning", "[" * 100_000, "[\ud800]"]
)
def test_what_is_no_list_of_objects_is_refused_as_one(text: str) -> None:
    """One sentence says what the setting is."""
    assert told(text) == "must be a JSON list of objects with name, cron, timezone and request"


def test_every_fault_of_every_schedule_is_told_at_once() -> None:
    """Whoever mends the setting mends it in one go."""
    good = {"name": "a", "cron": "0 9 * * *", "request": {}}
    sentence = told(json.dumps([good, {"name": "B", "cron": "daily", "request": {"type": "x"}}, good]))

    assert sentence == (
        "has faults: /1/name must be lower-case letters, digits and -, at most 63, a letter first, "
        "/1/cron must be five fields of unix cron that meet some day, "
        "/1/request/type must be one of general, errors, performance, security, trends, trading, "
        "/2/name is an earlier one's"
    )


def test_no_schedule_at_all_is_a_list() -> None:
    """`[]` turns the schedules off."""
    assert parse_schedules("[]") == ()


def test_market_hours_are_read_on_the_clocks_of_their_zone() -> None:
    """Two times of one day and an IANA zone."""
    hours = parse_market_hours("09:15-15:30 Asia/Kolkata")

    assert (hours.open, hours.close, hours.zone) == (time(9, 15), time(15, 30), ZoneInfo("Asia/Kolkata"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must be hours and a time zone such as 09:15-15:30 Asia/Kolkata"),
        ("9:15-15:30 Asia/Kolkata", "must be hours and a time zone such as 09:15-15:30 Asia/Kolkata"),
        ("09:15-24:00 UTC", "must be hours and a time zone such as 09:15-15:30 Asia/Kolkata"),
        ("09:15-15:30", "must be hours and a time zone such as 09:15-15:30 Asia/Kolkata"),
        ("09:15-15:30 Asia/Kolkata\n", "must be hours and a time zone such as 09:15-15:30 Asia/Kolkata"),
        ("15:30-09:15 UTC", "must open before it closes"),
        ("09:15-09:15 UTC", "must open before it closes"),
        ("09:15-15:30 Asia/Sekrit", "must be a time zone such as UTC or Asia/Kolkata"),
    ],
)
def test_market_hours_that_cannot_be_are_refused(text: str, sentence: str) -> None:
    """What is expected, and no value."""
    with pytest.raises(ValueError) as caught:  # compared whole below
        parse_market_hours(text)

    assert str(caught.value) == sentence


def test_the_file_is_what_terraform_expects() -> None:
    """A list of objects with text in `name` and `cron` and an object in `request`, and nothing else."""
    from shared.summary.schedule import DEFAULTS

    for each in json.loads(DEFAULTS.read_bytes()):
        assert set(each) <= {"name", "cron", "timezone", "request"}
        assert isinstance(each["name"], str)
        assert isinstance(each["cron"], str)
        assert msgspec.json.encode(each["request"]).startswith(b"{")
