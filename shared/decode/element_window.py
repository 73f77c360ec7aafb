"""The part of a JSON array that is in memory, and where its elements end.

Only quotes, brackets and commas are looked at: it finds the ends of elements that cannot be decoded too.
"""

import re
from collections.abc import Iterator
from typing import Final

from shared.decode.limits import Limits

STRING: Final = rb'"(?:[^"\\]++|\\.)*+"'

# Each goes to the next mark outside of strings; to the end of the bytes, or of the last whole string in
# them, when there is none. Possessive, so that no input makes them try anything twice.
_TO_BRACKET: Final = re.compile(rb'(?:[^"\[\]{}]++|' + STRING + rb")*+([\[\]{}])?", re.S)
_TO_MARK: Final = re.compile(rb'(?:[^"\[\]{},]++|' + STRING + rb")*+([\[\]{},])?", re.S)
_REST_OF_STRING: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.S)


class ElementWindow:
    """`buffer[at:]` is what has not been given yet; `ended` is whether anything can come behind it."""

    def __init__(self, chunks: Iterator[bytes], limits: Limits) -> None:
        self.chunks = chunks
        self.limits = limits
        self.buffer = b""
        self.at = 0
        self.ended = False

    def rest(self) -> bytes:
        """What is in the buffer and not given yet."""
        return self.buffer[self.at :]

    def fill(self, more: int = 0) -> None:
        """At least a block, and `more` bytes than there are, as far as there are any."""
        size = len(self.buffer) - self.at
        wanted = max(self.limits.block_bytes, size + more)
        if size >= wanted or self.ended:
            return
        pieces = [self.rest()]
        while size < wanted and not self.ended:
            chunk = next(self.chunks, b"")
            self.ended = not chunk
            pieces.append(chunk)
            size += len(chunk)
        self.buffer, self.at = b"".join(pieces), 0

    def skip_space(self) -> None:
        """To the next byte that is no white space."""
        rest = b""
        while not rest:
            self.fill()
            rest = self.rest().lstrip()
            self.buffer, self.at = rest, 0
            if self.ended:
                return

    def element_length(self) -> int | None:
        """The bytes up to the comma or bracket that ends the element that begins here.

        None when it is longer than a record may be and goes on, or does not end (then `ended`).
        """
        offset = depth = 0
        while True:
            mark = self._next_mark(offset, depth)
            offset = self._marked - self.at
            if not mark:
                if self.ended or len(self.buffer) - self.at > self.limits.max_record_bytes:
                    return None
                self.fill(more=self.limits.block_bytes)
            elif mark in b"[{":
                depth += 1
            elif depth:
                depth -= 1
            elif mark in b",]":
                return offset - 1

    def skip_element(self) -> bytes:
        """Past an element of any length, unheld, and its end: a comma, a bracket, or nothing at the end."""
        depth = 0
        while True:
            mark = self._next_mark(0, depth)
            self.at = self._marked
            if not mark:
                if self.buffer.startswith(b'"', self.at):
                    self._skip_string()
                elif self.ended:
                    return b""
                else:
                    self.fill(more=self.limits.block_bytes)
            elif mark in b"[{":
                depth += 1
            elif depth:
                depth -= 1
            elif mark in b",]":
                return mark

    def _next_mark(self, offset: int, depth: int) -> bytes:
        """The next mark, empty when there is none, leaving the place behind it in `_marked`."""
        match = (_TO_BRACKET if depth else _TO_MARK).match(self.buffer, self.at + offset)
        self._marked = match.end() if match else len(self.buffer)
        return (match[1] or b"") if match else b""

    def _skip_string(self) -> None:
        self.at += 1
        while True:
            match = _REST_OF_STRING.match(self.buffer, self.at)
            self.at = match.end() if match else self.at
            if self.buffer.startswith(b'"', self.at):
                self.at += 1
                return
            if self.ended:
                self.at = len(self.buffer)
                return
            self.fill(more=self.limits.block_bytes)
