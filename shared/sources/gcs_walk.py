"""Which list calls to make: the walk through a bucket's folders that enters only those of the window.

Each folder's layout is found as it is met, so that layouts may be mixed under one prefix:

* `yyyy/mm/dd`: the days of the window are one range of names, over the ends of months and years too. What
  lies loose in the years' and months' folders at both ends is listed apart.
* `yyyy-mm-dd`, `yyyymmdd` folders: all of them are seen as folders, those of the window are one range.
* the same dates in names of objects: a page whose names are all alike up to their date is left for the
  window's dates.
* folders without a date are entered one by one, for there may be dates below; after some in a row without
  any, their objects are listed whole, until a date appears.

Source: https://cloud.google.com/storage/docs/json_api/v1/objects/list
"""

from collections.abc import Callable, Generator, Iterator
from datetime import date
from typing import Final

import msgspec

from shared.layout import date_in, folder_place, named_date
from shared.sources.object_store import ObjectInfo

FULL_PAGE: Final = 1000
# The first page of a folder: enough for some bots or years; not many objects, should it hold objects.
FIRST_PAGE: Final = 8
# The first page of a year or month: enough for its months or days.
DATED_PAGE: Final = 64
# So many folders without a date in a row, and the next ones are listed whole.
PLAIN_IN_A_ROW: Final = 8
# With more date trees than this (bots, each with its years), in a window over a month's end, the years' own
# folders are not all looked into for loose objects: only the first, and the others when it has some or any
# have been seen elsewhere. That is a call or two for each tree which find nothing in a tidy bucket.
MANY_TREES: Final = 3
_AFTER_YEARS: Final = "21"
_ANY_DAYS: Final = (date.min, date.max)


class Ask(msgspec.Struct, frozen=True):
    """One `objects.list`: names that begin with `prefix`, from `start` on, before `end`."""

    prefix: str
    start: str = ""
    end: str = ""
    by_folder: bool = False
    token: str = ""
    size: int = FULL_PAGE


class Answer(msgspec.Struct, frozen=True):
    """A page of it: objects, and folders (each with its `/` at the end), both in the order of names."""

    objects: list[ObjectInfo]
    folders: list[str]
    token: str = ""


Found = Iterator[ObjectInfo]
FoundAnd = Generator[ObjectInfo, None, list[str]]


