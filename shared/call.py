"""A call: one checked request as a handler sees it, and what a handler answers. Nothing of the web."""

import hashlib
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from shared import formats, instant, log
from shared.arguments import Arguments
from shared.audit import Decision
from shared.auth import Identity, Verifier
from shared.cache import BRIEF_S, LONG_S, AnswerCache, Fresh, passed_by
from shared.errors import SourceError, Unavailable
from shared.limits import Limiters
from shared.policy import READERS, UNRESTRICTED, Grant, Policy, Role, policy_for
from shared.query import LogQuery, Window, fingerprint
from shared.search.cursor import Cursors
from shared.sources.source import Budget, Listing, LogSource, Page

# A window that ended this long ago has settled: what happened in it has been written.
SETTLING: Final = 15 * instant.MINUTE
# Warnings of answers that the next try may complete.
CUT_SHORT: Final = frozenset({"budget_spent", "order_in_parts", "object_gone", "object_unreadable"})


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings say about a function's door; wiring makes it, once per process. What may need
    a secret is built at the first request."""

    name: str
    verifier: Callable[[], Verifier] | None = None
    cursors: Callable[[], Cursors] | None = None
    narrowing: Callable[[], dict[Role, Grant]] = dict
    deadline_s: float = 25.0
    scan_max_bytes: int = 2 << 30
    cors_origins: tuple[str, ...] = ()
    limiters: Callable[[], Limiters] | None = None
    cache: Callable[[], AnswerCache] | None = None
    salt: Callable[[], str] = str
    fold: Callable[[], object] = bool


class Answer(msgspec.Struct, kw_only=True):
    """What a handler answers."""

    body: bytes
    content_type: str = "application/json"
    status: int = 200
    headers: dict[str, str] = {}


class Wanted(msgspec.Struct, frozen=True):
    """One thing that is asked for by its name; `rest` holds the other parameters that were given."""

    name: str
    rest: dict[str, str | None]
    max_bytes: int


class Request(msgspec.Struct, frozen=True):
    """What a call needs of the request itself. `tail` is the last segment of a path such as
    `/logs/summary/{id}`; `job` and `planned` are Cloud Scheduler's name of a job and time of a run."""

    route: str
    query_string: str
    accept: str = ""
    no_cache: bool = False
    tail: str = ""
    body: bytes = b""
    idempotency_key: str = ""
    job: str = ""
    planned: str = ""


