"""JSON that means one thing only: what a signature covers must not be read in two ways."""

import json
import math
import re
from typing import Any, NoReturn

MAX_DEPTH = 32

# A string in one step (possessive, so that an open quote costs one pass and not one per escape),
# or a bracket. An empty group 1 is a string that never ends.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+("?)|[\[{\]}]', re.DOTALL)


def parse_object(data: bytes) -> dict[str, Any]:
    """The JSON object that `data` holds, in UTF-8 without a byte order mark.

    Refused, as ValueError: anything but an object, a repeated key at any level, more than 32 levels,
    NaN, Infinity, a number too large for a float or of more than 4,300 digits, half of a surrogate pair.
    Never a RecursionError: the depth is counted before anything recurses.
    """
    text = data.decode("utf-8")
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(text)
    value = _DECODER.decode(text)
    if type(value) is not dict:
        raise ValueError("not a JSON object")
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def _check_depth(text: str) -> None:
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        match text[found.start()]:
            case '"' if not found[1]:
                raise ValueError("a string without an end")
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a repeated key")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number out of range")
    return value


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("NaN or Infinity")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant)
