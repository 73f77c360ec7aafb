"""The filter that asks Cloud Logging for container lines: the only place where its text is made.

What is pushed down never loses a line that the query wants, and everything is asked again, exactly, of
what comes back: the service's `=` ignores case. `q` and `regex` are not pushed down. They look at the
redacted text, at tracebacks put together from several lines, at numbers as we write them, and fold case
as Python does: the service's search does none of these, so a line that matches could be lost.

Source: https://cloud.google.com/logging/docs/view/logging-query-language
"""

import re
from collections.abc import Iterable
from typing import Final

from shared import instant
from shared.entry import Severity
from shared.errors import InvalidRequest
from shared.query import LogQuery
from shared.sources.containers import SOURCE, Places

MAX_CHARACTERS: Final = 20_000
# Where a record may name another bot than its container does (`normalise.labels_of`).
_BOT_FIELDS: Final = ("bot", "bot_type", "bot_name")
_NESTED: Final = ("data", "metadata", "context")
_UNSAFE: Final = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')
_RE2_PLAIN: Final = re.compile(r"[^A-Za-z0-9_\u0080-\U0010ffff]")


def pod_filter(query: LogQuery, places: Places, low: int, high: int, *, any_line: bool = False) -> str:
    """The lines of `[low, high)` (instants) that the query may want, as a filter of ANDed clauses.

    With `any_line` the query's severity and bots do not narrow: for a list of containers.
    Raises: InvalidRequest, naming the longest parameter, for more than 20,000 characters.
    """
    labels = "resource.labels."
    fixed = ['resource.type="k8s_container"']
    fixed += _any(_equal(f"{labels}namespace_name", places.namespaces))
    if "*" not in places.pods:
        fixed += _any(_pod(f"{labels}pod_name", pattern) for pattern in places.pods)
    fixed += _any(_equal(f"{labels}container_name", places.containers))
    fixed += _any(_equal(f"{labels}cluster_name", places.clusters))
    fixed += [f"timestamp>={_time(low)}", f"timestamp<{_time(high)}"]
    asked = query.labels.get("bot", ())
    bots: Iterable[str] = ()
    if not any_line:
        fixed += _severity(query.min_severity)
        bots = asked or sorted(query.policy.bounds(SOURCE).bots or ())
    text = _joined([*fixed, *_any(_bots(bots))])
    if len(text) > MAX_CHARACTERS and not asked:
        text = _joined(fixed)  # a policy's bots need not be pushed down: what comes back is asked again
    if len(text) > MAX_CHARACTERS:
        raise InvalidRequest.of(_longest(query), "has too many values for one question")
    return text


def quoted(value: str) -> str:
    """A value as one literal of the filter language, whatever is in it."""
    return '"' + _UNSAFE.sub(_escape, value) + '"'


def _escape(match: re.Match[str]) -> str:
    found = match[0]
    return "\\" + found if found in '"\\' else f"\\u{ord(found):04x}"


def _joined(clauses: Iterable[str]) -> str:
    return " AND ".join(f"({clause})" for clause in clauses)


def _any(alternatives: Iterable[str]) -> list[str]:
    """One clause, or none when there is nothing to choose from."""
    return [clause] if (clause := " OR ".join(alternatives)) else []


def _equal(field: str, values: Iterable[str]) -> list[str]:
    return [f"{field}={quoted(value)}" for value in values]


def _pod(field: str, pattern: str) -> str:
    """A pod by its name, or by the beginning of it (`stock-trader-*`)."""
    if not pattern.endswith("*"):
        return f"{field}={quoted(pattern)}"
    return f"{field}=~{quoted('^' + _RE2_PLAIN.sub(_re2_escape, pattern[:-1]))}"


def _re2_escape(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]):02x}" if ord(match[0]) < 32 or ord(match[0]) == 127 else "\\" + match[0]


def _time(moment: int) -> str:
    return quoted(instant.to_text(min(max(moment, instant.EARLIEST), instant.LATEST)))


def _severity(least: Severity) -> list[str]:
    """Only a structured line's stored severity can be trusted, and only where the record has no level
    of its own and the store knows one; a text line's severity is read from its text."""
    if least <= Severity.DEFAULT:
        return []
    open_to_doubt = ["textPayload:*", "protoPayload:*", "jsonPayload.level:*", "jsonPayload.severity:*"]
    return _any([f"severity>={quoted(least.name)}", 'severity="DEFAULT"', *open_to_doubt])


def _bots(bots: Iterable[str]) -> list[str]:
    """A bot's containers (names in Kubernetes have no `_`), and records that may name another bot."""
    names = [spelling for bot in bots for spelling in dict.fromkeys((bot.replace("_", "-"), bot))]
    if not names:
        return []
    own = [f"jsonPayload.{field}:*" for field in _BOT_FIELDS]
    nested = [f"jsonPayload.{place}.{field}:*" for place in _NESTED for field in _BOT_FIELDS]
    in_text = [f"jsonPayload.{place}=~{quoted('^[{]')}" for place in _NESTED]
    return [*_equal("resource.labels.container_name", names), *own, *nested, *in_text, "protoPayload:*"]


def _longest(query: LogQuery) -> str:
    """The parameter whose values are the longest taken together."""
    values = {name: query.scoped(name) for name in ("namespace", "pod", "container", "cluster")}
    values["bot"] = query.labels.get("bot", ())
    return max(values, key=lambda name: sum(len(value) for value in values[name]))
