"""Which names of fields and variables stand before a secret.

Names are compared by whole words, whatever joins them: `api_key`, `X-Api-Key`, `apiKey` and `KITE_API_KEY`
are one name; `tokens`, `token_type` and `instrument_token` are none.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

_LAST_WORD: Final = {
    "PASSWORD": "password passwords passwd passwds passw pwd pswd passphrase passcode",
    "PIN": "pin mpin tpin totp otp",
    "SECRET": "secret secrets",
    "TOKEN": "token enctoken accesstoken requesttoken refreshtoken authtoken publictoken feedtoken jwttoken "
    "idtoken apitoken bottoken bearertoken sessiontoken csrftoken xsrftoken authorization authorisation",
    "API_KEY": "apikey apikeys accesskey secretkey signingkey encryptionkey authkey consumerkey",
    "PRIVATE_KEY": "privatekey",
    "COOKIE": "cookie cookies jsessionid phpsessid",
}
_KINDS: Final = {word: kind for kind, words in _LAST_WORD.items() for word in words.split()}
_WORD_ENDS: Final = (("password", "PASSWORD"), ("passwd", "PASSWORD"), ("secret", "SECRET"))
# Words before the last one that make it something else: identifiers of instruments, pages and model text.
_NO_SECRET_TOKENS: Final = frozenset(
    {"instrument", "exchange", "symbol", "scrip", "script", "strike", "index", "underlying", "page", "next"}
    | {"continuation", "sync", "resume", "cursor", "max", "min", "per", "cost", "stop", "eos", "bos", "pad"}
    | {"unk", "has", "is"}
)
_HARMLESS_BEFORE: Final = {
    "token": _NO_SECRET_TOKENS,
    "secret": frozenset({"is", "has"}),
    "password": frozenset({"is", "has"}),
}
_JOINTS: Final = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Names beside which a plain number is personal: the rules then see `name=value`.
_PERSONAL: Final = re.compile(
    r"phone|mobile|msisdn|whatsapp|contact|aadhaa?r|account|acct|demat|dp_?id|bo_?id|client_?id|\bpan\b|_pan\b",
    re.IGNORECASE,
)
MAX_NAME: Final = 80


class Meaning(NamedTuple):
    """What a field's name says of its value: the kind of secret it always is, or that it may be personal."""

    secret: str | None
    personal: bool


def meaning(name: str) -> Meaning:
    """The meaning of a field's name, by its last 80 characters."""
    return _meaning(name[-MAX_NAME:])


@lru_cache(maxsize=4096)
def _meaning(name: str) -> Meaning:
    words = [word.lower() for word in _JOINTS.split(name) if word]
    return Meaning(_secret_kind(words) if words else None, _PERSONAL.search(name) is not None)


def _secret_kind(words: list[str]) -> str | None:
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if before in _HARMLESS_BEFORE.get(last, ()):
        return None
    if kind := _KINDS.get(last) or _KINDS.get(before + last):
        return kind
    return next((kind for end, kind in _WORD_ENDS if last.endswith(end)), None)
