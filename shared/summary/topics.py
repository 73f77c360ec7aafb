"""What the words of a pattern are about: the types of summary that it concerns, and what to look at then."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from shared.entry import Severity
from shared.summary.digest import PROBLEM
from shared.summary.document import Type
from shared.summary.select import Row

# What each type looks at first: words of a pattern. A number alone says nothing: it may be a price.
_TOPICS: Final[dict[Type, re.Pattern[str]]] = {
    "performance": re.compile(
        r"\bslow|\blate\b|latency|timeout|timed out|no answer|retry|retries|reconnect|\blag\b|stale|queue"
        r"|memory|throttl|rate limit|abandoned|drift|delay| ms\b",
        re.IGNORECASE,
    ),
    "security": re.compile(
        r"auth(?!ors?\b)|log ?in\b|denied|forbidden|credential|token|api.?key|secret|password|signature"
        r"|(?:http|status|code)\W{1,2}40[13]\b|\[[A-Z_]+:|leak",
        re.IGNORECASE,
    ),
    "trading": re.compile(
        r"\border|\btrad(?:es?|ing)\b|margin|reject|\bfill|slippage|position|(?<!/)\bpnl\b|p&l|stop.?loss"
        r"|\bsquare|quantity|\bprice|\bsymbol",
        re.IGNORECASE,
    ),
}
# What to look at when a pattern has such words; `{bot}` is whose it is.
_CHECKS: Final = (
    (re.compile(r"margin", re.IGNORECASE), "Check the available margin of {bot} before its next session."),
    (re.compile(r"\[[A-Z_]+:|api.?key|credential|secret", re.IGNORECASE),
     "Rotate the credential that {bot} wrote into its log, and stop it from being logged."),
    (re.compile(r"timeout|no answer|timed out|abandoned|\bslow|\blate\b", re.IGNORECASE),
     "Check the latency of what {bot} waited for."),
    (re.compile(r"reconnect|connection|websocket|upstream|(?:http|status|code)\W{1,2}50[234]\b", re.I),
     "Check the network and the upstream of {bot}."),
    (re.compile(r"rate limit|throttl|(?:http|status|code)\W{1,2}429\b", re.IGNORECASE),
     "Check how often {bot} calls, and its quota."),
    (re.compile(r"Error\b|Exception|Traceback|exit code", re.ASCII),
     "Read the cited entries of {bot} and find the failing code."),
)  # fmt: skip
_MAX_CHECKS: Final = 5


def concerning(rows: Sequence[Row], kind: Type) -> list[Row]:
    """The problems that a type of summary is about; when there is none of its topic, all."""
    problems = [row for row in rows if row.pattern.severity >= PROBLEM]
    if kind == "errors":
        return [row for row in problems if row.pattern.severity >= Severity.ERROR] or problems
    topic = _TOPICS.get(kind)
    if topic is None:
        return problems
    return [row for row in problems if topic.search(_words(row))] or (problems if kind != "security" else [])


def checks(rows: Sequence[Row], silent: Sequence[str]) -> tuple[str, ...]:
    """What to look at: bots that fell silent, then what the worst patterns speak of."""
    found = [f"Check that {bot} runs and can write its log." for bot in silent[:2]]
    for row in rows:
        found += _of(row)
    return tuple(dict.fromkeys(found))[:_MAX_CHECKS]


def _of(row: Row) -> Iterator[str]:
    bot, text = next(iter(row.pattern.groups), "the service"), _words(row)
    yield from [check.format(bot=bot) for words, check in _CHECKS if words.search(text)][:1]


def _words(row: Row) -> str:
    return " ".join([row.pattern.template, *(one.text or "" for one in row.examples)])
