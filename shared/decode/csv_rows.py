"""CSV with a header: a record a row."""

import csv
import io
import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from shared.decode.limits import Limits
from shared.decode.lines import line_blocks
from shared.decode.notes import CSV_ROW, INVALID_UTF8, RECORD_CUT, Notes
from shared.decode.record import Record

HEADER: Final = re.compile(rb'"?[A-Za-z_]\w*"?(?:, ?"?[A-Za-z_]\w*"?){2,}\s*', re.ASCII)


def csv_rows(chunks: Iterable[bytes], notes: Notes, limits: Limits, first: int = 1) -> Iterator[Record]:
    """The records of rows under a header, which is the line `first`; blank lines only count.

    Cells are text, an empty one is None. A row with too many or too few cells is a `raw` record, noted;
    a quote that is never closed costs its own line, not the rows that it seems to swallow.
    """
    # The module's limit is one for the process and only ever raised; rows are limited below.
    if csv.field_size_limit() < limits.max_record_bytes:
        csv.field_size_limit(limits.max_record_bytes)
    return _CsvRows(chunks, notes, limits, first).records()


# What a line costs in memory besides its text.
_LINE_BYTES: Final = 200


class _RowTooLong(Exception):
    """A row has more bytes than a record may have."""


class _Line:
    __slots__ = ("cut", "number", "text")

    def __init__(self, number: int, text: str, cut: bool) -> None:
        self.number = number
        self.text = text
        self.cut = cut


class _CsvRows:
    """An iterator of lines for the csv module that knows which lines the current row took."""

    def __init__(self, chunks: Iterable[bytes], notes: Notes, limits: Limits, first: int) -> None:
        self.notes = notes
        self.limits = limits
        self.lines = self._lines(chunks, first)
        self.again: deque[_Line] = deque()
        self.row: list[_Line] = []
        self.row_size = 0
        self.ran_out = False
        self.reader = csv.reader(self)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.again.popleft() if self.again else next(self.lines, None)
        if line is None:
            # Asked for more in the middle of a row: a quote is open where the object ends.
            self.ran_out = bool(self.row)
            raise StopIteration
        self.row.append(line)
        self.row_size += len(line.text) + _LINE_BYTES
        if line.cut or self.row_size > self.limits.max_record_bytes:
            raise _RowTooLong
        return line.text

    def records(self) -> Iterator[Record]:
        header: list[str] = []
        while (cells := self._cells()) is not None:
            if not any(line.text.strip() for line in self.row):
                continue
            if not header and not self.row[0].cut:
                header = self._header(cells)
            elif cells and self._fits(cells, len(header)):
                value = {name: cell or None for name, cell in zip(header, cells, strict=True)}
                yield Record(self.row[0].number, "csv", decoded=value)
            else:
                yield self._raw(len(header))

    def _header(self, cells: list[str]) -> list[str]:
        if not cells or self.ran_out or (len(self.row) > 1 and self._has_odd_quotes()):
            self._put_back()
            cells = self.row[0].text.replace('"', "").strip().split(",")
        return _distinct(cells)

    def _cells(self) -> list[str] | None:
        """The next row's cells: none for a row that is too long or malformed, None at the end."""
        self.row = []
        self.row_size = 0
        self.ran_out = False
        try:
            return next(self.reader)
        except StopIteration:
            return None
        except (csv.Error, _RowTooLong):
            # The rest may be good rows: only the first line is given up.
            self._put_back()
            return []

    def _fits(self, cells: list[str], width: int) -> bool:
        if self.ran_out:
            self._put_back()
            return False
        fits = len(cells) == width
        if len(self.row) > 1 and (not fits or self._has_odd_quotes()) and self._ends_with_a_row(width):
            self._put_back()
            return False
        return fits

    def _ends_with_a_row(self, width: int) -> bool:
        """Whether the last line would do alone: then a stray quote has swallowed it, up to the next quote."""
        try:
            return len(next(csv.reader([self.row[-1].text]), [])) == width
        except csv.Error:
            return False

    def _put_back(self) -> None:
        self.again.extendleft(reversed(self.row[1:]))
        del self.row[1:]

    def _has_odd_quotes(self) -> bool:
        return sum(line.text.count('"') for line in self.row) % 2 == 1

    def _raw(self, width: int) -> Record:
        number = self.row[0].number
        text = "".join(line.text for line in self.row).rstrip("\r\n")
        if self.row[0].cut:
            self.notes.add(RECORD_CUT, f"cut after {self.limits.max_record_bytes} bytes", number)
        else:
            self.notes.add(CSV_ROW, f"not a row of {width} cells" if width else "not a header", number)
        return Record(number, "raw", text=text)

    def _lines(self, chunks: Iterable[bytes], first: int) -> Iterator[_Line]:
        number = first
        for block, cut in line_blocks(chunks, self.limits):
            for line in [block] if cut else io.BytesIO(block):
                yield _Line(number, self._text(line, number), cut)
                number += 1

    def _text(self, line: bytes, number: int) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError:
            self.notes.add(INVALID_UTF8, "not valid UTF-8, the bad bytes were replaced", number)
            return line.decode(errors="replace")


def _distinct(names: list[str]) -> list[str]:
    """Column names with a number where one comes again, so that no cell hides another."""
    counts = dict.fromkeys(names, 0)
    distinct = []
    for name in names:
        counts[name] += 1
        free = name
        while counts[name] > 1 and (free := f"{name}_{counts[name]}") in counts:
            counts[name] += 1
        distinct.append(free)
    return distinct
