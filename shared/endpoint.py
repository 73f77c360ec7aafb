"""The door of every function: routes, checks in their order, answers and errors over HTTP.

The only module that knows flask, and with wiring the only one that reads the wall clock. Checks come
in the order of the contract: path 404, method 405, size 413, identity 401, role 403, parameters 400.
"""

import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

import flask
import msgspec

from shared import formats, log
from shared.arguments import Arguments
from shared.auth import Identity, Verifier, bearer_token
from shared.errors import AggregatorError, BodyTooLarge, Forbidden, MethodNotAllowed, NotFound
from shared.policy import READERS, UNRESTRICTED, Grant, Policy, Role, policy_for
from shared.query import LogQuery
from shared.search.cursor import Cursors
from shared.sources.source import Budget, Listing, LogSource, Page

MAX_BODY_BYTES: Final = 1 << 20
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}", re.ASCII)
_SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_logger = logging.getLogger(__name__)


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings say about a function's door; wiring makes it, once per process."""

    name: str
    verifier: Callable[[], Verifier] | None = None
    cursors: Cursors | None = None
    narrowing: dict[Role, Grant] = {}
    deadline_s: float = 25.0
    scan_max_bytes: int = 2 << 30
    cors_origins: tuple[str, ...] = ()


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


class Call:
    """One request, as a handler sees it: checked, and without anything of the web framework."""

    def __init__(self, door: Door, route: str, request: flask.Request, identity: Identity | None) -> None:
        self.now: int = time.time_ns()
        self.route = route
        self.identity = identity
        self.budget = Budget(door.deadline_s, max_bytes=door.scan_max_bytes)
        self.policy: Policy = (
            policy_for(identity.roles & READERS, door.narrowing) if identity else UNRESTRICTED
        )
        self.args = Arguments(request.query_string.decode("latin-1"))
        self._accept: str = request.headers.get("Accept", "")
        self._cursors = door.cursors

    def query(self, *sources: str) -> LogQuery:
        """The question of a route that returns entries. Raises: InvalidRequest."""
        query = LogQuery.from_args(
            self.args,
            route=self.route,
            now=self.now,
            policy=self.policy,
            sources=sources,
            accept=self._accept,
        )
        return self._opened(query)[0]

    def listing(self, *sources: str) -> tuple[LogQuery, str]:
        """The question of a route that lists things, and the name to go on behind. Raises: InvalidRequest."""
        return self._opened(
            LogQuery.for_listing(
                self.args, route=self.route, now=self.now, policy=self.policy, sources=sources
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
        assert self._cursors is not None  # noqa: S101 - every function with routes like these has a key
        return self._cursors.open(query)

    def entries(self, query: LogQuery, source: LogSource) -> Answer:
        """A page of one source, or with `dry_run` its plan."""
        if query.dry_run:
            plan = source.plan(query, self.budget)
            return Answer(body=formats.json_bytes({"plan": [plan], "meta": self._meta(query, 0, None)}))
        page = source.read(query, self.budget)
        page.elapsed_ms = round(self.budget.elapsed_s * 1000, 1)
        token = self._seal(query, page)
        meta = self._meta(query, len(page.entries), page)
        headers = {"X-Partial": "true" if page.partial else "false"}
        if token:
            headers["X-Next-Page-Token"] = token
        return Answer(
            body=formats.page_bytes(query.format, page.entries, meta, token),
            content_type=formats.TYPES[query.format],
            headers=headers if query.format in ("csv", "text") else {},
        )

    def json(self, value: Any) -> Answer:
        """Any value as JSON."""
        return Answer(body=formats.json_bytes(value))

    def _seal(self, query: LogQuery, page: Page) -> str | None:
        assert self._cursors is not None  # noqa: S101
        return self._cursors.seal(query, resume=page.resume)

    def listed(self, query: LogQuery, name: str, listing: Listing, after: str) -> Answer:
        """A page of things that are not entries, in the order of their names."""
        assert self._cursors is not None  # noqa: S101
        items = sorted((key, item) for key, item in listing.items.items() if key > after)
        shown = items[: query.page_size]
        token = self._cursors.seal(query, after=shown[-1][0] if len(items) > len(shown) else None)
        page = Page(listing.source, [], None, listing.partial, listing.warnings, listing.scanned)
        page.elapsed_ms = round(self.budget.elapsed_s * 1000, 1)
        meta = self._meta(query, len(shown), page)
        body = {name: [item for _, item in shown], "next_page_token": token, "meta": meta}
        return Answer(body=formats.json_bytes(body))

    def _meta(self, query: LogQuery, returned: int, page: Page | None) -> dict[str, Any]:
        sources = []
        if page:
            status = {"source": page.source, "status": "partial" if page.partial else "ok", "cache": "bypass"}
            sources = [status | {"elapsed_ms": page.elapsed_ms, "scanned": page.scanned}]
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


def endpoint(door: Door, *routes: Route) -> Callable[[flask.Request], flask.Response]:
    """The function that the framework calls, for every method and path."""
    table: dict[str, list[Route]] = {}
    for route in routes:
        table.setdefault(route.path, []).append(route)
    if flask.has_app_context():
        # werkzeug would answer `//` with a redirect before the function sees it: the contract says 404.
        flask.current_app.url_map.merge_slashes = False

    def function(request: flask.Request) -> flask.Response:
        began = time.monotonic()
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        log.request_id.set(request_id)
        traceparent = _TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
        log.trace.set(traceparent[1] if traceparent else "")
        answer = _answered(door, table, request, request_id)
        _log_request(request, answer, began)
        return _response(answer, request_id, _cors_headers(door, request))

    function.__name__ = door.name
    return function


def _answered(
    door: Door, table: Mapping[str, list[Route]], request: flask.Request, request_id: str
) -> Answer:
    try:
        return _checked(door, table, request)
    except AggregatorError as exc:
        if exc.status >= 500:
            _logger.warning("%s: %s", exc.code, exc.detail, exc_info=exc)
        return _problem(exc, request_id)
    except Exception:
        _logger.exception("unexpected error")
        return _problem(AggregatorError("Something went wrong; the request id tells which."), request_id)


def _checked(door: Door, table: Mapping[str, list[Route]], request: flask.Request) -> Answer:
    """Every check in the contract's order, then the handler."""
    found = table.get(_raw_path(request))
    if not found:
        raise NotFound("There is no such path.")
    if request.method == "OPTIONS":
        return _preflight(door, found, request)
    method = "GET" if request.method == "HEAD" else request.method
    route = next((route for route in found if route.method == method), None)
    if route is None:
        raise MethodNotAllowed(f"{request.method} is not allowed here.", headers={"Allow": _allowed(found)})
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise BodyTooLarge(f"The body is over {MAX_BODY_BYTES} bytes.")
    identity = _identity(door, request) if route.roles is not None else None
    if identity is not None and route.roles is not None and not identity.roles & route.roles:
        raise Forbidden("role")
    return route.handler(Call(door, route.path, request, identity))


def _raw_path(request: flask.Request) -> str:
    """The path as it was sent: nothing decoded or collapsed, so that `%2F`, `//` and `..` match no route."""
    raw = str(request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.path)
    if "://" in raw.partition("?")[0]:
        raw = "/" + raw.partition("://")[2].partition("/")[2]
    return raw.partition("?")[0]


def _identity(door: Door, request: flask.Request) -> Identity:
    token = bearer_token(
        request.headers.get("X-Forwarded-Authorization"), request.headers.get("Authorization")
    )
    if door.verifier is None:
        raise NotFound("There is no such path.")
    return door.verifier().verify(token)


def _allowed(routes: list[Route]) -> str:
    methods = {route.method for route in routes}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set()) | {"OPTIONS"}))


