"""What a Cloud Storage bucket holds and how `objects.list` walks it. No HTTP here.

Source: https://cloud.google.com/storage/docs/json_api/v1/objects
"""

import base64
import hashlib
import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from urllib.parse import quote

import google_crc32c

MAX_PAGE = 1000
_LAST = "\U0010ffff"  # sorts after every name that continues the same prefix


class BadRequest(Exception):
    """The request is one that Cloud Storage answers with 400; the text goes to the caller."""


@dataclass(frozen=True)
class StoredObject:
    """One generation of one object. `data` is what was uploaded, compressed or not."""

    bucket: str
    name: str
    data: bytes
    generation: int
    updated: datetime
    content_type: str
    content_encoding: str | None

    @cached_property
    def md5(self) -> bytes:
        return hashlib.md5(self.data, usedforsecurity=False).digest()

    @cached_property
    def crc32c(self) -> str:
        """Base64 of the big-endian CRC32C, as the service writes it."""
        return base64.b64encode(google_crc32c.value(self.data).to_bytes(4, "big")).decode()

    @property
    def md5_base64(self) -> str:
        return base64.b64encode(self.md5).decode()

    @property
    def etag(self) -> str:
        """The service's etag: a base64 protobuf of generation (field 1) and metageneration (field 2)."""
        return base64.b64encode(b"\x08" + _varint(self.generation) + b"\x10\x01").decode()

    def resource(self, base_url: str) -> dict[str, object]:
        """The object's JSON resource; numbers of 64 bits are strings, as in every Google JSON API."""
        path = f"b/{self.bucket}/o/{quote(self.name, safe='')}"
        time = self.updated.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        answer: dict[str, object] = {
            "kind": "storage#object",
            "id": f"{self.bucket}/{self.name}/{self.generation}",
            "selfLink": f"{base_url}/storage/v1/{path}",
            "mediaLink": f"{base_url}/download/storage/v1/{path}?generation={self.generation}&alt=media",
            "name": self.name,
            "bucket": self.bucket,
            "generation": str(self.generation),
            "metageneration": "1",
            "contentType": self.content_type,
            "storageClass": "STANDARD",
            "size": str(len(self.data)),
            "md5Hash": self.md5_base64,
            "crc32c": self.crc32c,
            "etag": self.etag,
            "timeCreated": time,
            "updated": time,
            "timeStorageClassUpdated": time,
            "timeFinalized": time,
        }
        if self.content_encoding:
            answer["contentEncoding"] = self.content_encoding
        return answer


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


@dataclass(frozen=True)
class ListQuery:
    """The parameters of one `objects.list`. Offsets are whole names, not relative to the prefix."""

    prefix: str = ""
    delimiter: str = ""
    start_offset: str = ""
    end_offset: str = ""
    match_glob: str = ""
    page_token: str = ""
    max_results: int = MAX_PAGE


@dataclass
class ListPage:
    """One page: at most `max_results` objects and prefixes together; a token when there may be more."""

    items: list[StoredObject] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    next_page_token: str | None = None


class Bucket:
    """The live objects by name, and the older generations that were kept on purpose."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.created = datetime.now(UTC)
        self._live: dict[str, StoredObject] = {}
        self._older: dict[tuple[str, int], StoredObject] = {}
        self._sorted: list[str] | None = None

    def put(self, new: StoredObject, *, keep_old: bool) -> None:
        old = self._live.get(new.name)
        if old is not None and keep_old:
            self._older[old.name, old.generation] = old
        if old is None:
            self._sorted = None
        self._live[new.name] = new

    def remove(self, name: str) -> None:
        """Deletes the live object. Raises: KeyError when there is none."""
        del self._live[name]
        self._sorted = None

    def get(self, name: str, generation: int | None = None) -> StoredObject | None:
        """The live object, or the one of that generation if it is live or was kept."""
        live = self._live.get(name)
        if generation is None or (live is not None and live.generation == generation):
            return live
        return self._older.get((name, generation))

    def page(self, query: ListQuery) -> ListPage:
        """One page in name order.

        Prefix, offsets and glob choose object names first; what is left is rolled up at the delimiter.
        Raises: BadRequest for a token that this bucket never gave, or a broken glob.
        """
        page = ListPage()
        limit = min(query.max_results, MAX_PAGE)
        last = ""
        for name, rolled_up in self._walk(query):
            if len(page.items) + len(page.prefixes) >= limit:
                page.next_page_token = _token(last)
                break
            if rolled_up:
                page.prefixes.append(name)
                last = name + _LAST
            else:
                page.items.append(self._live[name])
                last = name
        return page

    def _walk(self, query: ListQuery) -> Iterator[tuple[str, bool]]:
        """(name, False) for an object, (prefix, True) for a roll-up, in order, after the token."""
        names = self._names()
        glob = glob_pattern(query.match_glob) if query.match_glob else None
        after = _after(query.page_token) if query.page_token else ""
        at = bisect_left(names, max(query.prefix, query.start_offset, after))
        while at < len(names):
            name = names[at]
            at += 1
            if not name.startswith(query.prefix) or (query.end_offset and name >= query.end_offset):
                return  # sorted: nothing later can match
            if (after and name <= after) or (glob is not None and not glob.fullmatch(name)):
                continue
            cut = name.find(query.delimiter, len(query.prefix)) if query.delimiter else -1
            if cut < 0:
                yield name, False
            else:
                rolled_up = name[: cut + len(query.delimiter)]
                yield rolled_up, True
                at = bisect_left(names, rolled_up + _LAST, lo=at)

    def _names(self) -> list[str]:
        if self._sorted is None:
            self._sorted = sorted(self._live)
        return self._sorted


def _token(after: str) -> str:
    return base64.urlsafe_b64encode(json.dumps({"after": after}).encode()).decode()


def _after(token: str) -> str:
    try:
        after = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))["after"]
    except (ValueError, KeyError, TypeError) as exc:
        raise BadRequest(f"Invalid page token: {token!r}") from exc
    return str(after)


def glob_pattern(glob: str) -> re.Pattern[str]:
    """`*` and `?` stop at `/`, `**` does not, `{a,b}` and `[a-z]` choose.

    Raises: BadRequest for unbalanced braces or brackets.
    Source: https://cloud.google.com/storage/docs/json_api/v1/objects/list#list-objects-and-prefixes-using-glob
    """
    out, depth = [], 0
    for token in re.findall(r"\*\*|\[[^\]/]+\]|\\.|.", glob, re.DOTALL):
        if token == "{":
            depth += 1
        elif token == "}":
            depth -= 1
        out.append(_glob_token(token, in_braces=depth > 0))
        if depth < 0 or token == "[":
            raise BadRequest(f"Invalid glob: {glob!r}")
    if depth:
        raise BadRequest(f"Invalid glob: {glob!r}")
    return re.compile("".join(out), re.DOTALL)


def _glob_token(token: str, *, in_braces: bool) -> str:
    simple = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")"}
    if token in simple:
        return simple[token]
    if token == "," and in_braces:
        return "|"
    if len(token) > 2 and token[0] == "[":
        return "[" + ("^" if token[1] in "!^" else "") + token[1:-1].lstrip("!^").replace("\\", "\\\\") + "]"
    return re.escape(token[-1])
