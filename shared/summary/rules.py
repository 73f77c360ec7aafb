"""Summaries without a model: the same shape, written by code from facts and digest, good enough to send.

Used without a key, over the spending limit, and whenever a model failed or did not tell the truth.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Any, Final

import msgspec

from shared import instant
from shared.entry import Severity
from shared.search.masks import PLACEHOLDER
from shared.summary.digest import PROBLEM
from shared.summary.document import Finding, Type
from shared.summary.facts import Seen
from shared.summary.line import Telling
from shared.summary.plain import is_plain, plain_pattern
from shared.summary.select import Row, Selection, select

# What is looked at has room for so many tokens, however little a caller wants a model to read.
TOKENS: Final = 3500
_MAX_FINDINGS: Final = 8
_MAX_CITATIONS: Final = 3
_MAX_BOTS: Final = 10
_SUBJECT_CHARS: Final = 120
_QUOTE_CHARS: Final = 200
NOTHING: Final = "Nothing happened: no entries in this window"
NOT_WHOLE: Final = "No entries were found, but not everything could be read"

# What each type looks at first: words of a pattern.
_TOPICS: Final[dict[Type, re.Pattern[str]]] = {
    "performance": re.compile(
        r"slow|late\b|latency|timeout|timed out|no answer|retry|retries|reconnect|lag\b|stale|queue|memory"
        r"|throttl|rate limit|abandoned|drift|delay| ms\b",
        re.IGNORECASE,
    ),
    "security": re.compile(
        r"auth|login|denied|forbidden|credential|token|api.?key|secret|password|signature|\b40[13]\b|\[[A-Z_]+:|leak",
        re.IGNORECASE,
    ),
    "trading": re.compile(
        r"order|trade|margin|reject|fill|slippage|position|pnl|p&l|stop.?loss|square|quantity|price|symbol",
        re.IGNORECASE,
    ),
}
# What to look at when a pattern has such words; `{bot}` is whose it is.
_CHECKS: Final = (
    (re.compile(r"margin", re.IGNORECASE), "Check the available margin of {bot} before its next session."),
    (re.compile(r"\[[A-Z_]+:|api.?key|credential|secret", re.IGNORECASE),
     "Rotate the credential that {bot} wrote into its log, and stop it from being logged."),
    (re.compile(r"timeout|no answer|timed out|abandoned|slow|late", re.IGNORECASE),
     "Check the latency of what {bot} waited for."),
    (re.compile(r"reconnect|connection|websocket|upstream|50[234]", re.IGNORECASE),
     "Check the network and the upstream of {bot}."),
    (re.compile(r"rate limit|429|throttl", re.IGNORECASE), "Check how often {bot} calls, and its quota."),
    (re.compile(r"Error\b|Exception|Traceback|exit code", re.ASCII),
     "Read the cited entries of {bot} and find the failing code."),
)  # fmt: skip


def own_selection(shown: Selection) -> Selection:
    """What the rules look at: what a prompt shows, or more when it has no room for all problems."""
    problems = sum(row.pattern.severity >= PROBLEM for row in shown.rows)
    if problems == len(shown.found.problems):
        return shown
    wider = select(shown.found, TOKENS)
    return wider if len(wider.rows) > len(shown.rows) else shown


class Wording(msgspec.Struct, frozen=True):
    """What a summariser writes: everything that is not counted."""

    headline: str
    findings: tuple[Finding, ...]
    checks: tuple[str, ...]


def write(
    selection: Selection, facts: dict[str, Any], kind: Type, zone: tzinfo, *, whole: bool = True
) -> Wording:
    """The rules' own summary of what is shown. `zone` is the market's, for times of day; `whole`: nothing of
    the window is missing."""
    found = selection.found
    if not found.matched and not facts["silent_bots"]:
        return Wording(NOTHING if whole else NOT_WHOLE, (), ())
    teller = _Teller(zone)
    rows = sorted(_concerning(selection.rows, kind), key=_worst)
    findings = [
        *teller.silences(found.silent, found.window.end - found.window.start),
        *(finding for row in rows if (finding := teller.pattern(row)) is not None),
    ]
    trades = teller.trades(facts["trades"], found.facts.told_trades)
    if trades:
        findings.insert(0 if kind == "trading" else min(len(findings), _MAX_FINDINGS - 1), trades)
    held = teller.withheld(selection.rows)
    if held:
        findings.insert(0 if kind == "security" else min(len(findings), _MAX_FINDINGS - 2), held)
    headline = findings[0].claim if findings and kind == "trading" and trades else ""
    headline = headline or _headline(selection, rows, facts, whole=whole)
    return Wording(headline, tuple(findings[:_MAX_FINDINGS]), tuple(_checks(rows, facts)))


class _Teller:
    """Findings, a sentence each."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def pattern(self, row: Row) -> Finding | None:
        """What happened how often, to whom, and when. None when nothing of it may be quoted."""
        shown = [one for one in row.examples if one.text is not None and _quotable(one.text)]
        if not shown or row.withheld:
            return None
        count, severity = row.pattern.count, row.pattern.severity
        bots = tuple(row.pattern.groups)
        times = "once" if count == 1 else f"{count:,} times"
        news = ", not seen in the window before" if row.is_new else ""
        who = f"{_who(row)}: " if bots else ""
        claim = f"{who}{_subject(row)} ({severity.name}, {times}, {self._when(row)}{news})"
        return Finding(
            claim=claim,
            kind="fact",
            severity=severity.name,
            bots=bots[:_MAX_BOTS],
            citations=tuple(one.line.id for one in shown[:_MAX_CITATIONS]),
            quote=(shown[0].text or "")[:_QUOTE_CHARS],
        )

    def trades(self, counts: dict[str, Any], told: Any) -> Finding | None:
        """How trading went."""
        if not counts["opened"] and not counts["rejected"]:
            return None
        cited: list[Telling] = [*told("closed")[-2:], *told("rejected")[-1:]] or told("open")[-1:]
        claim = (
            f"{counts['opened']:,} trades opened, {counts['closed']:,} closed, "
            f"{counts['rejected']:,} rejected; {counts['winners']:,} winners, {counts['losers']:,} losers, "
            f"pnl {counts['pnl']:+.2f}"
        )
        return Finding(
            claim=claim,
            kind="fact",
            severity=Severity.INFO.name,
            bots=tuple(sorted({one.bot for one in cited if one.bot})),
            citations=tuple(one.entry_id for one in cited[:_MAX_CITATIONS]),
        )

    def silences(self, silent: dict[str, Seen], span: int) -> Iterator[Finding]:
        """Who fell silent, and where they were heard last."""
        for bot, seen in silent.items():
            yield Finding(
                claim=f"{bot} fell silent: its last entry is of {self._moment(seen.at, span)}",
                kind="fact",
                severity=Severity.WARNING.name,
                bots=(bot,),
                citations=(seen.id,),
            )

    def withheld(self, rows: Sequence[Row]) -> Finding | None:
        """Entries that speak to a model; whoever reads them should know that they are there."""
        held = [row for row in rows if row.withheld]
        if not held:
            return None
        cited = [one.line for row in held for one in row.examples if one.text is None]
        count = sum(row.pattern.count for row in held)
        what = "1 entry reads" if count == 1 else f"{count:,} entries read"
        return Finding(
            claim=f"{what} like instructions to a language model: withheld from it, and not quoted here",
            kind="fact",
            severity=max(line.severity for line in cited).name,
            bots=tuple(sorted({line.bot for line in cited if line.bot})),
            citations=tuple(line.id for line in cited[:_MAX_CITATIONS]),
        )

    def _when(self, row: Row) -> str:
        span = row.pattern.last - row.pattern.first
        first = self._moment(row.pattern.first, span)
        if span < instant.MINUTE:
            return f"at {first}"
        return f"{first.rsplit(' ', 1)[0]} to {self._moment(row.pattern.last, span)}"

    def _moment(self, at: int, span: int) -> str:
        moment = instant.to_datetime(at).astimezone(self._zone)
        form = "%H:%M %Z" if span < instant.DAY // 2 else "%d %b %H:%M %Z"
        return moment.strftime(form)


