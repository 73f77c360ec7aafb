"""What a claim may say: the figures, times, names and words of the entries it cites and of the facts."""

import re
from collections.abc import Iterable
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Any, Final

from shared import instant
from shared.entry import Severity
from shared.summary.figures import NUMBER_WORDS, clocks, dates, decimals, named, stem, verbatim, words
from shared.summary.lexicon import RATIOS, REPORTING
from shared.summary.select import Example, Row, numbers

# `one` counts nothing in "one of the bots".
_COUNTS_NOTHING: Final = "one"
_ACRONYMS: Final = frozenset(
    {
        *Severity.__members__,
        *("UTC", "IST", "API", "HTTP", "GPT", "JSON", "CPU", "PNL", "P&L", "NSE", "BSE", "ID", "IDS"),
    }
)
# So many words of a text say what it is about; a text of so few has no room for more than that.
_FIRST_WORDS: Final = 3
_SHORT: Final = 8
_SMALL: Final = frozenset(
    {
        "the",
        "and",
        "for",
        "was",
        "were",
        "are",
        "all",
        "any",
        "every",
        "that",
        "this",
        "with",
        "from",
        "has",
        "had",
        "not",
        "its",
    }
)
# A value of a record: `"reason":"…"`, `error="…"`, `error: …` to the end.
_VALUE: Final = re.compile(r"[:=] ?\\?\"((?:[^\"\\]|\\[^\"])*)|: ([^\"=]+)$")
# What follows is given as the reason, and has to be cited too; what "may" be so is told as a guess.
_CAUSE: Final = re.compile(
    (
        r"\b(?:because(?: of)?|due to|caused by|owing to|result(?:ed|s|ing)? (?:of|from)|thanks to"
        r"|triggered by|on account of)\b"
        r"([^,;.]*)"
    ),
    re.IGNORECASE,
)


class Grounds:
    """What stands in some entries, their patterns and the facts. `zone` is the market's: a time may be told
    in UTC or in it."""

    def __init__(self, rows: Iterable[tuple[Row, Example]], facts: dict[str, Any], zone: tzinfo) -> None:
        self._zone = zone
        self.texts: list[str] = []
        self._told: list[str] = []
        self.names: set[str] = set()
        self.severities: set[Severity] = set()
        self.cited_bots: set[str] = set()
        self._figures: set[Decimal] = set()
        self._clocks: set[str] = set()
        self._dates: set[str] = set()
        for row, example in rows:
            self._take(row, example)
        self._cited_words = {stem(word) for text in self.texts for word in words(text)}
        self._cited_figures = set(self._figures)
        self._parts = [part for text in self._told for part in _parts(text)]
        self._take_facts(facts)

    @property
    def severity(self) -> Severity:
        """The highest of those cited."""
        return max(self.severities, default=Severity.DEFAULT)

    def _take(self, row: Row, example: Example) -> None:
        line, pattern = example.line, row.pattern
        own = [example.text or "", *line.labels.values()]
        slots = [text for slot in pattern.slots for text in slot.texts]
        self.texts += own
        self._told.append(own[0])
        self.severities.add(line.severity)
        self.cited_bots.add(line.bot)
        for at in (line.timestamp, pattern.first, pattern.last):
            self._moment(at)
        self._figures.add(Decimal(pattern.count))
        self._figures.update(decimals(" ".join(numbers(pattern.slots))))
        for text in [*own, *slots]:
            self._figures.update(decimals(text))
            self._clocks.update(clocks(text)[0])
            self._dates.update(dates(text)[0])
            self.names.update(named(text))
        self.names.update(line.labels.values())

    def _take_facts(self, value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                self._take_facts(name)
                self._take_facts(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                self._take_facts(inner)
        elif isinstance(value, str):
            self.names.update([value, *named(value)])
            whole = value.replace("Z", ":00Z") if len(value) == 17 else value
            if (moment := instant.from_rfc3339(whole)) is not None:
                self._moment(moment)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self._figures.add(abs(Decimal(str(value))).normalize())

    def _moment(self, at: int) -> None:
        for zone in (UTC, self._zone):
            moment = instant.to_datetime(at).astimezone(zone)
            self._clocks |= {f"{moment:%H:%M}", f"{moment:%H:%M:%S}"}
            self._dates |= {f"{moment:%Y-%m-%d}", f"{moment:%m-%d}"}

    def fault(self, claim: str) -> str:
        """Why the claim says more than its grounds; "" when it does not."""
        if any(not self._stands(part) for part in verbatim(claim)):
            return "quote"
        told, rest = dates(claim)
        times, rest = clocks(rest)
        if not self._dates.issuperset(told) or not self._clocks.issuperset(times):
            return "time"
        names = named(rest)
        if not (self.names | _ACRONYMS).issuperset(names):
            return "name"
        for name in names:
            rest = rest.replace(name, " ", 1)
        if not self._figures.issuperset(decimals(rest)):
            return "number"
        return self._words_fault(rest) or ("" if all(map(self._knows, _CAUSE.findall(rest))) else "cause")

    def _stands(self, part: str) -> bool:
        part = part.rstrip(".,:;").lower()
        return any(part in text.lower() for text in self.texts)

    def _words_fault(self, text: str) -> str:
        used = [word.lower() for word in words(text)]
        loose = [word for word in used if len(word) > 2 and stem(word) not in self._cited_words]
        for word in loose:
            if word in RATIOS:
                return "number"
            number = NUMBER_WORDS.get(word)
            if number is not None and word != _COUNTS_NOTHING and Decimal(number) not in self._figures:
                return "number"
        strange = [word for word in loose if word not in REPORTING and word not in NUMBER_WORDS]
        return "word" if len(strange) > max(1, len(used) // 5) else ""

    def _knows(self, reason: str) -> bool:
        """Whether half of a reason's words are cited."""
        told = [stem(word) for word in words(reason) if len(word) > 3]
        return 2 * sum(word in self._cited_words for word in told) >= len(told)

    def begins_with_it(self, claim: str) -> bool:
        """Whether the claim takes up how the text begins that it has most words of.

        A log line says first what it is about. A sentence that somebody wants said stands behind a reason for
        saying it, or behind whatever the line was before it got there.
        """
        said = {stem(word) for word in [*words(claim), *named(claim)]}
        shared = [(len(said.intersection(stems)), stems) for stems in self._parts]
        most = max((count for count, _ in shared), default=0)
        return any(_takes_up(said, stems) for count, stems in shared if count == most)

    def touches(self, claim: str) -> bool:
        """Whether the claim speaks of what is cited at all: by a word of its texts, a name or a figure."""
        cited = {stem(word) for word in words(claim) if len(word) > 3}
        return (
            not cited.isdisjoint(self._cited_words)
            or not self.names.isdisjoint(named(claim))
            or not self._cited_figures.isdisjoint(decimals(claim))
        )


def _parts(text: str) -> list[list[str]]:
    """The stems of a text, or of each longer value in it when it is a record."""
    is_record = text[:1] in {"{", "["} or "=" in text.split(" ", 1)[0]
    found = [one or other for one, other in _VALUE.findall(text)] if is_record else []
    values = [one for one in found if " " in one]
    return [[stem(word) for word in [*words(one), *named(one)]] for one in values or [text]]


def _takes_up(said: set[str], stems: list[str]) -> bool:
    """One word of a short text's beginning; of a long one's, which has room for a preface, two."""
    first = list(dict.fromkeys(one for one in stems if len(one) > 2 and one not in _SMALL))[:_FIRST_WORDS]
    needed = 1 if len(stems) <= _SHORT else 2
    return len(said.intersection(first)) >= min(needed, len(first))
