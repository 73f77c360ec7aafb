"""The form of a token, before any key is looked at.

PyJWT accepts repeated claims (the last wins), padding, unused trailing bits and any header; google-auth
falls over nested brackets. So the token is taken apart here, strictly, and PyJWT only checks signatures.
"""

import base64
import re
from typing import Any

import msgspec

from shared.auth.strict_json import parse_object
from shared.errors import NotAuthenticated

MAX_TOKEN_BYTES = 8_000
MAX_KID_CHARS = 256

# RFC 6750, section 2.1: the scheme, spaces, a b64token.
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE | re.ASCII)
_SEGMENTS = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")

# RFC 7515 and 7797: extensions we do not know (`crit`), payloads that are not base64url (`b64`), and keys
# that the token brings itself. RFC 7516: encryption and compression. Thumbprints (`x5t`) only name a key.
_REFUSED_HEADERS = frozenset({"crit", "b64", "jku", "jwk", "x5u", "x5c", "enc", "zip"})
# RFC 7515 4.1.9: compared without case, "application/" may be left out. Any other type (a logout token,
# a DPoP proof, a security event) is signed with the same keys and is not meant for us.
_TYPES = frozenset({"jwt", "application/jwt", "at+jwt", "application/at+jwt"})


class Token(msgspec.Struct, frozen=True):
    """A well-formed token; nothing in it has been verified."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes

    @property
    def kid(self) -> str | None:
        """The key that the token says it was signed with."""
        return self.header.get("kid")


def bearer_token(x_forwarded_authorization: str | None, authorization: str | None) -> str:
    """The token in `X-Forwarded-Authorization` or, when that is absent or empty, in `Authorization`.

    The scheme's name counts in any case. The gateway sets the first header and puts its own token into
    the second, so a first header that is there is never passed over, however malformed it is.

    Raises: NotAuthenticated (missing_token, malformed_header, token_too_long: over 8,000 bytes).
    """
    value = (x_forwarded_authorization or "").strip(" ") or (authorization or "").strip(" ")
    if not value:
        raise NotAuthenticated("missing_token")
    if len(value) > MAX_TOKEN_BYTES + len("Bearer "):
        raise NotAuthenticated("token_too_long")
    found = _BEARER.fullmatch(value)
    if found is None:
        raise NotAuthenticated("malformed_header")
    if len(found[1]) > MAX_TOKEN_BYTES:
        raise NotAuthenticated("token_too_long")
    return found[1]


def parse_token(text: str) -> Token:
    """The token's parts: at most 8,000 bytes, three segments of canonical base64url, strict JSON.

    Raises: NotAuthenticated (token_too_long, malformed_token, refused_header, wrong_type).
    """
    if len(text) > MAX_TOKEN_BYTES:
        raise NotAuthenticated("token_too_long")
    found = _SEGMENTS.fullmatch(text)
    if found is None:
        raise NotAuthenticated("malformed_token")
    try:
        header = parse_object(_decoded(found[1]))
        claims = parse_object(_decoded(found[2]))
        signature = _decoded(found[3])
    except ValueError as exc:
        raise NotAuthenticated("malformed_token") from exc
    _check_header(header)
    return Token(header, claims, text[: found.end(2)].encode("ascii"), signature)


def _decoded(segment: str) -> bytes:
    """Bytes of canonical base64url: one text for each value, so that no token has a second spelling."""
    data = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=") != segment.encode("ascii"):
        raise ValueError("not canonical base64url")
    return data


def _check_header(header: dict[str, Any]) -> None:
    if not _REFUSED_HEADERS.isdisjoint(header):
        raise NotAuthenticated("refused_header")
    if type(header.get("alg")) is not str:
        raise NotAuthenticated("wrong_algorithm")
    kid = header.get("kid")
    if "kid" in header and not (type(kid) is str and 0 < len(kid) <= MAX_KID_CHARS):
        raise NotAuthenticated("refused_header")
    kind = header.get("typ", "JWT")
    if type(kind) is not str or kind.lower() not in _TYPES:
        raise NotAuthenticated("wrong_type")
