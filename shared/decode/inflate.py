"""Gzip, or not: the first two bytes decide; whatever was whole is given, and memory stays bounded."""

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

from isal import isal_zlib

from shared.decode.limits import MIB, Limits
from shared.decode.notes import CORRUPT, INFLATED_TOO_FAR, TRAILING_GARBAGE, TRUNCATED, Notes

_MAGIC: Final = b"\x1f\x8b"
_HEADER_CRC, _EXTRA, _NAME, _COMMENT = 2, 4, 8, 16
_GZIP_WINDOW: Final = 31
# A call that meets corrupt data gives nothing of what it had decoded before, so little is fed at a time:
# 512 bytes cost a third of the speed of unlimited ones and lose at most some kilobytes of text …
_FEED_BYTES: Final = 512
_STEP_BYTES: Final = 64 * 1024
# … and up to here a member's compressed bytes are kept, to find the lost ones again.
_KEPT_BYTES: Final = MIB


def inflate(chunks: Iterable[bytes], notes: Notes, limits: Limits) -> Iterator[bytes]:
    """The decompressed bytes of an object, in blocks of about 256 KiB; other bytes as they are.

    Any number of gzip members, zeros between and after them. Data that ends early, is corrupt, fails
    its CRC or length, or inflates past the limits gives what came before, and a note.
    Memory: about 2 MB, whatever the input.
    """
    source = iter(chunks)
    opening = b""
    for chunk in source:
        opening += chunk
        if len(opening) >= len(_MAGIC):
            break
    if opening.startswith(_MAGIC):
        yield from _joined(_Gunzip(notes, limits).pieces(chain([opening], source)), limits.block_bytes)
    elif opening:
        yield opening
        yield from source


def _joined(pieces: Iterable[bytes], block_bytes: int) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= block_bytes:
            yield b"".join(held)
            held.clear()
            size = 0
    if held:
        yield b"".join(held)


def _slices(chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for at in range(0, len(chunk), _FEED_BYTES):
            yield chunk[at : at + _FEED_BYTES]


def _is_part_of_header(data: bytes) -> bool:
    """Whether a member's header goes on behind `data`: ISA-L loses its place in one with several optional
    fields when it comes in parts. Layout: RFC 1952, 2.3."""
    if not data.startswith(_MAGIC[: len(data)]) or len(data) > _KEPT_BYTES:
        return False
    if len(data) < 10:
        return bool(data)
    flags, end = data[3], 10
    if flags & _EXTRA:
        end += 2 + int.from_bytes(data[10:12], "little")
    for text in (_NAME, _COMMENT):
        if flags & text:
            zero = data.find(b"\0", end)
            if zero < 0:
                return True
            end = zero + 1
    return len(data) < end + (2 if flags & _HEADER_CRC else 0)


class _Gunzip:
    """The state between two members and within one."""

    def __init__(self, notes: Notes, limits: Limits) -> None:
        self.notes = notes
        self.limits = limits
        self.member: Any = None
        self.whole_members = 0
        self.header = b""
        self.kept = bytearray()
        self.member_in = self.member_out = 0
        self.total_in = self.total_out = 0
        self._over = False

    def over(self) -> bool:
        """Whether nothing more may be given."""
        return self._over

    def pieces(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The inflated bytes, at most 64 KiB at a time."""
        for data in _slices(chunks):
            yield from self._feed(data)
            if self.over():
                return
        if self.member is not None:
            # A full step may have left something inside, which only further calls give.
            while not self.over() and (piece := self._step(b"")):
                yield self._within_limits(piece)
            if not self.over():
                self._ended_early()
        elif self.header:
            self._ended_early()

    def _feed(self, data: bytes) -> Iterator[bytes]:
        while data and not self.over():
            if self.member is None:
                if self.whole_members and not self.header:
                    data = data.lstrip(b"\0")
                data = self.header + data
                self.header = data if _is_part_of_header(data) else b""
                if self.header or not data:
                    return
                self.member = isal_zlib.decompressobj(wbits=_GZIP_WINDOW)
                self.kept.clear()
                self.member_in = self.member_out = 0
            self._keep(data)
            while data and not self.over():
                if piece := self._step(data):
                    yield self._within_limits(piece)
                if self.over():
                    return
                if self.member.eof:
                    data = self.member.unused_data
                    self.member = None
                    self.whole_members += 1
                    break
                data = self.member.unconsumed_tail

    def _keep(self, data: bytes) -> None:
        self.member_in += len(data)
        if self.member_in <= _KEPT_BYTES:
            self.kept += data

    def _step(self, data: bytes) -> bytes:
        try:
            piece: bytes = self.member.decompress(data, _STEP_BYTES)
        except isal_zlib.error:  # type: ignore[misc]  # its stub declares an instance
            self._over = True
            if self._is_garbage():
                self._note_garbage()
                return b""
            self.notes.add(CORRUPT, "the gzip data is corrupt: what follows the fault is missing")
            return self._salvaged()
        left = self.member.unused_data if self.member.eof else self.member.unconsumed_tail
        self.total_in += len(data) - len(left)
        self.member_out += len(piece)
        return piece

    def _salvaged(self) -> bytes:
        """What lies between the last good step and the fault, found byte by byte from the beginning."""
        if self.member_in > _KEPT_BYTES:
            return b""
        again = zlib.decompressobj(_GZIP_WINDOW)
        skip = self.member_out
        found: list[bytes] = []
        try:
            for at in range(len(self.kept)):
                piece = again.decompress(self.kept[at : at + 1])
                if piece[skip:]:
                    found.append(piece[skip:])
                skip = max(0, skip - len(piece))
        except zlib.error:
            pass
        return b"".join(found)

    def _within_limits(self, piece: bytes) -> bytes:
        before = self.total_out
        self.total_out += len(piece)
        limits = self.limits
        if self.total_out <= limits.bomb_bytes or self.total_out <= limits.bomb_ratio * self.total_in:
            return piece
        self._over = True
        self.notes.add(
            INFLATED_TOO_FAR,
            f"it inflates more than {limits.bomb_ratio}-fold, and is cut after {limits.bomb_bytes} bytes",
        )
        return piece[: max(0, limits.bomb_bytes - before)]

    def _is_garbage(self) -> bool:
        return self.whole_members > 0 and not self.kept.startswith(_MAGIC[: len(self.kept)])

    def _note_garbage(self) -> None:
        self.notes.add(TRAILING_GARBAGE, "bytes after the end of the gzip data are left out")

    def _ended_early(self) -> None:
        if self.member is not None and self._is_garbage():
            self._note_garbage()
        else:
            self.notes.add(TRUNCATED, "the gzip data ends early")
