"""Secrets told by the name before them: `password=x`, `"api_key": "x"`, `Authorization: Bearer x`, cookies.

RE2 finds the names and their separators; the value behind one is then read by anchored, possessive
patterns, so the work stays linear in the text.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from shared.redact.keynames import MAX_NAME, meaning
from shared.redact.spans import HELD, Span

# How such a name ends; keynames.py judges the whole name.
_ENDINGS: Final = (
    rb"(?:passw(?:or)?ds?|pwd|pswd|passphrase|passcode|secrets?|token|authori[sz]ation|cookies?|sessid|"
    rb"jsessionid|[mt]?pin|t?otp|api[_ -]?keys?|"
    rb"(?:access|secret|private|signing|encryption|auth|consumer)[_ -]?key)"
)
# The name may end inside quotes (bare, backslash-escaped, doubled as in CSV) and brackets.
_SEPARATOR: Final = (
    rb'(?:(?:\\*["\x27]){1,2}\]?)?[ \t]*(?::=|=>|==?|:)[ \t]*|(?:%22|%27)?%3[ad](?:%20|\+)?(?:%22|%27)?'
    rb"|(?:[ \t]+|%20|\+)(?:is|was)(?:[ \t]+|%20|\+)"
)
# One word before the name can change its meaning: "instrument token: 256265".
NAMED: Final = rb"(?i)((?:[a-z]{1,20} )?[a-z0-9_.$-]*" + _ENDINGS + rb")(" + _SEPARATOR + rb")"
NAMED_GATE: Final = rb"(?i)" + _ENDINGS + rb"(?:" + _SEPARATOR + rb")[^\s\x01]"
# A command line's `--password x`.
FLAG: Final = rb"(?i)(--[a-z0-9-]*" + _ENDINGS + rb")([ \t]+|%20|\+)[^\s\x01-]"

_QUOTE: Final = re.compile(rb"[bBrRuUfF]{0,2}(\\{0,8})([\"'])")
_QUOTED: Final = {
    b'"': re.compile(rb'(?:[^"\\\r\n]++|\\.)*+'),
    b"'": re.compile(rb"(?:[^'\\\r\n]++|\\.)*+"),
}
_BARE: Final = re.compile(rb"[^\s\"'`\\,;&<>|\x01]++")
_BARE_COOKIES: Final = re.compile(rb"[^\s\"'\\;,\x01]++(?:;\s{0,2}[^\s\"'\\;,\x01]++)*+")
_PERCENT_CODED: Final = re.compile(
    rb"(?:[^\s\"'`\\,;&<>|\x01%]|%(?![01][0-9A-Fa-f]|2[0267Cc]|7[Dd]))++"
)  # up to an encoded control, space, quote, comma, & or }
_SCHEME: Final = re.compile(rb"(?i:bearer|basic|token|enctoken|digest|apikey|bot|negotiate)(?:[ \t]+|%20|\+)")
_ALNUM: Final = re.compile(rb"[A-Za-z0-9\x80-\xff]")
_DIGIT: Final = re.compile(rb"[0-9]")
_STARRED: Final = re.compile(rb"[*.#\xe2\x80\xa2-]+|[xX]{3,}")
# Source text, as tracebacks and templates have it: a name, an attribute, a call, a format field.
_SOURCE_TEXT: Final = re.compile(
    rb"(?:self|os|cfg|config|settings|args|kwargs|request|response|env|environ)\.|[{\[$%<(]"
    rb"|[A-Za-z_][A-Za-z0-9_.]*[(\[]|projects/[^/]+/secrets/"
)
_NAME: Final = re.compile(rb"[A-Za-z_][A-Za-z_.]*")
_PIN: Final = re.compile(rb"\d{3,10}|[A-Z2-7]{16,}=*")
_WORDS: Final = frozenset(
    b"""
    none null nil true false yes no ok on off not set unset valid invalid incorrect correct wrong
    expired expires missing required empty blank changed refreshed renewed rotated revoked accepted
    rejected denied failed failure success successful unknown is was has must the for and str int
    bytes string optional any undefined present absent hidden redacted masked removed error loaded
    found generated received updated saved stored cached authorized unauthorized authenticated
    mismatch object bearer basic token too cannot should will be
    """.split()
)


def find_named(pattern: Any, data: bytes) -> Iterator[Span]:
    """The secrets of `data` that stand behind a name; `pattern` is NAMED or FLAG, compiled by RE2."""
    done = 0
    for match in pattern.finditer(data):
        start, name_end = match.span(1)
        if start < done:
            continue
        at = match.end(2)
        # Whatever runs into a name on its left does not matter: its last words count.
        kind = meaning(data[max(start, name_end - MAX_NAME) : name_end].decode("latin-1")).secret
        if kind is None:
            continue
        span = _value(data, at, data[name_end:at], kind)
        if span is not None:
            yield span
            done = span.end


def _value(data: bytes, at: int, between: bytes, kind: str) -> Span | None:
    """The value that begins at byte `at`, behind the separator `between`."""
    opening = _QUOTE.match(data, at)
    if opening is not None:
        start, end = _inside_quotes(data, opening, between)
        if scheme := _SCHEME.match(data, start, end):
            start = scheme.end()
    else:
        scheme = _SCHEME.match(data, at)
        start = scheme.end() if scheme else at
        shape = _BARE_COOKIES if kind == "COOKIE" else _PERCENT_CODED if b"%" in between else _BARE
        run = shape.match(data, start)
        end = start + len(run.group().rstrip(b").]}:")) if run else start
    secret = data[start:end]
    if not _ALNUM.search(secret) or _STARRED.fullmatch(secret):
        return None
    plausible = _quoted_is_secret(secret, between) if opening else _bare_is_secret(secret, between, kind)
    return Span(start, end, kind) if plausible else None


def _inside_quotes(data: bytes, opening: re.Match[bytes], between: bytes) -> tuple[int, int]:
    """The bytes between quotes: backslash-escaped quotes and CSV's doubled ones close as they opened."""
    start, quote = opening.end(), opening.group(2)
    if opening.group(1):
        return start, _closing(data, opening.group(1) + quote, start)
    if data.startswith(quote, start) and quote * 2 in between:
        return start + 1, _closing(data, quote * 2, start + 1)
    inside = _QUOTED[quote].match(data, start)
    return start, inside.end() if inside else start