class Call:
    """One request, as a handler sees it: checked, and without anything of the web framework."""

    def __init__(
        self,
        door: Door,
        request: "Request",
        *,
        now: int,
        identity: Identity | None,
        decision: Decision,
        admit: Callable[[frozenset[Role]], Identity],
        showing: frozenset[Role] = READERS,
    ) -> None:
        """`showing` are the roles whose grants show logs on this route."""
        self.now = now
        self.identity = identity
        upstream = {"x-request-id": decision.request_id, "traceparent": log.traceparent()}
        headers = {name: value for name, value in upstream.items() if value}
        self.budget = Budget(door.deadline_s, max_bytes=door.scan_max_bytes, headers=headers)
        self.timings_ms: dict[str, float] = {}
        self.policy: Policy = (
            policy_for(identity.roles & showing, door.narrowing()) if identity else UNRESTRICTED
        )
        self.args = Arguments(request.query_string)
        self.request = request
        self._door = door
        self._decision = decision
        self._admit = admit

    def require(self, roles: frozenset[Role]) -> None:
        """Of a route that everyone may call: the part of it that needs a role.

        Raises: NotAuthenticated, Forbidden.
        """
        self.identity = self._admit(roles)

    def query(self, *sources: str) -> LogQuery:
        """The question of a route that returns entries. Raises: InvalidRequest."""
        query = LogQuery.from_args(
            self.args,
            route=self.request.route,
            now=self.now,
            policy=self.policy,
            sources=sources,
            accept=self.request.accept,
        )
        return self._opened(query)[0]

    def listing(self, *sources: str) -> tuple[LogQuery, str]:
        """The question of a route that lists things, and the name to go on behind. Raises: InvalidRequest."""
        return self._opened(
            LogQuery.for_listing(
                self.args, route=self.request.route, now=self.now, policy=self.policy, sources=sources
            )
        )

    def required(self, name: str) -> str:
        """The one parameter of a route that takes no other but `timeout`. Raises: InvalidRequest."""
        return self.wanted(name).name

    def wanted(self, name: str, *optional: str, max_bytes: tuple[int, int] | None = None) -> "Wanted":
        """What a route that answers one thing is asked for. Raises: InvalidRequest."""
        value = self.args.one(name)
        if value is None and not self.args.faults:
            self.args.fault(name, "is required")
        rest = {other: self.args.one(other) for other in optional}
        most = self.args.count("max_bytes", *max_bytes) if max_bytes else 0
        timeout_s = self.args.seconds("timeout")
        self.args.finish()
        if timeout_s is not None:
            self.budget.lower(timeout_s)
        return Wanted(value or "", rest, most)

    def _opened(self, query: LogQuery) -> tuple[LogQuery, str]:
        if query.timeout_s is not None:
            self.budget.lower(query.timeout_s)
        self._decision.query_hash = query.fingerprint
        return self._sealer().open(query)

    def _sealer(self) -> Cursors:
        assert self._door.cursors is not None  # noqa: S101 - every function with routes like these has a key
        return self._door.cursors()

    def entries(self, query: LogQuery, source: LogSource) -> Answer:
        """A page of one source, or with `dry_run` its plan."""
        if query.dry_run:
            plan = source.plan(query, self.budget)
            return self.json({"plan": [plan], "meta": self._meta(query, 0, None)})
        return self._cached(
            query,
            lambda: self._read(query, source.read(query, self.budget)),
            lambda: source.digest(query, self.budget),
        )

    def _read(self, query: LogQuery, page: Page) -> Fresh:
        """A page as bytes, with how long it may be kept."""
        page.elapsed_ms = self.timings_ms[page.source] = round(self.budget.elapsed_s * 1000, 1)
        token = self._sealer().seal(query, resume=page.resume)
        meta = self._meta(query, len(page.entries), page)
        headers = {"X-Partial": "true" if page.partial else "false"}
        if token:
            headers["X-Next-Page-Token"] = token
        return Fresh(
            *formats.page_parts(query.format, page.entries, meta, token),
            content_type=formats.TYPES[query.format],
            headers=headers if query.format in ("csv", "text") else {},
            lifetime_s=self._lifetime_s(query, page),
            digest=page.digest,
            returned=len(page.entries),
        )

    def _lifetime_s(self, query: LogQuery, page: Page) -> float:
        """A day for what has settled, seconds for what touches now; what a budget cut short, not at all."""
        if any(warning.code in CUT_SHORT for warning in page.warnings):
            return 0.0
        return LONG_S if query.window.end <= self.now - SETTLING else BRIEF_S

    def _cached(
        self, query: LogQuery, read: Callable[[], Fresh], digest: Callable[[], str], after: str = ""
    ) -> Answer:
        if self.request.no_cache or self._door.cache is None:
            found = passed_by(read())
        else:
            found = self._door.cache().fetch(
                cache_key(query, self._door.salt(), after),
                read,
                digest=digest,
                remaining_s=lambda: self.budget.remaining_s,
                stale_for=(SourceError, Unavailable),
            )
        self._decision.returned, self._decision.cache = found.kept.returned, found.status
        headers = found.kept.headers | {"ETag": found.kept.etag}
        return Answer(body=found.body, content_type=found.kept.content_type, headers=headers)

    def listed(self, query: LogQuery, name: str, list_all: Callable[[], Listing], after: str) -> Answer:
        """A page of things that are not entries, in the order of their names."""

        def read() -> Fresh:
            listing = list_all()
            items = sorted((key, item) for key, item in listing.items.items() if key > after)
            shown = items[: query.page_size]
            token = self._sealer().seal(query, after=shown[-1][0] if len(items) > len(shown) else None)
            page = Page(listing.source, [], None, listing.partial, listing.warnings, listing.scanned)
            page.elapsed_ms = self.timings_ms[page.source] = round(self.budget.elapsed_s * 1000, 1)
            head = formats.json_bytes({name: [item for _, item in shown], "next_page_token": token})
            meta = formats.json_bytes(self._meta(query, len(shown), page))
            lifetime_s = min(self._lifetime_s(query, page), BRIEF_S)
            return Fresh(head[:-1] + b',"meta":', meta, b"}", "application/json", {}, lifetime_s)

        return self._cached(query, read, lambda: "", after)

    @property
    def caller(self) -> str:
        """Who asks: issuer and subject."""
        return f"{self.identity.issuer} {self.identity.subject}" if self.identity else ""

    def told(self, *, returned: int, cache: str = "", query_hash: str = "") -> None:
        """What the audit line says of the answer."""
        decision = self._decision
        decision.returned, decision.cache, decision.query_hash = returned, cache, query_hash

    def page_of(self, most: int) -> tuple[LogQuery, str, int]:
        """Of a route that lists what has no window: the question its page tokens belong to, the name to go
        on behind, and the page's size. Raises: InvalidRequest."""
        query = LogQuery(
            route=self.request.route,
            window=Window(0, 1),
            policy=self.policy,
            page_token=self.args.one("page_token", empty=True) or "",
            page_size=self.args.count("page_size", min(100, most), most),
            timeout_s=self.args.seconds("timeout"),
            fingerprint=fingerprint(self.request.route, self.args),
        )
        self.args.finish()
        opened, after = self._opened(query)
        return opened, after, query.page_size

    def seal(self, query: LogQuery, after: str | None) -> str | None:
        """The token of the next page of `page_of`."""
        return self._sealer().seal(query, after=after)

    def json(self, value: Any) -> Answer:
        """Any value as JSON."""
        return Answer(body=formats.json_bytes(value))

    def _meta(self, query: LogQuery, returned: int, page: Page | None) -> dict[str, Any]:
        sources = []
        if page:
            status = {"source": page.source, "status": "partial" if page.partial else "ok", "cache": "miss"}
            sources = [status | {"elapsed_ms": page.elapsed_ms, "scanned": page.scanned}]
        self._decision.returned = returned
        return {
            "window": query.window.document(),
            "order": query.order,
            "returned": returned,
            "partial": bool(page and page.partial),
            "warnings": page.warnings if page else [],
            "sources": sources,
        }


class Route(msgspec.Struct, frozen=True):
    """One path of a function: its handler, and the roles that may call it (None: everyone)."""

    path: str
    handler: Callable[[Call], Answer]
    roles: frozenset[Role] | None = READERS
    method: str = "GET"
    limit: Literal["read", "summary"] = "read"


def cache_key(query: LogQuery, salt: str, after: str = "") -> str:
    """Equal for equal questions of equally privileged callers: the parsed query with the caller's whole
    policy in it, under `salt`, which stands for the versions of code and settings; `after` is where a page
    of a listing begins.

    The fingerprint is part of it too, for the page token that an answer holds is bound to it, and the
    timeout, for what a hasty caller got is not what a patient one would.

    What two callers may see differently can never have one key, for the policy is part of it.
    """
    asked = msgspec.structs.replace(query, page_token="")
    encoded = msgspec.json.Encoder(order="deterministic").encode([salt, after, asked])
    return hashlib.sha256(encoded).hexdigest()
