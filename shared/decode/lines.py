"""A stream of bytes in blocks of whole lines."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from shared.decode.limits import Limits


class Block(NamedTuple):
    """Whole lines with their ends, or, when `cut`, the beginning of one line that is too long."""

    data: bytes
    cut: bool


def sized(chunks: Iterable[bytes], block_bytes: int) -> Iterator[bytes]:
    """The same bytes in chunks of `block_bytes`, save the last."""
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        start = 0
        while len(chunk) - start >= block_bytes - size:
            stop = start + block_bytes - size
            held.append(chunk[start:stop])
            yield b"".join(held)
            held.clear()
            start, size = stop, 0
        if start < len(chunk):
            held.append(chunk[start:])
            size += len(chunk) - start
    if held:
        yield b"".join(held)


def line_blocks(chunks: Iterable[bytes], limits: Limits) -> Iterator[Block]:
    """Blocks of whole lines in order; together they have every line of the stream.

    The last line may have no end. Of a longer line than `max_record_bytes` the rest is skipped, unheld.
    """
    max_line_bytes = limits.max_record_bytes
    held: list[bytes] = []
    size = 0
    skipping = False
    for chunk in sized(chunks, limits.block_bytes):
        rest = chunk
        if skipping or (held and size + len(chunk) > max_line_bytes):
            # The held line may become too long in this chunk: it is dealt with by itself.
            end = chunk.find(b"\n") + 1
            if not skipping and size + (end or len(chunk)) - bool(end) > max_line_bytes:
                yield Block((b"".join(held) + chunk)[:max_line_bytes], cut=True)
                held.clear()
                size, skipping = 0, True
            if skipping:
                if not end:
                    continue
                rest, skipping = chunk[end:], False
        end = rest.rfind(b"\n") + 1
        if end:
            yield from _checked(b"".join([*held, rest[:end]]), max_line_bytes)
            held.clear()
            size = 0
        if end < len(rest):
            held.append(rest[end:])
            size += len(rest) - end
    if held:
        yield from _checked(b"".join(held), max_line_bytes)


def _checked(block: bytes, max_line_bytes: int) -> Iterator[Block]:
    """The block, with lines that are too long for small limits cut out of it."""
    if len(block) <= max_line_bytes:
        yield Block(block, cut=False)
        return
    start = 0
    at = 0
    while at < len(block):
        end = block.find(b"\n", at) + 1 or len(block)
        if end - at - block.endswith(b"\n", at, end) > max_line_bytes:
            if start < at:
                yield Block(block[start:at], cut=False)
            yield Block(block[at : at + max_line_bytes], cut=True)
            start = end
        at = end
    if start < len(block):
        yield Block(block[start:], cut=False)


def without_carriage_returns(block: bytes) -> bytes:
    """`\\r\\n` as `\\n`; neither JSON nor a line's text needs the difference."""
    if b"\r" not in block:
        return block
    return block.replace(b"\r\n", b"\n").removesuffix(b"\r")
