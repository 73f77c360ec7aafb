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
from shared.query import Window
from shared.search.masks import PLACEHOLDER
from shared.summary.counted import counted, entries, listed, opened_trades, trading
from shared.summary.digest import PROBLEM
from shared.summary.document import Finding, Type
from shared.summary.facts import Seen
from shared.summary.line import Telling
from shared.summary.plain import is_plain, plain_pattern
from shared.summary.select import Row, Selection, select
from shared.summary.topics import checks, concerning

# What is looked at has room for so many tokens, however little a caller wants a model to read.
TOKENS: Final = 3500
_MAX_FINDINGS: Final = 8
_MAX_CITATIONS: Final = 3
_MAX_BOTS: Final = 10
# So many have a finding of their own; there are other things to tell.
_MAX_SILENT: Final = 2
_SUBJECT_CHARS: Final = 120
_QUOTE_CHARS: Final = 200
NOTHING: Final = "Nothing happened: no entries in this window"
NOT_WHOLE: Final = "No entries were found, but not everything could be read"


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
    teller = _Teller(zone, found.window)
    rows = sorted(concerning(selection.rows, kind), key=_worst)
    findings = [
        *teller.silences(found.silent),
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
    return Wording(
        headline, tuple(findings[:_MAX_FINDINGS]), checks(rows[:_MAX_FINDINGS], facts["silent_bots"])
    )


class _Teller:
    """Findings, a sentence each."""

    def __init__(self, zone: tzinfo, window: Window) -> None:
        self._zone = zone
        self._window_span = window.end - window.start

    def pattern(self, row: Row) -> Finding | None:
        """What happened how often, to whom, and when. None when nothing of it may be quoted."""
        shown = [one for one in row.examples if one.text is not None and _quotable(one.text)]
        if not shown or row.withheld:
            return None
        count, severity = row.pattern.count, row.pattern.severity
        bots = tuple(row.pattern.groups)
        news = ", not seen in the window before" if row.is_new else ""
        who = f"{_who(row)}: " if bots else ""
        claim = f"{who}{_subject(row)} ({severity.name}, {entries(count)}, {self._when(row)}{news})"
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
        return Finding(
            claim=trading(counts),
            kind="fact",
            severity=Severity.INFO.name,
            bots=tuple(counts["by_bot"])[:_MAX_BOTS],
            citations=tuple(one.entry_id for one in cited[:_MAX_CITATIONS]),
        )

    def silences(self, silent: dict[str, Seen]) -> Iterator[Finding]:
        """Who fell silent, and where they were heard last."""
        for bot, seen in [*silent.items()][:_MAX_SILENT]:
            yield Finding(
                claim=f"{bot} fell silent: its last entry is of {self._moment(seen.at, self._window_span)}",
                kind="fact",
                severity=Severity.WARNING.name,
                bots=(bot,),
                citations=(seen.id,),
            )
        if rest := [*silent.items()][_MAX_SILENT:]:
            names = tuple(bot for bot, _ in rest)
            yield Finding(
                claim=f"{counted(len(rest), 'more bot')} fell silent: {listed(names, _MAX_BOTS)}",
                kind="fact",
                severity=Severity.WARNING.name,
                bots=names[:_MAX_BOTS],
                citations=tuple(seen.id for _, seen in rest[:_MAX_CITATIONS]),
            )

    def withheld(self, rows: Sequence[Row]) -> Finding | None:
        """Entries that speak to a model; whoever reads them should know that they are there."""
        held = [row for row in rows if row.withheld]
        if not held:
            return None
        cited = [one.line for row in held for one in row.examples if one.text is None]
        # Of the others of their patterns nobody knows.
        least = "At least " if sum(row.pattern.count for row in held) > len(cited) else ""
        what = f"{least}{entries(len(cited))} {'reads' if len(cited) == 1 else 'read'}"
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
        # In a window of several days a time alone does not say when.
        dated = span >= instant.DAY // 2 or self._window_span > instant.DAY
        form = "%d %b %H:%M %Z" if dated else "%H:%M %Z"
        return moment.strftime(form)


def _worst(row: Row) -> tuple[bool, int, int, str]:
    return not row.is_new, -row.pattern.severity, -row.pattern.count, row.pattern.template


def _headline(selection: Selection, rows: Sequence[Row], facts: dict[str, Any], *, whole: bool) -> str:
    """From the worst new pattern, else a silent bot, else the worst pattern, else from the counts."""
    told = [row for row in rows if not row.withheld]
    if told and (told[0].is_new or not facts["silent_bots"]):
        row = told[0]
        bot = _who(row) if row.pattern.groups else ""
        often = "" if row.pattern.count == 1 else f", {entries(row.pattern.count)}"
        new = "New: " if row.is_new else ""
        return f"{new}{_subject(row)}{often}{f' ({bot})' if bot else ''}"
    if facts["silent_bots"]:
        return f"{listed(tuple(selection.found.silent), 3)} fell silent"
    matched = selection.found.matched
    if problems := sum(pattern.count for pattern in selection.found.problems):
        what = "is a warning" if problems == 1 else "are warnings"
        return f"{problems:,} of {entries(matched)} {what} or worse"
    trades, read = facts["trades"], "" if whole else " that could be read"
    if trades["opened"]:
        opened = f"{opened_trades(trades)}, pnl {trades['pnl']:+.2f}"
        return f"No problems: {opened}" if whole else f"No problems in what could be read: {opened}"
    return f"No problems in {entries(matched)}{read}"


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
    total = row.pattern.count
    if count == total:
        return first
    if not others or 2 * count >= total:
        return f"{first} ({count:,} of {total:,})"
    # Of some entries it is not known, or no more names were kept.
    more = "" if sum(row.pattern.groups.values()) == total else " and others"
    return f"{len(others) + 1} bots{more}"
