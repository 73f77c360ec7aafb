"""The door of every function: routes, checks in their order, answers and errors over HTTP.

The only module that knows flask, and with wiring the only one that reads the wall clock. Checks come
in the order of the contract: path 404, method 405, size 413, identity 401, role 403, rate 429, then the
parameters 400.
"""

import io
import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Final

import flask
import werkzeug.exceptions

from shared import audit, formats, instant, log
from shared.audit import Decision
from shared.auth import Identity, bearer_token
from shared.call import Answer, Call, Door, Request, Route
from shared.errors import (
    AggregatorError,
    BodyTooLarge,
    ConfigError,
    Forbidden,
    InvalidRequest,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    RateLimited,
    Unavailable,
    UnsupportedMediaType,
)
from shared.limits import Limiters, client_address
from shared.limits import headers as limit_headers
from shared.passage import Passage
from shared.policy import READERS, Role

__all__ = ["Answer", "Call", "Door", "Route", "endpoint"]

MAX_BODY_BYTES: Final = 1 << 20
# What Cloud Run's probes ask of every service, and nobody counts; the gateway leads to the function `health`.
ALIVE: Final = "/health"
_READING: Final = ("GET", "HEAD")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # An answer belongs to its caller, who may keep it but asks each time whether it still holds.
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization, X-Forwarded-Authorization, Accept, Origin",
}
_logger = logging.getLogger(__name__)


def endpoint(door: Door, *routes: Route) -> Callable[[flask.Request], flask.Response]:
    """The function that the framework calls, for every method and path."""
    table: dict[str, list[Route]] = {}
    for route in routes:
        table.setdefault(route.path, []).append(route)
    if flask.has_app_context():
        # werkzeug would answer `//` with a redirect before the function sees it: the contract says 404.
        flask.current_app.url_map.merge_slashes = False

    def function(request: flask.Request) -> flask.Response:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        if ALIVE not in table and request.method in _READING and _raw_path(request) == ALIVE:
            return _response(Answer(body=formats.json_bytes({"status": "ok"})), request_id, {})
        log.request_id.set(request_id)
        log.continue_trace(request.headers.get("traceparent", ""))
        decision = Decision(time=instant.to_text(time.time_ns()), request_id=request_id, route="")
        passage = Passage(door.name, decision)
        answer = _answered(door, table, request, passage)
        if decision.route:
            audit.write(decision)
        answer = _conditional(request, answer)
        passage.end(answer, method=request.method, path=_raw_path(request))
        _fold(door)
        return _response(answer, request_id, _cors_headers(door, request))

    function.__name__ = door.name
    function.routes = routes  # type: ignore[attr-defined]  # the tests compare them with the OpenAPI file
    return function


def _answered(
    door: Door, table: Mapping[str, list[Route]], request: flask.Request, passage: Passage
) -> Answer:
    decision, request_id = passage.decision, passage.decision.request_id
    try:
        return _checked(door, table, request, passage)
    except AggregatorError as exc:
        passage.error = exc
        if isinstance(exc, NotAuthenticated | Forbidden | RateLimited):
            decision.decision, decision.reason = "denied", exc.reason
        if exc.status >= 500:
            _logger.warning("%s: %s", exc.code, exc.detail, exc_info=exc)
        return _problem(exc, request_id)
    except ConfigError as exc:
        _logger.critical("%s", exc, exc_info=exc)
        return _problem(Unavailable("The service is not set up.", retry_after_s=30), request_id)
    except Exception:
        _logger.exception("unexpected error")
        return _problem(AggregatorError("Something went wrong; the request id tells which."), request_id)


def _checked(
    door: Door, table: Mapping[str, list[Route]], request: flask.Request, passage: Passage
) -> Answer:
    """Every check in the contract's order, then the handler."""
    decision = passage.decision
    body_bytes = _body_bytes(request)
    found, tail = _routes(table, _raw_path(request))
    if not found:
        raise NotFound("There is no such path.")
    passage.route = found[0].path
    if request.method == "OPTIONS":
        return _preflight(door, found, request)
    method = "GET" if request.method == "HEAD" else request.method
    route = next((route for route in found if route.method == method), None)
    if route is None:
        raise MethodNotAllowed(f"{request.method} is not allowed here.", headers={"Allow": _allowed(found)})
    if body_bytes is None:
        raise InvalidRequest("The body is not valid HTTP.")
    if body_bytes > MAX_BODY_BYTES:
        raise BodyTooLarge(f"The body is over {MAX_BODY_BYTES} bytes.")

    def admit(roles: frozenset[Role]) -> Identity:
        decision.route, decision.source = route.path, door.name
        return _admitted(door, roles, request, passage, route.limit)

    identity = admit(route.roles) if route.roles is not None else None
    asked = Request(
        route.path,
        request.query_string.decode("latin-1"),
        accept=request.headers.get("Accept", ""),
        no_cache="no-cache" in request.headers.get("Cache-Control", "").lower(),
        tail=tail,
        body=_json_body(request) if method == "POST" else b"",
        idempotency_key=request.headers.get("Idempotency-Key", ""),
        job=request.headers.get("X-CloudScheduler-JobName", ""),
        planned=request.headers.get("X-CloudScheduler-ScheduleTime", ""),
    )
    now = time.time_ns()
    # The scheduler's grant counts only where the scheduler may come.
    showing = READERS | ((route.roles or READERS) & {Role.SCHEDULER})
    passage.call = Call(
        door, asked, now=now, identity=identity, decision=decision, admit=admit, showing=showing
    )
    return route.handler(passage.call)


