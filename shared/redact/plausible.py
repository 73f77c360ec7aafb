"""The second look at what a pattern found: is it a secret, or an identifier, a price, a word?

Each predicate gets the text (bytes) and where the find begins and ends; it looks at no more than a few
hundred bytes around it, so the work stays linear.
"""

import base64
import binascii
import re
from typing import Final

from shared.redact import numbers

# What stands before a long number that is an identifier or a time.
_IDENTIFIER: Final = re.compile(
    rb"(?:order|trade|txn|transaction|exchange|position|session|request|event|insert|exec|fill|decision|"
    rb"signal|sequence|seq|generation|version|nonce|time|\bts|epoch|instrument|symbol|ticker|isin|volume|"
    rb"qty|quantity|turnover|_id|\bid)[A-Za-z_]{0,12}[ \t._-]?(?:id|no|num|number|ref|ns|us|ms)?$",
    re.IGNORECASE,
)
_DIGIT: Final = re.compile(rb"[0-9]")
_CARD_WORD: Final = re.compile(rb"card|visa|master|amex|rupay|maestro|debit|credit", re.IGNORECASE)
_USERINFO: Final = re.compile(rb"://[^/?#\s\"'<>]*$")
_AWS: Final = (b"aws", b"akia", b"asia", b"secret_access", b"secretaccess")
_OAUTH: Final = (b"oauth", b"callback", b"redirect", b"login", b"grant_type", b"upstox", b"state=")


def _is_mixed(secret: bytes) -> bool:
    """Capitals, small letters and digits: encoded bytes, not a word, a path or a hexadecimal digest."""
    return secret != secret.lower() and secret != secret.upper() and _DIGIT.search(secret) is not None


def is_provider_key(data: bytes, start: int, end: int) -> bool:
    """Of the prefixes `sk-` also begins names, such as sk-learn-… (words joined by hyphens), and ASIA one."""
    if data.startswith(b"ASIA", start):
        return _DIGIT.search(data, start, end) is not None
    if not data.startswith(b"sk-", start):
        return True
    key = data[start + 3 : end]
    return _DIGIT.search(key) is not None or max(map(len, re.split(rb"[-_]", key))) >= 16


def is_aws_secret(data: bytes, start: int, end: int) -> bool:
    """Forty characters of base64 near a word that says AWS; a commit's forty are hexadecimal."""
    near = data[max(0, start - 160) : end + 160].lower()
    secret = re.sub(rb"%2[FfBb]", b"/", data[start:end])
    return len(secret) == 40 and _is_mixed(secret) and any(word in near for word in _AWS)


def is_bearer(data: bytes, start: int, end: int) -> bool:
    """Long, or with a digit in it: `bearer certificates` is no token."""
    secret = data[start:end]
    return end - start >= 24 or _DIGIT.search(secret) is not None


def is_basic(data: bytes, start: int, end: int) -> bool:
    """Basic credentials are `user:password` in base64. Source: RFC 7617."""
    encoded = data[start:end].rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return b":" in base64.b64decode(encoded + b"=" * (-len(encoded) % 4))
    except binascii.Error:
        return False


def is_query_secret(data: bytes, start: int, end: int) -> bool:
    """Long enough for a signature or a key; an authorisation code only in an address of a login."""
    if _DIGIT.search(data, start, end) is None:
        return False
    if b"code" in data[max(0, start - 7) : start].lower():
        near = data[max(0, start - 160) : end + 80].lower()
        return any(word in near for word in _OAUTH)
    return end - start >= 16


def is_mail_address(data: bytes, start: int, end: int) -> bool:
    """Not the user and host of a URL, `git@host`, nor a quantity at a ticker: `10@RELIANCE.NS`."""
    local, at, domain = data[start:end].partition(b"@")
    if not at:
        return True
    if local == b"git" or (domain == domain.upper() and local.replace(b".", b"").isdigit()):
        return False
    return _USERINFO.search(data[max(0, start - 256) : start]) is None


def is_whole_number(data: bytes, start: int, end: int) -> bool:
    """Not the digits before or after a decimal point."""
    after = data[end : end + 2]
    before = data[max(0, start - 2) : start]
    return not (after[:1] == b"." and after[1:].isdigit()) and not (
        before[-1:] == b"." and before[:-1].isdigit()
    )


def is_no_identifier(data: bytes, start: int, _end: int) -> bool:
    """Neither an identifier, a time or a volume by the name before it, nor part of an object's path."""
    path = data.rfind(b"gs://", max(0, start - 256), start)
    if path >= 0 and not re.search(rb"[\s\"'<>(]", data[path:start]):
        return False
    before = data[max(0, start - 32) : start]
    if b"%" in before:
        before = re.sub(rb"(?:%[0-9A-Fa-f]{2})+$", b"", before)
    before = before.rstrip(b" \t\"'\\:=#([{-")
    return not before[-1:].isalpha() or _IDENTIFIER.search(before) is None


def is_card(data: bytes, start: int, end: int) -> bool:
    """A number of an issuer's prefix and length with its check digit, grouped as on a card or not at all."""
    number = data[start:end]
    digits = numbers.only_digits(number)
    if not numbers.is_card_number(digits) or not is_whole_number(data, start, end):
        return False
    if len(digits) < len(number) and not _is_card_in_groups(data, start, end):
        return False
    return is_no_identifier(data, start, end)


def _is_card_in_groups(data: bytes, start: int, end: int) -> bool:
    """Four numbers in a row may be strikes or prices: those are round, or stand in a longer row."""
    if _CARD_WORD.search(data[max(0, start - 48) : start]):
        return True
    joint = re.escape(data[start + 4 : start + 5])
    longer = re.match(joint + rb"\d{4}\b", data[end : end + 6]) or re.search(
        rb"\b\d{4}" + joint + rb"$", data[max(0, start - 6) : start]
    )
    return not longer and any(int(group) % 5 for group in re.findall(rb"\d+", data[start:end]))


def is_aadhaar(data: bytes, start: int, end: int) -> bool:
    """Twelve digits whose last is Verhoeff's check digit."""
    return numbers.verhoeff_holds(numbers.only_digits(data[start:end]))


def is_demat_client(data: bytes, start: int, end: int) -> bool:
    """Eight digits are a demat client id only beside the depository participant's: IN and six digits."""
    return re.search(rb"\bIN\d{6}\b", data[max(0, start - 120) : end + 120]) is not None


def is_key_line(data: bytes, start: int, end: int) -> bool:
    """A line of a key's base64: letters of both cases and digits."""
    return _is_mixed(data[start:end])
