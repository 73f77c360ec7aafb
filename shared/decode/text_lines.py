"""Plain text, a record a line; tracebacks are one record, lines that are JSON objects are decoded."""

from collections.abc import Iterable, Iterator

from shared.decode.limits import Limits
from shared.decode.lines import line_blocks, without_carriage_returns
from shared.decode.notes import INVALID_UTF8, UNDECODABLE_LINE, Notes
from shared.decode.record import Kind, Record, cut_record, json_record
from shared.decode.tracebacks import BRACKETED_TIME, FIRST_LINE, TracebackGrouper

_Line = tuple[int, str]


def text_lines(
    chunks: Iterable[bytes], notes: Notes, limits: Limits, first: int = 1, kind: Kind = "text"
) -> Iterator[Record]:
    """The records of lines, the first of which has the index `first`; blank lines only count.

    `kind="raw"` for text that should have been something else: every line of it is then noted.
    """
    reader = _TextLines(notes, kind)
    index = first
    for data, cut in line_blocks(chunks, limits):
        if cut:
            yield from reader.flush()
            yield cut_record(data, index, notes, reader.time_above(data))
            index += 1
            continue
        lines = _decoded(without_carriage_returns(data), index, notes)
        if lines[-1] == "":
            lines.pop()
        if reader.needs_each_line(data):
            yield from reader.each(lines, index)
        else:
            yield from reader.plain(lines, index)
        index += len(lines)
    yield from reader.flush()


def _decoded(block: bytes, index: int, notes: Notes) -> list[str]:
    try:
        return block.decode().split("\n")
    except UnicodeDecodeError:
        return [_line(line, number, notes) for number, line in enumerate(block.split(b"\n"), index)]


def _line(line: bytes, number: int, notes: Notes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        notes.add(INVALID_UTF8, "not valid UTF-8, the bad bytes were replaced", number)
        return line.decode(errors="replace")


class _TextLines:
    """What the lines above say about the ones below: the last bracketed time, an open traceback."""

    def __init__(self, notes: Notes, kind: Kind) -> None:
        self.notes = notes
        self.kind = kind
        self.time: str | None = None
        self.grouper: TracebackGrouper[_Line] = TracebackGrouper()

    def needs_each_line(self, block: bytes) -> bool:
        """Whether a block can hold anything but single lines of text."""
        return (
            self.kind == "raw"
            or self.grouper.active
            or block.startswith(b"{")
            or b"\n{" in block
            or FIRST_LINE.encode() in block
        )

    def time_above(self, line: bytes) -> str | None:
        """The time that a line inherits, and its own for those below."""
        above = self.time
        if match := BRACKETED_TIME.match(line[:64].decode(errors="replace")):
            self.time = match[1]
            return None
        return above

    def plain(self, lines: list[str], index: int) -> Iterator[Record]:
        """The quick way for blocks without tracebacks and JSON, which are nearly all."""
        own_time = BRACKETED_TIME.match
        time = self.time
        for number, line in enumerate(lines, index):
            if line[:1] == "[" and (match := own_time(line)):
                self.time = time = match[1]
                yield Record(number, "text", text=line)
            elif line and not line.isspace():
                yield Record(number, "text", text=line, inherited_time=time)

    def each(self, lines: list[str], index: int) -> Iterator[Record]:
        """Line by line; a traceback may stay open at the end."""
        for number, line in enumerate(lines, index):
            record = json_record(line.encode(), number, self.notes) if line.startswith("{") else None
            if record is not None:
                yield from self.flush()
                yield record
            else:
                yield from self._records(self.grouper.push(line, (number, line)))

    def flush(self) -> Iterator[Record]:
        """What is still held back."""
        return self._records(self.grouper.flush())

    def _records(self, groups: list[list[_Line]]) -> Iterator[Record]:
        for group in groups:
            number, text = group[0]
            if len(group) > 1:
                text = "\n".join(line for _, line in group)
            if not text or text.isspace():
                continue
            if self.kind == "raw":
                self.notes.add(UNDECODABLE_LINE, "not valid JSON", number)
            if match := BRACKETED_TIME.match(text):
                self.time = match[1]
                yield Record(number, self.kind, text=text)
            else:
                yield Record(number, self.kind, text=text, inherited_time=self.time)
