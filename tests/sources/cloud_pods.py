"""Container lines to seed, and the `pods` source over a fake of Cloud Logging and over a local mirror."""

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.cloud.logging_v2.types import ListLogEntriesRequest

from shared import instant
from shared.arguments import Arguments
from shared.config import PodSettings
from shared.entry import LogEntry
from shared.policy import UNRESTRICTED, Policy
from shared.query import LogQuery
from shared.redact import Redactor
from shared.sources.call_budget import CallBudget, MinuteBudget
from shared.sources.cloud_logging import CloudPodLogs
from shared.sources.logging_calls import LoggingCalls
from shared.sources.pods_local import PodLogs
from shared.sources.source import Budget, LogSource, Page
from tests.servers.fake_logging import FakeLogging

NOON = 1_795_176_000 * instant.SECOND  # 2026-11-20T12:00:00Z
SECOND = instant.SECOND
REDACTOR = Redactor(b"k" * 32)
TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "/app/bot.py", line 12, in run',
    "    place(order)",
    "ConnectionError: broker is down",
]
CHAINED = [
    *TRACEBACK,
    "",
    "During handling of the above exception, another exception occurred:",
    "",
    "Traceback (most recent call last):",
    '  File "/app/bot.py", line 20, in main',
    "RuntimeError: gave up",
]
TEXTS = [
    *[[text] for text in ("hello", "", "  indented", "ValueError: alone", "a b c", "{", '  "a": 1,', "}")],
    ["[2026-11-20 11:00:00] [INFO] [system] Order placed ✅ ₹100"],
    ["[2026-11-20 11:00:00] [ERROR] [trade] Insufficient margin for TCS"],
    TRACEBACK[:2],
    TRACEBACK,
    CHAINED,
]


class SmallPages(FakeLogging):
    """A service that gives at most seven entries a page, as it may."""

    def _page(self, request: Any, *rest: Any) -> Any:
        smaller = ListLogEntriesRequest(request)
        smaller.page_size = min(7, request.page_size)
        return super()._page(smaller, *rest)


def line(
    at: int, what: str | dict[str, Any], number: int, *, container: str = "stock-trader", **more: Any
) -> dict[str, Any]:
    """A LogEntry in JSON."""
    return {
        "insertId": f"i{number:06d}",
        "timestamp": instant.to_text(at),
        "logName": "projects/p/logs/stdout",
        "severity": "INFO",
        "textPayload" if isinstance(what, str) else "jsonPayload": what,
        "resource": {
            "type": "k8s_container",
            "labels": {
                "project_id": "p",
                "location": "asia-south1",
                "cluster_name": "runner",
                "namespace_name": "gpt",
                "pod_name": f"{container}-7d9f",
                "container_name": container,
            },
        },
        **more,
    }


def seeded_lines(seed: int, count: int = 300) -> list[dict[str, Any]]:
    """What three bots print within some minutes: tracebacks, plain text, payloads, ties, pauses."""
    chance = random.Random(seed)
    at = dict.fromkeys(("stock-trader", "options-trader", "main_runner"), NOON - 5 * instant.MINUTE)
    lines: list[dict[str, Any]] = []
    while len(lines) < count:
        bot = chance.choice(list(at))
        stderr = {"logName": "projects/p/logs/stderr", "severity": "ERROR"}
        if chance.random() < 0.25:
            payload: dict[str, Any] = chance.choice(
                [
                    {"message": "margin", "level": "ERROR", "n": 3, "f": 2.5, "on": True, "none": None},
                    {"symbol": "TCS", "quantity": 10, "status": "open", "data": {"bot_type": "x", "a": [1]}},
                    {"zeta": 1, "alpha": {"y": 2, "x": 1}},
                    {"error_message": "broken"},
                ]
            )
            severity = chance.choice(["INFO", "WARNING", "DEFAULT"])
            lines.append(line(at[bot], payload, len(lines), container=bot, severity=severity))
        else:
            stream = chance.choice([stderr, {}])
            for text in chance.choice(TEXTS):
                lines.append(line(at[bot], text, len(lines), container=bot, **stream))
                at[bot] += chance.choice([0, 1, 1000, 100_000, SECOND // 2])
        at[bot] += chance.choice([0, 1, SECOND, 5 * SECOND, 11 * SECOND])
    return lines


def mirror(root: Path, lines: Iterable[dict[str, Any]], settings: PodSettings = PodSettings()) -> LogSource:  # noqa: B008
    """The source over a directory that holds these lines."""
    for one in lines:
        labels = one["resource"]["labels"]
        folder = root / "pods" / labels["namespace_name"] / labels["pod_name"]
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{labels['container_name']}.jsonl").open("a") as file:
            file.write(json.dumps(one) + "\n")
    return PodLogs(root / "pods", settings, REDACTOR)


def cloud(
    host: str,
    *,
    slots: CallBudget | None = None,
    view: str = "",
    settings: PodSettings = PodSettings(),  # noqa: B008
    keep_s: float = 0.0,
    patience_s: float = 10.0,
) -> CloudPodLogs:
    """The source over a server at this address."""
    calls = LoggingCalls(
        "p", slots or MinuteBudget(6000), view=view, host=host, keep_s=keep_s, patience_s=patience_s
    )
    return CloudPodLogs(calls, settings, REDACTOR)


def ask(text: str = "", *, policy: Policy = UNRESTRICTED) -> LogQuery:
    """A query as the front door would parse it."""
    return LogQuery.from_args(Arguments(text), route="/logs/pods", now=NOON, policy=policy, sources=("pods",))


def read(source: LogSource, text: str = "", *, deadline_s: float = 60.0) -> Page:
    """One page."""
    return source.read(ask(text), Budget(deadline_s))


def read_all(source: LogSource, text: str = "", *, bare_cursors: bool = False) -> list[LogEntry]:
    """The entries of all pages; `bare_cursors` keep nothing but their position."""
    from shared.query import Resume

    query = ask(text)
    found: list[LogEntry] = []
    for _ in range(3000):
        page = source.read(query, Budget(60))
        found += page.entries
        if page.resume is None:
            return found
        resume = Resume(page.resume.position) if bare_cursors else page.resume
        query = query.with_resume(query.window, resume)
    raise AssertionError("the pages never end")
