"""Instants: whole nanoseconds since 1970-01-01 UTC, read from and written as text.

Everything compares and pages on these integers; a float would lose the last digits of a nanosecond.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
# 0001-01-01 and 9999-12-31: what datetime can hold, so what can be written.
EARLIEST: Final = -62_135_596_800 * SECOND
LATEST: Final = 253_402_300_799 * SECOND + 999_999_999

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FRACTION: Final = re.compile(r"[.,](\d+)")
_RFC3339: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_DURATION: Final = re.compile(r"(\d{1,9})([smhdw])", re.ASCII)
_ISO_DURATION: Final = re.compile(
    r"P(?:(\d{1,9})W|(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?)", re.ASCII
)
_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}


def from_datetime(moment: datetime) -> int:
    """An aware datetime as an instant."""
    apart = moment - _EPOCH
    return (apart.days * 86_400 + apart.seconds) * SECOND + apart.microseconds * 1000


def to_datetime(instant: int) -> datetime:
    """An instant as a UTC datetime, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=instant // 1000)


def to_text(instant: int) -> str:
    """RFC 3339 in UTC with `Z`: six fractional digits, nine when microseconds would lose something."""
    seconds, rest = divmod(instant, SECOND)
    whole = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    # glibc does not pad years below 1000; such a time is a record's mistake, but must still be RFC 3339.
    whole = whole.rjust(19, "0")
    return f"{whole}.{rest:09d}Z" if rest % 1000 else f"{whole}.{rest // 1000:06d}Z"


def from_iso(text: str, zone: tzinfo) -> int | None:
    """An ISO 8601 date and time, with an offset or else in `zone`; None when it cannot be read.

    Digits beyond nine are dropped. A date alone is the start of its day.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        instant = from_datetime(moment)
    except (ValueError, OverflowError):
        return None
    if len(text) > 26 and (fraction := _FRACTION.search(text)):
        # datetime keeps six digits: the others are added here.
        instant += int(fraction[1][6:9].ljust(3, "0"))
    return instant


def from_rfc3339(text: str) -> int | None:
    """RFC 3339 with its offset, up to nanoseconds; None when it is anything else."""
    return from_iso(text.upper(), UTC) if _RFC3339.fullmatch(text) else None


def from_epoch(number: float) -> int | None:
    """An epoch number whose unit is told by its digits: 10 s, 13 ms, 16 µs, 19 ns (one less or more is
    the same unit); None below nine digits or above nineteen."""
    digits = len(str(abs(int(number)))) if abs(number) < 1e20 else 99
    if digits < 9 or digits > 19:
        return None
    unit = SECOND if digits <= 11 else 1_000_000 if digits <= 14 else 1000 if digits <= 17 else 1
    instant = number * unit if isinstance(number, int) else round(number * 1_000_000) * unit // 1_000_000
    return instant if EARLIEST <= instant <= LATEST else None


def from_duration(text: str) -> int | None:
    """`15m`, `24h`, `7d`, or ISO 8601 `PT30M` in nanoseconds; None when it is neither, or zero."""
    if match := _DURATION.fullmatch(text):
        return int(match[1]) * _UNITS[match[2]] or None
    if match := _ISO_DURATION.fullmatch(text):
        amounts = [int(group or 0) for group in match.groups()]
        return sum(a * _UNITS[u] for a, u in zip(amounts, "wdhms", strict=True)) or None
    return None


def ceil_10s(instant: int) -> int:
    """Rounded up to the next ten seconds: equal questions asked together are then equal."""
    return -(-instant // (10 * SECOND)) * 10 * SECOND
