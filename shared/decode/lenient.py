"""JSON as Python writers leave it: NaN and Infinity, control characters, broken UTF-8, huge numbers.

Slower than msgspec by ten times, so it sees only what msgspec refused.
"""

import json
import math
import re
from typing import Any, Final

from shared.decode.notes import INVALID_UTF8, NOT_A_NUMBER, Notes

# A value is decoded and encoded again at different depths of the stack: what one of them could just do
# must not be too deep for the other.
MAX_DEPTH: Final = 200
# int() refuses more digits than this (sys.int_info.default_max_str_digits): they stay text.
_MAX_DIGITS: Final = 4300
# Every escape is matched, so that the second half of a pair or of `\\` is never taken for a beginning.
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.S
)


class Undecodable(Exception):
    """The bytes are not JSON, or nest deeper than MAX_DEPTH."""


def decode_leniently(raw: bytes | bytearray, index: int, notes: Notes) -> Any:
    """The value of one JSON text, with whatever had to be replaced noted for `index`.

    NaN, Infinity and floats out of range become None, invalid bytes and lone surrogates U+FFFD.

    Raises: Undecodable, and then notes nothing.
    """
    text = raw.decode(errors="replace")
    broken = "\ufffd" in text and not _is_utf8(raw)
    if "\\ud" in text or "\\uD" in text:
        text, lone = _without_lone_surrogates(text)
        broken = broken or lone
    nulls: list[str] = []

    def number_or_null(token: str) -> float | None:
        number = float(token)
        if math.isfinite(number):
            return number
        nulls.append(token)
        return None

    decoder = json.JSONDecoder(
        parse_constant=number_or_null, parse_float=number_or_null, parse_int=_exact, strict=False
    )
    try:
        value = decoder.decode(text)
    except (ValueError, RecursionError) as exc:
        raise Undecodable from exc
    if nests_too_deep(raw, value):
        raise Undecodable
    if broken:
        notes.add(INVALID_UTF8, "not valid UTF-8, the bad bytes were replaced", index)
    if nulls:
        notes.add(NOT_A_NUMBER, "with NaN or Infinity, read as null", index)
    return value


def nests_too_deep(raw: bytes | bytearray, value: Any) -> bool:
    """Whether the value of `raw` has more than MAX_DEPTH lists and objects inside each other."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return False
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def _exact(token: str) -> int | str:
    return int(token) if len(token) <= _MAX_DIGITS else token


def _is_utf8(raw: bytes | bytearray) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _without_lone_surrogates(text: str) -> tuple[str, bool]:
    """Half pairs can be decoded but never be encoded again."""
    lone = False

    def replace(match: re.Match[str]) -> str:
        nonlocal lone
        if match[1] is None:
            return match[0]
        lone = True
        return "\\ufffd"

    text = _ESCAPE.sub(replace, text)
    return text, lone
