"""The Cloud Logging query language: `parse` a filter, ask whether an entry `matches`.

String comparisons ignore case, patterns (RE2, unanchored) do not. Keys of labels and payloads are
exact, names of LogEntry's own fields may be camelCase or snake_case in any case. Left out and
refused as FilterUnsupported: functions (SEARCH, sample, log_id …) and the inside of protoPayload.

Source: https://cloud.google.com/logging/docs/view/logging-query-language
"""

import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import re2
from google.logging.type.log_severity_pb2 import LogSeverity

from tests.servers.logging_fields import resolve, texts
from tests.servers.logging_syntax import (
    And,
    Comparison,
    FilterError,
    FilterUnsupported,
    Node,
    Not,
    Or,
    Present,
    Term,
    parse_syntax,
)

__all__ = [
    "And",
    "Comparison",
    "FilterError",
    "FilterUnsupported",
    "Node",
    "Not",
    "Or",
    "Present",
    "Term",
    "compile_filter",
    "matches",
    "parse",
]

MAX_CHARACTERS = 20_000
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    ":": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)?)?")

Predicate = Callable[[Any], bool]


def parse(text: str) -> Node:
    """The tree of a filter whose fields and values make sense; the empty filter is And(()).

    Raises: FilterError where the service answers INVALID_ARGUMENT, FilterUnsupported.
    """
    if len(text) > MAX_CHARACTERS:
        raise FilterError(f"The filter has {len(text)} characters, at most {MAX_CHARACTERS} are allowed")
    node = parse_syntax(text)
    compile_filter(node)
    return node


def matches(node: Node, entry: Any) -> bool:
    """Whether a LogEntry (the client's type, or the plain protobuf) is selected."""
    return compile_filter(node)(getattr(entry, "_pb", entry))


@lru_cache(maxsize=1024)
def compile_filter(node: Node) -> Predicate:
    """A function of a plain protobuf LogEntry. Raises: FilterError, FilterUnsupported."""
    match node:
        case And(parts):
            all_of = [compile_filter(part) for part in parts]
            return lambda entry: all(test(entry) for test in all_of)
        case Or(parts):
            any_of = [compile_filter(part) for part in parts]
            return lambda entry: any(test(entry) for test in any_of)
        case Not(part):
            inner = compile_filter(part)
            return lambda entry: not inner(entry)
        case Term(value):
            return _contains(value)
        case Present(path):
            return resolve(path).present
        case Comparison(path, op, value):
            field = resolve(path)
            test = _test(field.kind, op, value)
            return lambda entry: any(test(found) for found in field.values(entry))


def _contains(needle: str) -> Predicate:
    folded = needle.casefold()
    return lambda value: any(folded in text.casefold() for text in texts(value))


def _test(kind: str, op: str, value: str) -> Predicate:
    """The test of one found value. Raises: FilterError when op or value does not fit the field."""
    if kind == "string":
        return _text_test(op, value)
    if kind == "dynamic":
        return _dynamic_test(op, value)
    if kind == "object":
        if op != ":":
            raise FilterError(f"Operator {op} does not work on a field with fields of its own")
        return _contains(value)
    if op in ("=~", "!~"):
        raise FilterError(f"Operator {op} works on text only")
    compare = _ORDER[op]
    if kind == "time":
        nanoseconds = timestamp_ns(value)
        return lambda found: compare(found.ToNanoseconds(), nanoseconds)
    if kind == "duration":
        length = round(_number(value.removesuffix("s")) * 1e9)
        return lambda found: compare(found.ToNanoseconds(), length)
    wanted = {"severity": _severity, "bool": _boolean, "number": _number}[kind](value)
    return lambda found: compare(found, wanted)


def _text_test(op: str, value: str) -> Callable[[str], bool]:
    if op in ("=~", "!~"):
        options = re2.Options()
        options.log_errors = False
        try:
            pattern = re2.compile(value, options)
        except re2.error as exc:
            raise FilterError(f"Invalid regular expression {value!r}") from exc
        wanted = op == "=~"
        return lambda found: (pattern.search(found) is not None) is wanted
    folded = value.casefold()
    if op == ":":
        return lambda found: folded in found.casefold()
    compare = _ORDER[op]
    return lambda found: compare(found.casefold(), folded)


def _dynamic_test(op: str, value: str) -> Predicate:
    """A payload's value has its own type; a filter's value that cannot become that type never matches."""
    text = _text_test(op, value)
    compare = _ORDER.get(op)
    contains = _contains(value)
    number = float(value) if _NUMBER.fullmatch(value) else None
    boolean = {"true": True, "false": False}.get(value.lower())

    def test(found: Any) -> bool:
        kind = found.WhichOneof("kind")
        if kind == "string_value":
            return text(found.string_value)
        if kind == "struct_value":
            return op == ":" and contains(found.struct_value)
        if compare is None:
            return False
        if kind == "number_value":
            return number is not None and compare(found.number_value, number)
        if kind == "bool_value":
            return boolean is not None and compare(found.bool_value, boolean)
        return value == "NULL_VALUE" if op in ("=", ":") else op == "!=" and value != "NULL_VALUE"

    return test


def timestamp_ns(text: str) -> int:
    """Nanoseconds since the epoch of an RFC 3339 time or date; UTC without an offset. Raises: FilterError."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise FilterError(f"Unparseable timestamp {text!r}")
    day, clock, fraction, offset = match.groups()
    zone = "+00:00" if offset in (None, "Z", "z") else offset
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{zone}")
    except ValueError as exc:
        raise FilterError(f"Unparseable timestamp {text!r}") from exc
    whole = moment - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = whole.days * 86_400 + whole.seconds
    return seconds * 1_000_000_000 + int((fraction or "").ljust(9, "0"))


def _severity(text: str) -> int:
    if text.upper() in LogSeverity.keys():  # noqa: SIM118 - an enum wrapper, not a dict
        return int(LogSeverity.Value(text.upper()))
    if re.fullmatch(r"\d{1,3}", text):
        return int(text)
    raise FilterError(f"Invalid severity {text!r}")


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise FilterError(f"Invalid boolean {text!r}")
    return text.lower() == "true"


def _number(text: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        raise FilterError(f"Invalid number {text!r}")
    return float(text)