def _routes(table: Mapping[str, list[Route]], path: str) -> tuple[list[Route], str]:
    """The routes of a path, and its last segment where the path of a route ends with a parameter."""
    if path in table and "{" not in path:
        return table[path], ""
    stem, _, tail = path.rpartition("/")
    if _SEGMENT.fullmatch(tail):
        for declared, routes in table.items():
            if declared.startswith(f"{stem}/{{") and declared.count("/") == path.count("/"):
                return routes, tail
    return [], ""


def _json_body(request: flask.Request) -> bytes:
    """The body of a POST. Raises: UnsupportedMediaType, InvalidRequest."""
    try:
        body = request.get_data(cache=False)
    except werkzeug.exceptions.HTTPException as exc:
        raise InvalidRequest("The body is not valid HTTP.") from exc
    if body and request.mimetype != "application/json":
        raise UnsupportedMediaType("The body must be application/json.")
    return body


def _admitted(
    door: Door, roles: frozenset[Role], request: flask.Request, passage: Passage, limit: str
) -> Identity:
    """Who is asking, if they have one of the roles and have not asked too often; the decision says so."""
    decision = passage.decision
    limiters = door.limiters() if door.limiters else None
    identity = _identified(door, request, limiters)
    decision.sub, decision.iss = identity.subject, identity.issuer
    decision.role = ",".join(sorted(identity.roles))
    if not identity.roles & roles:
        raise Forbidden("role")
    if limiters and (limiter := limiters.of(limit)):
        taken = limiter.take(f"{identity.issuer} {identity.subject}")
        passage.headers = limit_headers(taken)
        if not taken.allowed:
            raise RateLimited(
                limit, "You ask too often.", retry_after_s=taken.retry_after_s, headers=passage.headers
            )
    return identity


def _identified(door: Door, request: flask.Request, limiters: Limiters | None) -> Identity:
    """Who is asking. Whoever fails too often is refused before any work is done for them."""
    if limiters is None:
        return _identity(door, request)
    forwarded = ", ".join(request.headers.getlist("X-Forwarded-For"))
    address = client_address(request.remote_addr, forwarded, limiters.proxy_hops)
    seen = limiters.auth.peek(address)
    if not seen.allowed:
        detail = "Too many requests without a valid token came from your address."
        raise RateLimited(
            "auth_failure", detail, retry_after_s=seen.retry_after_s, headers=limit_headers(seen)
        )
    try:
        return _identity(door, request)
    except NotAuthenticated:
        limiters.auth.take(address)
        raise


def _raw_path(request: flask.Request) -> str:
    """The path as it was sent: nothing decoded or collapsed, so that `%2F`, `//` and `..` match no route."""
    raw = str(request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.path)
    if "://" in raw.partition("?")[0]:
        raw = "/" + raw.partition("://")[2].partition("/")[2]
    return raw.partition("?")[0]


def _body_bytes(request: flask.Request) -> int | None:
    """The size of the body; None for chunks that are no chunks.

    Chunks tell their size only by being read. To the end, whatever is asked: the framework would do so
    after every answer, keep it all, and make a 500 of what it cannot read.
    """
    if "Transfer-Encoding" not in request.headers:
        return request.content_length or 0
    source, kept, size = request.environ["wsgi.input"], bytearray(), 0
    try:
        while piece := source.read(1 << 16):
            size += len(piece)
            if size <= MAX_BODY_BYTES:
                kept += piece
    except Exception:  # noqa: BLE001 - what is wrong with a chunk each server says in a class of its own
        return None
    finally:
        request.environ["wsgi.input"] = io.BytesIO(kept)
    return size


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
    exposed = (
        "ETag, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, "
        "X-Next-Page-Token, X-Partial, X-Request-ID, X-Truncated"
    )
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": exposed}


def _conditional(request: flask.Request, answer: Answer) -> Answer:
    """304 when the caller has this very answer already."""
    etag = answer.headers.get("ETag")
    if etag is None or not request.if_none_match.contains_weak(etag.removeprefix("W/").strip('"')):
        return answer
    return Answer(status=304, body=b"", content_type=answer.content_type, headers=answer.headers)


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


def _fold(door: Door) -> None:
    """Now and then, what was counted goes to the store: whatever happens there, the request is answered."""
    try:
        door.fold()
    except Exception:
        _logger.exception("metrics were not folded")