def _concerning(rows: Sequence[Row], kind: Type) -> list[Row]:
    """The problems that a type of summary is about; when there is none of its topic, all."""
    problems = [row for row in rows if row.pattern.severity >= PROBLEM]
    if kind == "errors":
        return [row for row in problems if row.pattern.severity >= Severity.ERROR] or problems
    topic = _TOPICS.get(kind)
    if topic is None:
        return problems
    return [row for row in problems if topic.search(_words(row))] or (problems if kind != "security" else [])


def _words(row: Row) -> str:
    return " ".join([row.pattern.template, *(one.text or "" for one in row.examples)])


def _worst(row: Row) -> tuple[bool, int, int, str]:
    return not row.is_new, -row.pattern.severity, -row.pattern.count, row.pattern.template


def _headline(selection: Selection, rows: Sequence[Row], facts: dict[str, Any], *, whole: bool) -> str:
    """From the worst new pattern, else a silent bot, else the worst pattern, else from the counts."""
    told = [row for row in rows if not row.withheld]
    if told and (told[0].is_new or not facts["silent_bots"]):
        row = told[0]
        bot = _who(row) if row.pattern.groups else ""
        times = "" if row.pattern.count == 1 else f", {row.pattern.count:,} times"
        new = "New: " if row.is_new else ""
        return f"{new}{_subject(row)}{times}{f' ({bot})' if bot else ''}"
    if facts["silent_bots"]:
        return f"{_and(tuple(facts['silent_bots'][:3]))} fell silent"
    matched = selection.found.matched
    if problems := sum(pattern.count for pattern in selection.found.problems):
        return f"{problems:,} of {matched:,} entries are warnings or worse"
    trades, read = facts["trades"], "" if whole else " that could be read"
    if trades["opened"] or trades["rejected"]:
        opened = f"{trades['opened']:,} trades opened, pnl {trades['pnl']:+.2f}"
        return f"No problems: {opened}" if whole else f"No problems in what could be read: {opened}"
    return f"No problems in {matched:,} entries{read}"


