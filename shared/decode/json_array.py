"""A JSON array, element by element, never held whole.

Blocks of whole elements are decoded at C speed. To know where one ends without looking at every byte, a
block is cut where an element seems to begin, at a comma before the array's first key, and decoded as an
array of its own: when that works the cut was right, for JSON can be read in one way only. Where it does
not work (NaN, a damaged element, one longer than a block) the elements are found one by one.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice, repeat
from typing import Final

import msgspec

from shared.decode.element_window import STRING, ElementWindow
from shared.decode.json_lines import json_lines
from shared.decode.limits import Limits
from shared.decode.lines import sized
from shared.decode.notes import TRAILING_GARBAGE, UNCLOSED_ARRAY, Notes
from shared.decode.record import JSON, NOT_DECODED, Head, Record, cut_record, json_or_raw, json_record

# `[` and then what only JSON goes on with; `[2025-05-22 23:55:22] …` and `[trade] …` are text.
OPENING: Final = re.compile(
    rb"\s*\[\s*(?:\{\s*[\"}]|\"|\]\s*(?:[\[,]|$)|\[\s*(?:[\[{\"\]]|-?\d|true\b|false\b|null\b|NaN\b))"
)

_FIRST_KEY: Final = re.compile(rb"\{\s*" + STRING, re.S)
_CANDIDATES: Final = 3
_TAIL_BYTES: Final = 16 * 1024
_PATIENCE: Final = 32

_decode_raws: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_heads: Final = msgspec.json.Decoder(list[Head]).decode


def json_array(chunks: Iterable[bytes], notes: Notes, limits: Limits) -> Iterator[Record]:
    """The records of an array's elements, numbered from 1 over all arrays when several follow each other.

    A bad element is a `raw` record and noted, the good ones around it are kept. What follows the last
    array is read as JSON lines, numbered on. Memory: one element and a block.
    """
    notes.unit = "element"
    return _ArrayReader(sized(chunks, limits.block_bytes), notes, limits).records()


class _ArrayReader:
    def __init__(self, chunks: Iterator[bytes], notes: Notes, limits: Limits) -> None:
        self.chunks = chunks
        self.window = ElementWindow(chunks, limits)
        self.notes = notes
        self.limits = limits
        self.index = 1
        self.closed = False
        self.repairs = 0
        self.separator = re.compile(rb",\s*")

    def records(self) -> Iterator[Record]:
        window = self.window
        window.skip_space()
        while True:
            window.at += 1
            window.skip_space()
            self._learn_separator()
            self.closed = False
            while not self.closed:
                window.fill()
                block = self._whole_elements()
                yield from self._one_by_one() if block is None else self._numbered(*block)
            window.skip_space()
            if not OPENING.match(window.buffer, window.at):
                break
        if rest := window.rest():
            self.notes.add(TRAILING_GARBAGE, "text after the end of the JSON array is read as lines")
            yield from json_lines(chain([rest], self.chunks), self.notes, self.limits, self.index)

    def _learn_separator(self) -> None:
        """Elements of one writer begin with the same key, objects inside of them seldom do."""
        if self.window.buffer.startswith(b"{", self.window.at):
            match = _FIRST_KEY.match(self.window.buffer, self.window.at)
            self.separator = re.compile(rb",\s*(?=%b)" % re.escape(match[0] if match else b"{"))

    def _whole_elements(self) -> tuple[bytes, list[bytes]] | None:
        """The elements that are whole in the window, as an array and each; None: look closer."""
        window = self.window
        rest = window.rest()
        if len(rest) > self.limits.max_record_bytes:
            return None
        if window.ended and rest.rstrip().endswith(b"]"):
            array = b"[" + rest
            if (raws := _elements(array)) is not None:
                window.at, self.closed = len(window.buffer), True
                return array, raws
        # Looking through the tail is enough as long as elements are not long.
        tail = max(0, len(rest) - _TAIL_BYTES)
        matches = deque(self.separator.finditer(rest, tail), maxlen=_CANDIDATES)
        if not matches:
            matches.extend(self.separator.finditer(rest, 0, tail))
        for match in reversed(matches):
            array = b"[%b]" % rest[: match.start()]
            if (raws := _elements(array)) is not None:
                window.at += match.end()
                return array, raws
        return None

    def _numbered(self, array: bytes, raws: list[bytes]) -> Iterator[Record]:
        first = self.index
        self.index += len(raws)
        try:
            heads = _decode_heads(array)
        except NOT_DECODED:
            for index, raw in enumerate(raws, first):
                yield json_or_raw(raw, index, self.notes)
        else:
            yield from map(Record, range(first, self.index), repeat(JSON), heads, raws, repeat(self.notes))

    def _one_by_one(self) -> Iterator[Record]:
        """The elements that begin in what is in the window now, and at least one."""
        window = self.window
        left = max(1, len(window.buffer) - window.at)
        while left > 0 and not self.closed:
            length = window.element_length()
            if length is None:
                yield from self._broken()
                return
            element = window.buffer[window.at : window.at + length].strip()
            window.at += length + 1
            self.closed = window.buffer.startswith(b"]", window.at - 1) and not self._goes_on()
            left -= length + 1
            if element:
                yield self._record(element)

    def _broken(self) -> Iterator[Record]:
        """An element that does not end: the next ones are found by how elements begin."""
        rest = self.window.rest().lstrip()
        start = 0
        if not (self.window.ended and len(rest) < _TAIL_BYTES and _is_beginning(rest)):
            # It is looked for anew behind every damaged element; of many damaged ones that would take
            # too long, and they are all cut apart at once.
            self.repairs += 1
            for match in islice(self._starts(rest), 1 if self.repairs < _PATIENCE else None):
                yield self._record(rest[start : match.start()].strip())
                start = match.end()
        if start:
            self.window.buffer, self.window.at = rest, start
        elif self.window.ended:
            yield from self._unclosed(rest.rstrip())
        else:
            yield cut_record(rest[: self.limits.max_record_bytes], self._next_index(), self.notes)
            end = self.window.skip_element()
            self.closed = end == b"]"
            if not end:
                yield from self._unclosed(b"")

    def _starts(self, rest: bytes) -> Iterator[re.Match[bytes]]:
        return self.separator.finditer(rest) if rest.startswith(b"{") else iter(())

    def _goes_on(self) -> bool:
        """Whether a bracket is not the array's, seeing what follows; only where a repair guessed wrong."""
        following = self.window.buffer[self.window.at : self.window.at + 64].lstrip()
        return self.repairs > 0 and following.startswith((b",", b"}", b"]"))

    def _unclosed(self, last: bytes) -> Iterator[Record]:
        self.notes.add(UNCLOSED_ARRAY, "the JSON array ends early, perhaps within an element")
        self.window.at, self.closed = len(self.window.buffer), True
        if last and len(last) > self.limits.max_record_bytes:
            yield self._record(last)
        elif last:
            index = self._next_index()
            text = last.decode(errors="replace")
            yield json_record(last, index, self.notes) or Record(index, "raw", text=text)

    def _record(self, element: bytes) -> Record:
        if len(element) > self.limits.max_record_bytes:
            return cut_record(element[: self.limits.max_record_bytes], self._next_index(), self.notes)
        return json_or_raw(element, self._next_index(), self.notes)

    def _next_index(self) -> int:
        self.index += 1
        return self.index - 1


def _is_beginning(element: bytes) -> bool:
    """Whether nothing is wrong with the element but that it ends early."""
    try:
        _decode_heads(b"[" + element)
    except (msgspec.DecodeError, ValueError) as exc:
        return str(exc) == "Input data was truncated"
    except RecursionError:
        pass
    return False


def _elements(array: bytes) -> list[bytes] | None:
    try:
        return list(map(bytes, _decode_raws(array)))
    except NOT_DECODED:
        return None
