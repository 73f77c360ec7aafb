"""How the stores are laid out: dates and bots in object names, templates of document paths."""

import re
from calendar import monthrange
from datetime import date, datetime, timedelta, tzinfo
from typing import Final, Literal, Self

import msgspec

from shared import instant

# The three date layouts, anywhere in a path: 2026/01/15, 2026-01-15, 20260115.
_DATE: Final = re.compile(
    r"(?<!\d)(?:(?P<y1>(?:19|20)\d\d)/(?P<m1>\d\d)/(?P<d1>\d\d)"
    r"|(?P<y2>(?:19|20)\d\d)-(?P<m2>\d\d)-(?P<d2>\d\d)"
    r"|(?P<y3>(?:19|20)\d\d)(?P<m3>\d\d)(?P<d3>\d\d))(?!\d)",
    re.ASCII,
)
_CLOCK: Final = re.compile(r"(?<!\d)([01]\d|2[0-3])([0-5]\d)([0-5]\d)(?!\d)", re.ASCII)
# A folder that ends within a date: 2026 or 2026/01.
_PARTIAL_DATE: Final = re.compile(r"(?:^|/)(?P<year>(?:19|20)\d\d)(?:/(?P<month>0[1-9]|1[0-2]))?$", re.ASCII)
# Path segments that belong to a date folder.
_DATE_SEGMENT: Final = re.compile(r"(?:19|20)\d\d|\d\d|(?:19|20)\d\d-\d\d-\d\d|(?:19|20)\d{6}", re.ASCII)
# What a bot may be called: of secrets with hyphens (keys, cards, numbers) all are longer, or have no letter.
_BOT: Final = re.compile(r"(?=.{1,40}$)(?=.*[A-Za-z])[A-Za-z0-9._-]+", re.ASCII)
# How far an entry's time may lie outside of the date of its path: time zones, and sessions over midnight.
SLACK: Final = instant.DAY


class PathFacts(msgspec.Struct, frozen=True):
    """What an object's name says: its date, the instant of its name, its bot. None where it says nothing."""

    day: date | None
    moment: int | None
    bot: str | None


def path_facts(name: str, prefix: str, zone: tzinfo) -> PathFacts:
    """Read `trades/2026/11/20/stock_trader/system_logs_043107_v1.jsonl.gz` below `trades/`.

    The date is the first that the path has; the moment is that date with the `HHMMSS` of the file
    name if it has one, else the day's start, in `zone`; the bot is the first folder below the prefix
    that is no date.
    """
    rest = name.removeprefix(prefix).lstrip("/")
    match, day = _first_date(rest)
    folders, _, file = rest.rpartition("/")
    bot = next((s for s in folders.split("/") if s and not _DATE_SEGMENT.fullmatch(s)), None)
    if day is None or match is None:
        return PathFacts(None, None, bot_name(bot))
    clock = _CLOCK.search(file, max(0, match.end() - len(folders) - 1 if folders else match.end()))
    hour, minute, second = (int(part) for part in clock.groups()) if clock else (0, 0, 0)
    moment = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=zone)
    return PathFacts(day, instant.from_datetime(moment), bot_name(bot))


def _first_date(text: str) -> tuple[re.Match[str] | None, date | None]:
    for match in _DATE.finditer(text):
        year, month, day = (int(part) for part in match.groups() if part is not None)
        try:
            return match, date(year, month, day)
        except ValueError:
            continue
    return None, None


def date_in(path: str) -> date | None:
    """The first date that a path has, in one of the three layouts."""
    return _first_date(path)[1]


Place = Literal["within", "partly", "outside", "undated"]


def folder_place(folder: str, days: tuple[date, date]) -> Place:
    """How the dates under a folder (without its last `/`) lie to `days`.

    A folder of a whole date, of a month or of a year is told apart; any other is undated.
    """
    day = date_in(folder)
    if day is not None:
        return "within" if days[0] <= day <= days[1] else "outside"
    match = _PARTIAL_DATE.search(folder)
    if match is None:
        return "undated"
    year, month = int(match["year"]), int(match["month"] or 0)
    first = date(year, month or 1, 1)
    last = date(year, month or 12, monthrange(year, month or 12)[1])
    if last < days[0] or first > days[1]:
        return "outside"
    return "within" if days[0] <= first and last <= days[1] else "partly"


