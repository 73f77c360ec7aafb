"""`python -m local.scheduler` as a process of its own: at the command line, and as a part of `make run`."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import keys
from local.children import free_ports
from local.run import ROOT
from shared import instant
from tests.local.fake_gateway import SUMMARY, Fake, serving
from tests.local.test_run import Run, soon

STUB = """
import flask

def {name}(request: flask.Request) -> object:
    if request.method != "POST":
        return "{name}"
    seen = {{"body": request.get_json(), "planned": request.headers["X-CloudScheduler-ScheduleTime"]}}
    return {{**seen, "id": "s-1", "headline": request.headers["X-CloudScheduler-JobName"]}}
"""


@pytest.fixture
def server() -> Iterator[Fake]:
    """A gateway that is a real HTTP server."""
    with serving(Fake()) as fake:
        yield fake


def process(folder: Path, *arguments: str, **settings: str) -> "subprocess.Popen[str]":
    """`python -m local.scheduler` with the key in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "local.scheduler", "--local", str(folder), *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ends(folder: Path, *arguments: str, **settings: str) -> tuple[int, str, str]:
    """Its exit code and what it wrote, when it ends by itself."""
    with process(folder, *arguments, **settings) as started:
        out, errors = started.communicate(timeout=30)
    return started.returncode, out, errors


def test_a_summary_is_made_at_once_when_somebody_asks(server: Fake, tmp_path: Path) -> None:
    """`--once` asks for the schedule's request now, delivered where it can be, and prints the answer."""
    before = instant.to_text(time.time_ns())
    mine = {"name": "mine", "cron": "0 16 * * *", "request": {"deliver": ["slack", "webhook"]}}
    settings = {"SUMMARY_SCHEDULES": json.dumps([mine]), "SUMMARY_WEBHOOK_URL": "https://w.invalid"}
    code, out, errors = ends(tmp_path, "--port", str(server.server_port), "--once", "mine", **settings)
    (asked,) = server.asked

    assert (code, json.loads(out), errors) == (0, SUMMARY, "")
    assert asked.body == {"deliver": ["webhook"]}
    assert before <= asked.headers["x-cloudscheduler-scheduletime"] <= instant.to_text(time.time_ns())


def test_the_default_schedules_are_there_without_a_setting(server: Fake, tmp_path: Path) -> None:
    """`--once morning` needs nothing else, and delivers nowhere."""
    code, _, _ = ends(tmp_path, "--port", str(server.server_port), "--once", "morning")

    assert code == 0
    assert server.asked[0].body == {"since": "PT17H", "type": "general", "max_tokens": 4000, "deliver": []}


def test_a_summary_that_is_refused_is_printed_with_exit_code_1(server: Fake, tmp_path: Path) -> None:
    """Once is once: nothing is tried again."""
    server.replies = [(429, b'{"code": "rate_limited"}')]
    code, out, _ = ends(tmp_path, "--port", str(server.server_port), "--once", "morning")

    assert (code, json.loads(out)) == (1, {"code": "rate_limited"})
    assert len(server.asked) == 1


