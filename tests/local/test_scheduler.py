"""The local Cloud Scheduler: when it asks, how, how often again, and what it says; against a real server."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import keys
from local.children import free_ports
from local.scheduler import Scheduler
from local.scheduler_gateway import Gateway
from shared import instant
from shared.summary.schedule import Schedule, parse_schedules
from tests.local.fake_gateway import SUMMARY, Fake, serving
from tests.local.test_run import claims_of


class Over(Exception):
    """The time of a test is up."""


class Clock:
    """A wall clock that moves when somebody sleeps, until `end`."""

    def __init__(self, now: str, end: str) -> None:
        self.now, self.end = at(now), at(end)
        self.slept: list[float] = []

    def __call__(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += round(seconds * instant.SECOND)
        if self.now > self.end:
            raise Over


def at(text: str) -> int:
    """An instant of 25 November 2026, a Wednesday: `10:04` or `10:04:59`."""
    found = instant.from_rfc3339(f"2026-11-25T{text:0<8}Z" if len(text) > 5 else f"2026-11-25T{text}:00Z")
    assert found is not None
    return found


def schedules(**crons: str) -> tuple[Schedule, ...]:
    """Schedules in UTC, by name."""
    usual = {"timezone": "UTC", "request": {"since": "1h", "type": "errors", "deliver": ["slack", "webhook"]}}
    return parse_schedules(json.dumps([{"name": n, "cron": c, **usual} for n, c in crons.items()]))


@pytest.fixture
def server() -> Iterator[Fake]:
    """A gateway that is a real HTTP server."""
    with serving(Fake()) as fake:
        yield fake


@pytest.fixture
def pair(tmp_path: Path) -> keys.KeyPair:
    """The local issuer's key."""
    return keys.key_pair(tmp_path)


class Log(list[dict[str, Any]]):
    """The lines that a scheduler wrote, each of them JSON on one line."""

    def tell(self, line: str) -> None:
        assert "\n" not in line
        self.append(json.loads(line))

    @property
    def runs(self) -> list[tuple[str, str, str]]:
        """What became of which schedule at which time."""
        return [
            (line["outcome"], line["schedule"], line["planned"][11:16]) for line in self if "planned" in line
        ]


def scheduler(port: int, pair: keys.KeyPair, clock: Clock, **crons: str) -> tuple[Scheduler, Log]:
    """A scheduler that asks this port, on this clock; only Slack is configured."""
    log = Log()
    gateway = Gateway(port, pair, "log-aggregator", frozenset({"slack"}))
    made = Scheduler(schedules(**crons), gateway.post, clock=clock, sleep=clock.sleep, tell=log.tell)
    return made, log


def play(port: int, pair: keys.KeyPair, clock: Clock, **crons: str) -> Log:
    """What a scheduler writes until the clock's end."""
    made, log = scheduler(port, pair, clock, **crons)
    with pytest.raises(Over):
        made.run()
    return log


def test_each_schedule_is_asked_for_at_each_of_its_times(server: Fake, pair: keys.KeyPair) -> None:
    """Once each, in order, and not for the times before it started."""
    log = play(server.server_port, pair, Clock("10:04:30", "12:20"), hourly="5 * * * *", noon="0 12 * * *")

    assert [(each.headers["x-cloudscheduler-jobname"], each.planned) for each in server.asked] == [
        ("hourly", "10:05"),
        ("hourly", "11:05"),
        ("noon", "12:00"),
        ("hourly", "12:05"),
    ]
    assert log[0]["next"] == {
        "hourly": "2026-11-25T10:05:00.000000Z",
        "noon": "2026-11-25T12:00:00.000000Z",
    }
    assert len(log) == 5


def test_a_request_is_what_cloud_scheduler_would_send(
    server: Fake, pair: keys.KeyPair, tmp_path: Path
) -> None:
    """Method, path, headers, a body without targets that are not configured, a token of the one role."""
    before = int(time.time())
    play(server.server_port, pair, Clock("10:04", "10:06"), hourly="5 * * * *")
    (asked,) = server.asked
    claims = claims_of(asked.headers["authorization"].removeprefix("Bearer "), tmp_path)

    assert asked.line == "POST /logs/summary"
    assert asked.body == {"since": "1h", "type": "errors", "deliver": ["slack"]}
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["x-cloudscheduler"] == "true"
    assert asked.headers["x-cloudscheduler-scheduletime"] == "2026-11-25T10:05:00.000000Z"
    assert (claims["roles"], claims["sub"]) == (["scheduler"], "local-scheduler")
    assert before <= claims["iat"] <= time.time()
    assert claims["exp"] - claims["iat"] == 3600


def test_a_run_is_one_line_with_what_came_of_it(server: Fake, pair: keys.KeyPair) -> None:
    """Name, planned time, status, attempts, and the summary's id and headline."""
    log = play(server.server_port, pair, Clock("10:04", "10:06"), hourly="5 * * * *")

    assert log[1] == {
        "time": "2026-11-25T10:05:00.000000Z",
        "outcome": "made",
        "schedule": "hourly",
        "planned": "2026-11-25T10:05:00.000000Z",
        "status": 200,
        "attempts": 1,
        "id": "s-1",
        "headline": SUMMARY["headline"],
    }


def test_what_fails_is_tried_again_as_the_same_run(server: Fake, pair: keys.KeyPair) -> None:
    """Longer and longer pauses, the same planned time, and a token that is made anew."""
    server.replies = [(503, b""), (0, b"{"), (502, b"<html>")]
    clock = Clock("10:04:50", "10:10")
    log = play(server.server_port, pair, clock, hourly="5 * * * *")

    assert [each.planned for each in server.asked] == ["10:05"] * 4
    assert [pause for pause in clock.slept if pause > 20] == [30, 60, 120]
    assert [(line["outcome"], line["status"], line["attempts"]) for line in log[1:]] == [("made", 200, 4)]


