"""Gzip or not: what goes in damaged comes out as far as it was whole, with one note."""

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest

from shared.decode import Limits, Notes, inflate

TEXT = b"".join(b"line %d of a log that a bot wrote, price %d\n" % (n, n * n % 977) for n in range(4000))
NOISE = random.Random(7).randbytes(200_000)


def chunked(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def inflated(data: bytes, size: int = 1000, limits: Limits | None = None) -> tuple[bytes, list[str]]:
    notes = Notes()
    out = b"".join(inflate(chunked(data, size), notes, limits or Limits()))
    return out, [note.code for note in notes.faults()]


@pytest.mark.parametrize("size", [1, 3, 511, 512, 513, 1 << 20])
@pytest.mark.parametrize("body", [b"", b"x", TEXT, NOISE], ids=["empty", "one", "text", "noise"])
def test_a_member_comes_out_whole_however_it_arrives(body: bytes, size: int) -> None:
    """The sizes of the chunks change nothing."""
    assert inflated(gzip.compress(body), size) == (body, [])


@pytest.mark.parametrize("body", [b"", b"\x1f", b"{}", TEXT, b"\x8b\x1f\x8b", zlib.compress(TEXT)])
def test_what_does_not_begin_with_the_two_bytes_is_not_touched(body: bytes) -> None:
    """Only 1f 8b is gzip, whatever else the data looks like."""
    assert inflated(body, 1) == (body, [])


@pytest.mark.parametrize("size", [1, 512, 1 << 20])
@pytest.mark.parametrize("between", [b"", b"\0" * 700])
def test_members_follow_each_other(size: int, between: bytes) -> None:
    """Several members are one text, with zeros between and after them or not."""
    data = b"".join(gzip.compress(part) + between for part in (b"a\n", TEXT, b"", NOISE))
    assert inflated(data, size) == (b"a\n" + TEXT + NOISE, [])


@pytest.mark.parametrize("size", [1, 7, 512])
@pytest.mark.parametrize("flags", range(0, 32, 2))
def test_every_optional_field_of_a_header_is_skipped(flags: int, size: int) -> None:
    """An extra field, a name, a comment, a header checksum, in any combination and cut anywhere."""
    plain = gzip.compress(TEXT)
    header = plain[:3] + bytes([flags]) + plain[4:10]
    for flag, field in ((4, b"\x04\0abcd"), (8, b"trades_091500_v1.json\0"), (16, b"comment\0")):
        header += field if flags & flag else b""
    header += (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little") if flags & 2 else b""

    assert inflated((header + plain[10:]) * 2, size) == (TEXT * 2, [])
    assert inflated(plain + header[:-1], size) == (TEXT, ["truncated"])


@pytest.mark.parametrize("garbage", [b"x", b"\0\0\0oops", b"<html>not gzip</html>" * 100, b"\x1fx"])
@pytest.mark.parametrize("size", [1, 512, 1 << 20])
def test_garbage_after_the_last_member_is_noted(garbage: bytes, size: int) -> None:
    """Bytes behind the data lose nothing of it."""
    assert inflated(gzip.compress(TEXT) + garbage, size) == (TEXT, ["trailing_garbage"])


@pytest.mark.parametrize("body", [TEXT, NOISE], ids=["text", "noise"])
@pytest.mark.parametrize("missing", [1, 4, 8, 9, 1000])
def test_an_early_end_gives_all_that_was_whole(body: bytes, missing: int) -> None:
    """As much comes out as the standard library finds, and the note says why there is no more."""
    data = gzip.compress(body)[:-missing]
    out, codes = inflated(data)

    assert out == zlib.decompressobj(31).decompress(data)
    assert codes == ["truncated"]


def test_an_early_end_of_very_dense_data_is_drained() -> None:
    """What waits inside of the decompressor when the input ends comes out as well."""
    data = gzip.compress(bytes(10_000_000))
    for cut in (len(data) - 3, len(data) // 2, 300):
        out, codes = inflated(data[:cut], limits=Limits(bomb_ratio=10_000))
        assert (len(out), codes) == (len(zlib.decompressobj(31).decompress(data[:cut])), ["truncated"])


def test_a_header_alone_is_an_early_end() -> None:
    """Two bytes of gzip are gzip."""
    assert inflated(b"\x1f\x8b") == (b"", ["truncated"])


@pytest.mark.parametrize("at", [12, 300, 5000, -20])
def test_corrupt_data_gives_what_came_before_the_fault(at: int) -> None:
    """Nothing is lost that the standard library finds byte by byte, and nothing raises."""
    data = bytearray(gzip.compress(TEXT))
    data[at] ^= 0xFF
    data[at + 1] ^= 0xFF
    whole = zlib.decompressobj(31)
    expected = b""
    try:
        for at_byte in range(len(data)):
            expected += whole.decompress(data[at_byte : at_byte + 1])
    except zlib.error:
        pass

    assert inflated(bytes(data)) == (expected, ["corrupt"])


@pytest.mark.parametrize("field", [slice(-8, -4), slice(-4, None)], ids=["crc", "length"])
def test_the_trailer_is_checked(field: slice) -> None:
    """A wrong checksum or length is noted, and the text is there all the same."""
    data = bytearray(gzip.compress(TEXT))
    data[field] = bytes(byte ^ 0x55 for byte in data[field])

    assert inflated(bytes(data)) == (TEXT, ["corrupt"])


def test_a_fault_late_in_a_large_member_costs_at_most_some_kilobytes() -> None:
    """Where the compressed bytes are no longer kept, one step's text is the most that is missing."""
    body = random.Random(3).randbytes(3_000_000)
    data = gzip.compress(body, 1)[:-8] + b"\0" * 8
    out, codes = inflated(data, 65536)

    assert body.startswith(out)
    assert len(body) - len(out) <= 1024
    assert codes == ["corrupt"]


def test_a_fault_in_a_later_member_keeps_the_earlier_ones() -> None:
    """Members before the corrupt one are whole."""
    bad = bytearray(gzip.compress(NOISE))
    bad[-6] ^= 1
    assert inflated(gzip.compress(TEXT) + bytes(bad)) == (TEXT + NOISE, ["corrupt"])


def test_a_bomb_is_cut() -> None:
    """Past the ratio and past the size nothing more comes out, to the byte."""
    limits = Limits(bomb_bytes=1_000_000)
    out, codes = inflated(gzip.compress(bytes(50_000_000)), limits=limits)

    assert (len(out), codes) == (1_000_000, ["inflated_too_far"])


def test_neither_dense_nor_large_alone_is_a_bomb() -> None:
    """Small objects may be as dense as they like, and large ones may be large."""
    dense = bytes(900_000)
    large = NOISE * 10

    assert inflated(gzip.compress(dense), limits=Limits(bomb_bytes=1_000_000)) == (dense, [])
    assert inflated(gzip.compress(large), limits=Limits(bomb_bytes=1_000_000)) == (large, [])


def test_many_members_are_one_object_for_the_limits() -> None:
    """A bomb cannot be split into members."""
    data = gzip.compress(bytes(900_000)) * 20
    out, codes = inflated(data, limits=Limits(bomb_bytes=1_000_000))

    assert (len(out), codes) == (1_000_000, ["inflated_too_far"])


def test_memory_does_not_grow_with_the_object() -> None:
    """40 MB go through while at most a few are held, bomb or not."""
    data = gzip.compress(TEXT * 220)
    notes = Notes()
    tracemalloc.start()
    size = sum(len(piece) for piece in inflate(chunked(data, 65536), notes, Limits()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert size == len(TEXT) * 220 > 35_000_000
    assert peak < 4_000_000


def test_what_the_store_raises_goes_through() -> None:
    """A failed download is the source's to name, it is not corrupt data."""

    def failing() -> Iterator[bytes]:
        yield gzip.compress(TEXT)[:100]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        list(inflate(failing(), Notes(), Limits()))