def test_a_gateway_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    """With what to do about it."""
    (port,) = free_ports(1)

    assert ends(tmp_path, "--port", str(port), "--once", "morning") == (
        1,
        "",
        "local.scheduler: the gateway did not answer: is `make run` running?\n",
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"JWT_ISSUER": "https://id.example.com"}, "tokens come from https://id.example.com"),
        ({"SUMMARY_SCHEDULES": '[{"name": "sekrit"}]'}, "SUMMARY_SCHEDULES has faults: /0/cron must be"),
        ({"MARKET_HOURS": "sekrit"}, "MARKET_HOURS must be hours and a time zone"),
        ({"SUMMARY_SCHEDULES": "[]"}, "there is no schedule 'morning'"),
    ],
)
def test_what_cannot_run_says_why_and_ends(tmp_path: Path, settings: dict[str, str], sentence: str) -> None:
    """One sentence that names the setting and not its value, and exit code 2."""
    code, out, errors = ends(tmp_path, "--once", "morning", **settings)

    assert (code, out) == (2, "")
    assert sentence in errors.splitlines()[-1]
    assert "sekrit" not in errors
    assert not (tmp_path / "key.pem").exists() or settings == {"SUMMARY_SCHEDULES": "[]"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_while_it_waits_for_the_next_time(tmp_path: Path, number: signal.Signals) -> None:
    """Nothing is held up, and nothing is printed."""
    with process(tmp_path) as started:
        assert started.stdout is not None
        assert json.loads(started.stdout.readline())["outcome"] == "started"
        began = time.monotonic()
        started.send_signal(number)
        out, errors = started.communicate(timeout=10)

    assert started.returncode == {signal.SIGTERM: -signal.SIGTERM, signal.SIGINT: 130}[number]
    assert (out, errors) == ("", "")
    assert time.monotonic() - began < 2


def test_it_ends_at_once_while_it_waits_for_an_answer(server: Fake, tmp_path: Path) -> None:
    """A summary may take a minute; a stop does not."""
    server.hold.clear()
    with process(tmp_path, "--port", str(server.server_port), "--once", "morning") as started:
        assert soon(lambda: len(server.asked) == 1)
        began = time.monotonic()
        started.terminate()
        started.communicate(timeout=10)

    assert started.returncode == -signal.SIGTERM
    assert time.monotonic() - began < 2


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A `make run` with tiny functions, `summary` among them; ended whatever the test did."""
    made = Run(tmp_path)
    made.write("summary", STUB.format(name="summary"))
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.communicate()
        for pid in made.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def scheduler_pids(run: Run) -> list[int]:
    """The scheduler's process of a run."""
    return [pid for pid in run.pids() if b"\0local.scheduler\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_make_run_starts_and_stops_it(run: Run) -> None:
    """Where there are summaries, the scheduler runs beside the functions, says so, and ends with them."""
    run.start()
    greeting = run.greeting()
    log = run.local / "logs" / "scheduler.log"

    assert f"Summaries are made on schedule: each is a line of {log}.\n" in greeting
    assert len(scheduler_pids(run)) == 1
    assert soon(lambda: log.read_text().endswith("\n"))
    assert set(json.loads(log.read_text())["next"]) == {
        "morning",
        "morning-after-weekend",
        "evening",
        "errors",
    }

    run.started().send_signal(signal.SIGINT)

    assert run.ends() == (0, "")
    assert run.pids() == []


def test_its_token_is_let_through_by_the_gateway(run: Run) -> None:
    """A summary asked for at the command line arrives at the function through a real Envoy."""
    run.start()
    run.greeting()
    code, out, errors = ends(run.local, "--port", str(run.port), "--once", "evening")
    answer = json.loads(out)

    assert (code, errors, answer["headline"]) == (0, "", "evening")
    assert answer["body"]["type"] == "trading"


def test_its_death_ends_the_run_by_name(run: Run) -> None:
    """Like any other process: exit code 1, and the end of its log."""
    run.start()
    run.greeting()
    (victim,) = scheduler_pids(run)
    assert soon(lambda: (run.local / "logs" / "scheduler.log").stat().st_size > 0)

    os.kill(victim, signal.SIGKILL)
    code, errors = run.ends()

    assert code == 1
    assert "make run: scheduler was ended by SIGKILL." in errors
    assert '"outcome":"started"' in errors
    assert run.pids() == []


def test_a_wrong_schedule_stops_the_start(run: Run) -> None:
    """One sentence, exit code 2, and nothing is started."""
    run.start(SUMMARY_SCHEDULES='[{"name": "x", "cron": "daily", "request": {}}]')
    code, errors = run.ends()

    assert code == 2
    assert errors.startswith("make run: SUMMARY_SCHEDULES has faults: /0/cron must be five fields")
    assert errors.count("\n") == 1
    assert not (run.local / "logs").exists()


def test_with_somebody_elses_issuer_nothing_is_scheduled(run: Run, tmp_path: Path) -> None:
    """No token can be made here: the greeting says so, and everything else runs."""
    keys.key_pair(tmp_path / "provider")
    url = keys.jwks_path(tmp_path / "provider").as_uri()
    run.start(JWT_ISSUER="https://id.example.com", JWT_JWKS_URL=url)

    assert "Summaries are not made on schedule: the tokens come from elsewhere.\n" in run.greeting()
    assert scheduler_pids(run) == []
    assert run.get("/health") == (200, "health")