def test_after_three_retries_a_run_has_failed_and_the_next_one_comes(
    server: Fake, pair: keys.KeyPair
) -> None:
    """The line has the last status and the problem's code; the next time is another run."""
    problem = json.dumps({"code": "source_failed", "detail": "The source gcs failed."}).encode()
    server.replies = [(502, problem)] * 4
    log = play(server.server_port, pair, Clock("10:04", "11:06"), hourly="5 * * * *")

    assert log.runs == [("failed", "hourly", "10:05"), ("made", "hourly", "11:05")]
    assert (log[1]["status"], log[1]["attempts"], log[1]["code"]) == (502, 4, "source_failed")
    assert len(server.asked) == 5


def test_a_gateway_that_is_away_is_lived_through(pair: keys.KeyPair) -> None:
    """Nobody listens: the run fails without a status; when the gateway is back, the next one is made."""
    (port,) = free_ports(1)
    clock = Clock("10:04", "10:30")
    made, log = scheduler(port, pair, clock, hourly="5 * * * *")
    with pytest.raises(Over):
        made.run()
    clock.end = at("11:06")
    with serving(Fake(port)), pytest.raises(Over):
        made.run()

    assert log.runs == [("failed", "hourly", "10:05"), ("made", "hourly", "11:05")]
    assert (log[1]["status"], log[1]["attempts"]) == (0, 4)


@pytest.mark.parametrize("answer", [b"", b"OK", b"[]", b'{"id": 7}', b"\xff", b"[" * 100_000])
def test_an_answer_that_cannot_be_read_is_no_obstacle(
    server: Fake, pair: keys.KeyPair, answer: bytes
) -> None:
    """The status decides; what the answer does not say, the line leaves out."""
    server.replies = [(200, answer)]
    log = play(server.server_port, pair, Clock("10:04", "10:06"), hourly="5 * * * *")

    assert log.runs == [("made", "hourly", "10:05")]
    assert not {"id", "headline", "code"} & set(log[1])


@pytest.mark.parametrize(
    ("woke", "runs"),
    [
        ("08:45", [("made", "daily", "08:45")]),
        ("09:44:59", [("made", "daily", "08:45")]),
        ("09:45", [("skipped", "daily", "08:45")]),
        ("23:59", [("skipped", "daily", "08:45")]),
    ],
)
def test_a_time_that_was_slept_through_is_made_up_for_within_the_hour(
    server: Fake, pair: keys.KeyPair, woke: str, runs: list[tuple[str, str, str]]
) -> None:
    """Less than an hour late it is run, once; later it is told and skipped."""
    clock = Clock("08:30", "23:59:59")
    made, log = scheduler(server.server_port, pair, clock, daily="45 8 * * *")
    clock.now = at(woke)
    made.check()
    made.check()

    assert log.runs == runs
    assert [each.planned for each in server.asked] == [planned for what, _, planned in runs if what == "made"]


def test_of_many_missed_times_the_last_is_run_and_the_skipped_are_told(
    server: Fake, pair: keys.KeyPair
) -> None:
    """Hours asleep cost one run of each schedule, in the order in which they were due."""
    clock = Clock("08:30", "23:59:59")
    made, log = scheduler(
        server.server_port, pair, clock, hourly="5 * * * *", often="*/10 * * * *", late="0 20 * * *"
    )
    clock.now = at("12:20")
    made.check()

    assert log.runs == [
        ("skipped", "often", "08:40"),
        ("skipped", "hourly", "09:05"),
        ("made", "hourly", "12:05"),
        ("made", "often", "12:20"),
    ]


def test_a_clock_that_is_put_back_a_little_runs_nothing_twice(server: Fake, pair: keys.KeyPair) -> None:
    """Time servers correct by seconds: what was run is not run again."""
    clock = Clock("10:04", "23:59:59")
    made, log = scheduler(server.server_port, pair, clock, hourly="5 * * * *")
    for now in ("10:05:02", "10:04:58", "10:05:01", "11:05:00"):
        clock.now = at(now)
        made.check()

    assert log.runs == [("made", "hourly", "10:05"), ("made", "hourly", "11:05")]


def test_a_clock_that_was_far_ahead_is_not_waited_for(server: Fake, pair: keys.KeyPair) -> None:
    """Put back by hours, the scheduler goes on from there."""
    clock = Clock("20:00", "23:59:59")
    made, log = scheduler(server.server_port, pair, clock, hourly="5 * * * *")
    for now in ("20:10", "10:04", "10:05"):
        clock.now = at(now)
        made.check()

    assert log.runs == [("made", "hourly", "20:05"), ("made", "hourly", "10:05")]


def test_it_looks_at_the_clock_often_enough_to_notice_that_the_machine_slept(pair: keys.KeyPair) -> None:
    """No pause is longer than 20 s, and none ends before the next run is due but at a look."""
    clock = Clock("10:00:30", "10:04:59")
    play(1, pair, clock, hourly="5 * * * *")

    assert max(clock.slept) == 20
    assert clock.slept[-1] == 10


def test_without_a_schedule_it_only_waits(pair: keys.KeyPair) -> None:
    """`[]` is a list, too."""
    log = play(1, pair, Clock("10:00", "10:10"))

    assert [line["outcome"] for line in log] == ["started"]