def _checks(rows: Sequence[Row], facts: dict[str, Any]) -> list[str]:
    checks = [f"Check that {bot} runs and can write its log." for bot in facts["silent_bots"][:2]]
    for row in rows[:_MAX_FINDINGS]:
        bot = next(iter(row.pattern.groups), "the service")
        checks += [text.format(bot=bot) for words, text in _CHECKS if words.search(_words(row))][:1]
    return list(dict.fromkeys(checks))[:5]


def _subject(row: Row) -> str:
    """What a pattern says, for people: an example when all are the same, else the template with `…`."""
    text = next((one.text for one in row.examples if one.text), "")
    if len(row.pattern.examples) > 1:
        text = plain_pattern(row.pattern.template).replace(PLACEHOLDER, "…")
    if not _quotable(text):
        text = "an entry that cannot be shown as plain text"
    return text if len(text) <= _SUBJECT_CHARS else text[:_SUBJECT_CHARS].rsplit(" ", 1)[0] + " …"


def _quotable(text: str) -> bool:
    return bool(text) and is_plain(re.sub(r"\[[A-Z_]+:[0-9a-f]{6}\]", "", text))


def _who(row: Row) -> str:
    """Whose lines a pattern's are; of several bots, how many are the first one's."""
    (first, count), *others = row.pattern.groups.items()
    if not others:
        return first
    if 2 * count < row.pattern.count:
        return f"{len(others) + 1} bots"
    return f"{first} ({count:,} of {row.pattern.count:,})"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
