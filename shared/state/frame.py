"""How a value lies in a store: compressed, checked, dated, and bound to its key.

    "LAS1" | compressed? | length before compression | expires at | CRC-32 of all that and the key | body

A reader trusts nothing: bytes that were cut, changed, written by another program, stored under
another key or expired are all the same to it, absent.
"""

import struct

from shared.state.store import MAX_RAW_BYTES, MAX_VALUE_BYTES, StoreValueTooLarge

_MAGIC = b"LAS1"
"""Ends in the version: another layout is another magic, and old values become misses."""
_HEAD = struct.Struct(">4s?Id")
_CHECK = struct.Struct(">I")
_OVERHEAD = _HEAD.size + _CHECK.size
_RAW_DEFLATE = -15
_WORTH_COMPRESSING_BYTES = 256
MAX_FRAME_BYTES = _OVERHEAD + MAX_VALUE_BYTES


def pack(key: bytes, value: bytes, expires_at: float) -> bytes:
    """The bytes to store for `value`, at most MAX_FRAME_BYTES. Raises: StoreValueTooLarge."""
    from isal import isal_zlib

    if len(value) > MAX_RAW_BYTES:
        raise StoreValueTooLarge(f"{len(value)} bytes are over the limit of {MAX_RAW_BYTES}")
    body, compressed = value, False
    if len(value) >= _WORTH_COMPRESSING_BYTES:
        smaller = isal_zlib.compress(value, 1, _RAW_DEFLATE)
        if len(smaller) < len(value):
            body, compressed = smaller, True
    if len(body) > MAX_VALUE_BYTES:
        raise StoreValueTooLarge(f"{len(body)} compressed bytes are over the limit of {MAX_VALUE_BYTES}")
    head = _HEAD.pack(_MAGIC, compressed, len(value), expires_at)
    check = isal_zlib.crc32(body, isal_zlib.crc32(head, isal_zlib.crc32(key)))
    return head + _CHECK.pack(check) + body


def unpack(key: bytes, frame: object, now: float) -> bytes | None:
    """The value that `pack` was given, or None if this is not exactly it or it has expired."""
    from isal import isal_zlib

    if not isinstance(frame, bytes) or not _OVERHEAD <= len(frame) <= MAX_FRAME_BYTES:
        return None
    magic, compressed, raw_bytes, expires_at = _HEAD.unpack_from(frame)
    if magic != _MAGIC or now >= expires_at or raw_bytes > MAX_RAW_BYTES:
        return None
    body = memoryview(frame)[_OVERHEAD:]
    head = memoryview(frame)[: _HEAD.size]
    check = isal_zlib.crc32(body, isal_zlib.crc32(head, isal_zlib.crc32(key)))
    if _CHECK.unpack_from(frame, _HEAD.size) != (check,):
        return None
    return _inflate(body, raw_bytes) if compressed else bytes(body)


def _inflate(body: memoryview, raw_bytes: int) -> bytes | None:
    from isal import igzip_lib, isal_zlib

    inflater = isal_zlib.decompressobj(_RAW_DEFLATE)
    try:
        value: bytes = inflater.decompress(body, raw_bytes + 1)
    except igzip_lib.IsalError:  # type: ignore[misc]  # its stub calls the class an instance
        return None
    return value if len(value) == raw_bytes and inflater.eof else None
