"""LogQuery: what a caller may ask of the sources, parsed and limited."""

import hashlib
import re
from typing import Any, Final, Literal, Self, cast

import msgspec

from shared import instant
from shared.arguments import Arguments
from shared.entry import LogEntry, Severity
from shared.errors import Forbidden, InvalidRequest
from shared.policy import Policy

MAX_PAGE_SIZE: Final = 1000
MAX_WINDOW: Final = 366 * instant.DAY
FORMATS: Final = ("json", "ndjson", "csv", "text")
LABELS: Final = ("bot", "strategy", "symbol", "trade_id")
# The parameters that belong to one source only.
SCOPES: Final[dict[str, tuple[str, ...]]] = {
    "gcs": ("bucket", "prefix"),
    "firestore": ("collection",),
    "pods": ("namespace", "pod", "container", "cluster"),
}
# What a page token does not bind: they change how an answer is given, not what it is.
_UNBOUND: Final = frozenset({"page_size", "page_token", "format", "timeout"})

Order = Literal["asc", "desc"]


class Position(msgspec.Struct, frozen=True, array_like=True):
    """A place in the total order: just after (in the order asked for) this entry.

    With an empty `id` it stands before every entry of its time.
    """

    timestamp: int
    source: str = ""
    id: str = ""


class Stretch(msgspec.Struct, frozen=True, array_like=True):
    """The part of a plan that one request had the budget for: behind `begin` up to `end`, both a
    unit's place (bound, name) and the place of a record in it, both open when None. `base` is the
    position before which nothing of it is told any more."""

    begin: tuple[int, str, int | str] | None = None
    end: tuple[int, str, int | str] | None = None
    base: Position | None = None


class Resume(msgspec.Struct, frozen=True, array_like=True):
    """Where the next page goes on: what a page token carries besides the window."""

    position: Position | None = None
    stretch: Stretch = Stretch()


class Window(msgspec.Struct, frozen=True):
    """The half-open interval `[start, end)` of instants; `defaulted` when the caller gave neither."""

    start: int
    end: int
    defaulted: bool = False

    def holds(self, timestamp: int) -> bool:
        """Whether an entry of this time belongs to it."""
        return self.start <= timestamp < self.end

    def document(self) -> dict[str, Any]:
        """The window as the API writes it."""
        return {
            "start": instant.to_text(self.start),
            "end": instant.to_text(self.end),
            "defaulted": self.defaulted,
        }


class LogQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One question to one or more sources.

    Filters of one parameter are ORed, different parameters are ANDed. `scope` holds the parameters
    that belong to a source (`bucket`, `prefix`, `pod` …). `fingerprint` is equal for equal questions.
    """

    route: str = ""
    window: Window
    policy: Policy
    min_severity: Severity = Severity.DEFAULT
    q: str | None = None
    regex: str | None = None
    exclude: str | None = None
    labels: dict[str, tuple[str, ...]] = {}
    scope: dict[str, tuple[str, ...]] = {}
    order: Order = "desc"
    page_size: int = 100
    format: str = "json"
    timeout_s: float | None = None
    dry_run: bool = False
    page_token: str = ""
    fingerprint: str = ""
    resume: Resume = Resume()
    # Of entries below this severity the newest of each bot in a unit is enough. No filter: a source may give
    # more, and who reads a window for its problems is spared most of the work on the others.
    newest_below: Severity = Severity.DEFAULT
    # Payloads are wanted of trades alone: who reads many entries for their messages need not hold the rest.
    lean: bool = False

    @classmethod
    def from_args(
        cls,
        args: Arguments,
        *,
        route: str,
        now: int,
        policy: Policy,
        sources: tuple[str, ...],
        accept: str = "",
    ) -> Self:
        """Read the parameters of a route that returns entries; `now` is an instant.

        Raises: Forbidden; InvalidRequest, naming every bad parameter.
        """
        severity = args.choice("min_severity", Severity.__members__, "DEFAULT", fold=str.upper)
        query = cls(
            route=route,
            policy=policy,
            window=window_from(args, now),
            min_severity=Severity[severity],
            q=args.one("q"),
            regex=_pattern(args, "regex"),
            exclude=_pattern(args, "exclude"),
            labels=_labels(args),
            scope=scope_from(args, sources),
            order=cast("Order", args.choice("order", ("desc", "asc"), "desc")),
            page_size=args.count("page_size", 100, MAX_PAGE_SIZE),
            format=args.choice("format", FORMATS, _format_of(accept)),
            timeout_s=args.seconds("timeout"),
            dry_run=args.flag("dry_run"),
            page_token=args.one("page_token", empty=True) or "",
            fingerprint=fingerprint(route, args),
        )
        query.check_policy(sources)
        args.finish()
        return query

    @classmethod
    def for_listing(
        cls, args: Arguments, *, route: str, now: int, policy: Policy, sources: tuple[str, ...]
    ) -> Self:
        """Read the parameters of a route that lists things: window, scope and paging only.

        Raises: InvalidRequest, naming every bad parameter.
        """
        query = cls(
            route=route,
            policy=policy,
            window=window_from(args, now),
            scope=scope_from(args, sources),
            page_size=args.count("page_size", 100, MAX_PAGE_SIZE),
            timeout_s=args.seconds("timeout"),
            page_token=args.one("page_token", empty=True) or "",
            fingerprint=fingerprint(route, args),
        )
        query.check_policy(sources)
        args.finish()
        return query

    def check_policy(self, sources: tuple[str, ...]) -> None:
        """Asking for what lies outside of the caller's policy is refused, whatever else is wrong.

        Raises: Forbidden.
        """
        for source in sources:
            bounds = self.policy.bounds(source)
            asked = [("bot", bot) for bot in self.labels.get("bot", ())]
            asked += [(name, value) for name in SCOPES[source] for value in self.scoped(name)]
            if not all(bounds.allow(name, value) for name, value in asked):
                raise Forbidden("policy")

    def with_resume(self, window: Window, resume: Resume) -> "LogQuery":
        """The same question, from where a page token stopped and in the window of its first page."""
        return msgspec.structs.replace(self, window=window, resume=resume)

    def scoped(self, name: str) -> tuple[str, ...]:
        """The values of a parameter of one source; empty when it was not given."""
        return self.scope.get(name, ())


def window_from(args: Arguments, now: int) -> Window:
    """The window of `start`, `end` and `since`; what is relative is relative to `now`, rounded up
    to ten seconds. Faults are left in `args`; the window is then only good for going on."""
    base, faults_before = instant.ceil_10s(now), len(args.faults)
    start_text, end_text, since = args.one("start"), args.one("end"), args.one("since")
    end = base if end_text is None else _instant_of(args, "end", end_text, now)
    end = instant.ceil_10s(end) if end_text and end_text.startswith("-") else end
    start = max(instant.EARLIEST, end - instant.DAY)
    if since is not None:
        if start_text is not None:
            args.fault("since", "cannot be given together with start")
        duration = instant.from_duration(since)
        if duration is None:
            args.fault("since", "must be a duration such as 15m, 24h, 7d or PT30M")
        start = base - (duration or instant.DAY)
    elif start_text is not None:
        start = _instant_of(args, "start", start_text, base)
    name = "since" if since is not None else "start" if start_text is not None else "end"
    if len(args.faults) > faults_before:
        pass  # the bounds are only stand-ins
    elif start >= end:
        args.fault(name, "must be before end" if name != "end" else "must be after start")
    elif end - start > MAX_WINDOW:
        args.fault(name, "makes a window of more than 366 days")
    return Window(start, end, defaulted=start_text is None and end_text is None and since is None)


def _instant_of(args: Arguments, name: str, text: str, base: int) -> int:
    """One `start` or `end`: RFC 3339, epoch digits, or `-24h`."""
    value: int | None = None
    if text.startswith("-"):
        duration = instant.from_duration(text[1:])
        value = None if duration is None else base - duration
    elif text.isascii() and text.isdigit():
        # 10 digits are seconds, 13 milliseconds, 19 nanoseconds; others are a slip, not a time.
        unit = {10: instant.SECOND, 13: 1_000_000, 19: 1}.get(len(text))
        value = int(text) * unit if unit else None
    else:
        value = instant.from_rfc3339(text)
    if value is None or not instant.EARLIEST <= value <= instant.LATEST:
        args.fault(
            name,
            "must be RFC 3339 with an offset (2026-11-20T09:15:00+05:30), epoch seconds, milliseconds or "
            "nanoseconds, or relative to now (-24h)",
        )
        return base
    return value


def scope_from(args: Arguments, sources: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The parameters that belong to these sources, each repeatable."""
    names = [name for source in sources for name in SCOPES[source]]
    return {name: values for name in names if (values := args.many(name))}


