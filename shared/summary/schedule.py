"""Which summaries are made without being asked for, and when.

`schedules.json` beside this file has the default ones; Terraform reads the same file for Cloud Scheduler.
Each window reaches a little further back than the run before it, so that a run that comes late leaves no
gap. A cron has what unix cron and Cloud Scheduler both know, and means the same to both.
Source: https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError

from shared import instant
from shared.config import zone
from shared.entry import Severity
from shared.query import LABELS, SCOPES
from shared.summary.document import TARGETS, TYPES, Target, Type

MARKET_HOURS: Final = "09:15-15:30 Asia/Kolkata"
DEFAULTS: Final = Path(__file__).with_name("schedules.json")

_HOURS: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d) (\S+)", re.ASCII)
# A job's name is part of a resource's name: https://cloud.google.com/scheduler/docs/reference/rest
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)
_VALUE: Final = r"(?:\d{1,2}|[A-Z]{3})"
_ITEM: Final = rf"(?:\*(?:/\d{{1,2}})?|{_VALUE}(?:-{_VALUE}(?:/\d{{1,2}})?)?)"
_ITEMS: Final = rf"{_ITEM}(?:,{_ITEM})*"
_CRON: Final = re.compile(rf"{_ITEMS}(?: +{_ITEMS}){{4}}", re.ASCII | re.IGNORECASE)
_LABEL: Final = re.compile(r"label\.\S+")
_A_DAY: Final = datetime(2000, 1, 1, tzinfo=UTC)


class MarketHours(msgspec.Struct, frozen=True):
    """When the market is open, on the clocks of `zone`; it closes on the day on which it opens."""

    open: time
    close: time
    zone: ZoneInfo


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A summary that is made again and again: `request` is the body of its `POST /logs/summary`.

    `cron` has five fields (minute, hour, day of month, month, weekday) on the clocks of `timezone`. With
    both days restricted, either is enough.
    """

    name: str
    cron: str
    timezone: str
    request: dict[str, Any]

    def next_after(self, now: int) -> int:
        """The first instant after `now` at which it is due; a whole minute."""
        start = instant.to_datetime(now).astimezone(ZoneInfo(self.timezone))
        for moment in CronSim(self.cron, start):
            # Where clocks are put back, the first of two equal times may lie behind us.
            if (found := instant.from_datetime(moment)) > now:
                return found
        raise ValueError("the schedule is never due")

    def body(self, configured: Collection[str]) -> dict[str, Any]:
        """The request, delivered to those of its targets that are configured (as in infra/scheduler.tf)."""
        deliver = [target for target in self.request.get("deliver", ()) if target in configured]
        return {**self.request, "deliver": deliver}


def parse_market_hours(text: str) -> MarketHours:
    """MARKET_HOURS: `09:15-15:30 Asia/Kolkata`.

    Raises: ValueError with a sentence that prints no value.
    """
    match = _HOURS.fullmatch(text)
    if match is None:
        raise ValueError(f"must be hours and a time zone such as {MARKET_HOURS}")
    opening, closing = time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4]))
    if opening >= closing:
        raise ValueError("must open before it closes")
    return MarketHours(opening, closing, zone(match[5]))


def default_schedules(market: MarketHours | None = None) -> tuple[Schedule, ...]:
    """The schedules of `schedules.json`."""
    return parse_schedules(DEFAULTS.read_text(), market)


def parse_schedules(text: str, market: MarketHours | None = None) -> tuple[Schedule, ...]:
    """SUMMARY_SCHEDULES: a JSON list of `{"name", "cron", "timezone", "request"}`.

    Without its `timezone` a schedule is in the market's (default: that of MARKET_HOURS' default).

    Raises: ValueError, which names the place of every fault as a JSON pointer, and prints no value.
    """
    usual = (market or parse_market_hours(MARKET_HOURS)).zone.key
    try:
        given = msgspec.json.decode(text, type=list[dict[str, Any]])
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        raise ValueError("must be a JSON list of objects with name, cron, timezone and request") from None
    faults = [f"/{n}{place} {what}" for n, each in enumerate(given) for place, what in _faults(each)]
    names = [each.get("name") for each in given]
    faults += [f"/{n}/name is an earlier one's" for n, name in enumerate(names) if name in names[:n]]
    if faults:
        raise ValueError(f"has faults: {', '.join(faults)}")
    return tuple(msgspec.convert({"timezone": usual, **each}, Schedule) for each in given)