def _closing(data: bytes, quotes: bytes, start: int) -> int:
    """Where `quotes` next stand, else the end of the line."""
    found = data.find(quotes, start)
    line_end = data.find(b"\n", start, found if found >= 0 else len(data))
    if line_end >= 0:
        return line_end
    return found if found >= 0 else len(data)


def _quoted_is_secret(secret: bytes, between: bytes) -> bool:
    """Quoted text is the secret, unless it says what is wrong with one or names where it is kept."""
    if secret.lower() in _WORDS or secret.startswith((b"${", b"{{", b"%(")) or b"/secrets/" in secret:
        return False
    return b"is" not in between.lower() or _DIGIT.search(secret) is not None


def _bare_is_secret(secret: bytes, between: bytes, kind: str) -> bool:
    """Unquoted text is the secret unless it reads as prose or as source code."""
    lowered = secret.lower()
    if lowered in _WORDS or _SOURCE_TEXT.match(secret) or HELD in secret:
        return False
    if kind == "PIN":
        return _PIN.fullmatch(secret) is not None
    if _DIGIT.search(secret):
        return True
    if _NAME.fullmatch(secret) and meaning(lowered.decode("ascii")[-MAX_NAME:]).secret:
        return False
    if b"=" in between or b"%" in between:
        return True
    # "token: refreshing" is prose; a password behind a colon may be a word.
    return b":" in between and (kind == "PASSWORD" or len(secret) >= 16 or not secret.isalpha())


def without_scheme(data: bytes) -> int:
    """Where the credential begins behind a scheme such as `Bearer `; 0 without one."""
    scheme = _SCHEME.match(data)
    return scheme.end() if scheme else 0