def fingerprint(route: str, args: Arguments) -> str:
    """Equal for equal questions: the route and every bound parameter as the caller gave it."""
    bound = [pair for pair in args.pairs if pair[0] not in _UNBOUND]
    return hashlib.sha256(msgspec.json.encode([route, bound])).hexdigest()[:32]


def _labels(args: Arguments) -> dict[str, tuple[str, ...]]:
    labels = {name: values for name in LABELS if (values := args.many(name))}
    for name in sorted(args.names()):
        if name.startswith("label.") and (values := args.many(name)):
            label = name.removeprefix("label.")
            if label in labels:
                args.fault(name, f"cannot be given together with {label}")
            labels[label] = values
    return labels


def _pattern(args: Arguments, name: str) -> str | None:
    """An RE2 pattern that compiles. Its own message is passed on: it names the fault in the pattern."""
    pattern = args.one(name)
    if pattern is None:
        return None
    try:
        compiled(pattern)
    except InvalidRequest as exc:
        args.fault(name, exc.detail)
        return None
    return pattern


def compiled(pattern: str) -> Any:
    """A compiled RE2 pattern: linear time, whatever the pattern, and at most 8 MiB of memory.

    Raises: InvalidRequest.
    Source: https://github.com/google/re2/wiki/Syntax
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    if len(pattern) > 1000:
        raise InvalidRequest("is longer than 1,000 characters")
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise InvalidRequest("is not a valid RE2 expression") from None


def _format_of(accept: str) -> str:
    """The known type that an Accept header prefers; the first of equals, json when it knows none.

    Source: RFC 9110, section 12.5.1.
    """
    known = {
        "application/json": "json",
        "application/x-ndjson": "ndjson",
        "text/csv": "csv",
        "text/plain": "text",
    }
    best, weight = "json", 0.0
    for item in accept.split(","):
        media, *parameters = (part.strip().lower() for part in item.split(";"))
        q = next((text[2:] for text in parameters if text.startswith("q=")), "1")
        if media in known and (found := _weight(q)) > weight:
            best, weight = known[media], found
    return best


def _weight(text: str) -> float:
    """A quality value; what is none counts as not acceptable."""
    return float(text) if re.fullmatch(r"0(\.\d{0,3})?|1(\.0{0,3})?", text, re.ASCII) else 0.0


def label_of(entry: LogEntry, name: str) -> str | None:
    """An entry's label of this name, else the record's own field of this name, as text."""
    if (value := entry.labels.get(name)) is not None:
        return value
    field = entry.payload.get(name) if isinstance(entry.payload, dict) else None
    if isinstance(field, bool):
        return str(field).lower()
    return str(field) if isinstance(field, str | int | float) else None
