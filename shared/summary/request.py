"""What a caller may ask of `POST /logs/summary`: a JSON object, read as strictly as parameters are."""

import hashlib
from typing import Any, Final, Protocol, cast

import msgspec

from shared.arguments import MAX_PARAMETERS, Arguments
from shared.errors import Fault, Forbidden, InvalidRequest
from shared.policy import Policy
from shared.query import LABELS, SCOPES, LogQuery
from shared.summary.document import TARGETS, TYPES, Target, Type

SOURCES: Final = ("gcs", "firestore", "pods")
DEFAULT_TOKENS: Final = 4000
MIN_TOKENS: Final = 500
MAX_TOKENS: Final = 32_000
ROUTE: Final = "/logs/summary"
_MAX_FAULTS: Final = 20
_OWN: Final = frozenset({"sources", "type", "max_tokens", "deliver", "store"})
_SINGLE: Final = frozenset({"start", "end", "since", "min_severity", "q", "regex", "exclude"})


class Request(Protocol):
    """What this module needs to know of a request: `shared.call.Request` has it."""

    @property
    def body(self) -> bytes:
        """JSON."""
        ...

    @property
    def idempotency_key(self) -> str:
        """The header; empty without."""
        ...

    @property
    def job(self) -> str:
        """Cloud Scheduler's name of the job; empty for anyone else."""
        ...

    @property
    def planned(self) -> str:
        """Cloud Scheduler's planned time of the run, RFC 3339; empty for anyone else."""
        ...


class SummaryRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A checked request. `query` has the caller's policy, redacting whoever asks; `body_hash` is equal for
    equal bodies."""

    query: LogQuery
    sources: tuple[str, ...]
    type: Type
    max_tokens: int
    deliver: tuple[Target, ...]
    store: bool
    body_hash: str


def parse(body: bytes, *, now: int, policy: Policy, deliverable: frozenset[str]) -> SummaryRequest:
    """Reads a body; an empty one asks for everything of the last 24 h.

    `now` is an instant: relative times are relative to it. `deliverable` are the targets that are set up.

    Raises: InvalidRequest, with a pointer to each fault; Forbidden for what the policy does not show.
    """
    given = _object(body)
    faults: list[Fault] = []
    sources = _several(given, "sources", SOURCES, faults) or SOURCES
    type_ = _choice(given, "type", TYPES, "general", faults)
    targets = cast("tuple[Target, ...]", _several(given, "deliver", TARGETS, faults))
    unset = [target for target in targets if target not in deliverable]
    faults += [Fault(f"{target} is not set up in this service", pointer="/deliver") for target in unset]
    max_tokens = _tokens(given, faults)
    store = given.get("store", True)
    if not isinstance(store, bool):
        faults.append(Fault("must be true or false", pointer="/store"))
    args = _arguments(given, faults)
    shown = _shown(policy, sources, asked="sources" in given)
    query = _query(args, faults, now=now, policy=policy.redacting(), sources=shown)
    if faults or query is None:
        raise InvalidRequest(_named(faults[:_MAX_FAULTS]), faults=faults[:_MAX_FAULTS])
    return SummaryRequest(
        query=query,
        sources=shown,
        type=cast("Type", type_),
        max_tokens=max_tokens,
        deliver=targets,
        store=bool(store),
        body_hash=hashlib.sha256(msgspec.json.encode(given, order="deterministic")).hexdigest(),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = msgspec.json.decode(body) if body.strip() else {}
    except (msgspec.MsgspecError, ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise InvalidRequest(
            "The body must be a JSON object.", faults=[Fault("must be a JSON object", pointer="")]
        )
    return given


def _arguments(given: dict[str, Any], faults: list[Fault]) -> Arguments:
    """The window and the filters, as parameters; what is no text is a fault."""
    values: dict[str, list[str]] = {}
    for name, value in given.items():
        if name in _OWN or not _is_known(name):
            if name not in _OWN:
                faults.append(Fault("is not a field of this request", pointer=_pointer(name)))
            continue
        several = value if isinstance(value, list) and name not in _SINGLE else [value]
        if not several or not all(isinstance(one, str) for one in several):
            kind = "a text" if name in _SINGLE else "a text or a list of texts"
            faults.append(Fault(f"must be {kind}", pointer=_pointer(name)))
            continue
        values[name] = several
    if sum(map(len, values.values())) > MAX_PARAMETERS:
        raise InvalidRequest(
            f"More than {MAX_PARAMETERS} values.", faults=[Fault("has too many values", pointer="")]
        )
    return Arguments.of(values)


def _is_known(name: str) -> bool:
    scoped = [parameter for names in SCOPES.values() for parameter in names]
    return name in _SINGLE or name in LABELS or name in scoped or name.startswith("label.")


def _query(
    args: Arguments, faults: list[Fault], *, now: int, policy: Policy, sources: tuple[str, ...]
) -> LogQuery | None:
    try:
        return LogQuery.from_args(args, route=ROUTE, now=now, policy=policy, sources=sources)
    except InvalidRequest as exc:
        faults += [Fault(one.detail, pointer=_pointer(one.parameter or "")) for one in exc.faults]
        return None


def _shown(policy: Policy, sources: tuple[str, ...], *, asked: bool) -> tuple[str, ...]:
    """The sources that the policy shows; one that was asked for by name and is not shown is refused."""
    shown = []
    for source in sources:
        try:
            policy.bounds(source)
        except Forbidden:
            if asked:
                raise
            continue
        shown.append(source)
    if not shown:
        raise Forbidden("policy")
    return tuple(shown)


def _several(
    given: dict[str, Any], name: str, choices: tuple[str, ...], faults: list[Fault]
) -> tuple[str, ...]:
    value = given.get(name, [])
    if (
        not isinstance(value, list)
        or any(one not in choices for one in value)
        or (name == "sources" and value == [] and name in given)
    ):
        faults.append(Fault(f"must be a list of {', '.join(choices)}", pointer=_pointer(name)))
        return ()
    return tuple(one for one in choices if one in value)


def _choice(
    given: dict[str, Any], name: str, choices: tuple[str, ...], default: str, faults: list[Fault]
) -> str:
    value = given.get(name, default)
    if value not in choices:
        faults.append(Fault(f"must be one of {', '.join(choices)}", pointer=_pointer(name)))
        return default
    return str(value)


def _tokens(given: dict[str, Any], faults: list[Fault]) -> int:
    value = given.get("max_tokens", DEFAULT_TOKENS)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 1e9 is a whole number
    if not isinstance(value, int) or isinstance(value, bool) or value < MIN_TOKENS:
        faults.append(Fault(f"must be a whole number from {MIN_TOKENS}", pointer="/max_tokens"))
        return DEFAULT_TOKENS
    return min(value, MAX_TOKENS)


def _pointer(name: str) -> str:
    """Source: RFC 6901."""
    return "/" + name[:100].replace("~", "~0").replace("/", "~1")


def _named(faults: list[Fault]) -> str:
    named = dict.fromkeys((fault.pointer or "").removeprefix("/") for fault in faults)
    return f"Invalid: {', '.join(named)}."
