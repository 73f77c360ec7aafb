"""What of a sentence can be checked: its figures, dates, times of day, names, quotations and words."""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

_FIGURE: Final = re.compile(r"\d[\d,]*(?:\.\d+)?")
_CLOCK: Final = re.compile(
    r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:])(?: ?([ap])\.?m\b\.?)?", re.IGNORECASE
)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH: Final = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE: Final = re.compile(
    r"(?<!\d)(?:(?P<year>\d{4})-)?(?P<month>[01]\d)-(?P<day>[0-3]\d)(?![\d-])"
    rf"|\b(?P<day2>[0-3]?\d)(?:st|nd|rd|th)? (?P<month2>{_MONTH})\b(?:,? (?P<year2>20\d\d)\b)?"
    rf"|\b(?P<month3>{_MONTH}) (?P<day3>[0-3]?\d)(?:st|nd|rd|th)?\b(?!:)(?:,? (?P<year3>20\d\d)\b)?",
    re.IGNORECASE,
)
# A word with a digit in it, or in capitals: the name of a thing, such as NIFTY24500CE, T17, M&M, BAJAJ-AUTO.
_NAME: Final = re.compile(
    r"[A-Za-z&][\w&.-]*\d[\w&-]*|\d+[A-Za-z_][\w&-]*|[A-Z][A-Z&-]*[A-Z]{2}[A-Z&-]*|[a-z]+(?:_[a-z0-9]+)+"
)
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][a-z]+)?")
_UNITS: Final = re.compile(
    r"^\d[\d,.]*(?:ms|s|m|h|d|x|k|kb|mb|gb|mib|gib|kib|am|pm|st|nd|rd|th)$", re.IGNORECASE
)
_VERBATIM: Final = re.compile(
    r"(?<!\w)['\"‘“`]([^'\"‘’“”`]{2,})['\"’”`](?!\w)|(?<![\w/])(/[\w-]+(?:/[\w.-]+)+)"
)
_NUMBER_WORDS: Final = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty"""
NUMBER_WORDS: Final[dict[str, int]] = {
    **{word: number for number, word in enumerate(_NUMBER_WORDS.split())},
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    "dozen": 12, "hundred": 100, "thousand": 1000, "lakh": 10**5, "million": 10**6, "crore": 10**7,
}  # fmt: skip
_STEM: Final = 5


def decimals(text: str) -> list[Decimal]:
    """Its numbers, without signs and separators of thousands."""
    found = []
    for match in _FIGURE.finditer(text):
        try:
            found.append(Decimal(match[0].replace(",", "").rstrip(".")).normalize())
        except InvalidOperation:
            continue
    return found


def clocks(text: str) -> tuple[list[str], str]:
    """Times of day as `HH:MM` or `HH:MM:SS`, and the text without them."""
    return [_of_day(match) for match in _CLOCK.finditer(text)], _CLOCK.sub(" ", text)


def _of_day(match: re.Match[str]) -> str:
    hour = int(match[1])
    if match[4]:
        hour = hour % 12 + 12 * (match[4].lower() == "p")
    return ":".join([f"{hour:02d}", match[2], *([match[3]] if match[3] else [])])


def dates(text: str) -> tuple[list[str], str]:
    """Dates as `YYYY-MM-DD`, or `MM-DD` where there is no year, and the text without them."""
    return [_of_year(match) for match in _DATE.finditer(text)], _DATE.sub(" ", text)


def _of_year(match: re.Match[str]) -> str:
    month = match["month"] or ""
    if name := match["month2"] or match["month3"]:
        month = f"{_MONTHS.index(name[:3].lower()) + 1:02d}"
    day = int(match["day"] or match["day2"] or match["day3"])
    year = match["year"] or match["year2"] or match["year3"]
    return f"{year}-{month}-{day:02d}" if year else f"{month}-{day:02d}"


def named(text: str) -> list[str]:
    """The names of things: capitals, or with digits or underscores in them; figures with a unit are none."""
    found = (match[0].strip(".-&") for match in _NAME.finditer(text))
    return [name for name in found if not _UNITS.match(name)]


def verbatim(text: str) -> list[str]:
    """What it quotes, and paths: these must stand somewhere as they are."""
    return [match[1] or match[2] for match in _VERBATIM.finditer(text)]


def words(text: str) -> list[str]:
    """Its words, without figures and names with figures in them."""
    return _WORD.findall(text)


def stem(word: str) -> str:
    """Equal for the forms of one word, most of the time: `reject`, `rejected`, `rejections`."""
    return word.lower()[:_STEM]
