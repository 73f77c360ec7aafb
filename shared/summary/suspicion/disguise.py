"""The readings of a text: what it says when its spelling is undone, as a language model would undo it."""

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Iterator
from html import unescape
from typing import Final
from urllib.parse import unquote

_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\U000e0000-\U000e01ef]"
)
_MARKS: Final = re.compile(r"[\u0300-\u036f]")
_TAGS: Final = re.compile("[\U000e0020-\U000e007e]+")
# Line ends, also those that JSON in JSON has; quotes and emphasis.
_SPACES: Final = re.compile(r"(?:\\[nrt](?![a-z])|[\s_*`\"'“”‘’«»\\])+")
# Letters of other scripts that look like Latin ones.
_LOOKALIKES: Final = str.maketrans("аеорсухіјѕԁɡһклмтвнгαεικνορτυχωβ", "aeopcyxijsdghklmtbhraeiknoptuxwb")
_LEET: Final = str.maketrans("013457@$!", "oieastasi")
_IS_LEET: Final = re.compile(r"[a-z][013457@$!][a-z]|\b[013457@$][a-z]{3}", re.IGNORECASE)
# Ten letters, each by itself.
_APART: Final = re.compile(r"(?<![^\W_])[^\W\d_](?:[ .\-|/,_*]{1,3}[^\W\d_]){9,}(?![^\W_])")
_CODED: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2}[ :,-]?){12,}")
_ESCAPES: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))")
# Words of instructions, backwards and in ROT13: only then is all of a text read so.
_BACKWARDS: Final = re.compile(
    r"erongi|drawkcab|drager|snoitcurt|tpmorp|metsys|yrammus|enildaeh|tnatsiss|troper|gnidnif|tah?t yas|etirw"
    r"|esaelp",
    re.IGNORECASE,
)
_ROT13: Final = re.compile(
    r"\b(?:vtaber|qvfertneq|vafgehpgvbaf?|cebzcg|flfgrz|fhzznel|urnqyvar|nffvfgnag|ercbeg|fnl|jevgr|gung|gur|nyy)\b",
    re.IGNORECASE,
)
_MAX_CODED: Final = 8
# One character may stand for 18.
_MAX_CHARS: Final = 20_000


def readings(text: str) -> Iterator[str]:
    """In lower case: the text without what cannot be seen, and what it becomes decoded."""
    # Tag characters are invisible, and spell ASCII.
    hidden = " ".join("".join(chr(ord(one) - 0xE0000) for one in run) for run in _TAGS.findall(text))
    seen = plain(text)
    yield seen
    if hidden:
        yield plain(hidden)
    if not seen.isascii():
        bare = _MARKS.sub("", unicodedata.normalize("NFD", seen)).translate(_LOOKALIKES)
        if bare != seen:
            yield bare
    if _IS_LEET.search(seen):
        yield seen.translate(_LEET)
    if _BACKWARDS.search(seen):
        yield seen[::-1]
    if len(_ROT13.findall(seen)) > 1:
        yield codecs.encode(seen, "rot13")
    yield from (plain(one) for one in _decoded(text))


def plain(text: str) -> str:
    """Without invisible characters, quotes and emphasis; single spaces, lower case."""
    normal = _INVISIBLE.sub("", unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)))
    return _SPACES.sub(" ", normal[:_MAX_CHARS]).lower()


def is_spaced_out(text: str) -> bool:
    """Whether letters stand apart from each other, so that words cannot be told: `i g n o r e`."""
    return _APART.search(text) is not None


def _decoded(text: str) -> Iterator[str]:
    if "%" in text:
        yield unquote(text)
    if "&" in text and ";" in text:
        yield unescape(text)
    if "\\" in text:
        yield _ESCAPES.sub(lambda found: chr(int(found[1] or found[2], 16)), text)
    coded = [
        *map(_from_hex, _HEX.findall(text)[:_MAX_CODED]),
        *map(_from_base64, _CODED.findall(text)[:_MAX_CODED]),
    ]
    yield from filter(None, coded)


def _from_hex(run: str) -> str:
    digits = re.sub(r"[^0-9a-fA-F]", "", run)
    return _prose(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _from_base64(run: str) -> str:
    run = run.replace("-", "+").replace("_", "/").rstrip("=")
    run = run[: len(run) - (len(run) % 4 == 1)]
    try:
        return _prose(base64.b64decode(run + "=" * (-len(run) % 4)))
    except binascii.Error:
        return ""


def _prose(data: bytes) -> str:
    """What some bytes say, if they say something: printable, with a space in it."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return ""
    return text if " " in text and text.isprintable() else ""
