"""The local Cloud Scheduler: asks for the summaries of SUMMARY_SCHEDULES when they are due.

A process of `make run`, which writes a line of JSON about each run. A time that was missed (the machine
slept, an earlier run took long) is made up for once when it is less than an hour late, else told and
skipped. `python -m local.scheduler --once NAME` asks for one summary now, and prints it.
Source: https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs
"""

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

import msgspec

from local import keys, tokens
from local.scheduler_gateway import Gateway, Post, Reply
from shared import instant
from shared.summary.schedule import (
    MARKET_HOURS,
    Schedule,
    default_schedules,
    parse_market_hours,
    parse_schedules,
)

# As in Google Cloud (infra/scheduler.tf): three retries, the pauses doubled.
BACKOFF_S: Final = (30.0, 60.0, 120.0)
LATE: Final = instant.HOUR
# While a machine sleeps, the clock that pauses are measured with may stand still.
LOOK_S: Final = 20.0
_TARGETS: Final = {"slack": "SLACK_WEBHOOK_URL", "webhook": "SUMMARY_WEBHOOK_URL"}


class Due(NamedTuple):
    """A schedule whose time `planned` (an instant) has come; `missed` when that is too long ago."""

    schedule: Schedule
    planned: int
    missed: bool = False


class Told(msgspec.Struct):
    """What the log says of an answer: of a summary its id and headline, of a problem its code."""

    id: str = ""
    headline: str = ""
    code: str = ""


def _write_line(line: str) -> None:
    print(line, flush=True)


class Scheduler:
    """Runs the schedules one after the other, each when it is due.

    `clock` gives the instant that it is, `sleep` waits for so many seconds, `tell` gets the lines of the log.
    """

    def __init__(
        self,
        schedules: Sequence[Schedule],
        post: Post,
        *,
        clock: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], None] = time.sleep,
        tell: Callable[[str], None] = _write_line,
    ) -> None:
        self._schedules = schedules
        self._post = post
        self._clock = clock
        self._sleep = sleep
        self._tell = tell
        self._checked = clock()

    def run(self) -> NoReturn:
        """Until the process is ended."""
        self._say("started", next={each.name: self._next(each) for each in self._schedules})
        while True:
            self._sleep(self._pause_s())
            self.check()

    def check(self) -> None:
        """Runs what has become due since the last time."""
        now = self._clock()
        if now <= self._checked - LATE:
            self._checked = now  # the clock was wrong before: by it, nothing would be due for long
        for due in due_between(self._schedules, self._checked, now):
            self._run(due)
        self._checked = max(self._checked, now)

    def _run(self, due: Due) -> None:
        if due.missed:
            self._say("skipped", schedule=due.schedule.name, planned=instant.to_text(due.planned))
            return
        reply, attempts = self._post(due.schedule, due.planned), 1
        for pause_s in BACKOFF_S:
            if reply.made:
                break
            self._sleep(pause_s)
            reply, attempts = self._post(due.schedule, due.planned), attempts + 1
        self._say(
            "made" if reply.made else "failed",
            schedule=due.schedule.name,
            planned=instant.to_text(due.planned),
            status=reply.status,
            attempts=attempts,
            **told(reply),
        )

    def _say(self, outcome: str, **fields: Any) -> None:
        line = {"time": instant.to_text(self._clock()), "outcome": outcome, **fields}
        self._tell(msgspec.json.encode(line).decode())

    def _next(self, schedule: Schedule) -> str:
        return instant.to_text(schedule.next_after(self._checked))

    def _pause_s(self) -> float:
        now = self._clock()
        until = (each.next_after(self._checked) - now for each in self._schedules)
        return min(LOOK_S, max(0.0, min(until, default=instant.HOUR) / instant.SECOND))


def due_between(schedules: Sequence[Schedule], after: int, now: int) -> list[Due]:
    """What became due in `(after, now]`, in order: of each schedule the last time that is less than an hour
    ago, and the first that is longer ago than that."""
    found = []
    for schedule in schedules:
        first = schedule.next_after(after)
        if first <= now - LATE:
            found.append(Due(schedule, first, missed=True))
        last, following = None, schedule.next_after(max(after, now - LATE))
        while following <= now:
            last, following = following, schedule.next_after(following)
        if last is not None:
            found.append(Due(schedule, last))
    return sorted(found, key=lambda due: due.planned)


def told(reply: Reply) -> dict[str, str]:
    """What the answer says for the log; what it leaves out, or is not text, is left out."""
    try:
        found = msgspec.json.decode(reply.body, type=Told)
    except msgspec.MsgspecError:
        return {}
    return {name: value for name, value in msgspec.structs.asdict(found).items() if value}


def once(schedule: Schedule, post: Post, now: int) -> int:
    """Asks for one summary, as due `now`, and prints the answer. Gives the exit code."""
    reply = post(schedule, now)
    if not reply.status:
        print("local.scheduler: the gateway did not answer: is `make run` running?", file=sys.stderr)
        return 1
    try:
        print(msgspec.json.format(reply.body, indent=2).decode())
    except (msgspec.MsgspecError, UnicodeDecodeError):
        print(reply.body.decode(errors="replace"))
    return 0 if reply.made else 1


def configured_schedules(environ: Mapping[str, str]) -> tuple[Schedule, ...]:
    """Those of SUMMARY_SCHEDULES, else the default ones. Raises: ValueError, which names the setting."""
    text = environ.get("SUMMARY_SCHEDULES", "").strip()
    setting = "MARKET_HOURS"
    try:
        market = parse_market_hours(environ.get(setting, "").strip() or MARKET_HOURS)
        setting = "SUMMARY_SCHEDULES"
        return parse_schedules(text, market) if text else default_schedules(market)
    except ValueError as exc:
        raise ValueError(f"{setting} {exc}") from exc


def configured_targets(environ: Mapping[str, str]) -> frozenset[str]:
    """Where summaries can be delivered to."""
    return frozenset(name for name, setting in _TARGETS.items() if environ.get(setting, "").strip())


def command(port: int, local_dir: Path) -> list[str]:
    """The command of the process."""
    return [sys.executable, "-m", "local.scheduler", "--port", str(port), "--local", str(local_dir)]


def main(argv: list[str], environ: Mapping[str, str]) -> int:
    """Runs until it is ended, or `--once`: then 0 when the summary was made, else 1."""
    parser = argparse.ArgumentParser(prog="python -m local.scheduler", description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="of the local gateway")
    parser.add_argument("--local", type=Path, default=Path(".local"), help="directory of the key")
    parser.add_argument("--once", metavar="NAME", help="ask for this schedule's summary now, and print it")
    options = parser.parse_args(argv)
    if issuer := tokens.foreign_issuer(environ):
        parser.error(f"summaries are not scheduled here: tokens come from {issuer}")
    try:
        schedules = {each.name: each for each in configured_schedules(environ)}
        pair = keys.key_pair(options.local)
    except (ValueError, keys.UnusableKey, OSError) as exc:
        parser.error(str(exc))
    gateway = Gateway(options.port, pair, tokens.audience(environ), configured_targets(environ))
    if options.once is None:
        Scheduler(list(schedules.values()), gateway.post).run()
    if options.once not in schedules:
        parser.error(f"there is no schedule {options.once!r}: there are {', '.join(schedules)}")
    return once(schedules[options.once], gateway.post, time.time_ns())


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:], os.environ))
    sys.exit(130)