def _faults(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with one schedule: a JSON pointer in it, and what is expected there."""
    if unknown := given.keys() - set(Schedule.__struct_fields__):
        yield "", f"has {len(unknown)} unknown fields"
    if not _NAME.fullmatch(_text(given.get("name"))):
        yield "/name", "must be lower-case letters, digits and -, at most 63, a letter first"
    if not _recurs(_text(given.get("cron"))):
        yield "/cron", "must be five fields of unix cron that meet some day"
    if "timezone" in given and not _is_zone(given["timezone"]):
        yield "/timezone", "must be a time zone such as UTC or Asia/Kolkata"
    request = given.get("request")
    if isinstance(request, dict):
        yield from _request_faults(request)
    else:
        yield "/request", "must be an object"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _recurs(cron: str) -> bool:
    """Whether it is a cron that is due at some time; 30 February is not."""
    try:
        return bool(_CRON.fullmatch(cron)) and next(CronSim(cron, _A_DAY), None) is not None
    except CronSimError:
        return False


def _is_zone(value: object) -> bool:
    try:
        return bool(zone(_text(value)))
    except ValueError:
        return False


def _request_faults(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if unknown := [name for name in request if name not in _FIELDS and not _LABEL.fullmatch(name)]:
        yield "/request", f"has {len(unknown)} unknown fields"
    for name in request:
        fits, expected = _FIELDS.get(name, _TEXTS)
        if name not in unknown and not fits(request[name]):
            yield f"/request/{name if name in _FIELDS else 'label.…'}", f"must be {expected}"
    if "since" in request and "start" in request:
        yield "/request/since", "must not stand beside start"


def _shaped(shape: Any) -> Callable[[object], bool]:
    """Whether a value of JSON is of this type."""

    def fits(value: object) -> bool:
        try:
            msgspec.convert(value, shape)
        except msgspec.ValidationError:
            return False
        return True

    return fits


def _is_duration(value: object) -> bool:
    return instant.from_duration(_text(value)) is not None


def _is_ago(value: object) -> bool:
    return _text(value).startswith("-") and _is_duration(_text(value)[1:])


def _are_sources(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(one in SCOPES for one in value)


_Text = Annotated[str, msgspec.Meta(min_length=1)]
_TEXT: Final = (_shaped(_Text), "a text")
_TEXTS: Final = (
    _shaped(_Text | Annotated[list[_Text], msgspec.Meta(min_length=1)]),
    "a text or a list of texts",
)
_AGO: Final = (_is_ago, "relative, such as -24h")
# The fields of a request that may recur: a fixed window never moves on.
_FIELDS: Final[dict[str, tuple[Callable[[object], bool], str]]] = {
    "since": (_is_duration, "a duration such as 24h or PT30M"),
    "start": _AGO,
    "end": _AGO,
    "sources": (_are_sources, f"a list of {', '.join(SCOPES)}"),
    "type": (_shaped(Type), f"one of {', '.join(TYPES)}"),
    "max_tokens": (
        _shaped(Annotated[int, msgspec.Meta(ge=500, le=32_000)]),
        "a whole number from 500 to 32000",
    ),
    "deliver": (_shaped(list[Target]), f"a list of {', '.join(TARGETS)}"),
    "store": (_shaped(bool), "true or false"),
    "min_severity": (lambda value: _text(value).upper() in Severity.__members__, "a severity such as ERROR"),
    **dict.fromkeys(("q", "regex", "exclude"), _TEXT),
    **dict.fromkeys((*LABELS, *(name for names in SCOPES.values() for name in names)), _TEXTS),
}
