"""Page tokens: where an answer stopped, sealed so that nobody can bend them."""

import hashlib
import hmac
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

import msgspec

from shared.errors import Fault, InvalidPageToken
from shared.query import LogQuery, Resume, Window

_VERSION: Final = 2
_TAG_BYTES: Final = 16
MAX_CHARS: Final = 4096


class Token(msgspec.Struct, frozen=True, array_like=True):
    """What a token carries: the question it belongs to, the window of the first page, where to go on.

    `resume` serves entries, `after` (a name) serves listings.
    """

    version: int
    fingerprint: str
    start: int
    end: int
    defaulted: bool
    resume: Resume = Resume()
    after: str = ""


class Cursors:
    """Seals and opens page tokens with one key, which must be the same on every instance."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(b"page-token\0" + key).digest()

    def seal(self, query: LogQuery, *, resume: Resume | None = None, after: str | None = None) -> str | None:
        """A token that goes on with `query`, or None at the end."""
        if resume is None and after is None:
            return None
        window = query.window
        token = Token(
            _VERSION,
            query.fingerprint,
            window.start,
            window.end,
            window.defaulted,
            resume or Resume(),
            after or "",
        )
        body = zlib.compress(msgspec.msgpack.encode(token))  # names of objects stand in it up to three times
        return urlsafe_b64encode(self._tag(body) + body).decode().rstrip("=")

    def open(self, query: LogQuery) -> tuple[LogQuery, str]:
        """The question as its token continues it, and the name to go on behind in a listing.

        Raises: InvalidPageToken.
        """
        if not query.page_token:
            return query, ""
        token = self._token(query.page_token)
        if token is None:
            raise _invalid("was not made by this service, or is damaged")
        if token.fingerprint != query.fingerprint:
            raise _invalid("belongs to another question: only page_size, format and timeout may change")
        window = Window(token.start, token.end, token.defaulted)
        return query.with_resume(window, token.resume), token.after

    def _token(self, text: str) -> Token | None:
        if len(text) > MAX_CHARS:
            return None
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            if urlsafe_b64encode(sealed).decode().rstrip("=") != text:
                return None  # another spelling of the same bytes
            tag, body = sealed[:_TAG_BYTES], sealed[_TAG_BYTES:]
            if not hmac.compare_digest(tag, self._tag(body)):
                return None
            token = msgspec.msgpack.decode(zlib.decompress(body), type=Token)
        except (ValueError, zlib.error, msgspec.MsgspecError):
            return None
        return token if token.version == _VERSION else None

    def _tag(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, "sha256")[:_TAG_BYTES]


def _invalid(detail: str) -> InvalidPageToken:
    return InvalidPageToken(f"page_token: {detail}", faults=[Fault(detail, parameter="page_token")])