class Walk:
    """One pass over the objects below a prefix. An object may be told twice."""

    def __init__(self, ask: Callable[[Ask], Answer], days: tuple[date, date]) -> None:
        self._ask = ask
        self._days = days
        self._trees: dict[str, list[int]] = {}
        self._put_off: list[tuple[list[str], Ask]] = []
        self._dates_seen = 0
        self._loose_seen = False

    def objects(self, prefix: str) -> Found:
        """Every object below `prefix`, save those whose date is not of the window."""
        day = date_in(prefix.rpartition("/")[0])
        if day is not None:
            if self._days[0] <= day <= self._days[1]:
                yield from self._whole(Ask(prefix))
            return
        yield from self._folder(prefix)
        while self._trees:
            trees, self._trees = self._trees, {}
            for parent, years in trees.items():
                yield from self._tree(parent, years, thrifty=len(trees) > MANY_TREES)
            yield from self._years_put_off()

    def _whole(self, ask: Ask) -> Found:
        """Everything asked for, with all that is below."""
        while True:
            answer = self._ask(ask)
            yield from answer.objects
            if not answer.token:
                return
            ask = msgspec.structs.replace(ask, token=answer.token)

    def _folder(self, prefix: str, first_page: int = FIRST_PAGE) -> Found:
        yield from self._below(prefix, (yield from self._level(prefix, first_page)))

    def _level(self, prefix: str, first_page: int) -> FoundAnd:
        """The objects of one folder; returns the folders in it."""
        folders: list[str] = []
        ask = Ask(prefix, by_folder=True, size=first_page)
        while True:
            answer = self._ask(ask)
            yield from answer.objects
            self._loose_seen = self._loose_seen or bool(answer.objects)
            folders += answer.folders
            if not answer.token:
                return folders
            leap = _leap(answer, self._days)
            if leap is None:
                ask = msgspec.structs.replace(ask, token=answer.token, size=FULL_PAGE)
                continue
            self._dates_seen += 1
            if leap.first:
                yield from self._whole(Ask(prefix, leap.first, leap.end))
            ask = Ask(prefix, start=leap.goes_on, by_folder=True, size=first_page)

    def _below(self, prefix: str, folders: list[str]) -> Found:
        """What the folders of one level hold."""
        undated: list[str] = []
        run: list[str] = []
        for folder in folders:
            place = folder_place(folder[:-1], self._days)
            year = folder[len(prefix.rpartition("/")[0]) :].strip("/")
            self._dates_seen += place != "undated"
            if place in ("within", "partly") and date_in(folder) is None and len(year) == 4:
                self._trees.setdefault(folder[: -len(year) - 1], []).append(int(year))
            elif place == "within":
                run.append(folder)
                continue
            elif place == "partly":
                yield from self._folder(folder, DATED_PAGE)
            elif place == "undated":
                undated.append(folder)
            yield from self._run(prefix, run)
        yield from self._run(prefix, run)
        yield from self._undated(prefix, undated)

    def _run(self, prefix: str, run: list[str]) -> Found:
        """Folders that follow each other, as one range."""
        if run:
            yield from self._whole(Ask(prefix, run[0], _after(run[-1])))
            run.clear()

    def _undated(self, prefix: str, folders: list[str]) -> Found:
        """Folders that tell no date: one by one, or whole while none is found below them."""
        plain = at = 0
        while at < len(folders):
            if plain < PLAIN_IN_A_ROW:
                before = self._dates_seen
                yield from self._folder(folders[at])
                plain = plain + 1 if self._dates_seen == before else 0
                at += 1
                continue
            start = folders[at]
            while True:
                answer = self._ask(Ask(prefix, start, _after(folders[-1])))
                yield from answer.objects
                if not answer.token or not answer.objects:
                    return
                start = answer.objects[-1].name + "\0"
                while at < len(folders) and _after(folders[at]) <= start:
                    at += 1
                if any(folder_place(found.name, self._days) == "outside" for found in answer.objects):
                    plain = 0
                    break

    def _tree(self, parent: str, years: list[int], *, thrifty: bool) -> Found:
        """`parent` has folders of these years, with months and days in them."""
        first = max(self._days[0], date(min(years), 1, 1))
        last = min(self._days[1], date(max(years), 12, 31))
        days = Ask(parent, f"{parent}{first:%Y/%m/%d}/", _after(f"{parent}{last:%Y/%m/%d}/"))
        months = list(dict.fromkeys(f"{parent}{day:%Y/%m}/" for day in (first, last)))
        ends = list(dict.fromkeys(f"{parent}{day:%Y}/" for day in (first, last)))
        found = list(self._whole(days))
        yield from found
        if thrifty and found and len(months) > 1:
            self._put_off.append((ends, days))
        else:
            seen = yield from self._loose(ends, days)
            months = [month for month in months if month in seen]
        yield from self._loose(months, days)

    def _years_put_off(self) -> Found:
        """One after the other, while any object has been seen that lies loose."""
        put_off, self._put_off = self._put_off, []
        for number, (years, days) in enumerate(put_off):
            if number == 0 or self._loose_seen:
                yield from self._loose(years, days)

    def _loose(self, folders: list[str], days: Ask) -> FoundAnd:
        """What lies in folders of years or months outside of the range of the days; returns their folders."""
        seen: list[str] = []
        for folder in folders:
            below = yield from self._level(folder, DATED_PAGE)
            seen += below
            other = [name for name in below if not _is_of_tree(name) and not days.start <= name < days.end]
            yield from self._below(folder, other)
        return seen


class _Leap(msgspec.Struct, frozen=True):
    """What to list instead of going on: from `first` to `end` (nothing when empty), then from `goes_on`."""

    goes_on: str
    first: str = ""
    end: str = ""


def _leap(answer: Answer, days: tuple[date, date]) -> _Leap | None:
    """Where the window's names are, when a page has only objects that are alike up to their date.

    What is left out are names that go on with another date, or year, where these have theirs. Order in
    a bucket: `2026-01-15`, then anything in `2026/`, then `20260115`.
    """
    if answer.folders or not answer.objects:
        return None
    start, last = (named_date(answer.objects[at].name) for at in (0, -1))
    if start is None or last is None or (start.lead, start.dash) != (last.lead, last.dash):
        return None
    lead, year = last.lead, last.day.year
    if year < days[0].year:
        if not last.dash:
            return _Leap(f"{lead}{days[0].year}")
        year = days[0].year
    if year > days[1].year:
        return _Leap(lead + _AFTER_YEARS)
    first, end = max(days[0], date(year, 1, 1)), min(days[1], date(year, 12, 31))
    form = f"%Y{last.dash}%m{last.dash}%d"
    of_year = f"{lead}{year}{last.dash}"
    goes_on = lead + _AFTER_YEARS if not last.dash and year == days[1].year else _after(of_year + "9")
    return _Leap(goes_on, lead + first.strftime(form), _after(lead + end.strftime(form)))


def _is_of_tree(folder: str) -> bool:
    """Whether a folder in a year or month is a month or a day."""
    segment = folder[:-1].rpartition("/")[2]
    return len(segment) == 2 and folder_place(folder[:-1], _ANY_DAYS) != "undated"


def _after(name: str) -> str:
    """The first name behind all that begin with `name`; its last character must be ASCII."""
    return name[:-1] + chr(ord(name[-1]) + 1)