def folder_may_hold(folder: str, days: tuple[date, date]) -> bool:
    """Whether anything under a folder (without its last `/`) can have a date within `days`."""
    return folder_place(folder, days) != "outside"


class NamedDate(msgspec.Struct, frozen=True):
    """A date in an object's own name: the path up to it, `-` or nothing between its parts, itself."""

    lead: str
    dash: str
    day: date


def named_date(name: str) -> NamedDate | None:
    """The first date in the last segment of an object's name; None when it has none."""
    at = name.rfind("/") + 1
    match, day = _first_date(name[at:])
    if match is None or day is None:
        return None
    return NamedDate(name[: at + match.start()], "-" if match["y2"] else "", day)


def bot_name(text: str | None) -> str | None:
    """A bot's one name, whatever the store calls it: `stock-trader` is `stock_trader`.

    Other texts stay as they are: a secret that stands in place of a name must still be known for one.
    """
    if not text:
        return None
    return text.replace("-", "_") if _BOT.fullmatch(text) else text


def day_bounds(day: date, zone: tzinfo) -> tuple[int, int]:
    """The instants `[first, after)` that entries under this date may have, slack included."""
    first = instant.from_datetime(datetime(day.year, day.month, day.day, tzinfo=zone))
    return first - SLACK, first + instant.DAY + SLACK


def days_of(start: int, end: int, zone: tzinfo) -> tuple[date, date]:
    """The first and last date whose entries may lie in `[start, end)`, slack included."""
    low = max(start - SLACK, instant.EARLIEST + instant.DAY)
    high = min(end - 1 + SLACK, instant.LATEST - instant.DAY)
    return (
        instant.to_datetime(low).astimezone(zone).date(),
        instant.to_datetime(high).astimezone(zone).date(),
    )


def each_day(first: date, last: date) -> list[date]:
    """Every date from `first` to `last`."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def parse_day(text: str) -> date | None:
    """A date written in one of the three layouts, and nothing else beside it."""
    match, day = _first_date(text)
    return day if match is not None and match.span() == (0, len(text)) else None


class PathTemplate(msgspec.Struct, frozen=True):
    """A path of documents: literals and names, `gpt_runner_trades/{bot}/{date}/{doc}`.

    Even segments are collections, odd ones documents, as in Firestore. `{bot}` and `{date}` have
    meaning; any other name stands for anything; a last segment with text around its names
    (`{bot}_{date}`) is matched by pattern.
    """

    text: str
    segments: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises: ValueError when it is no path of documents below a literal collection."""
        segments = tuple(text.strip("/").split("/"))
        if len(segments) % 2 or not all(segments):
            raise ValueError("a path template has pairs of collection and document")
        if "{" in segments[0]:
            raise ValueError("a path template begins with a collection's own name")
        for segment in segments:
            plain = re.sub(r"\{\w+\}", "", segment, flags=re.ASCII)
            if "{" in plain or "}" in plain:
                raise ValueError("a path template has names in braces")
        return cls("/".join(segments), segments)

    @property
    def root(self) -> str:
        """The top collection's name."""
        return self.segments[0]

    def match(self, path: str) -> dict[str, str] | None:
        """The names' values in a document's path, or None when it is no path of this template."""
        parts = path.split("/")
        if len(parts) != len(self.segments):
            return None
        values: dict[str, str] = {}
        for segment, part in zip(self.segments, parts, strict=True):
            found = segment_values(segment, part)
            if found is None:
                return None
            values |= found
        return values


def segment_values(segment: str, part: str) -> dict[str, str] | None:
    """The values of the names in one segment: `{bot}_{date}` against `stock_trader_2026-11-20`."""
    if "{" not in segment:
        return {} if segment == part else None
    pattern = re.sub(
        r"\\\{(\w+)\\\}",
        lambda m: rf"(?P<{m[1]}>\d{{4}}-?\d\d-?\d\d)" if m[1] == "date" else rf"(?P<{m[1]}>.+)",
        re.escape(segment),
    )
    match = re.fullmatch(pattern, part)
    return match.groupdict() if match else None
