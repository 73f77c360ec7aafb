"""What a claim may say: the figures, times, names and words of the entries it cites and of the facts."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from shared import instant
from shared.entry import Severity
from shared.summary.lexicon import REPORTING
from shared.summary.select import Example, Row, numbers

_FIGURE: Final = re.compile(r"\d[\d,]*(?:\.\d+)?")
_CLOCK: Final = re.compile(r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:])")
_DATE: Final = re.compile(r"(?<!\d)(\d{4})-(\d\d)-(\d\d)(?!\d)")
# A word with a digit in it, or in capitals: the name of a thing, such as NIFTY24500CE, T17, M&M, BAJAJ-AUTO.
_NAME: Final = re.compile(
    r"[A-Za-z&][\w&.-]*\d[\w&-]*|\d+[A-Za-z_][\w&-]*|[A-Z][A-Z&-]*[A-Z]{2}[A-Z&-]*|[a-z]+(?:_[a-z0-9]+)+"
)
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][a-z]+)?")
_UNITS: Final = re.compile(
    r"^\d[\d,.]*(?:ms|s|m|h|d|x|k|kb|mb|gb|mib|gib|kib|am|pm|st|nd|rd|th)$", re.IGNORECASE
)
_NUMBER_WORDS: Final = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
        " seventeen eighteen nineteen twenty".split()
    )
} | {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 10**6, "lakh": 10**5, "crore": 10**7,
     "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}  # fmt: skip
# `one` counts nothing in "one of the bots".
_COUNTS_NOTHING: Final = frozenset({"one"})
# How much more or less: nothing that is cited says so.
_RATIOS: Final = frozenset(
    "double doubled doubles triple tripled twice thrice half halved quadrupled quarter tenfold twofold most majority"
    " dozens hundreds thousands millions".split()
) - {"most"}
_ACRONYMS: Final = frozenset(
    {
        *Severity.__members__,
        "UTC",
        "IST",
        "API",
        "HTTP",
        "GPT",
        "JSON",
        "CPU",
        "PNL",
        "P&L",
        "NSE",
        "BSE",
        "ID",
        "IDS",
        "LTP",
    }
)
_STEM: Final = 5


class Grounds:
    """What stands in some entries, their patterns and the facts. `zone` is the market's: a time may be told in
    UTC or in it."""

    def __init__(self, rows: Iterable[tuple[Row, Example]], facts: dict[str, Any], zone: tzinfo) -> None:
        self._zone = zone
        self.texts: list[str] = []
        self.names: set[str] = set()
        self.severity = Severity.DEFAULT
        self.cited_bots: set[str] = set()
        self._figures: set[Decimal] = set()
        self._clocks: set[str] = set()
        self._dates: set[str] = set()
        for row, example in rows:
            self._take(row, example)
        self._cited_words = {stem(word) for text in self.texts for word in words(text)}
        self._cited_figures = set(self._figures)
        self._take_facts(facts)

    def _take(self, row: Row, example: Example) -> None:
        line, pattern = example.line, row.pattern
        self.texts += [example.text or "", *line.labels.values()]
        self.severity = max(self.severity, line.severity)
        self.cited_bots.add(line.bot)
        for at in (line.timestamp, pattern.first, pattern.last):
            self._moment(at)
        self._figures.add(Decimal(pattern.count))
        self._figures.update(_decimals(" ".join(numbers(pattern.slots))))
        slot_texts = [text for slot in pattern.slots for text in slot.texts]
        for text in [*self.texts[-5:], *slot_texts]:
            self._figures.update(_decimals(text))
            self._clocks.update(match[0] for match in _CLOCK.finditer(text))
            self._dates.update(match[0] for match in _DATE.finditer(text))
        self.names.update(name for text in [*self.texts, *slot_texts] for name in named(text))
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
            if (
                moment := instant.from_rfc3339(value.replace("Z", ":00Z") if len(value) == 17 else value)
            ) is not None:
                self._moment(moment)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self._figures.add(abs(Decimal(str(value))).normalize())

    def _moment(self, at: int) -> None:
        for zone in (UTC, self._zone):
            moment = instant.to_datetime(at).astimezone(zone)
            self._clocks |= {f"{moment:%H:%M}", f"{moment:%H:%M:%S}"}
            self._dates.add(f"{moment:%Y-%m-%d}")

    def fault(self, claim: str) -> str:
        """Why the claim says more than its grounds; "" when it does not."""
        rest = claim
        for pattern, known in ((_DATE, self._dates), (_CLOCK, self._clocks)):
            if any(
                match[0].zfill(5) not in known and match[0] not in known for match in pattern.finditer(rest)
            ):
                return "time"
            rest = pattern.sub(" ", rest)
        names = [name for name in named(rest) if not _UNITS.match(name)]
        if any(name not in self.names and name not in _ACRONYMS for name in names):
            return "name"
        for name in names:
            rest = rest.replace(name, " ", 1)
        if any(figure not in self._figures for figure in _decimals(rest)):
            return "number"
        return self._words_fault(rest)

    def _words_fault(self, text: str) -> str:
        used = [word.lower() for word in words(text)]
        loose = [word for word in used if len(word) > 2 and stem(word) not in self._cited_words]
        for word in loose:
            if word in _RATIOS:
                return "number"
            number = _NUMBER_WORDS.get(word)
            if number is not None and word not in _COUNTS_NOTHING and Decimal(number) not in self._figures:
                return "number"
        strange = [word for word in loose if word not in REPORTING and word not in _NUMBER_WORDS]
        return "word" if len(strange) > max(1, len(used) // 5) else ""

    def touches(self, claim: str) -> bool:
        """Whether the claim speaks of what is cited at all: by a word of its texts, a name or a figure."""
        cited = {stem(word) for word in words(claim) if len(word) > 3}
        figures = set(_decimals(claim))
        return (
            not cited.isdisjoint(self._cited_words)
            or any(name in self.names for name in named(claim))
            or not figures.isdisjoint(self._cited_figures)
        )


def words(text: str) -> list[str]:
    """The words of a text, without figures and names with figures in them."""
    return _WORD.findall(text)


def named(text: str) -> list[str]:
    """The names of things in a text: capitals, or with digits or underscores in them."""
    return [match[0].strip(".-&") for match in _NAME.finditer(text)]


def stem(word: str) -> str:
    """Equal for the forms of one word, most of the time: `reject`, `rejected`, `rejections`."""
    return word.lower()[:_STEM]


def _decimals(text: str) -> list[Decimal]:
    found = []
    for match in _FIGURE.finditer(text):
        try:
            found.append(Decimal(match[0].replace(",", "").rstrip(".")).normalize())
        except InvalidOperation:
            continue
    return found


def clock(at: int, zone: tzinfo = UTC) -> str:
    """An instant's time of day, to the minute."""
    moment: datetime = instant.to_datetime(at).astimezone(zone)
    return f"{moment:%H:%M}"


def hours(span: int) -> timedelta:
    """A window's length."""
    return timedelta(microseconds=span // 1000)