def _preflight(door: Door, routes: list[Route], request: flask.Request) -> Answer:
    if not _cors_headers(door, request):
        raise Forbidden("origin")
    headers = {
        "Access-Control-Allow-Methods": _allowed(routes),
        "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, X-Request-ID",
        "Access-Control-Max-Age": "600",
    }
    return Answer(status=204, body=b"", headers=headers)


def _cors_headers(door: Door, request: flask.Request) -> dict[str, str]:
    origin = request.headers.get("Origin", "")
    if origin not in door.cors_origins:
        return {}
    exposed = "X-Request-ID, X-Next-Page-Token, X-Partial, X-Truncated, Retry-After"
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": exposed, "Vary": "Origin"}


def _problem(exc: AggregatorError, request_id: str) -> Answer:
    headers = dict(exc.headers)
    if exc.retry_after_s is not None:
        headers["Retry-After"] = str(exc.retry_after_s)
    return Answer(
        status=exc.status,
        body=formats.json_bytes(exc.problem(request_id)),
        content_type="application/problem+json",
        headers=headers,
    )


def _response(answer: Answer, request_id: str, more: dict[str, str]) -> flask.Response:
    response = flask.Response(answer.body, status=answer.status, content_type=answer.content_type)
    response.headers.update(_SECURITY_HEADERS | more | answer.headers)
    response.headers["X-Request-ID"] = request_id
    return response


def _log_request(request: flask.Request, answer: Answer, began: float) -> None:
    elapsed_ms = round((time.monotonic() - began) * 1000, 1)
    _logger.info(
        "request",
        extra=log.fields(
            route=_raw_path(request)[:200],
            method=request.method[:20],
            status=answer.status,
            elapsed_ms=elapsed_ms,
            response_bytes=len(answer.body),
        ),
    )
