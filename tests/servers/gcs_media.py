"""How Cloud Storage serves an object's bytes: preconditions, transcoding, ranges, headers. No sockets.

Sources: https://cloud.google.com/storage/docs/transcoding, .../request-preconditions,
https://cloud.google.com/storage/docs/xml-api/reference-headers
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime

from tests.servers.gcs_objects import BadRequest, StoredObject

_CHUNK = 65536


class TruncatedGzip(Exception):
    """The stored gzip stream ends early: the service breaks the transfer off at that point."""


class NotGzip(Exception):
    """The metadata says gzip, the bytes do not: the service cannot serve it decompressed."""


@dataclass
class Answer:
    """An HTTP answer. `body` None: no body at all; an iterator: chunked, of unknown length."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] | None = b""


def precondition_status(
    stored: StoredObject, params: Mapping[str, str], headers: Mapping[str, str]
) -> int | None:
    """412 or 304 when a condition of the request does not hold, else None. Raises: BadRequest."""
    generation, metageneration = stored.generation, 1
    wanted = (
        (params.get("ifGenerationMatch"), generation),
        (params.get("ifMetagenerationMatch"), metageneration),
        (headers.get("x-goog-if-generation-match"), generation),
        (headers.get("x-goog-if-metageneration-match"), metageneration),
    )
    unwanted = (
        (params.get("ifGenerationNotMatch"), generation),
        (params.get("ifMetagenerationNotMatch"), metageneration),
    )
    if any(text is not None and as_integer(text) != actual for text, actual in wanted):
        return 412
    if "if-match" in headers and not _names_etag(headers["if-match"], stored):
        return 412
    if any(text is not None and as_integer(text) == actual for text, actual in unwanted):
        return 304
    if "if-none-match" in headers and _names_etag(headers["if-none-match"], stored):
        return 304
    return None


def as_integer(text: str) -> int:
    """A number of a query parameter. Raises: BadRequest."""
    if not re.fullmatch(r"-?[0-9]{1,19}", text):
        raise BadRequest(f"Invalid value: {text!r} is not an integer")
    return int(text)


def _names_etag(header: str, stored: StoredObject) -> bool:
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")}
    return bool(tags & {"*", stored.etag, stored.md5.hex()})


def media_answer(stored: StoredObject, headers: Mapping[str, str], *, xml: bool) -> Answer:
    """200, 206 or 416 with the object's bytes, as stored or decompressed. Raises: NotGzip."""
    answer = _headers(stored, xml=xml)
    if stored.content_encoding == "gzip" and not accepts_gzip(headers.get("accept-encoding", "")):
        if stored.data[:2] != b"\x1f\x8b":
            raise NotGzip
        answer["Warning"] = "214 UploadServer gunzipped"
        answer["Vary"] = "Accept-Encoding"
        return Answer(200, answer, gunzipped(stored.data))  # a Range is ignored here
    if stored.content_encoding:
        answer["Content-Encoding"] = stored.content_encoding
    size = len(stored.data)
    wanted = _byte_range(headers.get("range", ""), size)
    if wanted is None:
        return Answer(200, answer, stored.data)
    first, last = wanted
    if first >= size:
        return Answer(416, {"Content-Range": f"bytes */{size}"}, b"The requested range cannot be satisfied.")
    answer["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Answer(206, answer, stored.data[first : last + 1])


def _headers(stored: StoredObject, *, xml: bool) -> dict[str, str]:
    headers = {
        "Content-Type": stored.content_type,
        "X-Goog-Generation": str(stored.generation),
        "X-Goog-Metageneration": "1",
        "X-Goog-Hash": f"crc32c={stored.crc32c},md5={stored.md5_base64}",
        "X-Goog-Storage-Class": "STANDARD",
        "X-Goog-Stored-Content-Encoding": stored.content_encoding or "identity",
        "X-Goog-Stored-Content-Length": str(len(stored.data)),
        "Last-Modified": format_datetime(stored.updated, usegmt=True),
        "ETag": f'"{stored.md5.hex()}"' if xml else stored.etag,
    }
    if xml:
        headers["Accept-Ranges"] = "bytes"
    else:
        headers["Content-Disposition"] = "attachment"
    return headers


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the header names gzip (or `*`) and does not weigh it with zero."""
    for choice in accept_encoding.lower().split(","):
        coding, _, weight = choice.partition(";")
        if coding.strip() in ("gzip", "x-gzip", "*"):
            return re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight) is None
    return False


def gunzipped(data: bytes) -> Iterator[bytes]:
    """The decompressed bytes of every member, in pieces of at most 64 KiB. Raises: TruncatedGzip."""
    member = zlib.decompressobj(wbits=31)
    rest = data
    while rest:
        try:
            piece = member.decompress(rest, _CHUNK)
        except zlib.error as exc:
            raise TruncatedGzip from exc
        if piece:
            yield piece
        if member.eof:
            rest = member.unused_data
            member = zlib.decompressobj(wbits=31)
        else:
            rest = member.unconsumed_tail
            if not rest and len(piece) < _CHUNK:
                raise TruncatedGzip


def _byte_range(header: str, size: int) -> tuple[int, int] | None:
    """(first, last) of a single byte range; None for none, several or a malformed one: all is sent."""
    match = re.fullmatch(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", header)
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        suffix = int(match[2])
        return (max(0, size - suffix), size - 1) if suffix else (size, size)
    first = int(match[1])
    last = min(int(match[2]), size - 1) if match[2] else size - 1
    if match[2] and int(match[2]) < first:
        return None
    return first, last
